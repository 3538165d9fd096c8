"""How things change, knowing paths and ids but not what bytes mean.

ropes      large row files as trees of chunks
tree commit diff merge   files of a commit, compared and merged as wholes
history revision         commits: walked, and named
oplog      what was done here, so that it can be undone
sync       fetch and push
upkeep     verify, repair, fold, collect
"""
