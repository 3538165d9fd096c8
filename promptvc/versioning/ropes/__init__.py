"""Ropes: a row file kept as a git tree of chunks.

A row ends at a *row end*, which the format finds. A *chunk* is a blob that ends at a row end, or in a very long row.
A *chunk run* is the shortest run of chunks that ends at a row end, so it holds whole rows. A *rope* is the tree over
all chunks of a file.

chunking   where a file is cut, and how unchanged parts are recognised
chunklist  the chunks of one version, with fingerprints
rope       the tree over chunks: written, walked; join: from pieces of an earlier one; recut: without its chunk list
chunkrun   whole rows of a file, loadable on their own; joined: many in parts; loading: from the store
marker     the entry that makes a tree a rope
"""
