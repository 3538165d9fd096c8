"""Executing one run.

prepared   a declared run with its prompt and examples at one version
kept       requests that are read more than once
runner     looks up known answers, asks for missing ones, writes rows
workers    calls in parallel; retry: when to ask again
staleness  which outputs are out of date, and why
results    the result of a run; writing: stores its two files
"""
