"""Which objects of a pack are deltas, and on what: older versions on newer ones, which are then read at once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.delta import make_delta
from promptvc.storage.packing import PackWriter
from promptvc.storage.packs import PackedObject
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.near import Near, near_objects

DEEPEST = 10
"""Deltas on deltas that are made; git's default is 50."""
_DEEPEST_KEPT = 50
"""Deltas on deltas that are kept as others made them."""
_MOST_BYTES = 16 << 20
"""Bytes up to which an object is made a delta."""
_WORTH = 3 / 4
"""The share of an object's own stream below which a delta takes its place."""

Wanted = Callable[[bytes], bool]


class Bases:
    """What is stored as a delta on what. No chain leads back to where it began."""

    def __init__(self) -> None:
        self._base: dict[ObjectId, Near] = {}
        self._depth: dict[ObjectId, int] = {}

    def add(self, near: Near, deepest: int) -> None:
        """Let an older object be a delta on the newer one, unless it has a base, or is one, or would lie too deep."""
        depth = self._depth.get(near.new, 0) + 1
        if near.old in self._depth or depth > deepest or near.old == near.new:
            return
        self._base[near.old] = near
        self._depth[near.old] = depth
        self._depth.setdefault(near.new, 0)

    def knows(self, id: ObjectId) -> bool:
        """Whether an object has a base, or is one."""
        return id in self._depth

    def get(self, id: ObjectId) -> Near | None:
        """What an object is a delta on."""
        return self._base.get(id)

    def by_depth(self) -> list[Near]:
        """All deltas, every one behind its base."""
        return sorted(self._base.values(), key=lambda near: self._depth[near.old])


def plan(store: ObjectStore, tips: Iterable[ObjectId], wanted: Wanted) -> Bases:
    """Bases for the wanted objects of all versions from the tips down, newest first.

    What cannot be read is left out: it is for `fsck` to say.
    """
    bases = Bases()
    history = History(store)
    seen: set[tuple[ObjectId, ObjectId]] = set()
    try:
        for id in history.in_order(tips):
            new = history.commit(id).tree
            for parent in history.parents(id):
                old = history.commit(parent).tree
                if old != new and (old, new) not in seen:
                    seen.add((old, new))
                    for near in near_objects(store, old, new):
                        if wanted(near.old.raw) and wanted(near.new.raw):
                            bases.add(near, DEEPEST)
    except (ObjectMissing, ObjectDamaged):
        pass
    return bases


def write(store: ObjectStore, writer: PackWriter, objects: Iterable[ObjectId], bases: Bases) -> None:
    """Write objects, those that have bases as deltas behind them; deltas that are stored already are copied.

    ``objects`` hold every base that ``bases`` names.
    """
    ids = list(objects)
    known = set(ids)
    for id in ids:
        _adopt(store, id, known, bases)
    for id in ids:
        if bases.get(id) is None:
            writer.copy(store.stored(id))
    for near in bases.by_depth():
        _write_delta(store, writer, near)


def _adopt(store: ObjectStore, id: ObjectId, known: set[ObjectId], bases: Bases) -> None:
    """Keep an object as the delta that it is stored as, and what that is a delta on, if no other base is planned."""
    chain: list[Near] = []
    at: ObjectId | None = id
    while at is not None and len(chain) <= _DEEPEST_KEPT and not bases.knows(at):
        stored = store.stored_delta(at, known.__contains__)
        if stored is not None and stored.base is not None:
            chain.append(Near(at, stored.base, stored.kind))
        at = stored.base if stored is not None else None
    for near in reversed(chain):
        bases.add(near, _DEEPEST_KEPT)


def _write_delta(store: ObjectStore, writer: PackWriter, near: Near) -> None:
    """One delta, copied, or made if it is worth it."""
    stored = store.stored_delta(near.old, lambda base: base == near.new)
    whole = store.stored(near.old) if stored is None else None
    if stored is not None:
        writer.copy(stored)
        return
    assert whole is not None
    made = delta_of(store, near) if max(whole.size, store.size(near.new)) <= _MOST_BYTES else None
    if made is not None and len(made[1]) < len(whole.compressed) * _WORTH:
        size, compressed = made
        writer.copy(PackedObject(near.kind, size, near.old, compressed, near.new))
    else:
        writer.copy(whole)


def delta_of(store: ObjectStore, near: Near) -> tuple[int, bytes] | None:
    """The size of the delta that makes the old object of the new one, and its stream."""
    try:
        base, target = store.read(near.new)[1], store.read(near.old)[1]
    except PromptvcError:
        return None
    delta = make_delta(base, target, near.kind)
    return len(delta), zlib.compress(delta, 9)
