"""Two versions of a table side by side: what is equal is skipped unread, the rest is loaded and its rows are paired."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from msgspec import Struct

from promptvc.content.align.runs import Run, Span, gaps
from promptvc.content.formats.base import Row, RowFormat
from promptvc.content.tablediff.bodies import equality_tokens
from promptvc.content.tablediff.equal import equal_runs
from promptvc.content.tablediff.match import Matching
from promptvc.content.tablediff.side import RowSide
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns


class TableSide(Struct, frozen=True):
    """One version of a table: its chunk runs of whole rows, and how they are read."""

    chunk_runs: Sequence[ChunkRun]
    format: RowFormat


class Pairs:
    """Which row before is which row after. Rows outside of the loaded spans are equal, and keep their order.

    Made in two steps, since the key may depend on the rows that were loaded: first rows of equal bytes are paired, then
    `match` pairs the others.
    """

    def __init__(
        self,
        before: Sequence[ChunkRun],
        after: Sequence[ChunkRun],
        before_format: RowFormat,
        after_format: RowFormat,
    ) -> None:
        self.comparable = before_format.reading == after_format.reading
        runs = equal_runs(before, after) if self.comparable else []
        self.old, self.new = RowSide(before_format), RowSide(after_format)
        spans = self._load(before, after, runs)
        self.matching = Matching([span for span in spans if span[0] < span[1] or span[2] < span[3]])
        if self.comparable:
            self.matching.pair_equal(*equality_tokens(self.old.bodies, self.new.bodies))
        self.unequal = self.old.bodies.keys() - self.matching.to_after.keys()
        """The rows before that no row after has the bytes of."""
        self._unequal_after = self.new.bodies.keys() - self.matching.to_before.keys()
        self.old.parse(self.matching.to_after)
        self.new.parse(self.matching.to_before)
        self._starts = [span[0] for span in self.matching.spans], [span[2] for span in self.matching.spans]

    def match(self, key: Sequence[str] | None) -> None:
        """Pair the rows that are not equal in every byte; malformed ones only with equal bytes."""
        old, new, matching = self.old, self.new, self.matching
        old_keys = old.take_keys(key) if key else {}
        new_keys = new.take_keys(key) if key else {}
        if not old_keys or not new_keys:  # a version without the key's fields: there, rows go by similarity
            old_keys = new_keys = {}
        matching.pair_in_order(old_keys, new_keys)
        old_rows, new_rows = old.rows.without(old_keys), new.rows.without(new_keys)
        matching.pair_equal(
            _tokens(old_rows, old, matching.to_after), _tokens(new_rows, new, matching.to_before)
        )
        matching.pair_alike(old_rows, new_rows)

    def after(self, before: int) -> int | None:
        """The number after of any row before; None where it was removed."""
        if before in self.old.bodies:
            return self.matching.to_after.get(before)
        return before + self._shift(self._starts[0], before, 1)

    def before(self, after: int) -> int | None:
        """The number before of any row after; None where it is new."""
        if after in self.new.bodies:
            return self.matching.to_before.get(after)
        return after + self._shift(self._starts[1], after, -1)

    @property
    def removed(self) -> list[int]:
        """The rows before that have no partner, rising."""
        return sorted(self.unequal - self.matching.to_after.keys())

    @property
    def added(self) -> list[int]:
        """The rows after that have no partner, rising."""
        return sorted(self._unequal_after - self.matching.to_before.keys())

    @property
    def moved(self) -> bool:
        """Whether rows are out of order: across spans, or within one."""
        kept = sum(len(self.matching.in_order(span)) for span in self.matching.spans)
        return kept < len(self.matching.to_after)

    def _shift(self, starts: Sequence[int], number: int, sign: int) -> int:
        """By how much an equal row is pushed aside: as much as the span before it grew."""
        place = bisect_right(starts, number) - 1
        if place < 0:
            return 0
        span = self.matching.spans[place]
        return sign * (span[3] - span[1])

    def _load(self, before: Sequence[ChunkRun], after: Sequence[ChunkRun], runs: Sequence[Run]) -> list[Span]:
        """Load what is between the runs of equal chunk runs; the spans are row numbers."""
        old, new = self.old, self.new
        spans: list[Span] = []
        within = (0, len(before), 0, len(after))
        lengths = [*(length for _, _, length in runs), 0]
        for (b, b_stop, a, a_stop), length in zip(gaps(runs, within), lengths, strict=True):
            start = (old.count, new.count)
            for side, chunk_runs, places in ((old, before, range(b, b_stop)), (new, after, range(a, a_stop))):
                for place in places:
                    side.add(side.format.bodies(chunk_runs[place].load(), place == 0))
            spans.append((start[0], old.count, start[1], new.count))
            rows = _count_equal(
                before[b_stop : b_stop + length], after[a_stop : a_stop + length], new.format, a_stop
            )
            old.count += rows
            new.count += rows
        return spans


def _count_equal(before: Sequence[ChunkRun], after: Sequence[ChunkRun], format: RowFormat, place: int) -> int:
    """The rows of equal chunk runs, of which the first is the file's ``place``-th."""
    if isinstance(after, ChunkRuns):
        return after.row_count
    known = [chunk_run.rows for chunk_run in after]
    if None not in known:
        return sum(filter(None, known))
    pairs = enumerate(zip(before, after, strict=True), place)
    return sum(_count(one, other, format, at == 0) for at, (one, other) in pairs)


def _count(before: ChunkRun, after: ChunkRun, format: RowFormat, first: bool) -> int:
    if after.rows is not None:
        return after.rows
    return before.rows if before.rows is not None else format.count(after.load(), first)


def _tokens(
    rows: Mapping[int, Row], side: RowSide, paired: Mapping[int, int]
) -> dict[int, tuple[str, object]]:
    """What rows have in common that differ in their bytes only."""
    tokens: dict[int, tuple[str, object]] = {
        n: ("row", json.dumps(row, sort_keys=True)) for n, row in rows.items()
    }
    tokens.update((n, ("bytes", side.bodies[n])) for n in side.malformed if n not in paired)
    return tokens
