"""Making outputs, and what to think of them.

calls        every answer that the repository knows, found by its request's fingerprint; journal: those just made
providers    who answers; retry: when to ask again
runner       a run, planned and done; staleness: what a run lacks, and why
scorers      what an output is worth
record       outputs made by other tools, taken in
compare      two versions of a run, row by row; stats: how sure that is; page: as one HTML file
reproduce    a run's requests built again from what it pins
gates        what CI asks of a run; reports: how it hears of it
merge        the outputs of two branches, merged by request
trust        whether code that the configuration names may run
"""
