"""CSV and TSV: a header, then a record a row; quoted cells may hold line ends."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cached_property

from promptvc.content.formats.base import (
    BOM,
    HEAD_SIZE,
    FileStyle,
    Json,
    Malformed,
    ReadsRows,
    Row,
    RowFormat,
    Segment,
)
from promptvc.content.formats.csvcells import QUOTED, is_open, read_cell, split_cells
from promptvc.content.formats.csvheader import sniff_delimiter, unique_names
from promptvc.content.formats.csvstyle import encode_record, fit_record, shorten, write_header
from promptvc.content.formats.joining import LineJoining
from promptvc.patterns import compiled

_LINE_ENDS = b"\r\n"
_BLANK_LINE = compiled(rb"[\r\n][\r\n]")
_QUOTED_SAMPLE = 20
_BEYOND = compiled(r"#+\d+")


class Csv(LineJoining):
    """Records end with LF (CRs before it belong to the line end), or with CR where the head has CRs and no LF.

    The header is the first record that is not blank. The delimiter of ``.csv`` is the one of ``, ; tab |`` that
    the header has most often outside quotes. Cells are text: rows have str values. Cells beyond the header get
    names by their number: ``#5`` is the fifth. A short record lacks its last fields.
    """

    is_json = False
    row_is_line = False
    row_per_end = True
    text_only = True

    def __init__(self, head: bytes, suffix: str = ".csv") -> None:
        self._head, self._suffix = head, suffix
        self._ending = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
        self._blank = re.compile(rb"\r*+" if self._ending == b"\r" else rb"(?:\r*+\n)*+")
        start = self._header_start(head)
        self.delimiter = b"\t" if suffix == ".tsv" else sniff_delimiter(head, start, self._ending)
        d, e = re.escape(self.delimiter), re.escape(self._ending)
        cell = rb"(?:" + QUOTED + rb'|(?!"))[^' + d + e + rb"]*+"
        self._record = re.compile(cell + rb"(?:" + d + cell + rb")*+" + e)

    @classmethod
    def blank(cls, suffix: str, columns: Sequence[str]) -> bytes:
        """See `RowFormatType`: a header, with quotes where a name looks like a delimiter or a byte-order mark."""
        if not columns:
            return b""
        delimiter = b"\t" if suffix == ".tsv" else b","
        header = write_header(columns, delimiter, ())
        reads_back = cls(header[:HEAD_SIZE], suffix).columns == list(columns)
        return header if reads_back else write_header(columns, delimiter, columns)

    # --- where rows are -----------------------------------------------------------------------------------

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        """See `CutsRows`: after each record, the header included; blank lines in front of the header end none."""
        return self._ends(data, start or self._header_start(data))

    def _ends(self, data: bytes, start: int) -> Iterator[int]:
        find, match, ending = data.find, self._record.match, self._ending
        quote = find(b'"', start)
        while (end := find(ending, start) + 1) != 0:
            if -1 < quote < end:
                record = match(data, start)
                if record is None:
                    return
                end = record.end()
                quote = find(b'"', end)
            yield end
            start = end

    def segments(self, data: bytes, first: bool) -> list[Segment]:
        """See `ReadsRows`: the header, with what is in front of it, is a segment without a row."""
        at = self._header_end(data) if first else 0
        segments = [Segment(data[:at], None, b"")] if at else []
        for record in self._records(data, at):
            body = record.rstrip(_LINE_ENDS)
            segments.append(Segment(b"", body, record[len(body) :]) if body else Segment(record, None, b""))
        return segments

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """See `ReadsRows`."""
        at = self._header_end(data) if first else 0
        records = data[at:].split(self._ending) if data.find(b'"', at) < 0 else self._records(data, at)
        return [body for record in records if (body := record.rstrip(_LINE_ENDS))]

    def count(self, data: bytes, first: bool) -> int:
        """See `CutsRows`."""
        if first or not data or data[0] in _LINE_ENDS or b'"' in data or b"\r" in data or b"\n\n" in data:
            return len(self.bodies(data, first))
        return data.count(b"\n") + (not data.endswith(b"\n"))

    def ends_open(self, data: bytes, first: bool) -> bool:
        """See `JoinsRows`: where the last record opens a quote that never closes."""
        at = self._header_end(data) if first else 0
        last = b""
        for record in self._records(data, at):
            last = record
        record = (last or (data[:at] if first else b"")).lstrip(BOM + _LINE_ENDS)
        return b'"' in record and is_open(split_cells(record, self.delimiter)[-1])

    def _records(self, data: bytes, at: int) -> Iterator[bytes]:
        for end in self._ends(data, at):
            yield data[at:end]
            at = end
        if at < len(data):
            yield data[at:]

    def _header_start(self, data: bytes) -> int:
        start = len(BOM) if data.startswith(BOM) else 0
        blank = self._blank.match(data, start)
        return start if blank is None else blank.end()

    def _header_end(self, data: bytes) -> int:
        return next(self.row_ends(data, 0), len(data))

    # --- what rows say ------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> list[str]:
        """The names in the header; of a header longer than the head, those that end within it."""
        header = self._header
        if not header:
            return []
        cells = split_cells(header, self.delimiter)
        if is_open(cells[-1]) or not self._header_is_whole:
            cells = cells[:-1]
        return unique_names([read_cell(cell) for cell in cells])

    @property
    def quoted_names(self) -> dict[str, bool]:
        """For each column, whether its name has quotes in the header."""
        cells = split_cells(self._header, self.delimiter)
        return {name: cell.startswith(b'"') for name, cell in zip(self.columns, cells, strict=False)}

    @property
    def reading(self) -> tuple[object, ...]:
        """See `ReadsRows`."""
        return ("csv", self.delimiter, self._ending, *self.columns)

    @property
    def cutting(self) -> tuple[object, ...]:
        """See `CutsRows`."""
        return ("csv", self.delimiter, self._ending)

    def parse(self, body: bytes) -> Row | Malformed:
        """See `ReadsRows`."""
        cells = split_cells(body, self.delimiter)
        if is_open(cells[-1]):
            return _open_quote(body, len(body) - len(cells[-1]))
        columns = self.columns if len(cells) <= len(self.columns) else self.names(len(cells))
        return dict(zip(columns, map(read_cell, cells), strict=False))

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """See `WritesRows`. Values that are not text are written as JSON, None as an empty cell."""
        old = [] if like is None else split_cells(like, self.delimiter)
        return encode_record(row, old, self.names(max(len(old), len(self.columns) + len(row))), self)

    def names(self, count: int) -> list[str]:
        """The names of the first ``count`` cells: the columns, then ``#n``."""
        names = list(self.columns)
        taken = set(names)
        for number in range(len(names) + 1, count + 1):
            name = f"#{number}"
            while name in taken:
                name = "#" + name
            names.append(name)
        return names

    def translate(
        self, row: Mapping[str, Json], body: bytes, source: ReadsRows, columns: Container[str]
    ) -> bytes:
        """See `WritesRows`."""
        like = body if self._shows_how(source) else None
        if source.columns is None:
            return self.encode(row, like)
        fitted = fit_record(row, source.columns, self, columns)
        encoded = self.encode(fitted, like)
        return shorten(encoded, fitted, self) if like is None else encoded

    def fitted(self, row: Row) -> Row:
        """See `WritesRows`: cells beyond the header, ``#5``, come behind its last one."""
        named = {name: cell for name, cell in row.items() if name in self.columns}
        beyond = [cell for name, cell in row.items() if name not in self.columns and _BEYOND.fullmatch(name)]
        return named | {f"#{number}": cell for number, cell in enumerate(beyond, len(self.columns) + 1)}

    def _shows_how(self, source: ReadsRows) -> bool:
        """Whether bodies of source show how a row is written here: their cells mean the same."""
        if not isinstance(source, Csv) or source.delimiter != self.delimiter:
            return False
        return self.columns[: len(source.columns)] == source.columns

    # --- how the file is written --------------------------------------------------------------------------

    @property
    def file_style(self) -> FileStyle:
        """See `JoinsRows`."""
        return FileStyle(self.line_end, self.delimiter, columns=tuple(self.columns))

    def restyled(self, style: FileStyle, other: RowFormat) -> tuple[RowFormat, bytes]:
        """See `JoinsRows`."""
        there = other.quoted_names if isinstance(other, Csv) else {}
        quoted = [name for name, is_quoted in (there | self.quoted_names).items() if is_quoted]
        header = write_header(style.columns, style.delimiter, quoted, style.line_end)
        return Csv(header[:HEAD_SIZE], self._suffix), header

    @cached_property
    def line_end(self) -> bytes:
        """What ends a new record: that of the header."""
        at = self._head.find(self._ending)
        return b"\r\n" if self._ending == b"\n" and at > 0 and self._head[at - 1] == 0x0D else self._ending

    @cached_property
    def quoted(self) -> list[bool]:
        """For each column, whether its cells are quoted even where they need not be: as in the first rows."""
        bodies = self.bodies(self._head, True)[:_QUOTED_SAMPLE] or [self._header]
        rows = [split_cells(body, self.delimiter) for body in bodies]
        return [
            all(row[at].startswith(b'"') for row in rows if at < len(row))
            and any(at < len(row) for row in rows)
            for at in range(len(self.columns))
        ]

    @cached_property
    def _header(self) -> bytes:
        return self._head[self._header_start(self._head) : self._header_end(self._head)].rstrip(_LINE_ENDS)

    @property
    def _header_is_whole(self) -> bool:
        return len(self._head) < HEAD_SIZE or self._header_end(self._head) < len(self._head)


def _open_quote(body: bytes, offset: int) -> Malformed:
    before = body[:offset].decode("utf-8", "replace")
    return Malformed(
        "a quote opens here and never closes", before.count("\n") + 1, len(before) - before.rfind("\n")
    )
