"""Repo: the entry point to a store. It reads as a list of what it can do; each part has its own file.

repo.py    Repo itself
look/      log: select commits · blame: lines, rows, cells · scan: secrets
branch/    branches: list, create, move, delete · tags · switching: branches, restored files · merges, undo
share/     remotes: add, fetch · push · pull · forget
judge/     runs: declared runs · judging: check and reproduce · sources: where runs are read from
writing    commits, with and without working files
upkeep     verify, repair, gc
parts      the parts behind it, created on demand
place      finding and creating stores, and the caller's surroundings
mirror     a remote store kept as a clone in the cache folder · clone: a copy with working files
"""

from promptvc.repo.place import LOCAL, STORE, Surroundings, make_store
from promptvc.repo.repo import Repo

__all__ = ["LOCAL", "STORE", "Repo", "Surroundings", "make_store"]
