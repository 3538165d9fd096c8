"""Three versions of a table merged: rows by key, fields independently, values inside fields.

merge      the way through, each step a function from values to a value
versions     base paired with ours and with theirs, read row by row   (renames: fields that got other names)
decide       what becomes of each row                                 (row: one row; partners: which both added)
layout       header, line ends, byte-order mark, indentation of the merged file
place        which rows of one side change, and what comes between    (positions: behind which row)
write        the file on top of that side                             (encode: one row)
outcome    what was decided, as values
rules      what promptvc.toml says of the merge of a table
"""
