"""Repo: the one way in to a store. It reads as a list of what there is; each part has its own file.

repo       Repo itself
log        which commits are meant · blame: of each line, row or cell
branches   listed, made, moved, deleted · tags
remotes    named, fetched from · push: what is sent · pull: what becomes of it
switching  to another branch; files put back
writing    commits, of working files and without any
runs       declared runs · judging: check and reproduce · sources: where runs are read from
upkeep     verify, repair, gc
merges     merges, and operations taken back
parts      the objects below, made when they are asked for
place      where a store is, how it is made, and what the world around it says
mirror     a remote store kept as a clone in the cache folder · clone: a copy with working files
"""

from promptvc.repo.place import LOCAL, STORE, Surroundings, make_store
from promptvc.repo.repo import Repo

__all__ = ["LOCAL", "STORE", "Repo", "Surroundings", "make_store"]
