"""Making and judging outputs.

project     the runs of a project: find, plan, run; sources: where a run is read from
providers   who answers: python, command, openai
calls       every answer that the repository has
scoring     scores for outputs
execute     one run: what is known, what is missing, what is stale
compare     two versions of a run, row by row
check       gates for CI
record      import outputs that other tools made
reproduce   rebuild a run's requests from what its record pins, or send them again
merge       merge the outputs of two branches, by request
trust       whether code that the configuration names may run
"""
