"""Rows put into a file and taken out of it by key; every other byte stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from promptvc.content.formats import HEAD_SIZE, blank_table, row_format, suffix_words
from promptvc.content.formats.base import Json, Malformed, Row, RowFormat
from promptvc.content.keys.index import VersionKeys
from promptvc.content.keys.scan import KeyScan, keyed_bodies
from promptvc.content.keys.tokens import KeyToken, KeyValue, first_value, key_token
from promptvc.content.table.splice import OpenFile, splice
from promptvc.errors import NotATable, Usage
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import Pieces


class Edited(Struct, frozen=True, kw_only=True):
    """A file after an edit: chunk runs that stayed as they were, and new bytes between them.

    ``unchanged`` rows were given as they already are. ``missing`` are the keys to delete that no row has.
    """

    pieces: Pieces
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: tuple[KeyValue, ...] = ()

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the file, piece by piece."""
        for piece in self.pieces:
            yield piece.load() if isinstance(piece, ChunkRun) else piece

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return b"".join(self.blocks())


def new_file(path: str, rows: Iterable[Mapping[str, Json]]) -> bytes:
    """A new table of these rows, with a header of all their fields where the format has one.

    Raises `NotATable` for a path that does not end like a table, `Usage` for values that it cannot hold.
    """
    some = list(rows)
    columns = list(dict.fromkeys(name for row in some for name in row))
    blank = blank_table(path, columns)
    format = row_format(path, blank[:HEAD_SIZE])
    if format is None:
        raise NotATable(f"{path} is not a table", f"tables end in {suffix_words()}")
    segments = format.segments(blank, True)
    rebuilt = format.rebuild(segments, [*segments, *_encode(path, format, some)])
    return b"".join(segment.data for segment in rebuilt)


def append(
    path: str, chunk_runs: Sequence[ChunkRun], format: RowFormat, rows: Iterable[Mapping[str, Json]]
) -> Edited:
    """Add rows at the end, whatever their keys; only the end of the file is loaded.

    Raises `Usage` for what the file cannot hold, as a field outside its header.
    """
    some = list(rows)
    if _has_no_header(format):
        return Edited(pieces=(new_file(path, some),), inserted=len(some))
    bodies = _encode(path, format, some)
    return Edited(pieces=splice(OpenFile(chunk_runs, format), {}, bodies), inserted=len(some))


def upsert(
    path: str,
    chunk_runs: Sequence[ChunkRun],
    format: RowFormat,
    key: Sequence[str] | None,
    rows: Iterable[Mapping[str, Json]],
    adapt: Callable[[Mapping[str, Json], Row], Row] | None = None,
    keys: VersionKeys | None = None,
) -> Edited:
    """Put each row in the place of the first one with its key, as a whole; at the end where there is none.

    ``adapt(row, there)`` makes the row of a given one that is put in the place of ``there``; ``keys`` are the file's,
    where they are known.
    What stays the same in a row keeps its bytes. Raises `Usage` where a row has no key, two have the same, or one
    has what the file cannot hold.
    """
    some = list(rows)
    fields = _require_key(path, key)
    if _has_no_header(format):
        return Edited(pieces=(new_file(path, some),), inserted=len(some))
    bodies = _encode(path, format, some)
    wanted = _by_key(path, format, fields, bodies)
    file = OpenFile(chunk_runs, format)
    changes: dict[int, dict[int, bytes | None]] = {}
    unchanged = 0
    for at, number, body, token in _find(file, fields, wanted, keys):
        given = wanted.pop(token, None)
        if given is None:
            continue
        new = format.encode(_adapted(some[given], format.parse(body), adapt), like=body)
        if new == body:
            unchanged += 1
        else:
            changes.setdefault(at, {})[number] = new
    added = [bodies[given] for given in wanted.values()]
    updated = sum(map(len, changes.values()))
    return Edited(
        pieces=splice(file, changes, added), inserted=len(added), updated=updated, unchanged=unchanged
    )


