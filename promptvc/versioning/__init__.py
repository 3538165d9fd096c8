"""How things change, knowing paths and ids but not what bytes mean.

chunking chunklist rope ropejoin    large files as trees of chunks
tree commit diff merge              files of a commit, compared and merged as wholes
history revision                    commits: walked, and named
oplog …                             what was done here, so that it can be undone
sync fetching pushing …             to and from remotes
upkeep                              verify, fold, collect
"""
