"""YAML text: read as data, merged and rewritten by block so that what keeps its value keeps its lines.

load     text -> plain values, guarded
blocks   the entries of a mapping or sequence, each with its lines
merge    three versions of one YAML text
rewrite  YAML text given another value
"""
