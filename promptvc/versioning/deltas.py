"""Which objects are said as deltas, and on what: the same for packs that are kept and for packs that are sent."""

from __future__ import annotations

import zlib

from msgspec import Struct

from promptvc.ids import ObjectId
from promptvc.storage.delta import make_delta
from promptvc.storage.objects import Kind
from promptvc.storage.packs import PackedObject
from promptvc.storage.store import ObjectStore

_MOST_BYTES = 16 << 20
"""Bytes up to which an object is made a delta."""
_WORTH = 3 / 4
"""The share of an object's own stream below which a delta takes its place."""


class Delta(Struct, frozen=True):
    """An object that is to be a delta on another one of its kind."""

    id: ObjectId
    base: ObjectId
    kind: Kind


class Bases:
    """What is a delta on what. No chain leads back to where it began."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._deltas: dict[ObjectId, Delta] = {}
        self._depth: dict[ObjectId, int] = {}

    def add(self, delta: Delta, deepest: int | None = None) -> None:
        """Let an object be a delta, unless it has a base, or is one, or would lie too deep."""
        depth = self._depth.get(delta.base, 0) + 1
        if self.knows(delta.id) or depth > (deepest or self._deepest) or delta.id == delta.base:
            return
        self._deltas[delta.id] = delta
        self._depth[delta.id] = depth
        self._depth.setdefault(delta.base, 0)

    def knows(self, id: ObjectId) -> bool:
        """Whether an object has a base, or is one."""
        return id in self._depth

    def get(self, id: ObjectId) -> Delta | None:
        """What an object is a delta on."""
        return self._deltas.get(id)

    def by_depth(self) -> list[Delta]:
        """All deltas, every one behind its base."""
        return sorted(self._deltas.values(), key=lambda delta: self._depth[delta.id])


def shorter(store: ObjectStore, whole: PackedObject, delta: Delta) -> PackedObject:
    """An object as a delta if that is much shorter, else whole as it is stored; raises as `ObjectStore.read` does."""
    if max(whole.size, store.size(delta.base)) > _MOST_BYTES:
        return whole
    made = make_delta(store.read(delta.base)[1], store.read(delta.id)[1], delta.kind)
    stream = zlib.compress(made, 9)
    if len(stream) >= len(whole.compressed) * _WORTH:
        return whole
    return PackedObject(delta.kind, len(made), delta.id, stream, delta.base)
