"""What happened to lines, rows and the store.

blame    the commit that last changed each line, row or cell
lineage  one file through its history
rowlog   the history of a row
undo     operations taken back
"""
