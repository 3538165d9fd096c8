"""Three versions of one value merged: objects by key, lists by element, texts of several lines by line.

The order in which both sides' insertions at one place of a list follow each other does not depend on which side
is ours, so that two people who merge each other's work get the same value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING, Missing
from promptvc.content.text.merge import merge_lines
from promptvc.content.values.conflict import ConflictKind
from promptvc.content.values.lists import Alignment, align_lists

Value: TypeAlias = "Json | Missing"
_J = TypeVar("_J", bound=Json)


class ValueConflict(Struct, frozen=True):
    """One place in a value that both sides changed differently; the fields are those of `MergeConflict`."""

    kind: ConflictKind
    at: tuple[str, ...]
    base: Value
    ours: Value
    theirs: Value


class ValueMerge(Struct, frozen=True):
    """A merged value, with ours in place of what conflicts; `MISSING` where the merge removes it."""

    value: Value
    conflicts: tuple[ValueConflict, ...] = ()


def merge_value(base: Value, ours: Value, theirs: Value) -> ValueMerge:
    """Merge one value; any of the three may be `MISSING`.

    A conflict inside nested objects names its place. Lists and texts of several lines that conflict somewhere are one
    conflict, whose values are the whole merged value with each version of what conflicts.
    """
    if _same(ours, theirs) or _same(base, theirs):
        return ValueMerge(ours)
    if _same(base, ours):
        return ValueMerge(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict) and isinstance(base, dict | Missing):
        return merge_objects({} if isinstance(base, Missing) else base, ours, theirs)
    if isinstance(base, list) and isinstance(ours, list) and isinstance(theirs, list):
        return _by_element(base, ours, theirs)
    if (
        isinstance(base, str)
        and isinstance(ours, str)
        and isinstance(theirs, str)
        and "\n" in base + ours + theirs
    ):
        return _by_line(base, ours, theirs)
    return _conflict(base, ours, theirs)


def merge_objects(base: dict[str, Json], ours: dict[str, Json], theirs: dict[str, Json]) -> ValueMerge:
    """Merge objects key by key: in the order of ours, what only theirs has after that."""
    merged: dict[str, Json] = {}
    conflicts: list[ValueConflict] = []
    for name in dict.fromkeys([*ours, *theirs]):
        part = merge_value(base.get(name, MISSING), ours.get(name, MISSING), theirs.get(name, MISSING))
        if not isinstance(part.value, Missing):
            merged[name] = part.value
        conflicts += [replace(found, at=(name, *found.at)) for found in part.conflicts]
    return ValueMerge(merged, tuple(conflicts))


class SequenceMerge(Struct, frozen=True):
    """A merged list in three variants: with base's, ours' and theirs' version of what conflicts, if anything does."""

    base: list[Json]
    ours: list[Json]
    theirs: list[Json]
    clean: bool


def merge_sequences(base: Sequence[Json], ours: Sequence[Json], theirs: Sequence[Json]) -> SequenceMerge:
    """Merge lists element by element.

    Each element of base stays, is edited or goes; what is new stands in front of the element that it was put in
    front of. Only what both sides did differently to one element conflicts, and what both put in the place of one.
    """
    left, right = align_lists(base, ours), align_lists(base, theirs)
    made = SequenceMerge([], [], [], True)
    for place in range(len(base) + 1):
        gone = _gone(left, right, place)
        if gone and _both_put_in(left.inserted[place], right.inserted[place]):
            # Both put something else in the place of the same elements.
            made.base.extend(base[place : place + gone])
            made.ours.extend(left.inserted[place])
            made.theirs.extend(right.inserted[place])
            made = replace(made, clean=False)
        else:
            _add(made, merge_runs(left.inserted[place], right.inserted[place]))
        if place < len(base):
            made = _element(made, base[place], _slot(left, place), _slot(right, place))
    return made


def merge_runs(one: Sequence[_J], other: Sequence[_J]) -> list[_J]:
    """What both sides inserted at one place: what they share once, the rest in an order of its own.

    ``merge_runs(a, b) == merge_runs(b, a)``.
    """
    if not one or not other:
        return list(one or other)
    merged: list[_J] = []
    i = j = 0
    for at_one, at_other in [*_shared(one, other), (len(one), len(other))]:
        parts = sorted([list(one[i:at_one]), list(other[j:at_other])], key=_order)
        merged += parts[0] + parts[1]
        if at_one < len(one):
            merged.append(one[at_one])
        i, j = at_one + 1, at_other + 1
    return merged


