"""What becomes of each row of base, and of rows that both sides added under one key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.table.keys import key_token
from promptvc.content.tablediff.pairs import Pairs, Side
from promptvc.content.values.conflict import Conflict
from promptvc.content.values.merge import ValueConflict, ValueMerge, merge_objects, put

BASE, OURS, THEIRS = 0, 1, 2

Place = tuple[int, int]
"""(`BASE`, row number in base), or for a row that is new there (`OURS` or `THEIRS`, row number on that side)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a row of the merged file holds: the bytes of a side as they are, or fields.

    ``side`` tells whose ``body`` it is; where ``row`` is given, the body is only how it is written.
    """

    side: int
    body: bytes
    row: Row | None = None


Outcome = Content | None
"""None for a row that goes."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A conflict as it was found: the row that it is in, and its fields."""

    place: Place
    conflict: Conflict


@dataclass(frozen=True, slots=True)
class BothChanged:
    """A row that both sides changed: which fields each did."""

    place: Place
    key: dict[str, Json] | None
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


class _Status(Enum):
    SAME = "every byte"
    REFORMATTED = "the same fields in other bytes"
    CHANGED = "other fields"
    GONE = "not there any more"


class Outcomes:
    """Decides row by row. ``rows`` has the rows of base that do not stay as ours has them, or as theirs has them.

    ``left`` pairs base with ours, ``right`` base with theirs; ``renames`` are fields that each side gave other names
    in all rows: in base and on the other side they are read under the new name.
    """

    def __init__(
        self,
        left: Pairs,
        right: Pairs,
        key: tuple[str, ...] | None,
        ours_renames: Mapping[str, str],
        theirs_renames: Mapping[str, str],
        prefer_base: bool = False,
    ) -> None:
        self._prefer_base = prefer_base
        self.left, self.right = left, right
        both = {
            name
            for name in ours_renames
            if theirs_renames.get(name, ours_renames[name]) != ours_renames[name]
        }
        mine = {name: new for name, new in ours_renames.items() if name not in both}
        other = {name: new for name, new in theirs_renames.items() if name not in both}
        self.names: tuple[Mapping[str, str], ...] = ({**mine, **other}, other, mine)
        """How fields are renamed when a row of base, of ours or of theirs is read."""
        self.key = tuple(self.names[BASE].get(name, name) for name in key) if key else None
        self.rows: dict[int, Outcome] = {}
        self.conflicts: list[Placed] = []
        self.merged: list[BothChanged] = []
        self.changed = {OURS: 0, THEIRS: 0}
        """How many rows of base each side gave other fields."""
        self.undropped: tuple[str, ...] = ()
        """Columns that one side dropped, and that stay because the other wrote cells in them."""

    # --- all of them --------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Decide for every row of base that a side changed."""
        self._decide_all()
        dropped = self._dropped_but_written()
        if dropped:
            kept = [found for found in self.conflicts if found.conflict.field in dropped]
            self.rows, self.merged, self.conflicts, self.undropped = {}, [], [], dropped
            self.changed = {OURS: 0, THEIRS: 0}
            self._decide_all()
            self.conflicts += kept
            self._put_ours(kept)

    def add_both(self, ours: int, theirs: int) -> Content:
        """The row that both sides added, merged without a base; notes its conflicts."""
        one, two = self.new_row(OURS, ours), self.new_row(THEIRS, theirs)
        if one is None or two is None or same(one, two):
            return self.added(OURS, ours)
        found = merge_objects({}, one, two)
        self._note((OURS, ours), one, found.conflicts)
        return Content(OURS, self.left.new.bodies[ours], self._in_place(found))

    def replace_both(self, ours: int, theirs: int, base: int) -> Content:
        """The row that ours put in the place of one for which theirs put in another; notes the conflict."""
        rows = (self._base_row(base), self.new_row(OURS, ours), self.new_row(THEIRS, theirs))
        bodies = (self._any_base_body(base), self.left.new.bodies[ours], self.right.new.bodies[theirs])
        values = [malformed_row(body) if row is None else row for row, body in zip(rows, bodies, strict=True)]
        conflict = Conflict("both-changed", base=values[0], ours=values[1], theirs=values[2])
        self.conflicts.append(Placed((OURS, ours), conflict))
        return self.added(OURS, ours)

    def added(self, side: int, number: int) -> Content:
        """The row that only one side added: its bytes, but for names that the other side changed."""
        row = self.new_row(side, number) if self.names[side] else None
        return Content(side, self._pairs(side).new.bodies[number], row)

    def new_row(self, side: int, number: int) -> Row | None:
        """The fields of a row that a side added; None for one that cannot be read."""
        return self._row(side, self._pairs(side).new, number)

    def key_of(self, row: Row | None) -> dict[str, Json] | None:
        """The key fields of a row with their values; None where it has none."""
        if row is None or self.key is None or key_token(row, self.key) is None:
            return None
        return {name: row[name] for name in self.key}

    # --- one row ------------------------------------------------------------------------------------------

    def _decide_all(self) -> None:
        for number in sorted(self.left.old.bodies.keys() | self.right.old.bodies.keys()):
            ours, theirs = self._status(OURS, number), self._status(THEIRS, number)
            self.changed[OURS] += ours is _Status.CHANGED
            self.changed[THEIRS] += theirs is _Status.CHANGED
            if ours is not _Status.SAME or theirs is not _Status.SAME:
                self.rows[number] = self._decide(number, ours, theirs)

        self._keep_one_copy()

    def _keep_one_copy(self) -> None:
        """Where each side took out another one of two equal rows, both meant one of them: one stays."""
        gone: dict[bytes, tuple[list[int], list[int]]] = {}
        for number, outcome in self.rows.items():
            states = self._status(OURS, number), self._status(THEIRS, number)
            if outcome is None and _Status.SAME in states:
                lists = gone.setdefault(self._any_base_body(number), ([], []))
                lists[states.index(_Status.SAME)].append(number)
        for kept_by_ours, kept_by_theirs in gone.values():
            for number, _ in zip(kept_by_ours, kept_by_theirs, strict=False):
                self.rows[number] = self._kept(OURS, number)

    def _decide(self, number: int, ours: _Status, theirs: _Status) -> Outcome:
        if ours is _Status.GONE or theirs is _Status.GONE:
            return self._decide_gone(number, ours, theirs)
        if theirs is _Status.SAME or (ours, theirs) == (_Status.REFORMATTED, _Status.REFORMATTED):
            return self._kept(OURS, number)
        if ours is _Status.SAME:
            return self._kept(THEIRS, number)
        one, two = self._side_row(OURS, number), self._side_row(THEIRS, number)
        if ours is _Status.REFORMATTED:
            return Content(OURS, self._body(OURS, number), two)
        if theirs is _Status.REFORMATTED:
            return Content(THEIRS, self._body(THEIRS, number), one)
        return self._decide_changed(number, one, two)

    def _kept(self, side: int, number: int) -> Content:
        """A row of base as a side has it: its bytes, and its fields where those are not what they say any more."""
        is_other = self.names[side] or self.undropped
        return Content(side, self._body(side, number), self._side_row(side, number) if is_other else None)

    def _decide_gone(self, number: int, ours: _Status, theirs: _Status) -> Outcome:
        base = self._base_row(number)
        mine = None if ours is _Status.GONE else self._side_row(OURS, number)
        other = None if theirs is _Status.GONE else self._side_row(THEIRS, number)
        if (mine is None and other is None) or not self._is_edited(
            base or {}, OURS if mine else THEIRS, mine or other
        ):
            return None
        values = [MISSING if row is None else row for row in (base, mine, other)]
        conflict = Conflict(
            "edit-delete", self.key_of(base), base=values[0], ours=values[1], theirs=values[2]
        )
        self.conflicts.append(Placed((BASE, number), conflict))
        if self._prefer_base:
            return Content(BASE, self._any_base_body(number), base)
        return None if mine is None else self._kept(OURS, number)

    def _decide_changed(self, number: int, ours: Row | None, theirs: Row | None) -> Content:
        base = self._base_row(number)
        assert base is not None
        assert ours is not None
        assert theirs is not None
        if same(ours, theirs):
            return self._kept(OURS, number)
        found = merge_objects(base, ours, theirs)
        self._note((BASE, number), base, found.conflicts)
        fields = tuple(_changed(base, ours)), tuple(_changed(base, theirs))
        self.merged.append(BothChanged((BASE, number), self.key_of(base), *fields))
        return Content(OURS, self._body(OURS, number), self._in_place(found))

    def _in_place(self, found: ValueMerge) -> Row:
        """The merged row, with ours in place of what conflicts, or base."""
        value = found.value
        for each in found.conflicts if self._prefer_base else ():
            value = put(value, each.at, each.base)
        assert isinstance(value, dict)
        return value

    def _note(self, place: Place, row: Row, found: Sequence[ValueConflict]) -> None:
        for each in found:
            values = each.base, each.ours, each.theirs
            conflict = Conflict(each.kind, self.key_of(row), None, each.at[0], each.at[1:], *values)
            self.conflicts.append(Placed(place, conflict))

    # --- the three versions -------------------------------------------------------------------------------

    def _status(self, side: int, number: int) -> _Status:
        pairs = self._pairs(side)
        if number not in pairs.old.bodies:
            return _Status.SAME
        after = pairs.matching.to_after.get(number)
        if after is None:
            return _Status.GONE
        equal = pairs.old.bodies[number] == pairs.new.bodies[after]
        if equal and pairs.comparable:
            return _Status.SAME
        before, now = self._base_row(number), self._side_row(side, number)
        if before is None or now is None:
            return _Status.SAME  # malformed rows have partners of equal bytes only
        return _Status.REFORMATTED if same(before, now) else _Status.CHANGED

    def _body(self, side: int, number: int) -> bytes:
        pairs = self._pairs(side)
        if number in pairs.old.bodies:
            return pairs.new.bodies[pairs.matching.to_after[number]]
        return self._any_base_body(number)

    def _any_base_body(self, number: int) -> bytes:
        return (self.left if number in self.left.old.bodies else self.right).old.bodies[number]

    def _base_row(self, number: int) -> Row | None:
        return self._row(BASE, self.left.old if number in self.left.old.bodies else self.right.old, number)

    def _side_row(self, side: int, number: int) -> Row | None:
        pairs = self._pairs(side)
        if number not in pairs.old.bodies:
            return self._base_row(number)
        row = self._row(side, pairs.new, pairs.matching.to_after[number])
        if self.undropped and row is not None:
            before = self._base_row(number) or {}
            row = {**{name: before[name] for name in self.undropped if name in before}, **row}
        return row

    def _row(self, side: int, rows: Side, number: int) -> Row | None:
        row = rows.row(number)
        return row if row is None else renamed(row, self.names[side])

    def _pairs(self, side: int) -> Pairs:
        return self.left if side == OURS else self.right

    def _is_edited(self, base: Row, side: int, row: Row | None) -> bool:
        """Whether a row says something else than base, but for columns of the whole table that came or went."""
        if row is None:
            return False
        columns = self._pairs(side).new.format.columns
        before = {
            name: value for name, value in base.items() if columns is None or name in columns or name in row
        }
        after = {name: value for name, value in row.items() if columns is None or name in base or value != ""}
        return not same(before, after)

    def _put_ours(self, conflicts: Sequence[Placed]) -> None:
        """Have nothing in the cells of columns that ours dropped and that conflict."""
        for found in conflicts:
            place, field = found.place[1], found.conflict.field
            content = self.rows.get(place)
            if found.place[0] == BASE and content is not None and found.conflict.ours is MISSING:
                row = content.row or self._side_row(content.side, place) or {}
                row = {name: value for name, value in row.items() if name != field}
                self.rows[place] = replace(content, row=row)

    def _dropped_but_written(self) -> tuple[str, ...]:
        """The columns that one side dropped while the other changed cells in them, or added rows with such cells."""
        base, *sides = (
            [self.names[side].get(name, name) for name in rows.format.columns or ()]
            for side, rows in ((BASE, self.left.old), (OURS, self.left.new), (THEIRS, self.right.new))
        )
        written = {found.conflict.field for found in self.conflicts if found.conflict.kind == "edit-delete"}
        for side, pairs in ((OURS, self.left), (THEIRS, self.right)):
            added = (number for number in pairs.new.bodies if number not in pairs.matching.to_before)
            rows = (self.new_row(side, number) or {} for number in added)
            written.update(name for row in rows for name, value in row.items() if value != "")
        return tuple(
            name
            for name in base
            if name in written and any(columns and name not in columns for columns in sides)
        )


def renamed(row: Row, names: Mapping[str, str]) -> Row:
    """The row with fields under their new names, in the same order."""
    if not names or not any(name in row for name in names):
        return row
    return {names.get(name, name): value for name, value in row.items()}


def _changed(before: Row, after: Row) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after or not same(before[name], after[name]):
            yield name


def numbered(conflict: Conflict, row: int | None) -> Conflict:
    """The conflict with the number that its row has in the merged file."""
    return replace(conflict, row=row)
