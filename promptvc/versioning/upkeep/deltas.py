"""Which objects of a pack are deltas, and on what: older versions on newer ones, which are then read at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.packing import PackWriter
from promptvc.storage.store import ObjectStore
from promptvc.versioning.deltas import Bases, Delta, shorter
from promptvc.versioning.history import History
from promptvc.versioning.near import near_objects

DEEPEST = 10
"""Deltas on deltas that are made; git's default is 50."""
_DEEPEST_KEPT = 50
"""Deltas on deltas that are kept as others made them."""

Wanted = Callable[[bytes], bool]


def plan(store: ObjectStore, tips: Iterable[ObjectId], wanted: Wanted) -> Bases:
    """Bases for the wanted objects of all versions from the tips down, newest first.

    What cannot be read is left out: it is for `fsck` to say.
    """
    bases = Bases(DEEPEST)
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
                            bases.add(Delta(near.old, near.new, near.kind))
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
    for delta in bases.by_depth():
        _write_delta(store, writer, delta)


def _adopt(store: ObjectStore, id: ObjectId, known: set[ObjectId], bases: Bases) -> None:
    """Keep an object as the delta that it is stored as, and what that is a delta on, if no other base is planned."""
    chain: list[Delta] = []
    at: ObjectId | None = id
    while at is not None and len(chain) <= _DEEPEST_KEPT and not bases.knows(at):
        stored = store.stored_delta(at, known.__contains__)
        if stored is not None and stored.base is not None:
            chain.append(Delta(at, stored.base, stored.kind))
        at = stored.base if stored is not None else None
    for delta in reversed(chain):
        bases.add(delta, _DEEPEST_KEPT)


def _write_delta(store: ObjectStore, writer: PackWriter, delta: Delta) -> None:
    """One delta, copied, or made if it is worth it; what cannot be made one is copied whole."""
    stored = store.stored_delta(delta.id, lambda base: base == delta.base)
    if stored is None:
        stored = store.stored(delta.id)
        with suppress(PromptvcError):
            stored = shorter(store, stored, delta)
    writer.copy(stored)
