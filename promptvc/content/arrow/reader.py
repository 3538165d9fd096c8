"""Chunk runs of a row file -> pieces of an Arrow table, their columns' kinds learnt on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.arrow.json import can_parse, json_lines, parse_lines
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
from promptvc.versioning.ropes.chunkrun import ChunkRun

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pyarrow as pa

_GROUP_BYTES = 4 << 20
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


class _Loaded(Struct, frozen=True):
    part: Part
    data: bytes
    count: int


class Reader:
    """Reads chunk runs in the order of the file; ``columns`` limits what is read, None is everything.

    Several chunk runs go to pyarrow's parser at once. Where it cannot take them, they are halved, down to the one
    chunk run that Python must read; what is learnt there often lets the others pass.
    """

    def __init__(self, format: RowFormat, columns: Sequence[str] | None = None) -> None:
        self.format = format
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
        """The rows of these parts: while some are parsed, the next are loaded."""
        from concurrent.futures import ThreadPoolExecutor  # imports logging; most tables are never read here

        with ThreadPoolExecutor(max_workers=1) as worker:
            waiting: tuple[list[_Loaded], Future[pa.Table | None]] | None = None
            for group in self._groups(parts):
                if waiting is not None:
                    yield from self._finish(waiting[0], waiting[1].result())
                waiting = group, worker.submit(self._parse, group)
            if waiting is not None:
                yield from self._finish(waiting[0], waiting[1].result())

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

    def _groups(self, parts: Iterable[Part]) -> Iterator[list[_Loaded]]:
        group: list[_Loaded] = []
        size = 0
        for part in parts:
            data = part.chunk_run.load()
            known = part.chunk_run.rows
            count = self.format.count(data, part.first) if known is None else known
            group.append(_Loaded(part, data, count))
            size += len(data)
            if size >= _GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _finish(self, group: Sequence[_Loaded], table: pa.Table | None) -> Iterator[Piece]:
        """A group that was parsed, or not."""
        if table is None and len(group) > 1 and self._may_parse:
            half = len(group) // 2
            for some in (group[:half], group[half:]):
                yield from self._finish(some, self._parse(some))
            return
        counts = [loaded.count for loaded in group]
        if table is None:
            rows = [self._rows(loaded.part, loaded.data) for loaded in group]
            table, counts = self._build([loaded.part for loaded in group], rows), list(map(len, rows))
        yield Piece([loaded.part for loaded in group], counts, table)

    @property
    def _may_parse(self) -> bool:
        return self._can_parse and not self._skip

    def _parse(self, group: Sequence[_Loaded]) -> pa.Table | None:
        count = sum(loaded.count for loaded in group)
        if not self._may_parse or not self.kinds:
            return None
        lines = json_lines(self.format, [(loaded.data, loaded.part.first) for loaded in group], count)
        if lines is None:
            return None
        longest = max(len(loaded.data) for loaded in group)
        if longest > _GROUP_BYTES:  # a large file in one chunk run
            longest = max(
                len(row) for item in group for row in self.format.bodies(item.data, item.part.first)
            )
        table = parse_lines(lines, count, longest, self._known, narrow=self.columns is not None)
        if table is not None:
            self._pause = 1
        return table

    def _build(self, parts: Sequence[Part], rows: Sequence[list[Row]]) -> pa.Table:
        every = list(chain.from_iterable(rows))
        before = self.kinds
        if join_columns(before, infer_columns(every)) != before:
            for part, some in zip(parts, rows, strict=True):
                self._learn_rows(part, some)
        if self._skip:
            self._skip = max(0, self._skip - len(parts))
        elif every and self.kinds == before:
            self._skip = self._pause = min(self._pause * 2, _LONGEST_PAUSE)
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
