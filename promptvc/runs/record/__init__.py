"""Importing outputs that were made elsewhere as a run.

record     files of other tools; importers: read them; foreign_rows and example_match: interpret their rows
logbook    your own calls, logged as a run
"""
