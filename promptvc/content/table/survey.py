"""One look at all rows of a table: its columns, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from promptvc.content.formats.base import BOM, Malformed, ReadsRows
from promptvc.versioning.ropes.chunkrun import ChunkRun


class MalformedRow(Struct, frozen=True):
    """A row that cannot be read: its number from 0, and where in the file, both from 1 and ``column`` in characters.

    ``text`` is the row as it stands, with U+FFFD for bytes that are not UTF-8.
    """

    number: int
    line: int
    column: int
    message: str
    text: str


class Survey(Struct, frozen=True):
    """The fields of a header and of all readable rows in the order in which they are first seen, and the other rows."""

    columns: tuple[str, ...]
    malformed: tuple[MalformedRow, ...]


def survey(format: ReadsRows, chunk_runs: Iterable[ChunkRun]) -> Survey:
    """Read every row of a file."""
    names = dict.fromkeys(format.columns or [])
    malformed: list[MalformedRow] = []
    place = _Place()
    count = 0
    for at, chunk_run in enumerate(chunk_runs):
        data = chunk_run.load()
        rows = [format.parse(body) for body in format.bodies(data, at == 0)]
        wrong = {number: row for number, row in enumerate(rows) if isinstance(row, Malformed)}
        for row in rows:
            if not isinstance(row, Malformed):
                names.update(dict.fromkeys(row))
        malformed += _locate(format, data, at == 0, wrong, place, count)
        place = place.after(data)
        count += len(rows)
    return Survey(tuple(names), tuple(malformed))


class _Place(Struct, frozen=True):
    """How many lines are complete, and how many characters of the next one are over."""

    lines: int = 0
    characters: int = 0

    def after(self, data: bytes) -> _Place:
        lines = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        start = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        characters = len(data[start:].decode("utf-8", "replace"))
        return _Place(self.lines + lines, characters if start else self.characters + characters)


def _locate(
    format: ReadsRows, data: bytes, first: bool, wrong: dict[int, Malformed], place: _Place, count: int
) -> Iterator[MalformedRow]:
    """Where the rows of a chunk run stand that cannot be read; ``place`` and ``count`` tell what is before it."""
    if not wrong:
        return
    number = -1
    for segment in format.segments(data, first):
        place = place.after(segment.lead.removeprefix(BOM) if first else segment.lead)
        if segment.body is None:
            continue
        number += 1
        if (problem := wrong.get(number)) is not None:
            line = place.lines + problem.line
            column = problem.column + (place.characters if problem.line == 1 else 0)
            text = segment.body.decode("utf-8", "replace")
            yield MalformedRow(count + number, line, column, problem.message, text)
        place = place.after(segment.body).after(segment.trail)
