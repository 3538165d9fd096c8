"""Write: the merged file on top of one side, whose chunk runs stay where they can."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from promptvc.content.formats.base import BOM, RowFormat, Segment
from promptvc.content.table.numbered import first_rows
from promptvc.content.table.splice import OpenFile, splice
from promptvc.content.tablediff.pairs import TableSide
from promptvc.content.tablemerge.encode import encode
from promptvc.content.tablemerge.layout import Layout
from promptvc.content.tablemerge.outcome import Content
from promptvc.content.tablemerge.place import Placement
from promptvc.content.tablemerge.renames import Names
from promptvc.content.tablemerge.versions import Files
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import Joined, Pieces

Encode = Callable[[Content], bytes]


def write(files: Files, names: Sequence[Names], placement: Placement, layout: Layout) -> Pieces:
    """The pieces of the merged file; ``names`` are how the fields of each version are renamed."""
    own = files[placement.side]
    formats = [file.format for file in files]
    rewrite = layout.side is None or (layout.side != placement.side and own.format.by_line)
    target: RowFormat = layout.format if rewrite else own.format

    def encoded(content: Content) -> bytes:
        return encode(content, target, formats, names)

    if rewrite:
        head = layout.head if layout.side is None else _head(files[layout.side])
        return _framed((head + b"".join(_rewritten(own, placement, layout, encoded)),), layout)
    return _framed(_spliced(own, placement, encoded), layout)


def _spliced(own: TableSide, placement: Placement, encoded: Encode) -> Pieces:
    """Chunk runs of the side that stay, and what changes between them."""
    changes = {n: None if content is None else encoded(content) for n, content in placement.changes.items()}
    inserted = {at: [encoded(content) for _, content in rows] for at, rows in placement.inserted.items()}
    file = OpenFile(own.chunk_runs, own.format)
    if not own.chunk_runs:
        return splice(file, {}, inserted.get(-1, []))
    starts = first_rows(own.format, own.chunk_runs)
    return splice(file, _by_chunk_run(changes, starts), [], _by_chunk_run_behind(inserted, starts))


def _rewritten(own: TableSide, placement: Placement, layout: Layout, encoded: Encode) -> Iterator[bytes]:
    """The lines of the side in another layout; what stands between rows comes along."""
    end: bytes = layout.format.line_end
    for _, content in placement.inserted.get(-1, []):
        yield encoded(content) + end
    number = -1
    for at, chunk_run in enumerate(own.chunk_runs):
        for segment in own.format.segments(chunk_run.load(), at == 0):
            if segment.body is None:
                if at or number >= 0:
                    yield _blank(segment, end)
                continue
            number += 1
            stays = placement.changes.get(number, Content(placement.side, segment.body))
            rows = [stays, *(content for _, content in placement.inserted.get(number, []))]
            yield from (encoded(content) + end for content in rows if content is not None)


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


def _framed(pieces: Pieces, layout: Layout) -> Pieces:
    """The pieces with, or without, a byte-order mark at their beginning and a line end at their end."""
    for at, change in ((0, _marked), (len(pieces) - 1, _ended)):
        if not pieces:
            return pieces
        piece = pieces[at]
        data = piece.load() if isinstance(piece, ChunkRun) else piece
        changed = change(data, layout)
        if changed != data:
            pieces = Joined([pieces[:at], [changed], pieces[at + 1 :]])
    return pieces


def _marked(data: bytes, layout: Layout) -> bytes:
    bare = data.removeprefix(BOM)
    return BOM + bare if layout.marked and bare else bare


def _ended(data: bytes, layout: Layout) -> bytes:
    if not data or (data[-1:] in (b"\n", b"\r")) == layout.ended:
        return data
    return data + layout.format.line_end if layout.ended else data.rstrip(b"\r\n")
