"""A row file as an Arrow table, kept in a cache from one version to the next.

kinds.py   which type a column gets        reader.py  chunk runs -> pieces of a table
json.py    JSON -> Arrow, the quick way    rows.py    rows -> Arrow, the way that takes anything
cache.py   tables on disk                  draft.py   one of these while it is written
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

import xxhash

from promptvc.content.arrow.cache import ArrowCache as ArrowCache
from promptvc.content.arrow.draft import Draft, Origin
from promptvc.content.arrow.kinds import join_columns
from promptvc.content.arrow.reader import Part, Piece, Reader
from promptvc.content.formats.base import RowFormat
from promptvc.versioning.ropes.chunkrun import ChunkRun

if TYPE_CHECKING:
    import pyarrow as pa

READING_VERSION = 1
"""Raised when the same rows give another table, so that tables cached by earlier releases are not used."""

_SMALL_BYTES = 1 << 20
_SETTLED_BYTES = 16 << 20

_LESSONS = 64
"""How many chunk runs may be read only to make sure of a column's type, before all are read anew."""

_SAVE_ABOVE = 1 / 8
"""A version that shares more than the rest of its chunk runs with a cached one is not cached itself."""


def read_arrow(
    path: str,
    chunk_runs: Sequence[ChunkRun],
    format: RowFormat,
    columns: Sequence[str] | None = None,
    cache: ArrowCache | None = None,
) -> pa.Table:
    """All rows of a file, or only these columns, as a `pyarrow.Table`; never fails for what a row holds.

    The types follow from the rows alone; docs/python-api.md says how. A column that no row has is null. With a
    cache the whole table is read and kept, without one only the columns.
    """
    parts = [Part(place, chunk_run) for place, chunk_run in enumerate(chunk_runs)]
    if cache is None:
        table, _ = _read_all(parts, Reader(format, columns, chunk_runs))
    else:
        table = _read_cached(path, parts, format, cache, chunk_runs)
    return table if columns is None else _select(table, columns)


def _read_cached(
    path: str, parts: Sequence[Part], format: RowFormat, cache: ArrowCache, chunk_runs: Sequence[ChunkRun]
) -> pa.Table:
    ids = [part.chunk_run.id for part in parts]
    reading = repr((path, format.reading, READING_VERSION))
    family = xxhash.xxh3_64_hexdigest(reading.encode("utf-8", "surrogatepass"))
    version = xxhash.xxh3_128_hexdigest(b"".join(b"%d:%s" % (len(id), id) for id in ids))
    if (known := cache.load(family, version)) is not None:
        return known[0]
    near = cache.nearest(family, ids)
    if (
        near is not None
        and (reused := _read_near(parts, Reader(format, None, chunk_runs), *near)) is not None
    ):
        table, origin, fresh = reused
        if fresh <= len(parts) * _SAVE_ABOVE:
            return table
    else:
        with cache.draft() as draft:
            table, origin = _read_all(parts, Reader(format, None, chunk_runs), draft)
            cache.keep(family, version, draft, origin)
        return table
    cache.save(family, version, table, origin)
    return table


def _read_all(parts: Sequence[Part], reader: Reader, draft: Draft | None = None) -> tuple[pa.Table, Origin]:
    """All rows; a draft gets them while the next are parsed, and once more where a late row changes the types."""
    import pyarrow as pa

    read: list[Piece] = []
    tables: list[pa.Table] = []
    for table in _merge_small(_settled(reader.read(parts), reader, read)):
        tables.append(table)
        if draft is not None:
            draft.write(table)
    schema = reader.schema()
    if len(schema) and tables and tables[0].schema.equals(schema, check_metadata=True):
        return pa.concat_tables(tables), _origin(read, reader)
    table, origin = _assemble(read, reader)
    if draft is not None:
        draft.restart()
        draft.write(table)
    return table, origin


def _settled(pieces: Iterable[Piece], reader: Reader, read: list[Piece]) -> Iterator[pa.Table]:
    """The pieces in the types that hold all of them, no more of them once a row changes those types.

    The first rows mostly show all types: the pieces of so many wait for them. All pieces are added to ``read``.
    """
    schema: pa.Schema | None = None
    size = 0
    for piece in pieces:
        read.append(piece)
        size += piece.table.nbytes
        if schema is not None:
            if reader.schema().equals(schema, check_metadata=True):
                yield reader.conform(piece, schema)
        elif size >= _SETTLED_BYTES:
            schema = reader.schema()
            yield from _conform(read, reader, schema)
    if schema is None:
        yield from _conform(read, reader, reader.schema())


def _conform(pieces: Sequence[Piece], reader: Reader, schema: pa.Schema) -> Iterator[pa.Table]:
    return (reader.conform(piece, schema) for piece in pieces)


