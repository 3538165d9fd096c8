"""Tables as Arrow; the only package of content that imports pyarrow.

tables   a row file as an Arrow table, kept in a cache from one version to the next
cache    Arrow tables on disk, mapped into memory
reader   chunk runs of a row file as pieces of a table; json: by pyarrow's parser; rows: through Python values
kinds    what kind of values a column holds
outputs  output rows as plain columns, and a column for each score
frames   as pandas data frames; intake: rows from tables of other libraries
draft    a cache file that grows while rows are read; zstd: streams of it
"""
