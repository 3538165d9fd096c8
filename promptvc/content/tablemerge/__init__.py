"""Three versions of a table merged: rows by key, fields independently, values inside fields.

merge    the way through: pairs of base and each side, decisions, placement, the file
outcome  what becomes of each row
inserts  where rows that a side inserted go
layout   header, line ends, byte-order mark, indentation of the merged file
canvas   the merged file, written on top of one side
"""
