"""Scorers: give an output a score, as a number, a boolean or a label.

scorers   the scorers of a run; kinds: the built-in ones
expected  the field of an example that holds the expected output
"""
