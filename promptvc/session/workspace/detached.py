"""Commits of a detached HEAD that no ref leads to."""

from __future__ import annotations

from contextlib import suppress

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import peel
from promptvc.versioning.history import History


def left_behind(store: ObjectStore, refs: Refs, tip: ObjectId) -> list[ObjectId]:
    """The commits that lead to ``tip`` and to which neither HEAD nor any ref leads, newest first."""
    tips = {id for id in (refs.read(HEAD), *refs.find().values()) if id is not None}
    if tip in tips:  # spares most the walk
        return []
    kept = []
    for id in tips:
        with suppress(PromptvcError):  # a tag may name something that is no commit, or is not here
            kept.append(peel(store, id))
    return list(History(store).in_order([tip], kept))
