"""The rows of a table with their numbers, read as they are asked for: no more chunk runs are loaded than they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import row_counts


class NumberedRow(Struct, frozen=True):
    """A row and its number, from 0; ``row`` says why where it cannot be read."""

    number: int
    body: bytes
    row: Row | Malformed


def number_rows(format: RowFormat, chunk_runs: Iterable[ChunkRun], skip: int = 0) -> Iterator[NumberedRow]:
    """The rows from number ``skip`` on."""
    number = 0
    for place, chunk_run in enumerate(chunk_runs):
        if chunk_run.rows is not None and number + chunk_run.rows <= skip:
            number += chunk_run.rows
            continue
        for body in format.bodies(chunk_run.load(), place == 0):
            if number >= skip:
                yield NumberedRow(number, body, format.parse(body))
            number += 1


def first_rows(format: RowFormat, chunk_runs: Sequence[ChunkRun]) -> list[int]:
    """The number of the first row of each chunk run, and how many rows there are."""
    counts = (
        format.count(chunk_runs[place].load(), place == 0) if known is None else known
        for place, known in enumerate(row_counts(chunk_runs))
    )
    return [*accumulate(counts, initial=0)]
