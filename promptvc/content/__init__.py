"""What files mean: rows of tables, messages of prompts, lines of text; compared and merged, as pure functions of bytes.

formats        row formats: which files hold rows, how they are cut, read and written
align          which parts of two sequences are equal and in the same order
text           texts: lines and words, compared and merged
values         JSON values: merged, compared, rewritten in place, found by dotted path
yaml           YAML text as blocks: merged and rewritten in place
arrow          tables as Arrow, through a cache
table          the row view of one file: rows by number and key, surveyed, edited
tablediff      two versions of a table, by row and cell
tablemerge     three versions of a table, by row and field
prompt_formats one module a prompt syntax
prompt         prompts: read, rendered, compared, merged
runs           what the files of a run and their declarations mean
json_type      the type of JSON values
kinds          what a file is, by its path and first bytes
"""
