"""Rows by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from promptvc.content.formats.base import Json, Malformed, RowFormat
from promptvc.content.table.keys import KeyToken, candidate_keys, key_token
from promptvc.content.table.keyscan import leading_keys
from promptvc.versioning.ropes.chunkrun import ChunkRun


class KeyIndex(Struct, frozen=True):
    """The numbers of the rows of each key: the first one, and those after it.

    Among them may be rows that turn out to be malformed when they are read.
    """

    key: tuple[str, ...]
    first: dict[KeyToken, int] = field(default_factory=dict)
    others: dict[KeyToken, list[int]] = field(default_factory=dict)

    def add(self, token: KeyToken, number: int) -> None:
        """Enter a row."""
        if self.first.setdefault(token, number) != number:
            self.others.setdefault(token, []).append(number)

    def find(self, values: Sequence[Json]) -> list[int]:
        """The numbers of all rows with these key values, rising."""
        try:
            token = key_token(dict(zip(self.key, values, strict=True)), self.key)
        except TypeError:  # no JSON value
            return []
        if token is None or token not in self.first:
            return []
        return [self.first[token], *self.others.get(token, [])]


def index_rows(format: RowFormat, chunk_runs: Sequence[ChunkRun], key: tuple[str, ...]) -> KeyIndex:
    """Index all rows that have this key."""
    index = KeyIndex(key)
    for number, token in enumerate(_keys(format, chunk_runs, key)):
        if token:
            index.add(token, number)
    return index


def guess_index(format: RowFormat, chunk_runs: Sequence[ChunkRun]) -> KeyIndex | None:
    """Index by the first of the keys that `guess_key` knows that every readable row has, and that is unique."""
    candidates = _candidates(format, chunk_runs)
    for key in candidates:
        # A malformed row may seem to have the key of another: before a key is given up, all rows are read.
        for quick in (True, False):
            index = _unique_index(key, _keys(format, chunk_runs, key, quick, scalar=True))
            if index is not None:
                return index
    return None


def _candidates(format: RowFormat, chunk_runs: Sequence[ChunkRun]) -> list[tuple[str, ...]]:
    """The keys that the first readable row has."""
    for at, chunk_run in enumerate(chunk_runs):
        for body in format.bodies(chunk_run.load(), at == 0):
            row = format.parse(body)
            if not isinstance(row, Malformed):
                return candidate_keys(row)
    return []


def _unique_index(key: tuple[str, ...], tokens: Iterable[KeyToken | None]) -> KeyIndex | None:
    index = KeyIndex(key)
    for number, token in enumerate(tokens):
        if token is not None and (not token or index.first.setdefault(token, number) != number):
            return None
    return index


def _keys(
    format: RowFormat,
    chunk_runs: Sequence[ChunkRun],
    key: tuple[str, ...],
    quick: bool = True,
    scalar: bool = False,
) -> Iterator[KeyToken | None]:
    """The key of every row: empty for one that has none, None for one that cannot be read."""
    for at, chunk_run in enumerate(chunk_runs):
        data = chunk_run.load()
        tokens: Sequence[KeyToken | None] | None = None
        if quick and len(key) == 1:
            count = format.count(data, at == 0) if chunk_run.rows is None else chunk_run.rows
            tokens = leading_keys(format, key[0], data, count)
        yield from tokens or (_key(format, body, key, scalar) for body in format.bodies(data, at == 0))


def _key(format: RowFormat, body: bytes, key: tuple[str, ...], scalar: bool) -> KeyToken | None:
    row = format.parse(body)
    if isinstance(row, Malformed):
        return None
    if scalar and any(isinstance(row.get(name), dict | list) for name in key):
        return ()
    return key_token(row, key) or ()
