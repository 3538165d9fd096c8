"""The port that a row format implements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict with str keys."""

Row = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why the bytes of a row cannot be read; ``line`` and ``column`` count from 1, within the row's bytes."""

    message: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a file: ``lead + body + trail`` are its bytes; ``body`` is None where it holds no row.

    ``lead`` and ``trail`` are what surrounds a row (line end, comma, blank space, ``[``): two rows with equal
    bodies are the same row whatever surrounds them.
    """

    lead: bytes
    body: bytes | None
    trail: bytes


class RowFormat(Protocol):
    """One kind of row file, bound to the style of one file (delimiter, header, line end, indent).

    ``first`` says that data begins where the file begins, so that a header or an opening ``[`` is found there.
    """

    name: str

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        r"""Offsets in data, rising, at which a row ends, seen from ``start``, which is 0 or such an offset.

        An offset is given only when the bytes before it prove it; the end of data is not one by itself.
        ``b'{"a":1}\n{"a":2}\n{"a"'`` from 0 gives 8, 16. These offsets are part of the storage format:
        they must never change for bytes already stored.
        """

    def segments(self, data: bytes, first: bool) -> Sequence[Segment]:
        """Cut whole rows (data between two row ends, or to the end of the file) into segments; joined, they are data."""

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """The bodies of the segments that have one, in order: what a diff compares. The fast form of `segments`."""

    def count(self, data: bytes, first: bool) -> int:
        """How many rows data holds: ``len(bodies(data, first))``, faster."""

    def parse(self, body: bytes) -> Row | Malformed:
        """One row's fields. Never raises."""

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """A body for this row in the style of the file; unchanged fields keep the bytes they have in ``like``."""
