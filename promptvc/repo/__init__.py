"""Repo: the one way in to a store. A switchboard: what it does is done by the layers below.

place     where a store is, how it is made, and what the world around it says
parts     the parts of an open repository, made when they are asked for
runs      what it does with runs; merges: with merges, and how it takes things back
mirror    a remote store kept as a clone in the cache folder
repo      Repo itself: opened, read, written
"""

from promptvc.repo.place import LOCAL, STORE, Surroundings, make_store
from promptvc.repo.repo import Repo

__all__ = ["LOCAL", "STORE", "Repo", "Surroundings", "make_store"]
