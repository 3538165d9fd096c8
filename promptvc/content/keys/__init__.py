"""The keys of rows, and where the rows with a key are.

tokens    which fields identify a row, and what rows with one key share
scan      keys read from the bytes of rows, without parsing them
spellings keys as they are spelled, by a decoder that passes over all else
hashes    the keys of a chunk run as numbers
gathered  the numbers of many chunk runs, from one process or another
segments  the numbers of many chunk runs, sorted, in memory or in a file
index     the segments of a store; the keys of one version of a table
"""
