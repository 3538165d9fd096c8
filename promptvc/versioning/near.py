"""Objects of two versions that stand in each other's place and differ in little: what deltas are made between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from promptvc.ids import ObjectId
from promptvc.storage.objects import LINK, SUBMODULE, Kind, TreeEntry
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.marker import is_rope
from promptvc.versioning.ropes.rope import RopeNodes

_MATCHED = 4096
"""Children up to which two lists are aligned; of longer ones only the beginning and the end are compared."""


class Near(NamedTuple):
    """Two objects of one kind, the older one first."""

    old: ObjectId
    new: ObjectId
    kind: Kind


def near_objects(store: ObjectStore, old: ObjectId, new: ObjectId) -> Iterator[Near]:
    """What stands in each other's place in two trees; equal parts of them are not looked at.

    Files go by their paths, chunks and inner trees of ropes by their places between equal ones.
    """
    if old == new:
        return
    yield Near(old, new, Kind.TREE)
    before = {entry.name: entry for entry in store.load_tree(old)}
    for entry in store.load_tree(new):
        other = before.get(entry.name)
        if other is not None and other.id != entry.id:
            yield from _near_entries(store, other, entry)


def _near_entries(store: ObjectStore, old: TreeEntry, new: TreeEntry) -> Iterator[Near]:
    if {old.mode, new.mode} & {LINK, SUBMODULE} or old.is_folder != new.is_folder:
        return
    if not new.is_folder:
        yield Near(old.id, new.id, Kind.BLOB)
        return
    ropes = [is_rope(store.load_tree(entry.id)) for entry in (old, new)]
    if all(ropes):
        yield from _near_ropes(RopeNodes(store), old.id, new.id)
    elif not any(ropes):
        yield from near_objects(store, old.id, new.id)


def _near_ropes(nodes: RopeNodes, old: ObjectId, new: ObjectId) -> Iterator[Near]:
    """Level by level, the lowest of both at the same depth."""
    height, other = nodes.height(old), nodes.height(new)
    if height == other:
        yield Near(old, new, Kind.TREE)
    gaps = [([old], [new])]
    while height or other:
        below = []
        for before, after in gaps:
            below.append(
                (
                    nodes.children(before) if height >= other else before,
                    nodes.children(after) if other >= height else after,
                )
            )
        height, other = height - (height >= other), other - (other >= height)
        if height != other:
            gaps = below
            continue
        gaps = [gap for before, after in below for gap in _gaps(before, after)]
        kind = Kind.TREE if height else Kind.BLOB
        for before, after in gaps:
            last = len(after) - 1
            yield from (Near(id, after[min(place, last)], kind) for place, id in enumerate(before))


def _gaps(
    before: Sequence[ObjectId], after: Sequence[ObjectId]
) -> Iterator[tuple[list[ObjectId], list[ObjectId]]]:
    """What is between equal children, where both sides have something there."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = list(before[head : len(before) - tail]), list(after[head : len(after) - tail])
    if len(old) + len(new) > _MATCHED:
        yield old, new
        return
    for step, start, stop, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if step == "replace":
            yield old[start:stop], new[begin:end]
