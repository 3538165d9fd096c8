"""The key of a table that declares none: guessed from its rows."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.keys.index import KeyIndexes, VersionKeys
from promptvc.content.keys.tokens import candidate_keys
from promptvc.versioning.ropes.chunkrun import ChunkRun


def guess_keys(
    indexes: KeyIndexes, path: str, format: RowFormat, chunk_runs: Sequence[ChunkRun]
) -> VersionKeys | None:
    """The first of the keys that `guess_key` knows that every row that can be read has, and that is unique."""
    for key in _candidates(format, chunk_runs):
        keys = indexes.of(path, format, key, chunk_runs)
        if keys.is_complete and keys.is_unique:
            return keys
    return None


def keys_are_right(
    indexes: KeyIndexes,
    path: str,
    format: RowFormat,
    chunk_runs: Sequence[ChunkRun],
    declared: tuple[str, ...] | None,
) -> bool:
    """Whether what is kept of the keys of a table, the declared one or those that may be guessed, is right."""
    keys = [declared] if declared else _candidates(format, chunk_runs)
    return all(indexes.are_right(path, format, key, chunk_runs) for key in keys)


def _candidates(format: RowFormat, chunk_runs: Sequence[ChunkRun]) -> list[tuple[str, ...]]:
    """The keys that all readable rows of the first chunk run that has any have, each part a scalar."""
    for at, chunk_run in enumerate(chunk_runs):
        bodies = format.bodies(chunk_run.load(), at == 0)
        rows = [row for body in bodies if not isinstance(row := format.parse(body), Malformed)]
        if rows:
            return [
                key
                for key in candidate_keys(rows[0])
                if all(type(row.get(name)) in (str, int, float, bool) for name in key for row in rows)
            ]
    return []
