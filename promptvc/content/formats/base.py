"""The port that a row format implements, by role: where rows end, what they say, how they are written and joined."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from promptvc.content.json_type import Json as Json

Row = dict[str, Json]

BOM = b"\xef\xbb\xbf"

HEAD_SIZE = 65536
"""How many bytes at a file's beginning a format is bound to."""


class Malformed(Struct, frozen=True):
    """Why the bytes of a row cannot be read; ``line`` and ``column`` count from 1, in characters, within the row."""

    message: str
    line: int
    column: int


class Segment(Struct, frozen=True):
    """A piece of a file: ``lead + body + trail`` are its bytes; ``body`` is None where it holds no row.

    ``lead`` and ``trail`` are what surrounds a row (line end, comma, blank space, ``[``): two rows with equal
    bodies are the same row whatever surrounds them. Where ``body`` is None all bytes are in ``lead``.
    """

    lead: bytes
    body: bytes | None
    trail: bytes

    @property
    def data(self) -> bytes:
        """The segment's bytes."""
        return self.lead + (self.body or b"") + self.trail


class FileStyle(Struct, frozen=True):
    """How a file is written beside its rows, by component; one that a format does not have is empty."""

    line_end: bytes = b""
    delimiter: bytes = b""
    indent: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class CutsRows(Protocol):
    """Where rows end: part of the storage format.

    ``first`` says that data begins where the file begins, so that a header or an opening ``[`` is found there.
    """

    @property
    def cutting(self) -> tuple[object, ...]:
        """How files are cut: under formats of equal cutting, equal bytes from a row end on have equal row ends."""

    @property
    def row_per_end(self) -> bool:
        """Whether each row end, but for that of a header, ends one row if its bytes begin with a visible one."""

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        r"""Offsets in data, rising, at which a row ends, seen from ``start``, which is 0 or such an offset.

        An offset is given only when the bytes before it prove it; the end of data is not one by itself.
        ``b'{"a":1}\n{"a":2}\n{"a"'`` from 0 gives 8, 16. 0 is the beginning of the file. These offsets are
        part of the storage format: they must never change for bytes already stored.
        """

    def count(self, data: bytes, first: bool) -> int:
        """How many rows data holds: as many as `ReadsRows.bodies` gives, faster."""


class ReadsRows(Protocol):
    """What rows say. Data cut at any row ends gives, piece by piece, the segments and bodies of the whole."""

    @property
    def columns(self) -> list[str] | None:
        """The names in the header, made unique; None where a format has no header."""

    @property
    def reading(self) -> tuple[object, ...]:
        """How bodies are understood: under formats of equal reading, equal bodies are equal rows."""

    @property
    def is_json(self) -> bool:
        """Whether bodies are JSON text."""

    @property
    def row_is_line(self) -> bool:
        """Whether a row is one line, which ends at its first LF."""

    @property
    def text_only(self) -> bool:
        """Whether values are text: what is written comes back as text."""

    def segments(self, data: bytes, first: bool) -> Sequence[Segment]:
        """Cut whole rows into segments; joined, they are data.

        Whole rows are what stands between two row ends, or from one to the end of the file.
        """

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """The bodies of the segments that have one, in order: what a diff compares. The fast form of `segments`."""

    def parse(self, body: bytes) -> Row | Malformed:
        """One row's fields. Never raises."""


class WritesRows(Protocol):
    """Rows as bytes in the style of the file."""

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """A body for this row; unchanged fields keep the bytes they have in ``like``.

        ``like`` is a body of this format: its fields keep their order, new ones come last. Raises `Usage`,
        naming the field, for what the format cannot hold: a field outside a header, a value that is no JSON.
        """

    def translate(
        self, row: Mapping[str, Json], body: bytes, source: ReadsRows, columns: Container[str]
    ) -> bytes:
        """A body for a row of another version of the file, bound to ``source``, where it is ``body``.

        ``columns`` are those of all versions: what is in one of them, and not in this file's header, was dropped.
        """

    def fitted(self, row: Row) -> Row:
        """The fields that the file can hold: all of them where it has no header."""


class JoinsRows(Protocol):
    """Rows joined to a file, with what opens and closes it and stands between them."""

    @property
    def line_end(self) -> bytes:
        """What ends a new line of the file."""

    @property
    def file_style(self) -> FileStyle:
        """How the file is written beside its rows."""

    @property
    def by_line(self) -> bool:
        """Whether a file is its opening and then rows with `line_end` behind each, so that it can be `restyled`."""

    def restyled(self, style: FileStyle, other: RowFormat) -> tuple[RowFormat, bytes]:
        """The format in another style, and what opens such a file; names are written as here or as in ``other``.

        Only for formats that are `by_line`: another keeps its style.
        """

    def rebuild(self, old: Sequence[Segment], new: Sequence[Segment | bytes]) -> list[Segment]:
        """The segments of ``old`` with other rows: ``new`` lists those that stay and, as bodies, those that come.

        ``old`` are the segments of a whole file or of whole chunk runs. What opens and closes it (byte-order
        mark, ``[``, ``]``, a missing final newline) stays; separators are put right. Where the last row of a
        JSON array goes, the row before it must be among ``old``, since its comma goes too.
        """

    def ends_open(self, data: bytes, first: bool) -> bool:
        """Whether the last row of a file, whose last chunk run is data, would take in what comes behind it."""


class RowFormat(CutsRows, ReadsRows, WritesRows, JoinsRows, Protocol):
    """One kind of row file, bound to the style of one file (delimiter, header, line end, indent).

    It is made of the file's beginning and its suffix: see `RowFormatType`.
    """


class RowFormatType(Protocol):
    """The class of a row format, as the table in ``__init__`` names it."""

    def __call__(self, head: bytes, suffix: str) -> RowFormat:
        """The format bound to a file that begins with ``head``, the first `HEAD_SIZE` bytes or all of it."""

    def blank(self, suffix: str, columns: Sequence[str]) -> bytes:
        """A file without rows: nothing, ``[]``, or a header that reads back as ``columns``."""
