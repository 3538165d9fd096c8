"""Rows with a value in some field, looked for in the bytes first: only rows that may have it are parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

from promptvc.content.formats.base import Json, ReadsRows, RowFormat
from promptvc.content.keys.scan import PLAIN_TEXT, has_escaped_ascii
from promptvc.content.table.numbered import NumberedRow
from promptvc.patterns import compiled
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns

_BEYOND = compiled("[\u0080-\ud7ff\ue000-\ufffc\U00010000-\U0010ffff]+")
"""Text that is no ASCII, without U+FFFD, which may stand for any bytes."""
_GROUP_BYTES = 8 << 20


class Needle(Struct, frozen=True):
    """Bytes that are in every row with a value, unless the row has an escape that may stand for them."""

    data: bytes
    beyond_ascii: bool = False

    def may_be_in(self, data: bytes) -> bool:
        """False where no row in some bytes has the value."""
        return self.data in data or self.may_be_escaped(data)

    def may_be_escaped(self, data: bytes) -> bool:
        """Whether the value may be in some bytes otherwise than it is spelled here."""
        if self.beyond_ascii:
            return b"\\u" in data
        return has_escaped_ascii(data)


def value_needle(format: ReadsRows, text: str, value: Json) -> Needle | None:
    """What is in a row that has a text, or the value that it is JSON for; None where nothing surely is.

    Numbers have many spellings, and so have arrays and objects.
    """
    if format.is_json and isinstance(value, bool | None):
        return Needle({True: b"true", False: b"false", None: b"null"}[value])
    if format.is_json and not isinstance(value, str):
        return None
    if format.is_json and PLAIN_TEXT.fullmatch(text):
        return Needle(b'"%s"' % text.encode())
    return text_needle(text)


def text_needle(text: str) -> Needle | None:
    """What is in a row that has a text in a name or a value; None where nothing surely is."""
    plain = max(PLAIN_TEXT.findall(text), key=len, default="")
    beyond = max(_BEYOND.findall(text), key=len, default="")
    if not plain and not beyond:
        return None
    if len(plain) >= len(beyond):
        return Needle(plain.encode())
    return Needle(beyond.encode(), beyond_ascii=True)


def rows_with(format: RowFormat, chunk_runs: Iterable[ChunkRun], needle: Needle) -> Iterator[NumberedRow]:
    """The rows that may hold what a needle is for, and perhaps others; no more chunk runs are loaded than asked for."""
    number = 0
    for place, run, data in _loaded(chunk_runs, needle):
        if data is None:
            assert run.rows is not None
            number += run.rows
            continue
        bodies: Sequence[bytes] = ()
        if needle.may_be_in(data):
            bodies = format.bodies(data, place == 0)
            every = needle.may_be_escaped(data)
            for at, body in enumerate(bodies, number):
                if every or needle.data in body:
                    yield NumberedRow(at, body, format.parse(body))
        known = run.rows if run.rows is not None else len(bodies) or format.count(data, place == 0)
        number += known


def _loaded(chunk_runs: Iterable[ChunkRun], needle: Needle) -> Iterator[tuple[int, ChunkRun, bytes | None]]:
    """Each chunk run with its place and its bytes; None for bytes of many that surely do not hold it."""
    if not isinstance(chunk_runs, ChunkRuns):
        yield from ((place, run, run.load()) for place, run in enumerate(chunk_runs))
        return
    for start, stop in _groups(chunk_runs):
        data = chunk_runs.load_span(start, stop)
        found = needle.may_be_in(data)
        ends = accumulate((chunk_runs[place].length or 0 for place in range(start, stop)), initial=0)
        at = next(ends)
        for place, end in zip(range(start, stop), ends, strict=True):
            yield place, chunk_runs[place], data[at:end] if found else None
            at = end


def _groups(chunk_runs: ChunkRuns) -> Iterator[tuple[int, int]]:
    """Where chunk runs begin and end that are searched together; first a few, for those who want few rows."""
    start, size, most = 0, 0, _GROUP_BYTES // 64
    for place, run in enumerate(chunk_runs):
        size += run.length or 0
        if size >= most:
            yield start, place + 1
            start, size, most = place + 1, 0, min(2 * most, _GROUP_BYTES)
    if start < len(chunk_runs):
        yield start, len(chunk_runs)
