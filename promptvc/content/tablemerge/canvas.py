"""The merged file, written on top of one side: its chunk runs stay where they can, rows come, change and go."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from promptvc.content.formats.base import BOM, RowFormat, Segment
from promptvc.content.table.splice import OpenFile, splice
from promptvc.content.tablediff.pairs import Pairs, TableSide
from promptvc.content.tablemerge.inserts import Inserts
from promptvc.content.tablemerge.layout import Layout, encode
from promptvc.content.tablemerge.outcome import BASE, OURS, THEIRS, Content, Outcomes, Place, Placed, numbered
from promptvc.content.values.conflict import Conflict
from promptvc.versioning.ropes.chunkrun import ChunkRun


class Canvas:
    """One side of a merge, and what changes on it.

    ``changes`` has new contents by row number on this side, None for a row that goes; ``inserted`` what comes behind
    a row, -1 being the beginning.
    """

    def __init__(
        self,
        side: int,
        files: Mapping[int, TableSide],
        pairs: Mapping[int, Pairs],
        outcomes: Outcomes,
        inserts: Inserts,
    ) -> None:
        self.side, self._files, self._outcomes, self._inserts = side, files, outcomes, inserts
        self._other = THEIRS if side == OURS else OURS
        self._pairs = pairs
        self.changes: dict[int, Content | None] = {}
        self.inserted: dict[int, list[tuple[Place, Content]]] = {}
        self._put_rows()
        self._put_inserts()
        self._gone = sorted(number for number, content in self.changes.items() if content is None)
        self._places = sorted(self.inserted)
        self._steps = {
            place: (at, step) for at, rows in self.inserted.items() for step, (place, _) in enumerate(rows)
        }
        self._before = [0, *accumulate(len(self.inserted[place]) for place in self._places)]

    # --- what changes -------------------------------------------------------------------------------------

    def _put_rows(self) -> None:
        own, other = self._pairs[self.side], self._pairs[self._other]
        again: list[tuple[int, int, Content]] = []
        for base, content in self._outcomes.rows.items():
            number = own.after(base)
            if number is not None:
                if content is None or content.side != self.side or content.row is not None:
                    self.changes[number] = content
            elif content is not None:
                there = other.after(base)
                assert there is not None
                again.append((there, base, content))
        for ours, content in self._inserts.merged.items():
            number = ours if self.side == OURS else self._inserts.partners[ours]
            if content.side != self.side or content.row is not None:
                self.changes[number] = content
        if self._outcomes.names[self.side]:  # rows of this side alone, too, have fields under other names now
            self.changes.update(
                (n, self._inserts.content(self.side, n)) for n in self._inserts.alone(self.side)
            )
        self._again = again

    def _put_inserts(self) -> None:
        """Rows of the other side: new ones, and those that are gone here and stay all the same."""
        rows = [
            (number, (self._other, number), self._inserts.content(self._other, number))
            for number in self._inserts.alone(self._other)
        ]
        rows += [(number, (BASE, base), content) for number, base, content in self._again]
        for number, place, content in sorted(rows, key=lambda row: row[0]):
            at = self._inserts.position(self._other, number)
            self.inserted.setdefault(at, []).append((place, content))

    # --- numbers ------------------------------------------------------------------------------------------

    def numbered(self, found: Sequence[Placed]) -> Iterator[Conflict]:
        """The conflicts with the numbers of their rows in the merged file, in their order."""
        made = [numbered(each.conflict, self.number(each.place)) for each in found]
        return iter(sorted(made, key=lambda conflict: conflict.row or 0))

    def number(self, place: Place) -> int:
        """The number of a row in the merged file; of one that is not in it, the one that it would have there."""
        if place in self._steps:
            at, step = self._steps[place]
            return self._shifted(at + 1) + step
        own = self._own(place)
        if own is not None:
            return self._shifted(own) + self._inserts_at(own - 1)
        side, number = place
        before = ((side, n) for n in range(number - 1, -1, -1))
        return next((self.number(near) + 1 for near in before if self._is_there(near)), 0)

    def _is_there(self, place: Place) -> bool:
        own = self._own(place)
        return place in self._steps or (own is not None and self.changes.get(own, True) is not None)

    def _own(self, place: Place) -> int | None:
        side, number = place
        if side == BASE:
            return self._pairs[self.side].after(number)
        if side == self.side:
            return number
        return self._inserts.partners.get(number) if side == OURS else None

    def _shifted(self, number: int) -> int:
        """Where a row of this side is, counting what was put in in front of the row before it."""
        return number - bisect_left(self._gone, number) + self._before[bisect_left(self._places, number - 1)]

    def _inserts_at(self, place: int) -> int:
        return len(self.inserted.get(place, ()))

    # --- writing ------------------------------------------------------------------------------------------

    def write(self, layout: Layout) -> tuple[ChunkRun | bytes, ...]:
        """The pieces of the merged file."""
        own = self._files[self.side]
        if layout.side is None or (layout.side != self.side and own.format.by_line):
            return _framed((self._rewritten(layout),), layout)
        changes = {number: self._encoded(content, own.format) for number, content in self.changes.items()}
        inserted = {
            at: [self._encoded(content, own.format) or b"" for _, content in rows]
            for at, rows in self.inserted.items()
        }
        file = OpenFile(own.chunk_runs, own.format)
        if not own.chunk_runs:
            return _framed(splice(file, {}, inserted.get(-1, [])), layout)
        starts = _starts(file)
        pieces = splice(file, _by_chunk_run(changes, starts), [], _by_chunk_run_behind(inserted, starts))
        return _framed(pieces, layout)

    def _encoded(self, content: Content | None, target: RowFormat) -> bytes | None:
        formats = {side: file.format for side, file in self._files.items()}
        return None if content is None else encode(content, target, formats, self._outcomes)

    def _rewritten(self, layout: Layout) -> bytes:
        """The whole file in another layout; what stands between rows comes along."""
        own = self._files[self.side]
        end: bytes = layout.format.line_end
        lines = [layout.head if layout.side is None else _head(self._files[layout.side])]
        lines += [
            (self._encoded(content, layout.format) or b"") + end for _, content in self.inserted.get(-1, [])
        ]
        number = -1
        for at, chunk_run in enumerate(own.chunk_runs):
            for segment in own.format.segments(chunk_run.load(), at == 0):
                if segment.body is None:
                    lines += [] if at == 0 and number < 0 else [_blank(segment, end)]
                    continue
                number += 1
                content = self.changes.get(number, Content(self.side, segment.body))
                lines += [] if content is None else [(self._encoded(content, layout.format) or b"") + end]
                lines += [
                    (self._encoded(c, layout.format) or b"") + end for _, c in self.inserted.get(number, [])
                ]
        return b"".join(lines)


def _blank(segment: Segment, end: bytes) -> bytes:
    return segment.lead.rstrip(b"\r\n") + end


def _head(file: TableSide) -> bytes:
    """What opens a file in front of its first row."""
    if not file.chunk_runs:
        return b""
    segments = file.format.segments(file.chunk_runs[0].load(), True)
    opening = []
    for segment in segments:
        if segment.body is not None:
            break
        opening.append(segment.lead)
    mark = segments[len(opening)].lead if len(opening) < len(segments) else b""
    return b"".join(opening) + mark


def _starts(file: OpenFile) -> list[int]:
    """The number of the first row of each chunk run, and how many rows there are."""
    counts = (
        chunk_run.rows if chunk_run.rows is not None else file.format.count(file.data(at), at == 0)
        for at, chunk_run in enumerate(file.chunk_runs)
    )
    return [0, *accumulate(counts)]


def _by_chunk_run(
    changes: Mapping[int, bytes | None], starts: Sequence[int]
) -> dict[int, dict[int, bytes | None]]:
    made: dict[int, dict[int, bytes | None]] = {}
    for number, body in changes.items():
        at = bisect_right(starts, number) - 1
        made.setdefault(at, {})[number - starts[at]] = body
    return made


def _by_chunk_run_behind(
    inserted: Mapping[int, list[bytes]], starts: Sequence[int]
) -> dict[int, dict[int, list[bytes]]]:
    made: dict[int, dict[int, list[bytes]]] = {}
    for number, bodies in inserted.items():
        at = max(0, bisect_right(starts, number) - 1)
        made.setdefault(at, {})[number - starts[at]] = bodies
    return made


def _framed(pieces: Sequence[ChunkRun | bytes], layout: Layout) -> tuple[ChunkRun | bytes, ...]:
    """The pieces with, or without, a byte-order mark at their beginning and a line end at their end."""
    made = list(pieces)
    for at, change in ((0, _marked), (-1, _ended)):
        if made:
            piece = made[at]
            data = piece.load() if isinstance(piece, ChunkRun) else piece
            changed = change(data, layout)
            made[at] = piece if changed == data else changed
    return tuple(made)


def _marked(data: bytes, layout: Layout) -> bytes:
    bare = data.removeprefix(BOM)
    return BOM + bare if layout.marked and bare else bare


def _ended(data: bytes, layout: Layout) -> bytes:
    if not data or (data[-1:] in (b"\n", b"\r")) == layout.ended:
        return data
    return data + layout.format.line_end if layout.ended else data.rstrip(b"\r\n")
