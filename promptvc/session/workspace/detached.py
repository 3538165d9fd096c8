"""Commits of a detached HEAD that no ref leads to."""

from __future__ import annotations

from promptvc.ids import ObjectId
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commits
from promptvc.versioning.history import History


def left_behind(store: ObjectStore, refs: Refs, tip: ObjectId) -> list[ObjectId]:
    """The commits that lead to ``tip`` and to which neither HEAD nor any ref leads, newest first."""
    tips = {id for id in (refs.read(HEAD), *refs.find().values()) if id is not None}
    if tip in tips:  # spares most the walk
        return []
    return list(History(store).in_order([tip], find_commits(store, tips)))
