"""Chunk runs of a row file -> pieces of an Arrow table, their columns' kinds learnt on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.arrow.json import ONE_BLOCK_BYTES, can_parse, json_lines, parse_lines
from promptvc.content.arrow.kinds import (
    NULL,
    STRING,
    ColumnKind,
    arrow_schema,
    infer_columns,
    is_text,
    join_columns,
)
from promptvc.content.arrow.rows import make_array, make_table, pick
from promptvc.content.formats.base import Row, RowFormat
from promptvc.content.formats.dicts import MALFORMED_FIELD, read_rows
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pyarrow as pa

_GROUP_BYTES = 4 << 20
_UNKNOWN_BYTES = 32 << 10
"""What a chunk run counts for whose length is not known."""
_WORKERS = 2
_AHEAD = _WORKERS + 1
_LONGEST_PAUSE = 1024


class Part(Struct, frozen=True):
    """A chunk run at its place in the file."""

    place: int
    chunk_run: ChunkRun

    @property
    def first(self) -> bool:
        """Whether the file begins here."""
        return self.place == 0


class Piece(Struct, frozen=True):
    """The rows of some parts as a table, whose types are those that were known when it was read."""

    parts: Sequence[Part]
    counts: Sequence[int]
    table: pa.Table


class _Group(Struct, frozen=True):
    """Some parts, loaded: ``data`` is all of their bytes, of which each part has ``sizes``, and ``counts`` rows."""

    parts: Sequence[Part]
    data: bytes
    sizes: Sequence[int]
    counts: Sequence[int]

    @property
    def chunks(self) -> list[bytes]:
        """The bytes of each part."""
        ends = [0, *accumulate(self.sizes)]
        return [self.data[start:end] for start, end in pairwise(ends)]

    def halves(self) -> tuple[_Group, _Group]:
        """The first parts and the others."""
        at = len(self.parts) // 2
        middle = sum(self.sizes[:at])
        return (
            _Group(self.parts[:at], self.data[:middle], self.sizes[:at], self.counts[:at]),
            _Group(self.parts[at:], self.data[middle:], self.sizes[at:], self.counts[at:]),
        )


class Reader:
    """Reads chunk runs in the order of the file; ``columns`` limits what is read, None is everything.

    ``chunk_runs`` are all of the file, for those who can load many at once.
    Several chunk runs go to pyarrow's parser at once. Where it cannot take them, they are halved, down to the one
    chunk run that Python must read; what is learnt there often lets the others pass.
    """

    def __init__(
        self,
        format: RowFormat,
        columns: Sequence[str] | None = None,
        chunk_runs: Sequence[ChunkRun] | None = None,
    ) -> None:
        self.format, self._runs = format, chunk_runs
        self.columns = columns
        self.kinds: dict[str, ColumnKind] = {}
        self.witnesses: list[int] = []
        """Places of the parts that taught a kind: those of all other parts are held by theirs."""
        self._can_parse = False
        self._learn({name: STRING for name in format.columns or [] if columns is None or name in columns})
        # Where the quick way keeps failing, it is tried less and less.
        self._skip = 0
        self._pause = 1

    def read(self, parts: Iterable[Part]) -> Iterator[Piece]:
        """The rows of these parts, in order: some groups are loaded and parsed while one is waited for.

        A group is parsed by what was known when its turn came. Where that is less than is known by now, and it did not
        fit, it is parsed again.
        """
        from concurrent.futures import ThreadPoolExecutor  # imports logging; most tables are never read here

        with ThreadPoolExecutor(_WORKERS) as workers:
            waiting: deque[tuple[Future[tuple[_Group, pa.Table | None]], Mapping[str, ColumnKind]]] = deque()
            for group in _groups(parts):
                if not self.kinds and not waiting:
                    yield from self._finish(self._load(group), None, {})
                    continue
                waiting.append((workers.submit(self._take, group, self._known), self.kinds))
                if len(waiting) > _AHEAD:
                    done, kinds = waiting.popleft()
                    yield from self._finish(*done.result(), kinds)
            while waiting:
                done, kinds = waiting.popleft()
                yield from self._finish(*done.result(), kinds)

    def learn(self, part: Part) -> None:
        """Take the kinds of a part's rows into account without keeping the rows."""
        self._learn_rows(part, self._rows(part, part.chunk_run.load()))

    def schema(self) -> pa.Schema:
        """The types that hold all rows so far."""
        return arrow_schema(self._known, last=[MALFORMED_FIELD])

    def conform(self, piece: Piece, schema: pa.Schema) -> pa.Table:
        """The piece in a schema that holds its rows."""
        import pyarrow as pa

        columns = [_conform(piece, field) for field in schema]
        if any(column is None for column in columns):
            rows = [row for part in piece.parts for row in self._rows(part, part.chunk_run.load())]
            columns = [
                make_array(rows, field) if column is None else column
                for column, field in zip(columns, schema, strict=True)
            ]
        return pa.Table.from_arrays(columns, schema=schema)

    @property
    def _known(self) -> Mapping[str, ColumnKind]:
        if self.columns is None:
            return self.kinds
        return {name: self.kinds.get(name, NULL) for name in self.columns}

    def _take(self, parts: Sequence[Part], kinds: Mapping[str, ColumnKind]) -> tuple[_Group, pa.Table | None]:
        """Load and parse a group, in any thread."""
        group = self._load(parts)
        return group, self._parse(group, kinds)

    def _load(self, parts: Sequence[Part]) -> _Group:
        runs, first, last = self._runs, parts[0].place, parts[-1].place
        if isinstance(runs, ChunkRuns) and last - first + 1 == len(parts):  # these know lengths and rows
            sizes = [part.chunk_run.length or 0 for part in parts]
            counts = [part.chunk_run.rows or 0 for part in parts]
            return _Group(parts, runs.load_span(first, last + 1), sizes, counts)
        chunks = [part.chunk_run.load() for part in parts]
        counts = [
            self.format.count(data, part.first) if part.chunk_run.rows is None else part.chunk_run.rows
            for part, data in zip(parts, chunks, strict=True)
        ]
        return _Group(parts, b"".join(chunks), [*map(len, chunks)], counts)

    def _finish(
        self, group: _Group, table: pa.Table | None, kinds: Mapping[str, ColumnKind]
    ) -> Iterator[Piece]:
        """A group that was parsed by these kinds, or not."""
        if table is None and kinds is not self.kinds:
            table = self._parse(group, self._known)
        if table is None and len(group.parts) > 1 and self._may_parse:
            for half in group.halves():
                yield from self._finish(half, self._parse(half, self._known), self.kinds)
            return
        counts = group.counts
        if table is None:
            rows = [self._rows(part, data) for part, data in zip(group.parts, group.chunks, strict=True)]
            table, counts = self._build(group, rows), list(map(len, rows))
        else:
            self._pause = 1
        yield Piece(group.parts, counts, table)

    @property
    def _may_parse(self) -> bool:
        return self._can_parse and not self._skip

    def _parse(self, group: _Group, kinds: Mapping[str, ColumnKind]) -> pa.Table | None:
        if not kinds or not self._may_parse:
            return None
        count = sum(group.counts)
        lines = json_lines(self.format, group.data, count, lambda: self._each(group))
        if lines is None:
            return None
        longest = len(lines)
        if longest > ONE_BLOCK_BYTES:  # a large file in one chunk run
            bodies = (self.format.bodies(data, first) for data, first in self._each(group))
            longest = max((len(row) for some in bodies for row in some), default=0)
        return parse_lines(lines, count, longest, kinds, narrow=self.columns is not None)

    def _each(self, group: _Group) -> list[tuple[bytes, bool]]:
        firsts = (part.first for part in group.parts)
        return list(zip(group.chunks, firsts, strict=True))

    def _build(self, group: _Group, rows: Sequence[list[Row]]) -> pa.Table:
        """The rows as a table; where they taught something, the parser may take them now, which is faster."""
        every = list(chain.from_iterable(rows))
        before = self.kinds
        if join_columns(before, infer_columns(every)) != before:
            for part, some in zip(group.parts, rows, strict=True):
                self._learn_rows(part, some)
        if self._skip:
            self._skip = max(0, self._skip - len(group.parts))
        elif every and self.kinds == before:
            self._skip = self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        elif (table := self._parse(group, self._known)) is not None:
            return table
        return make_table(every, self.schema())

    def _rows(self, part: Part, data: bytes) -> list[Row]:
        return pick(read_rows(self.format, data, part.first), self.columns)

    def _learn_rows(self, part: Part, rows: Sequence[Row]) -> None:
        if self._learn(infer_columns(rows)):
            self.witnesses.append(part.place)

    def _learn(self, kinds: Mapping[str, ColumnKind]) -> bool:
        before, self.kinds = self.kinds, join_columns(self.kinds, kinds)
        self._can_parse = can_parse(self.format, self._known, self.columns is not None)
        return before != self.kinds


def _groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    group: list[Part] = []
    size = 0
    for part in parts:
        group.append(part)
        length = part.chunk_run.length
        size += _UNKNOWN_BYTES if length is None else length
        if size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _conform(piece: Piece, field: pa.Field) -> pa.ChunkedArray | pa.Array | None:
    """A column in the type of field, or None where it must be read again."""
    import pyarrow as pa

    at = piece.table.schema.get_field_index(field.name)
    if at < 0:
        return pa.nulls(sum(piece.counts), field.type)  # a table without columns does not know its rows
    known, column = piece.table.field(at), piece.table.column(at)
    if known.equals(field, check_metadata=True):
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), field.type)
    if is_text(field) or is_text(known):
        return None
    try:
        cast = column.cast(field.type)
        cast.validate()  # up to release 26, lists of nothing but null come out too short
    except pa.ArrowException:
        return None
    return cast
