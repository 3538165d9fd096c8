"""The rows of one file, read as they are asked for: no more of the file is loaded than they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.keys.index import KeyIndexes
from promptvc.content.keys.scan import keyed_bodies
from promptvc.content.keys.tokens import KeyToken, guess_key
from promptvc.content.table.numbered import NumberedRow as NumberedRow
from promptvc.content.table.numbered import first_rows, number_rows
from promptvc.versioning.ropes.chunkrun import ChunkRun

if TYPE_CHECKING:
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView


class Keyed(Struct, frozen=True):
    """A version of a table, to be asked for rows by key: where its chunk runs are, and where keys are known."""

    path: str
    format: RowFormat
    chunk_runs: Sequence[ChunkRun]
    indexes: KeyIndexes

    @classmethod
    def of(cls, file: FileView) -> Keyed | None:
        """A table; None for a file that is none."""
        format = file.format
        return cls(file.path, format, file.chunk_runs(), file.indexes) if format is not None else None

    def rows(self, key: Sequence[str], tokens: Iterable[KeyToken]) -> Iterator[NumberedRow]:
        """The rows that have one of these keys, in their order."""
        wanted = set(tokens)
        keys = self.indexes.of(self.path, self.format, key, self.chunk_runs)
        starts: list[int] = []
        for place in sorted({place for token in wanted for place in keys.places(token)}):
            starts = starts or first_rows(self.format, self.chunk_runs)
            data = self.chunk_runs[place].load()
            for at, body, token in keyed_bodies(self.format, key, data, first=place == 0):
                if token in wanted:
                    yield NumberedRow(starts[place] + at, body, self.format.parse(body))


_SAMPLE = 1000
"""Rows in which a key is looked for, where the project names none."""


def file_rows(file: FileView) -> Iterator[NumberedRow]:
    """Every row of a table."""
    return number_rows(file.format, file.chunk_runs()) if file.format else iter(())


def likely_key(rows: Iterable[NumberedRow], declared: Sequence[str] | None) -> tuple[str, ...] | None:
    """The key that the project names, else one that fits the first thousand rows."""
    if declared:
        return tuple(declared)
    return guess_key(item.row for item in islice(rows, _SAMPLE) if not isinstance(item.row, Malformed))


def key_of_file(file: FileView, project: Project) -> tuple[str, ...] | None:
    """`likely_key` of a table."""
    return likely_key(file_rows(file), project.table(file.path).key)
