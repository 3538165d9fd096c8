"""Outputs that other tools wrote, read into rows of one shape.

base         what every importer returns: rows, and which fields they have where
detect       which tool wrote a file; open_foreign reads it
rows         JSON Lines, CSV and JSON arrays, with any field names
promptfoo    results of promptfoo
inspect_log  logs of Inspect (inspect_ai)
"""
