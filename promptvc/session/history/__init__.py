"""What happened to lines, rows and the store.

log      commits as values, newest first, and which of them are meant
blame    the commit that last changed each line, row or cell; blamed: what it found, as values
lineage  one file through its history
rowlog   the history of a row
undo     operations taken back
"""
