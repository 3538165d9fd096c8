"""Thin packs: what is new, sent as deltas on what the remote has (gitformat-pack(5), git-pack-objects(1), --thin)."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.errors import ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId
from promptvc.storage.objects import Kind
from promptvc.storage.store import ObjectStore
from promptvc.versioning.deltas import Bases, Delta
from promptvc.versioning.history import History
from promptvc.versioning.near import near_objects

_COMMITS = 1000
"""Commits sent at once up to which deltas are looked for: a first push has few."""
_DEEPEST = 50
"""Deltas on deltas, as git has them by default."""


def thin_bases(store: ObjectStore, ids: Sequence[ObjectId]) -> Bases:
    """For new objects those of a parent commit that they are like, which are sent too or are at the remote."""
    sent = set(ids)
    commits = [id for id in ids if store.kind(id) is Kind.COMMIT][:_COMMITS]
    history = History(store)
    bases = Bases(_DEEPEST)
    for id in reversed(commits):
        for parent in history.parents(id):
            try:
                for near in near_objects(store, history.commit(parent).tree, history.commit(id).tree):
                    if near.new in sent:
                        bases.add(Delta(near.new, near.old, near.kind))
            except (ObjectMissing, ObjectDamaged):
                continue  # a shallow clone lacks the parent
    return bases
