"""What blame follows: which lines or rows of a version are those of an older one, and in which fields rows differ."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from promptvc.content.align.align import align
from promptvc.content.tablediff.diff import TableDiff

Run = tuple[int, int, int]
"""(number before, number after, length): lines or rows that are the same, one after the other on both sides."""


class Origins(Struct, frozen=True):
    """Where the lines or rows of a version come from in an older one.

    ``same`` are runs, rising in the number after. ``changed`` has, by number after, the number before and the fields
    that differ. What is in neither is new.
    """

    same: tuple[Run, ...]
    changed: Mapping[int, tuple[int, frozenset[str]]]


class Fields(NamedTuple):
    """The fields of a row that are asked about: these, or where ``others``, all but these."""

    names: frozenset[str]
    others: bool = False

    def within(self, names: frozenset[str]) -> Fields:
        """Those of these names that are asked about."""
        return Fields(names - self.names if self.others else names & self.names)

    def without(self, names: frozenset[str]) -> Fields:
        """What is asked about, but for these names."""
        return Fields(self.names | names if self.others else self.names - names, self.others)

    def __bool__(self) -> bool:
        return self.others or bool(self.names)


ALL = Fields(frozenset(), True)
"""A whole row, and what it does not have: a field that went is a change of it too."""


class Part(NamedTuple):
    """Things whose commit is asked for, from number ``item`` on, and where they stand in one version, from ``at`` on.

    ``length`` is 1 where not ``ALL`` fields are asked about.
    """

    item: int
    at: int
    length: int
    fields: Fields = ALL


def line_origins(before: bytes, after: bytes) -> Origins:
    """For texts: lines that are the same; nothing of a line that changed."""
    return Origins(tuple(align(split_lines(before), split_lines(after))), {})


def split_lines(text: bytes) -> list[bytes]:
    r"""The lines with their ends; only ``\n`` ends a line."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def row_origins(diff: TableDiff) -> Origins:
    """For tables: rows with equal fields, wherever they moved and however they are written, and rows that changed."""
    changes = [(*row.at, frozenset(row.cells)) for row in diff.rows]
    changed = {
        after: (before, names) for before, after, names in changes if before is not None and after is not None
    }
    gone = {before for before, _, _ in changes} | {before for before, _ in diff.moves}
    new = {after for _, after, _ in changes} | {after for _, after in diff.moves}
    kept = _kept(_gaps(gone, diff.before_rows), _gaps(new, diff.after_rows))
    moved = [(before, after, 1) for before, after in diff.moves]
    return Origins(tuple(sorted([*kept, *moved], key=lambda run: run[1])), changed)


def pass_on(parts: Sequence[Part], origins: Origins, *, divide: bool) -> tuple[list[Part], list[Part]]:
    """What is the same in the older version, with its numbers there, and what is not.

    Where ``divide``, the fields of a changed row that did not change are passed on by themselves.
    """
    passed: list[Part] = []
    left: list[Part] = []
    starts = [run[1] for run in origins.same]
    for part in parts:
        _pass_part(part, origins, starts, divide, passed, left)
    return passed, left


def _pass_part(
    part: Part,
    origins: Origins,
    starts: Sequence[int],
    divide: bool,
    passed: list[Part],
    left: list[Part],
) -> None:
    """One part, which may touch several runs and what is between them."""
    at, stop = part.at, part.at + part.length
    place = max(bisect_right(starts, at) - 1, 0)
    while at < stop:
        before, after, length = origins.same[place] if place < len(starts) else (0, stop, 0)
        if at < after:
            end = min(stop, after)
            _pass_changed(_slice(part, at, end), origins.changed, divide, passed, left)
        else:
            end = min(stop, after + length)
            if at < end:
                passed.append(_moved(_slice(part, at, end), before - after))
            place += 1
        at = max(at, end)


def _pass_changed(
    part: Part,
    changed: Mapping[int, tuple[int, frozenset[str]]],
    divide: bool,
    passed: list[Part],
    left: list[Part],
) -> None:
    """Rows that are not the same as a whole."""
    if not changed:
        left.append(part)
        return
    for at in range(part.at, part.at + part.length):
        one = _slice(part, at, at + 1)
        if at not in changed:
            left.append(one)
            continue
        before, names = changed[at]
        other, rest = part.fields.within(names), part.fields.without(names)
        if not other:
            passed.append(one._replace(at=before))
        elif divide and rest:
            passed.append(Part(one.item, before, 1, rest))
            left.append(Part(one.item, at, 1, other))
        else:
            left.append(one)


def _slice(part: Part, start: int, stop: int) -> Part:
    if start == part.at and stop - start == part.length:
        return part
    return Part(part.item + start - part.at, start, stop - start, part.fields)


def _moved(part: Part, by: int) -> Part:
    return part._replace(at=part.at + by) if by else part


def _gaps(taken: Iterable[int | None], count: int) -> Iterator[tuple[int, int]]:
    """The ranges of numbers below ``count`` that are not taken."""
    at = 0
    for number in [*sorted(n for n in taken if n is not None), count]:
        if at < number:
            yield at, number
        at = number + 1


def _kept(before: Iterator[tuple[int, int]], after: Iterator[tuple[int, int]]) -> Iterator[Run]:
    """Rows that are in no change keep their order: the first of them before is the first of them after."""
    b = b_stop = a = a_stop = 0
    while True:
        if b == b_stop:
            b, b_stop = next(before, (0, 0))
        if a == a_stop:
            a, a_stop = next(after, (0, 0))
        length = min(b_stop - b, a_stop - a)
        if not length:
            return
        yield b, a, length
        b, a = b + length, a + length
