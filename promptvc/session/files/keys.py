"""Rows that share a key, in tables whose key is declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from promptvc.content.formats.base import RowFormat
from promptvc.content.keys.index import KeyIndexes
from promptvc.content.table.numbered import first_rows
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

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows."""


def check_keys(file: Rows, rules: MergeRules, indexes: KeyIndexes) -> list[KeyWarning]:
    """The groups of rows that share a key; raises `DuplicateKey` for the first when keys must be unique."""
    format = file.format
    if format is None or rules.key is None:
        return []
    chunk_runs = file.chunk_runs()
    found = []
    starts: list[int] = []
    for shared in indexes.of(file.path, format, rules.key, chunk_runs).duplicates():
        starts = starts or first_rows(format, chunk_runs)
        key = tuple((field, shared.row.get(field)) for field in rules.key)
        numbers = tuple(starts[place] + number + 1 for place, number in shared.at)
        found.append(KeyWarning(file.path, key, numbers))
    if found and rules.unique:
        raise DuplicateKey(str(found[0]), "make the keys unique, or set another key in promptvc.toml")
    return found
