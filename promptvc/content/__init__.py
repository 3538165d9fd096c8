"""What files mean: rows of tables, messages of prompts, lines of text; compared and merged, as pure functions of bytes.

formats/ prompt_formats/    how each kind of file is read and written
kinds                       what a file is
table tablerows arrow…      the row view of a file
rowdiff rowpairs row…       what changed between two versions of a table
rowmerge valuemerge list…   three versions of a table merged, down to the inside of a field
prompt promptdiff promptmerge …
textdiff textmerge text…    words and lines
conflict                    what both sides of a merge changed differently
"""
