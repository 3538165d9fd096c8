"""Making outputs, and what to think of them.

running      the runs of a project: found, planned, done; sources and prepared: what they are read from
runner       one run: known answers looked up, missing ones asked for; results: what it did
workers      many calls at once; writing: the two files, stored; pricing: what an output cost
calls        every answer that the repository knows; callindex: where each is; journal: those just made
providers    who answers (python, command, openai), with an answer; retry: when to ask again
staleness    what a run's outputs lack, and why; merge: the outputs of two branches, by request
scorers      what an output is worth; scorer_kinds: the built-in ones; dotted: fields inside fields
record       outputs made by other tools, taken in: importers, foreign_rows, example_match; logbook: one's own calls
compare      two versions of a run, row by row (compare_*.py); stats: how sure that is; page: as one HTML file
reproduce    a run's requests built again from what it pins; drift: asked again
gates        what CI asks of a run (gate_*.py); reports: how it hears of it
trust        whether code that the configuration names may run
"""