def delete(
    path: str,
    chunk_runs: Sequence[ChunkRun],
    format: RowFormat,
    key: Sequence[str] | None,
    given_keys: Iterable[KeyValue],
    keys: VersionKeys | None = None,
) -> Edited:
    """Take out every row with one of these keys: scalars, or tuples where several fields make the key."""
    fields = _require_key(path, key)
    wanted = {_token(path, format, fields, given): given for given in given_keys}
    file = OpenFile(chunk_runs, format)
    changes: dict[int, dict[int, bytes | None]] = {}
    found = set()
    for at, number, _, token in _find(file, fields, wanted, keys):
        changes.setdefault(at, {})[number] = None
        found.add(token)
    missing = tuple(given for token, given in wanted.items() if token not in found)
    deleted = sum(map(len, changes.values()))
    return Edited(pieces=splice(file, changes, []), deleted=deleted, missing=missing)


def _find(
    file: OpenFile, key: Sequence[str], wanted: Mapping[KeyToken, object], keys: VersionKeys | None
) -> Iterator[tuple[int, int, bytes, KeyToken]]:
    """(chunk run, row in it, body, key) of every row with a wanted key, until none is wanted any more."""
    for at in _places(file, key, wanted, keys):
        if not wanted:
            return
        for number, body, token in keyed_bodies(file.format, key, file.data(at), first=at == 0):
            if token in wanted and not isinstance(file.format.parse(body), Malformed):
                yield at, number, body, token


def _places(
    file: OpenFile, key: Sequence[str], wanted: Mapping[KeyToken, object], keys: VersionKeys | None
) -> Iterator[int]:
    """The chunk runs that may hold a row with a wanted key, in their order."""
    if keys is not None and keys.key == tuple(key):
        yield from sorted({place for token in wanted for place in keys.places(token)})
        return
    scan = KeyScan(file.format, key[0], [first_value(token) for token in wanted])
    yield from (at for at in range(len(file.chunk_runs)) if scan.may_hold(file.data(at)))


def _adapted(
    row: Mapping[str, Json],
    there: Row | Malformed,
    adapt: Callable[[Mapping[str, Json], Row], Row] | None,
) -> Mapping[str, Json]:
    return row if adapt is None or isinstance(there, Malformed) else adapt(row, there)


def _by_key(path: str, format: RowFormat, key: Sequence[str], bodies: Sequence[bytes]) -> dict[KeyToken, int]:
    """Which of the given rows has a key, as the file would hold it: in CSV, ``1`` and ``"1"`` are the same."""
    numbers: dict[KeyToken, int] = {}
    for number, body in enumerate(bodies):
        row = format.parse(body)
        token = None if isinstance(row, Malformed) else key_token(row, key)
        if token is None:
            raise Usage(f"{path}: given row {number} has no {', '.join(key)}", "each row needs a key")
        if numbers.setdefault(token, number) != number:
            raise Usage(
                f"{path}: given rows {numbers[token]} and {number} have the same key", "give each key once"
            )
    return numbers


def _token(path: str, format: RowFormat, key: Sequence[str], given: KeyValue) -> KeyToken:
    values: tuple[Json, ...] = given if isinstance(given, tuple) else (given,)
    if len(values) != len(key):
        raise Usage(f"{path}: the key has {len(key)} fields: {', '.join(key)}")
    try:
        if format.text_only:
            values = tuple(value if isinstance(value, str) else json.dumps(value) for value in values)
        token = key_token(dict(zip(key, values, strict=True)), key)
    except TypeError:
        token = None
    if token is None:
        raise Usage(f"{path}: {given!r} is not a key", "keys are text, numbers, true or false")
    return token


def _encode(path: str, format: RowFormat, rows: Sequence[Mapping[str, Json]]) -> list[bytes]:
    bodies = []
    for number, row in enumerate(rows):
        try:
            bodies.append(format.encode(row))
        except Usage as error:
            raise Usage(f"{path}: given row {number}: {error.message}", error.hint or error.advice) from None
    return bodies


def _require_key(path: str, key: Sequence[str] | None) -> Sequence[str]:
    if key:
        return key
    raise Usage(f"{path} has no key", f'key = ["…"] under [tables."{path}"] in promptvc.toml names one')


def _has_no_header(format: RowFormat) -> bool:
    """Whether a file is empty whose format needs a header."""
    return format.columns is not None and not format.columns