def _assemble(pieces: Sequence[Piece], reader: Reader) -> tuple[pa.Table, Origin]:
    """Put pieces together, in the types that hold them all."""
    import pyarrow as pa

    schema = reader.schema()
    origin = _origin(pieces, reader)
    if not len(schema):  # only a batch can have rows without any column
        rows = pa.array([{}] * sum(origin.counts), pa.struct([]))
        return pa.Table.from_batches([pa.RecordBatch.from_struct_array(rows)]), origin
    tables = list(_merge_small(_conform(pieces, reader, schema)))
    return pa.concat_tables(tables) if tables else schema.empty_table(), origin


def _origin(pieces: Sequence[Piece], reader: Reader) -> Origin:
    counts = [count for piece in pieces for count in piece.counts]
    ids = [part.chunk_run.id for piece in pieces for part in piece.parts]
    return Origin(ids, counts, reader.witnesses, reader.kinds)


def _merge_small(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Neighbours that are small as one: a chunk costs every later step about as much as a thousand rows."""
    import pyarrow as pa

    for small, run in groupby(tables, key=lambda table: table.nbytes < _SMALL_BYTES):
        if not small:
            yield from run
            continue
        some: list[pa.Table] = []
        size = 0
        for table in run:
            some.append(table)
            size += table.nbytes
            if size >= _SMALL_BYTES:
                yield pa.concat_tables(some).combine_chunks()
                some, size = [], 0
        if some:
            yield pa.concat_tables(some).combine_chunks()


def _select(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    for name in columns:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table.select(list(columns))


# --- a version near a cached one ------------------------------------------------------------------------


def _read_near(
    parts: Sequence[Part], reader: Reader, table: pa.Table, origin: Origin
) -> tuple[pa.Table, Origin, int] | None:
    """The table made of what a near one has and of the chunk runs it has not, with how many those are.

    The kinds must come out as if all were read. A kept chunk run teaches nothing that the witnesses before it did not
    teach; where such a witness is gone, kept chunk runs are read until all that the near table knew is known again.
    None where that takes too long.
    """
    kept = _match(parts, origin.ids)
    witnesses = set(origin.witnesses)
    gone = min(witnesses.difference(place for place in kept if place is not None), default=len(origin.ids))
    ends = list(accumulate(origin.counts, initial=0))
    pieces: list[Piece] = []
    new: list[Part] = []  # read together, as far as the order of what they teach allows
    lessons = 0
    for place, run in _runs(parts, kept):
        if place is None:
            new += run
            continue
        for at, part in enumerate(run, place):
            if at not in witnesses and at < gone:
                continue
            pieces += _read_each(reader, new)
            new = []
            if at > gone and join_columns(reader.kinds, origin.kinds) == reader.kinds:
                gone = len(origin.ids)
            if at in witnesses or at > gone:
                reader.learn(part)
                lessons += 1
            if lessons > _LESSONS:
                return None
        stop = place + len(run)
        rows = table.slice(ends[place], ends[stop] - ends[place])
        pieces.append(Piece(run, origin.counts[place:stop], rows))
    pieces += _read_each(reader, new)
    pieces.sort(key=lambda piece: piece.parts[0].place)
    return *_assemble(pieces, reader), sum(place is None for place in kept)


def _read_each(reader: Reader, parts: Sequence[Part]) -> Iterator[Piece]:
    """The rows of these parts, a piece for each."""
    for piece in reader.read(parts):
        starts = accumulate(piece.counts, initial=0)
        for part, count, start in zip(piece.parts, piece.counts, starts, strict=False):
            yield Piece([part], [count], piece.table.slice(start, count))


def _match(parts: Sequence[Part], ids: Sequence[bytes]) -> list[int | None]:
    """For each part the place of the same chunk run among ``ids``, rising; None where there is none."""
    places: dict[tuple[bytes, bool], list[int]] = {}
    for place, id in enumerate(ids):
        places.setdefault((id, place == 0), []).append(place)
    last = -1
    kept: list[int | None] = []
    for part in parts:
        same = places.get((part.chunk_run.id, part.place == 0), [])
        at = bisect_right(same, last)
        kept.append(same[at] if at < len(same) else None)
        last = last if kept[-1] is None else kept[-1]
    return kept


def _runs(parts: Sequence[Part], kept: Sequence[int | None]) -> Iterator[tuple[int | None, list[Part]]]:
    """Neighbours that are new, or neighbours in both versions, with the place of the first in the other one."""
    start = 0
    for at in range(1, len(parts) + 1):
        here, before = kept[at] if at < len(parts) else None, kept[at - 1]
        joined = here is None and before is None if here is None or before is None else here == before + 1
        if at == len(parts) or not joined:
            yield kept[start], list(parts[start:at])
            start = at
