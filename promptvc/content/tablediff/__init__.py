"""Two versions of a table compared by row and cell, at a cost that follows the change.

diff   what changed
pairs  what is equal is skipped unread, the rest is loaded and its rows are paired; match: which row became which
blame  which rows of a version are those of an older one
"""
