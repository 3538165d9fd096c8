"""Place: which rows of one side change or go, and behind which of them the rows of the other side come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

from promptvc.content.tablemerge.outcome import Content, Decisions, Outcome, Place
from promptvc.content.tablemerge.partners import Partners
from promptvc.content.tablemerge.positions import Positions
from promptvc.content.tablemerge.row import added
from promptvc.content.tablemerge.versions import BASE, OURS, THEIRS, Versions

Inserted = Mapping[int, Sequence[tuple[Place, Content]]]


class Placement(Struct, frozen=True):
    """One side of a merge, and what changes on it.

    ``changes`` has new contents by row number on this side, None for a row that goes; ``inserted`` what comes behind
    a row, -1 being the beginning.
    """

    side: int
    changes: Mapping[int, Outcome]
    inserted: Inserted


def place(versions: Versions, decisions: Decisions, side: int) -> Placement:
    """Give every row that was decided its place on top of a side."""
    own = versions.pairs(side)
    positions = Positions(versions, decisions.partners)
    changes = {
        number: content
        for base, content in decisions.rows.items()
        if (number := own.after(base)) is not None and not _is_there(content, side)
    }
    for ours, content in decisions.both.items():
        if not _is_there(content, side):
            changes[ours if side == OURS else decisions.partners.theirs[ours]] = content
    if versions.names[side]:  # rows of this side alone, too, have fields under other names now
        changes.update((number, added(versions, side, number)) for number in positions.alone(side))
    return Placement(side, changes, _inserted(versions, decisions, positions, side))


def _is_there(content: Outcome, side: int) -> bool:
    """Whether a row has these bytes already."""
    return content is not None and content.side == side and content.row is None


def _inserted(versions: Versions, decisions: Decisions, positions: Positions, side: int) -> Inserted:
    """Rows of the other side: new ones, and those that are gone here and stay all the same."""
    other = THEIRS if side == OURS else OURS
    rows: list[tuple[int, Place, Content]] = [
        (number, (other, number), added(versions, other, number)) for number in positions.alone(other)
    ]
    rows += _staying(versions, decisions, side, other)
    inserted: dict[int, list[tuple[Place, Content]]] = {}
    for number, where, content in sorted(rows, key=lambda row: row[0]):
        inserted.setdefault(positions.behind(other, number), []).append((where, content))
    return inserted


def _staying(
    versions: Versions, decisions: Decisions, side: int, other: int
) -> Iterator[tuple[int, Place, Content]]:
    for base, content in decisions.rows.items():
        if content is not None and versions.pairs(side).after(base) is None:
            there = versions.pairs(other).after(base)
            assert there is not None
            yield there, (BASE, base), content


class Numbers:
    """The numbers that rows have in the merged file."""

    def __init__(self, versions: Versions, partners: Partners, placement: Placement) -> None:
        self._versions, self._partners, self._placement = versions, partners, placement
        inserted = placement.inserted
        self._gone = sorted(number for number, content in placement.changes.items() if content is None)
        self._behind = sorted(inserted)
        self._before = [0, *accumulate(len(inserted[at]) for at in self._behind)]
        self._steps = {
            where: (at, step) for at, rows in inserted.items() for step, (where, _) in enumerate(rows)
        }

    def of(self, place: Place) -> int:
        """The number of a row; of one that is not in the file, the one that it would have there."""
        if place in self._steps:
            at, step = self._steps[place]
            return self._shifted(at + 1) + step
        own = self._own(place)
        if own is not None:
            return self._shifted(own) + len(self._placement.inserted.get(own - 1, ()))
        side, number = place
        before = ((side, n) for n in range(number - 1, -1, -1))
        return next((self.of(near) + 1 for near in before if self._is_in(near)), 0)

    def _is_in(self, place: Place) -> bool:
        own = self._own(place)
        return place in self._steps or (
            own is not None and self._placement.changes.get(own, True) is not None
        )

    def _own(self, place: Place) -> int | None:
        side, number = place
        if side == BASE:
            return self._versions.pairs(self._placement.side).after(number)
        if side == self._placement.side:
            return number
        return self._partners.theirs.get(number) if side == OURS else None

    def _shifted(self, number: int) -> int:
        """Where a row of this side is, counting what was put in in front of the row before it."""
        return number - bisect_left(self._gone, number) + self._before[bisect_left(self._behind, number - 1)]
