"""YAML text, by block: merged and rewritten so that what keeps its value keeps its lines.

blocks   the entries of a mapping or sequence, each with its lines
merge    three versions of one YAML text
rewrite  YAML text given another value
"""
