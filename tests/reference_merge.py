"""A plain, slow three-way merge of rows by key: a second opinion on the product's, sharing no code with it.

A row of the base has at most one partner in each side: of the rows with its key, first those that are equal, then in
order. Rows without a base are partners if they share a key. Then fields, then what is inside a field.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Place = tuple[str, str | None]
"""A row's key as JSON text, and the field; None for the whole row."""

ABSENT = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()
"""Stands for a field that is not there, and for a row that is not."""

csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one version, and its header where the format has one."""

    columns: tuple[str, ...] | None
    rows: list[Row]


@dataclass(slots=True)
class Merged:
    """What a merge gives: the rows in no promised order, the conflicts, and the places that are a matter of taste.

    ``open`` are lists into which both sides put something at one point: no conflict, but the order is open, and
    whether what both put there alike is there once. ``overlapping`` are lists of which both sides rewrote
    overlapping parts: a conflict to who only knows equal elements, as here.
    """

    columns: list[str] | None
    rows: list[Row] = field(default_factory=list)
    conflicts: list[Place] = field(default_factory=list)
    open: set[Place] = field(default_factory=set)
    overlapping: set[Place] = field(default_factory=set)


def read_table(path: str, data: bytes) -> Table:
    """A file's rows as Python's own modules read them; cells beyond the header are ``+1``, ``+2`` and so on."""
    if path.endswith((".csv", ".tsv")):
        text = io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline="")
        records = [r for r in csv.reader(text, delimiter="\t" if path.endswith(".tsv") else ",") if r]
        columns = tuple(records[0])
        return Table(columns, [_named(columns, record) for record in records[1:]])
    if path.endswith(".json"):
        return Table(None, json.loads(data.decode("utf-8-sig")))
    return Table(None, [json.loads(line) for line in data.decode("utf-8-sig").split("\n") if line.strip()])


def _named(columns: Sequence[str], record: Sequence[str]) -> Row:
    names = [*columns, *(f"+{n + 1}" for n in range(len(record) - len(columns)))]
    return dict(zip(names, record, strict=False))


def text_of(value: Any) -> str:
    """A value as text: equal for equal values, whatever the order of an object's names."""
    return json.dumps(value, sort_keys=True)


def equal(one: Any, other: Any) -> bool:
    """Whether two values, or absences, are one."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return text_of(one) == text_of(other)


def key_text(row: Row, key: Sequence[str]) -> str:
    """A row's key, or the row itself where it lacks one."""
    return text_of([row.get(name) for name in key])


def merge_tables(base: Table, ours: Table, theirs: Table, key: Sequence[str]) -> Merged:
    """The three-way merge of three versions of one table."""
    base, ours, theirs = _follow_renames(*_follow_renames(base, ours, theirs, key), key, swapped=True)
    merged = Merged(_merge_columns(base, ours, theirs))
    to_ours, to_theirs = (_pair(base.rows, side.rows, key) for side in (ours, theirs))
    for at, row in enumerate(base.rows):
        o, t = to_ours.get(at), to_theirs.get(at)
        _merge_row(
            merged,
            key,
            row,
            ABSENT if o is None else ours.rows[o],
            ABSENT if t is None else theirs.rows[t],
        )
    new_ours = _without(ours.rows, to_ours.values())
    new_theirs = _without(theirs.rows, to_theirs.values())
    both = _pair(new_ours, new_theirs, key)
    for at, row in enumerate(new_ours):
        _merge_row(merged, key, ABSENT, row, new_theirs[both[at]] if at in both else ABSENT)
    for row in _without(new_theirs, both.values()):
        _merge_row(merged, key, ABSENT, ABSENT, row)
    return merged


def _without(rows: Sequence[Row], taken: Any) -> list[Row]:
    left_out = set(taken)
    return [row for at, row in enumerate(rows) if at not in left_out]


