"""What changed between two versions of a table: rows and cells, at a cost that follows the change.

pairs     two versions side by side      match     which row is which
equal     their chunk runs in common
side      the rows of one version        bodies    their bytes, in memory or not
changes   many changes, made one at a time
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, field

from promptvc.content.formats.base import Json, Malformed, Row, RowFormat
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING as MISSING
from promptvc.content.formats.missing import Missing as Missing
from promptvc.content.keys.tokens import KEY_NAMES as KEY_NAMES
from promptvc.content.keys.tokens import duplicate_keys as duplicate_keys
from promptvc.content.keys.tokens import guess_common_key, key_token
from promptvc.content.keys.tokens import guess_key as guess_key
from promptvc.content.tablediff.changes import ABSENT, Lazy, Place
from promptvc.content.tablediff.pairs import Pairs
from promptvc.versioning.ropes.chunkrun import ChunkRun

Cells: TypeAlias = "dict[str, tuple[Json | Missing, Json | Missing]]"


class RowChange(Struct, frozen=True, kw_only=True):
    """A row that was added, removed or changed.

    ``at`` has the row's numbers before and after, from 0, None where it is not there. ``key`` is None where the
    row has none. ``before`` and ``after`` are its fields, ``before_raw`` and ``after_raw`` its bytes; a
    malformed row has bytes alone, and ``malformed`` says why. ``cells`` holds what a changed row has different:
    field -> (before, after), with `MISSING`.
    """

    op: Literal["added", "removed", "changed"]
    key: dict[str, Json] | None
    at: tuple[int | None, int | None]
    before: Row | None = None
    after: Row | None = None
    cells: Cells = field(default_factory=dict)
    before_raw: bytes | None = None
    after_raw: bytes | None = None
    malformed: Malformed | None = None


class TableDiff(Struct, frozen=True, kw_only=True):
    """The difference of two tables.

    ``before_rows = removed + changed + reformatted + unchanged`` and ``after_rows`` the same with ``added``.
    ``moved`` rows are among the unchanged and reformatted ones: equal, but out of order; ``moves`` has their
    numbers before and after. ``reformatted`` rows have equal fields and other bytes. ``rows`` are in the order
    of the table after, removed ones where they stood; of large tables each is made when it is asked for. Columns
    are those of a header.
    """

    key: tuple[str, ...] | None
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    before_rows: int
    after_rows: int
    added: int
    removed: int
    changed: int
    moved: int
    reformatted: int
    rows: Sequence[RowChange]
    moves: tuple[tuple[int, int], ...]

    @property
    def unchanged(self) -> int:
        """Rows whose fields and bytes are equal, wherever they are."""
        return self.before_rows - self.removed - self.changed - self.reformatted

    @property
    def is_empty(self) -> bool:
        """Whether no field of any row, no row's place and no column changed."""
        return not (self.rows or self.moved or self.columns_added or self.columns_removed)


def diff_rows(
    before: Sequence[ChunkRun],
    after: Sequence[ChunkRun],
    before_format: RowFormat,
    after_format: RowFormat,
    key: Sequence[str] | None = None,
) -> TableDiff:
    """Compare two versions of a table.

    Chunk runs with equal ids are skipped, and loaded only where nothing else says how many rows they hold. Rows
    are matched by ``key``, else by the first of `KEY_NAMES` that fits the changed rows, else as a sequence.
    """
    pairs = Pairs(before, after, before_format, after_format)
    fields = tuple(key) if key else guess_common_key([pairs.old.key_rows(), pairs.new.key_rows()])
    pairs.match(fields)
    return _Comparison(pairs, fields).diff(before_format.columns, after_format.columns)


def changed_cells(before: Row, after: Row) -> Cells:
    """The fields whose values differ, in the order of before, new ones last; empty for rows that are the same."""
    cells: Cells = {}
    for name, value in before.items():
        other = after.get(name, MISSING)
        if type(value) is str and value == other:
            continue
        if other is MISSING or not same(value, other):
            cells[name] = (value, other)
    for name, value in after.items():
        if name not in before:
            cells[name] = (MISSING, value)
    return cells


