"""Checks: gates for CI over recorded outputs. Nothing is called.

check    one check: its gates in order, what must exist, what to do after a failure
gates    the kinds of gates; results: what they find, as numbers and text
subject  what they look at: outputs, examples, revisions; rows: the rows that made a gate fail
reports  JUnit XML and Markdown
"""
