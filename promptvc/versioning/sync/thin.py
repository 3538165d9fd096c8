"""Thin packs: what is new, sent as deltas on what the remote has (gitformat-pack(5), git-pack-objects(1), --thin)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from promptvc.errors import ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId
from promptvc.storage.delta import make_delta
from promptvc.storage.objects import Kind
from promptvc.storage.packs import PackedObject
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.near import Near, near_objects

_COMMITS = 1000
"""Commits sent at once up to which deltas are looked for: a first push has few."""
_DEEPEST = 50
"""Deltas on deltas, as git has them by default."""
_MOST_BYTES = 16 << 20
"""Bytes up to which an object is made a delta."""
_WORTH = 3 / 4
"""The share of an object's own stream below which a delta is sent."""


def thin_bases(store: ObjectStore, ids: Sequence[ObjectId]) -> Mapping[ObjectId, Near]:
    """For new objects those of a parent commit that they are like, which are sent too or are at the remote.

    No chain of them leads back to where it began: a base is always older.
    """
    sent = set(ids)
    commits = [id for id in ids if store.kind(id) is Kind.COMMIT][:_COMMITS]
    history = History(store)
    found: dict[ObjectId, Near] = {}
    depth: dict[ObjectId, int] = {}
    for id in reversed(commits):
        for parent in history.parents(id):
            try:
                pairs = near_objects(store, history.commit(parent).tree, history.commit(id).tree)
                for near in pairs:
                    deep = depth.get(near.old, 0) + 1
                    if near.new in sent and near.new not in depth and deep <= _DEEPEST:
                        found[near.new] = near
                        depth[near.new] = deep
                        depth.setdefault(near.old, 0)
            except (ObjectMissing, ObjectDamaged):
                continue  # a shallow clone lacks the parent
    return found


def smaller_delta(store: ObjectStore, id: ObjectId, near: Near) -> PackedObject | None:
    """The new object as a delta on the old one, if that is much shorter."""
    whole = store.stored(id)
    if max(whole.size, store.size(near.old)) > _MOST_BYTES:
        return None
    delta = make_delta(store.read(near.old)[1], store.read(id)[1], near.kind)
    stream = zlib.compress(delta, 9)
    if len(stream) >= len(whole.compressed) * _WORTH:
        return None
    return PackedObject(near.kind, len(delta), id, stream, near.old)
