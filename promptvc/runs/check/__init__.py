"""Checks: gates for CI over recorded outputs. Nothing is called.

check    one check: its gates in their order, what has to be there, how to go on from what failed
gates    the kinds of gates; results: what they find, in numbers and in a few words
subject  what they look at: outputs, examples, revisions; rows: the rows because of which one failed
reports  JUnit XML and Markdown
"""
