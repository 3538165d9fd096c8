"""One run carried out.

prepared   a declared run with its prompt and examples at one version
kept       requests that are read more than once
runner     known answers looked up, missing ones asked for, rows written
workers    many calls at once; retry: when to ask again
staleness  what a run's outputs lack, and why
results    what a run did; writing: its two files, stored
"""
