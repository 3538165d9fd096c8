"""The rows of one file, read as they are asked for: no more of the file is loaded than they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.table.keys import guess_key

if TYPE_CHECKING:
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView
    from promptvc.versioning.ropes.chunkrun import ChunkRun

_SAMPLE = 1000
"""Rows in which a key is looked for, where the project names none."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row and its number, from 0; ``row`` says why where it cannot be read."""

    number: int
    body: bytes
    row: Row | Malformed


def stream_rows(format: RowFormat, chunk_runs: Iterable[ChunkRun], skip: int = 0) -> Iterator[NumberedRow]:
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


def file_rows(file: FileView) -> Iterator[NumberedRow]:
    """Every row of a table."""
    return stream_rows(file.format, file.chunk_runs()) if file.format else iter(())


def likely_key(rows: Iterable[NumberedRow], declared: Sequence[str] | None) -> tuple[str, ...] | None:
    """The key that the project names, else one that fits the first thousand rows."""
    if declared:
        return tuple(declared)
    return guess_key(item.row for item in islice(rows, _SAMPLE) if not isinstance(item.row, Malformed))


def key_of_file(file: FileView, project: Project) -> tuple[str, ...] | None:
    """`likely_key` of a table."""
    return likely_key(file_rows(file), project.table(file.path).key)
