"""Git's commit-graph (gitformat-commit-graph(5)): parents, levels and times of commits without opening them.

- ``bloom``: which paths a commit may have changed
- ``layer``: one file, read through mmap
- ``graph``: the layers of a store as one
- ``ancestry``: commits as numbers, from the graph or from themselves
- ``writing``: a layer as bytes, and the files of a store
"""