def _pair(before: Sequence[Row], after: Sequence[Row], key: Sequence[str]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    for tell in (text_of, lambda row: key_text(row, key)):
        waiting: dict[str, list[int]] = {}
        for number, row in enumerate(after):
            if number not in pairs.values():
                waiting.setdefault(tell(row), []).append(number)
        for number, row in enumerate(before):
            if number not in pairs and waiting.get(tell(row)):
                pairs[number] = waiting[tell(row)].pop(0)
    return pairs


# --- columns ----------------------------------------------------------------------------------------------


def _merge_columns(base: Table, ours: Table, theirs: Table) -> list[str] | None:
    if base.columns is None or ours.columns is None or theirs.columns is None:
        return None
    old = set(base.columns)
    kept = [c for c in ours.columns if c in theirs.columns or c not in old]
    return kept + [c for c in theirs.columns if c not in old and c not in ours.columns]


def _follow_renames(
    base: Table, one: Table, other: Table, key: Sequence[str], swapped: bool = False
) -> tuple[Table, Table, Table]:
    """The three versions, with the columns that side one renamed under their new names everywhere."""
    if swapped:
        one, other = other, one
    for old, new in _renames(base, one, key):
        if other.columns is not None and new not in other.columns and old in other.columns:
            base, other = (_renamed(table, old, new) for table in (base, other))
    return (base, other, one) if swapped else (base, one, other)


def _renames(base: Table, side: Table, key: Sequence[str]) -> Iterator[tuple[str, str]]:
    if base.columns is None or side.columns is None:
        return
    pairs = [(base.rows[b], side.rows[s]) for b, s in _pair(base.rows, side.rows, key).items()]
    for old in (c for c in base.columns if c not in side.columns):
        for new in (c for c in side.columns if c not in base.columns):
            if pairs and all(equal(b.get(old, ABSENT), s.get(new, ABSENT)) for b, s in pairs):
                yield old, new
                break


def _renamed(table: Table, old: str, new: str) -> Table:
    def named(name: str) -> str:
        return new if name == old else name

    rows = [{named(name): value for name, value in row.items()} for row in table.rows]
    return Table(None if table.columns is None else tuple(map(named, table.columns)), rows)


# --- rows -------------------------------------------------------------------------------------------------


def _merge_row(merged: Merged, key: Sequence[str], base: Any, ours: Any, theirs: Any) -> None:
    kept = next(row for row in (ours, theirs, base) if row is not ABSENT)
    key_of_row = key_text(kept, key)
    if base is not ABSENT and (ours is ABSENT or theirs is ABSENT):
        left = theirs if ours is ABSENT else ours
        if left is ABSENT or equal(left, base):
            return
        merged.conflicts.append((key_of_row, None))
        row = ours
    elif ours is ABSENT or theirs is ABSENT:
        row = theirs if ours is ABSENT else ours
    else:
        row = _merge_fields(merged, key_of_row, {} if base is ABSENT else base, ours, theirs)
    if row is not ABSENT:
        merged.rows.append(row)


def _merge_fields(merged: Merged, key: str, base: Row, ours: Row, theirs: Row) -> Row:
    row: Row = {}
    for name in dict.fromkeys([*ours, *theirs]):
        inside = Inside()
        value = merge_values(*(side.get(name, ABSENT) for side in (base, ours, theirs)), inside)
        if inside.conflicts:
            merged.conflicts += [(key, name)] * inside.conflicts
        if inside.open:
            merged.open.add((key, name))
        if inside.overlapping:
            merged.overlapping.add((key, name))
        if value is not ABSENT:
            row[name] = value
    return row


# --- inside a field ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Inside:
    """What was met in a value: conflicts (objects: one a place), and what `Merged` calls open and overlapping."""

    conflicts: int = 0
    open: bool = False
    overlapping: bool = False


def merge_values(base: Any, ours: Any, theirs: Any, inside: Inside) -> Any:
    """One value of three; that of ours where they conflict."""
    if equal(ours, theirs) or equal(base, theirs):
        return ours
    if equal(base, ours):
        return theirs
    if base is ABSENT and isinstance(ours, dict):
        base = {}  # objects that both sides added merge by name
    kinds = {type(value) for value in (base, ours, theirs)}
    if kinds == {dict}:
        names = dict.fromkeys([*ours, *theirs])
        values = {
            n: merge_values(*(side.get(n, ABSENT) for side in (base, ours, theirs)), inside) for n in names
        }
        return {name: value for name, value in values.items() if value is not ABSENT}
    if kinds == {list}:
        return _merge_sequence(base, ours, theirs, inside, elements=True)
    if kinds == {str} and any("\n" in value for value in (base, ours, theirs)):
        lines = (value.splitlines(keepends=True) for value in (base, ours, theirs))
        of_lines = Inside()
        found = _merge_sequence(*lines, of_lines, elements=False)
        inside.conflicts += of_lines.conflicts
        return ours if of_lines.conflicts else "".join(found)
    inside.conflicts += 1
    return ours


Hunk = tuple[int, int, list[Any]]
"""Items start to stop of the base, and what one side has there."""


def _merge_sequence(
    base: list[Any], ours: list[Any], theirs: list[Any], inside: Inside, *, elements: bool
) -> list[Any]:
    merged: list[Any] = []
    at = clashes = 0
    touching = grown = False
    for start, stop, mine, other in _regions(_hunks(base, ours), _hunks(base, theirs), base):
        merged += base[at:start]
        old = base[start:stop]
        grows = max(len(mine), len(other)) > len(old)
        inside.open |= elements and touching and start == at and (grows or grown)
        at, touching, grown = stop, True, grows
        if equal(mine, other) or equal(old, other):
            merged += mine
        elif equal(old, mine):
            merged += other
        elif elements and not old:
            inside.open = True
            merged += mine + other
        elif elements and len(mine) == len(other) == len(old):
            nested = Inside()
            merged += [merge_values(*values, nested) for values in zip(old, mine, other, strict=True)]
            clashes += nested.conflicts
            inside.open |= nested.open
            inside.overlapping |= nested.overlapping
        else:
            clashes += 1
            inside.overlapping |= elements
            merged += mine
    inside.conflicts += clashes > 0  # lists and texts conflict once, as a whole
    return merged + base[at:]


def _regions(
    ours: list[Hunk], theirs: list[Hunk], base: list[Any]
) -> Iterator[tuple[int, int, list[Any], list[Any]]]:
    """Parts of the base that a side changed: hunks that overlap are one part, those that touch are not."""
    waiting = sorted([(h[0], h[1], 0, h[2]) for h in ours] + [(h[0], h[1], 1, h[2]) for h in theirs])
    while waiting:
        group = [waiting.pop(0)]
        start, stop = group[0][:2]
        while waiting and (waiting[0][0] < stop or waiting[0][:2] == (start, stop)):
            group.append(waiting.pop(0))
            stop = max(stop, group[-1][1])
        yield start, stop, *(_side(group, side, start, stop, base) for side in (0, 1))


def _side(group: list[Any], side: int, start: int, stop: int, base: list[Any]) -> list[Any]:
    items: list[Any] = []
    for first, last, of, new in group:
        if of == side:
            items += base[start:first] + new
            start = last
    return items + base[start:stop]


def _hunks(base: list[Any], side: list[Any]) -> list[Hunk]:
    hunks = []
    b = s = 0
    for next_b, next_s in [*_common(base, side), (len(base), len(side))]:
        if next_b > b or next_s > s:
            hunks.append((b, next_b, side[s:next_s]))
        b, s = next_b + 1, next_s + 1
    return hunks


def _common(base: list[Any], side: list[Any]) -> list[tuple[int, int]]:
    """The longest common subsequence, as pairs of places, after what both begin and end with."""
    one, other = [text_of(v) for v in base], [text_of(v) for v in side]
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < min(len(one), len(other)) - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    middle = _longest(one[head : len(one) - tail], other[head : len(other) - tail])
    return [
        *((n, n) for n in range(head)),
        *((head + b, head + s) for b, s in middle),
        *((len(one) - n, len(other) - n) for n in range(tail, 0, -1)),
    ]


def _longest(one: list[str], other: list[str]) -> list[tuple[int, int]]:
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for b in reversed(range(len(one))):
        for s in reversed(range(len(other))):
            equal_items = one[b] == other[s]
            best[b][s] = best[b + 1][s + 1] + 1 if equal_items else max(best[b + 1][s], best[b][s + 1])
    pairs = []
    b = s = 0
    while b < len(one) and s < len(other):
        if one[b] == other[s]:
            pairs.append((b, s))
            b, s = b + 1, s + 1
        elif best[b + 1][s] >= best[b][s + 1]:
            b += 1
        else:
            s += 1
    return pairs
