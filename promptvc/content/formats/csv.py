"""CSV and TSV: a header, then a record a row; quoted cells may hold line ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from promptvc.content.formats.base import BOM, HEAD_SIZE, Json, Malformed, Row, Segment
from promptvc.content.formats.csvcells import QUOTED, is_open, read_cell, split_cells
from promptvc.content.formats.layout import LineLayout

_DELIMITERS = b",;\t|"
_LINE_ENDS = b"\r\n"
_QUOTED = re.compile(QUOTED)
_BLANK_LINE = re.compile(rb"[\r\n][\r\n]")
_QUOTED_SAMPLE = 20


class Csv(LineLayout):
    """Records end with LF (CRs before it belong to the line end), or with CR where the head has CRs and no LF.

    The header is the first record that is not blank. The delimiter of ``.csv`` is the one of ``, ; tab |`` that
    the header has most often outside quotes. Cells are text: rows have str values. Cells beyond the header get
    names by their number: ``#5`` is the fifth. A short record lacks its last fields.
    """

    def __init__(self, head: bytes, tabs: bool = False) -> None:
        self.name = "tsv" if tabs else "csv"
        self._head = head
        self._ending = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
        self._blank = re.compile(rb"\r*+" if self._ending == b"\r" else rb"(?:\r*+\n)*+")
        start = self._header_start(head)
        self.delimiter = b"\t" if tabs else _sniff_delimiter(head, start, self._ending)
        d, e = re.escape(self.delimiter), re.escape(self._ending)
        cell = rb"(?:" + QUOTED + rb'|(?!"))[^' + d + e + rb"]*+"
        self._record = re.compile(cell + rb"(?:" + d + cell + rb")*+" + e)

    # --- where rows are -----------------------------------------------------------------------------------

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        """See `RowFormat`: after each record, the header included; blank lines in front of the header end none."""
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
        """See `RowFormat`: the header, with what is in front of it, is a segment without a row."""
        at = self._header_end(data) if first else 0
        segments = [Segment(data[:at], None, b"")] if at else []
        for record in self._records(data, at):
            body = record.rstrip(_LINE_ENDS)
            segments.append(Segment(b"", body, record[len(body) :]) if body else Segment(record, None, b""))
        return segments

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """See `RowFormat`."""
        at = self._header_end(data) if first else 0
        records = data[at:].split(self._ending) if data.find(b'"', at) < 0 else self._records(data, at)
        return [body for record in records if (body := record.rstrip(_LINE_ENDS))]

    def count(self, data: bytes, first: bool) -> int:
        """See `RowFormat`."""
        if first or not data or data[0] in _LINE_ENDS or b'"' in data or b"\r" in data or b"\n\n" in data:
            return len(self.bodies(data, first))
        return data.count(b"\n") + (not data.endswith(b"\n"))

    def ends_open(self, data: bytes, first: bool) -> bool:
        """Whether the last record of a file, whose last chunk run is data, opens a quote that never closes.

        What came behind it would be a part of it.
        """
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
        return _unique([read_cell(cell) for cell in cells])

    @property
    def header_cells(self) -> dict[str, bytes]:
        """Each column's name in the header as it is written, quotes and all."""
        return dict(zip(self.columns, split_cells(self._header, self.delimiter), strict=False))

    @property
    def reading(self) -> tuple[object, ...]:
        """See `RowFormat`."""
        return ("csv", self.delimiter, self._ending, *self.columns)

    @property
    def cutting(self) -> tuple[object, ...]:
        """See `RowFormat`."""
        return ("csv", self.delimiter, self._ending)

    @property
    def row_per_end(self) -> bool:
        """See `RowFormat`."""
        return True

    def parse(self, body: bytes) -> Row | Malformed:
        """See `RowFormat`."""
        cells = split_cells(body, self.delimiter)
        if is_open(cells[-1]):
            return _open_quote(body, len(body) - len(cells[-1]))
        columns = self.columns if len(cells) <= len(self.columns) else self.names(len(cells))
        return dict(zip(columns, map(read_cell, cells), strict=False))

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """See `RowFormat`. Values that are not text are written as JSON, None as an empty cell."""
        from promptvc.content.formats.csvstyle import encode_record  # only writers need it

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


def _sniff_delimiter(head: bytes, start: int, ending: bytes) -> bytes:
    """The candidate that is most often in the header outside quotes; of equals, the first; the comma if none is."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    at = start
    while at < len(head):
        quoted = _QUOTED.match(head, at)
        if head[at] == 0x22 and quoted is None:
            break
        stop = re.compile(rb"[^,;\t|" + ending + rb"]*+").match(head, at if quoted is None else quoted.end())
        at = len(head) if stop is None else stop.end()
        if head[at : at + 1] in (ending, b""):
            break
        counts[head[at]] += 1
        at += 1
    return bytes([max(counts, key=lambda candidate: counts[candidate])])


def _unique(names: list[str]) -> list[str]:
    """``a b a -> a b a#2``."""
    taken: set[str] = set(names)
    seen: set[str] = set()
    unique = []
    for name in names:
        number = 2
        fresh = name
        while fresh in seen or (fresh != name and fresh in taken):
            fresh = f"{name}#{number}"
            number += 1
        seen.add(fresh)
        unique.append(fresh)
    return unique


def _open_quote(body: bytes, offset: int) -> Malformed:
    before = body[:offset].decode("utf-8", "replace")
    return Malformed(
        "a quote opens here and never closes", before.count("\n") + 1, len(before) - before.rfind("\n")
    )