class _Comparison:
    """Matched rows, compared and counted."""

    def __init__(self, pairs: Pairs, key: tuple[str, ...] | None) -> None:
        self._old, self._new, self._key = pairs.old, pairs.new, key
        self._pairs, self._matching = pairs, pairs.matching
        self._is_held = pairs.old.bodies.is_held and pairs.new.bodies.is_held
        self._changed: dict[int, RowChange | None] = {}
        """The changed rows by number before; None for those of tables that are not in memory."""
        self._reformatted = 0
        self._kept = [(span, pairs.matching.in_order(span)) for span in pairs.matching.spans]

    def diff(self, columns_before: list[str] | None, columns_after: list[str] | None) -> TableDiff:
        """The whole difference."""
        old, new = self._old, self._new
        self._compare()
        moves = self._moves()
        removed, added = self._pairs.removed, self._pairs.added
        places = self._in_order(removed, added)
        return TableDiff(
            key=self._key,
            columns_added=_less(columns_after, columns_before),
            columns_removed=_less(columns_before, columns_after),
            before_rows=old.count,
            after_rows=new.count,
            added=len(added),
            removed=len(removed),
            changed=len(self._changed),
            moved=len(moves),
            reformatted=self._reformatted,
            rows=tuple(map(self._change, places)) if self._is_held else Lazy(places, self._change),
            moves=tuple(moves),
        )

    def _compare(self) -> None:
        old, new = self._old, self._new
        for b, a in self._matching.to_after.items():
            if b not in old.rows or a not in new.rows:
                continue  # equal bytes, or malformed and equal
            if self._is_held and (cells := changed_cells(old.rows[b], new.rows[a])):
                self._changed[b] = self._changed_row(b, a, cells)
            elif not self._is_held and not same(old.rows[b], new.rows[a]):
                self._changed[b] = None
            elif old.bodies[b] != new.bodies[a]:
                self._reformatted += 1

    def _moves(self) -> list[tuple[int, int]]:
        """Equal rows that are out of order: pairs across spans, and those that do not rise within theirs."""
        kept = {b for _, pairs in self._kept for b, _ in pairs}
        moves = [
            (b, a) for b, a in self._matching.to_after.items() if b not in kept and b not in self._changed
        ]
        return sorted(moves, key=lambda pair: pair[1])

    def _in_order(self, removed: Sequence[int], added: Sequence[int]) -> list[Place]:
        """The changes in the order of the rows after; a removed row follows the row that it followed."""
        to_after = self._matching.to_after
        placed = [((to_after[b], 0, 0), (b, to_after[b])) for b in self._changed]
        placed += [((a, 0, 0), (ABSENT, a)) for a in added]
        gone = iter(removed)
        b = next(gone, None)
        for span, pairs in self._kept:
            after = span[2] - 1
            for stop, following in [*pairs, (span[1], span[3])]:
                while b is not None and b < stop:
                    placed.append(((after, 1, b), (b, ABSENT)))
                    b = next(gone, None)
                after = following
        return [place for _, place in sorted(placed)]

    def _change(self, place: Place) -> RowChange:
        b, a = place
        if a == ABSENT:
            return self._removed(b)
        return self._added(a) if b == ABSENT else self._changed[b] or self._changed_row(b, a)

    def _changed_row(self, b: int, a: int, cells: Cells | None = None) -> RowChange:
        before, after = self._old.rows[b], self._new.rows[a]
        return RowChange(
            op="changed",
            key=self._key_of(after),
            at=(b, a),
            before=before,
            after=after,
            cells=cells or changed_cells(before, after),
            before_raw=self._old.bodies[b],
            after_raw=self._new.bodies[a],
        )

    def _added(self, a: int) -> RowChange:
        row, raw = self._new.rows.get(a), self._new.bodies[a]
        malformed = self._new.malformed.get(a)
        return RowChange(
            op="added", key=self._key_of(row), at=(None, a), after=row, after_raw=raw, malformed=malformed
        )

    def _removed(self, b: int) -> RowChange:
        row, raw = self._old.rows.get(b), self._old.bodies[b]
        malformed = self._old.malformed.get(b)
        return RowChange(
            op="removed", key=self._key_of(row), at=(b, None), before=row, before_raw=raw, malformed=malformed
        )

    def _key_of(self, row: Row | None) -> dict[str, Json] | None:
        if row is None or self._key is None or key_token(row, self._key) is None:
            return None
        return {name: row[name] for name in self._key}


def _less(columns: list[str] | None, others: list[str] | None) -> tuple[str, ...]:
    return tuple(name for name in columns or () if name not in (others or ()))
