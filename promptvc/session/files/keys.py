"""Rows that share a key, in tables whose key is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.table.numbered import number_rows
from promptvc.content.tablediff.diff import duplicate_keys
from promptvc.content.tablemerge.rules import MergeRules
from promptvc.errors import DuplicateKey
from promptvc.ids import RepoPath
from promptvc.versioning.ropes.chunkrun import ChunkRun


class KeyWarning(Struct, frozen=True):
    """Rows of a table that share a key; ``rows`` are their numbers, from 1."""

    path: RepoPath
    key: tuple[tuple[str, object], ...]
    rows: tuple[int, ...]

    def __str__(self) -> str:
        named = ", ".join(f"{field}={value}" for field, value in self.key)
        numbers = [str(row) for row in self.rows[:5]] + (["…"] if len(self.rows) > 5 else [])
        return f"{self.path}: rows {', '.join(numbers)} have the same key {named}"


class Rows(Protocol):
    """A file whose keys can be checked."""

    @property
    def path(self) -> RepoPath:
        """Where it is."""

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read."""

    def chunk_runs(self) -> list[ChunkRun]:
        """Its chunk runs of whole rows."""


def check_keys(file: Rows, rules: MergeRules) -> list[KeyWarning]:
    """The groups of rows that share a key; raises `DuplicateKey` for the first when keys must be unique."""
    format = file.format
    if format is None or rules.key is None:
        return []
    found = []
    for numbers, row in duplicate_keys(_rows(file, format), rules.key):
        key = tuple((field, row.get(field)) for field in rules.key)
        found.append(KeyWarning(file.path, key, tuple(number + 1 for number in numbers)))
    if found and rules.unique:
        raise DuplicateKey(str(found[0]), "make the keys unique, or set another key in promptvc.toml")
    return found


def _rows(file: Rows, format: RowFormat) -> Iterator[tuple[int, Row]]:
    for found in number_rows(format, file.chunk_runs()):
        if not isinstance(found.row, Malformed):
            yield found.number, found.row
