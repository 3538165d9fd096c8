"""Repo: the one way in to a store. It reads as a list of what there is; each part has its own file.

place     where a store is, how it is made, and what the world around it says
parts     the objects below it, made when they are asked for; merges: those that merge and take back
sources   where runs are read from · runs: what there is to do with them
upkeep    verify and repair
repo      Repo itself
mirror    a remote store kept as a clone in the cache folder · clone: a copy with working files
"""

from promptvc.repo.place import LOCAL, STORE, Surroundings, make_store
from promptvc.repo.repo import Repo

__all__ = ["LOCAL", "STORE", "Repo", "Surroundings", "make_store"]
