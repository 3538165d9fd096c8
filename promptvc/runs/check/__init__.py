"""Checks: gates for CI over recorded outputs. Nothing is called.

gates    all gates of a check; limits, compared, fresh: their kinds
subject  what they look at: rows, needs, measures
results  what was found; hints and reports: how it is said
"""
