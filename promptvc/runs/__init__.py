"""Making outputs, and what to think of them.

project     the runs of a project: found, planned, made, looked after; sources: where a run is read from
providers   who answers: python, command, openai
calls       every answer that the repository knows
scoring     what an output is worth
execute     one run: what is known, what is missing, what is stale
compare     two versions of a run, row by row
check       gates for CI
record      outputs that other tools made, taken in
reproduce   a run's requests built again from what it pins, or asked again
merge       the outputs of two branches, by request
trust       whether code that the configuration names may run
"""
