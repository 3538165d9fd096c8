"""Outputs that were made elsewhere, taken in as a run.

record     files of other tools; importers: read; foreign_rows and example_match: their rows understood
logbook    one's own calls, logged as a run
"""
