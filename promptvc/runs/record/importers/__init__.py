"""Outputs that other tools wrote, read into rows of one shape.

base         what every importer gives: rows, and where in them what is
detect       which tool wrote a file; open_foreign reads it
rows         JSON Lines, CSV and JSON arrays, with fields of any names
promptfoo    results of promptfoo
inspect_log  logs of Inspect (inspect_ai)
"""
