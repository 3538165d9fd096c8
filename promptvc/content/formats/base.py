"""The port that a row format implements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from promptvc.content.json_type import Json as Json

Row = dict[str, Json]

BOM = b"\xef\xbb\xbf"

HEAD_SIZE = 65536
"""How many bytes at a file's beginning a format is bound to."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why the bytes of a row cannot be read; ``line`` and ``column`` count from 1, in characters, within the row."""

    message: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Segment:
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


class RowFormat(Protocol):
    """One kind of row file, bound to the style of one file (delimiter, header, line end, indent).

    ``first`` says that data begins where the file begins, so that a header or an opening ``[`` is found there.
    Data cut at any row ends gives, piece by piece, the segments and bodies of the whole.
    """

    name: str

    @property
    def columns(self) -> list[str] | None:
        """The names in the header, made unique; None where a format has no header."""

    @property
    def reading(self) -> tuple[object, ...]:
        """How bodies are understood: under formats of equal reading, equal bodies are equal rows."""

    @property
    def cutting(self) -> tuple[object, ...]:
        """How files are cut: under formats of equal cutting, equal bytes from a row end on have equal row ends."""

    @property
    def row_per_end(self) -> bool:
        """Whether each row end, but for that of a header, ends one row if its bytes begin with a visible one."""

    @property
    def line_end(self) -> bytes:
        """What ends a new line of the file."""

    @property
    def layout(self) -> tuple[object, ...]:
        """How rows are indented and set apart, where that is a matter of the whole file; empty where it is not."""

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        r"""Offsets in data, rising, at which a row ends, seen from ``start``, which is 0 or such an offset.

        An offset is given only when the bytes before it prove it; the end of data is not one by itself.
        ``b'{"a":1}\n{"a":2}\n{"a"'`` from 0 gives 8, 16. 0 is the beginning of the file. These offsets are
        part of the storage format: they must never change for bytes already stored.
        """

    def segments(self, data: bytes, first: bool) -> Sequence[Segment]:
        """Cut whole rows into segments; joined, they are data.

        Whole rows are what stands between two row ends, or from one to the end of the file.
        """

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """The bodies of the segments that have one, in order: what a diff compares. The fast form of `segments`."""

    def count(self, data: bytes, first: bool) -> int:
        """How many rows data holds: ``len(bodies(data, first))``, faster."""

    def parse(self, body: bytes) -> Row | Malformed:
        """One row's fields. Never raises."""

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """A body for this row in the style of the file; unchanged fields keep the bytes they have in ``like``.

        ``like`` is a body of this format: its fields keep their order, new ones come last. Raises `Usage`,
        naming the field, for what the format cannot hold: a field outside a header, a value that is no JSON.
        """

    def rebuild(self, old: Sequence[Segment], new: Sequence[Segment | bytes]) -> list[Segment]:
        """The segments of ``old`` with other rows: ``new`` lists those that stay and, as bodies, those that come.

        ``old`` are the segments of a whole file or of whole chunk runs. What opens and closes it (byte-order
        mark, ``[``, ``]``, a missing final newline) stays; separators are put right. Where the last row of a
        JSON array goes, the row before it must be among ``old``, since its comma goes too.
        """

    def append(self, tail: Sequence[Segment], bodies: Sequence[bytes]) -> list[Segment]:
        """What replaces ``tail``, the segments of a file's last chunk run, once rows are added at its end."""

    def without(self, segments: Sequence[Segment], positions: Collection[int]) -> list[Segment]:
        """What replaces ``segments`` once those at these indexes (rows only) are taken out; as for `rebuild`."""