def _same(one: Value, other: Value) -> bool:
    return one is other or (
        not isinstance(one, Missing) and not isinstance(other, Missing) and same(one, other)
    )


def _conflict(base: Value, ours: Value, theirs: Value) -> ValueMerge:
    removed = isinstance(ours, Missing) or isinstance(theirs, Missing)
    kind: ConflictKind = (
        "edit-delete" if removed else "both-added" if isinstance(base, Missing) else "both-changed"
    )
    return ValueMerge(ours, (ValueConflict(kind, (), base, ours, theirs),))


def _by_line(base: str, ours: str, theirs: str) -> ValueMerge:
    found = merge_lines(base, ours, theirs)
    if not found.conflicts:
        return ValueMerge(found.text())
    return _conflict(found.text("base"), found.text("ours"), found.text("theirs"))


def _by_element(base: list[Json], ours: list[Json], theirs: list[Json]) -> ValueMerge:
    found = merge_sequences(base, ours, theirs)
    return ValueMerge(found.ours) if found.clean else _conflict(found.base, found.ours, found.theirs)


def _slot(alignment: Alignment, place: int) -> Value:
    """What a side made of an element of base; `MISSING` where it removed it."""
    found = alignment.kept[place]
    return MISSING if found is None else alignment.after[found]


def _element(made: SequenceMerge, base: Json, ours: Value, theirs: Value) -> SequenceMerge:
    part = merge_value(base, ours, theirs)
    if not part.conflicts:
        _add(made, [] if isinstance(part.value, Missing) else [part.value])
        return made
    variants = _variants(part, base, ours, theirs)
    for into, value in zip((made.base, made.ours, made.theirs), variants, strict=True):
        if not isinstance(value, Missing):
            into.append(value)
    return replace(made, clean=False)


def _variants(part: ValueMerge, base: Json, ours: Value, theirs: Value) -> tuple[Value, Value, Value]:
    """The element with each version of what conflicts in it, and all else merged."""
    if not isinstance(ours, dict) or not isinstance(theirs, dict) or not isinstance(base, dict):
        [found] = part.conflicts
        return found.base, found.ours, found.theirs
    return (
        _with(part.value, [(found.at, found.base) for found in part.conflicts]),
        part.value,
        _with(part.value, [(found.at, found.theirs) for found in part.conflicts]),
    )


def _with(value: Value, changes: Sequence[tuple[tuple[str, ...], Value]]) -> Value:
    for at, new in changes:
        value = put(value, at, new)
    return value


def put(value: Value, at: tuple[str, ...], new: Value) -> Value:
    """The value with another one at a place inside it; `MISSING` takes the place out."""
    if not at:
        return new
    made = dict(value) if isinstance(value, dict) else {}
    inner = put(made.get(at[0], MISSING), at[1:], new)
    if isinstance(inner, Missing):
        made.pop(at[0], None)
    else:
        made[at[0]] = inner
    return made


def _gone(left: Alignment, right: Alignment, place: int) -> int:
    """How many elements of base from this one on both sides removed."""
    count = 0
    while place + count < len(left.kept) and left.kept[place + count] is right.kept[place + count] is None:
        count += 1
    return count


def _both_put_in(one: Sequence[Json], other: Sequence[Json]) -> bool:
    return bool(one) and bool(other) and not same(list(one), list(other))


def _add(made: SequenceMerge, values: Sequence[Json]) -> None:
    for variant in (made.base, made.ours, made.theirs):
        variant.extend(values)


def _shared(one: Sequence[Json], other: Sequence[Json]) -> list[tuple[int, int]]:
    """Places of equal elements, rising on both sides, found the same way whichever side comes first."""
    first, second = sorted([list(one), list(other)], key=_order)
    kept = align_lists(first, second, edits=False).kept
    pairs = [(place, found) for place, found in enumerate(kept) if found is not None]
    return pairs if same(first, list(one)) else [(found, place) for place, found in pairs]


def _order(values: Sequence[Json]) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=True)
