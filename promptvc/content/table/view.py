"""The row view of one file: rows by number, by key, filtered, or all of them as a data frame."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, overload

from promptvc.content.formats.base import Json, Row, RowFormat
from promptvc.content.formats.dicts import MALFORMED_FIELD as MALFORMED_FIELD
from promptvc.content.formats.dicts import is_malformed, read_row, read_rows
from promptvc.content.formats.equal import same
from promptvc.content.formats.words import plural
from promptvc.content.json_type import LooseJson
from promptvc.content.keys.index import KeyIndexes
from promptvc.content.keys.tokens import key_token
from promptvc.content.table.frames import Frames
from promptvc.content.table.lookup import guess_keys
from promptvc.content.table.survey import MalformedRow as MalformedRow
from promptvc.content.table.survey import Survey, survey
from promptvc.content.table.where import Where, condition
from promptvc.content.values.plain import plain
from promptvc.errors import FileChanging, RowMissing, Usage
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import row_counts

if TYPE_CHECKING:
    import pyarrow as pa

    from promptvc.content.arrow.tables import ArrowCache
    from promptvc.content.keys.index import KeyedRow, VersionKeys
    from promptvc.content.keys.tokens import KeyToken, KeyValue

T = TypeVar("T")
_SMALL_CHUNK_RUNS = 64
_SHOWN = 6


class Table(Frames):
    """The rows of one version of a file. It never changes, and loads what is asked of it when it is asked.

    A row is a dict. One that cannot be read is ``{"$malformed": "<its text>"}``: it counts, and keeps its place.
    ``key`` names the fields that identify a row; ``unique`` says that the configuration forbids duplicates. ``at_hand``
    gives the same chunk runs from where they are read faster, if they are; they raise `FileChanging` if not.
    """

    def __init__(
        self,
        path: str,
        chunk_runs: Sequence[ChunkRun],
        format: RowFormat,
        key: tuple[str, ...] | None,
        unique: bool = False,
        cache: ArrowCache | None = None,
        indexes: KeyIndexes | None = None,
        at_hand: Callable[[], Sequence[ChunkRun] | None] = lambda: None,
    ) -> None:
        self.path, self.unique = path, unique
        self._chunk_runs, self._format, self._key, self._cache = chunk_runs, format, key, cache
        self._indexes, self._at_hand = indexes or KeyIndexes(), at_hand
        self._bodies_at: tuple[int, list[bytes]] = (-1, [])

    # --- rows by number -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return sum(self._count(at) for at in range(len(self._chunk_runs)))

    def __iter__(self) -> Iterator[Row]:
        for at, chunk_run in enumerate(self._chunk_runs):
            yield from read_rows(self._format, chunk_run.load(), at == 0)

    def decoded(self, decode: Callable[[bytes], T | None]) -> Iterator[T | Row]:
        """Every row as ``decode`` makes it of its JSON text; a dict where that gives None, or the file is not JSON."""
        if not self._format.is_json:
            yield from self
            return
        for at, chunk_run in enumerate(self._chunk_runs):
            for body in self._format.bodies(chunk_run.load(), at == 0):
                made = decode(body)
                yield read_row(self._format, body) if made is None else made

    def decoded_blocks(
        self, decode: Callable[[Sequence[bytes]], Sequence[T | None]]
    ) -> Iterator[Sequence[T | Row]]:
        """As `decoded`, the rows of one chunk run at a time: ``decode`` is given the JSON texts of all of them."""
        for at, chunk_run in enumerate(self._chunk_runs):
            data = chunk_run.load()
            if not self._format.is_json:
                yield read_rows(self._format, data, at == 0)
                continue
            bodies = self._format.bodies(data, at == 0)
            made = zip(decode(bodies), bodies, strict=True)
            yield [read_row(self._format, body) if value is None else value for value, body in made]

    def row(self, number: int) -> Row:
        """The row at this place, from 0, or from the end below 0; raises `RowMissing`."""
        return read_row(self._format, self.raw(number))

    def raw(self, number: int) -> bytes:
        """The bytes of the row at this place, without what separates it from others; raises `RowMissing`."""
        left = number if number >= 0 else number + len(self)
        for at in range(len(self._chunk_runs) if left >= 0 else 0):
            if left < (count := self._count(at)):
                return self._bodies(at)[left]
            left -= count
        raise RowMissing(
            f"{self.path} has {plural(len(self), 'row')}: there is none at place {number}",
            "places count from 0, table[key] finds a row by its key",
        )

    def head(self, count: int = 10) -> list[Row]:
        """The first rows."""
        return list(islice(self, count))

    def rows(self, where: Where | None = None, limit: int | None = None) -> list[Row]:
        """The rows that are as ``where`` says, at most ``limit`` of them; all where it is None.

        ``{"slice": "auth", "score": lambda score: score > 0.5}``: fields with their values, or with functions that
        are given the value, None where a row has no such field; or one function that is given the row. Numbers are
        equal as numbers. Rows that cannot be read are never among them. Where nothing is found, a field that no row
        has raises `Usage`.
        """
        wanted = condition(where, as_text=self._format.columns is not None)
        found = list(islice((row for row in self if not is_malformed(row) and wanted(row)), limit))
        if not found and isinstance(where, Mapping) and limit != 0:
            self._check_columns(where)
        return found

    def column(self, name: str) -> list[Json]:
        """The values of one field in the order of the rows; None where a row has no such field, or cannot be read.

        Raises `Usage` for a field that no row has.
        """
        values = [row.get(name) for row in self]
        if all(value is None for value in values):
            self._check_columns([name])
        return values

    # --- rows by key --------------------------------------------------------------------------------------

    @property
    def key(self) -> tuple[str, ...] | None:
        """The configured key; else, as `guess_key` guesses, one that all readable rows have and that is unique."""
        return self._key or (self._keys.key if self._keys is not None else None)

    @cached_property
    def _keys(self) -> VersionKeys | None:
        """The keys of the rows; None for a table without a key."""
        if self._key:
            return self._indexes.of(self.path, self._format, self._key, self._chunk_runs)
        return guess_keys(self._indexes, self.path, self._format, self._chunk_runs)

    @overload
    def __getitem__(self, key: slice) -> list[Row]: ...

    @overload
    def __getitem__(self, key: KeyValue) -> Row: ...

    def __getitem__(self, key: KeyValue | slice) -> Row | list[Row]:
        """The first row with this key, a scalar, or a tuple where several fields make the key; raises `RowMissing`.

        A slice is of places: ``table[10:20]`` are the rows from place 10 on.
        """
        if isinstance(key, slice):
            return self._rows_at(range(len(self))[key])
        return read_row(self._format, self._found(key)[0].body)

    def __contains__(self, key: object) -> bool:
        """Whether some row has this key."""
        try:
            return bool(self._found(key))
        except RowMissing:
            return False

    def rows_with_key(self, key: KeyValue) -> list[Row]:
        """All rows with this key, in their order; raises `RowMissing`."""
        return [read_row(self._format, found.body) for found in self._found(key)]

    # --- what is in it ------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[str]:
        """The fields in the order in which they are first seen; of a file with a header, those of the header."""
        if self._format.columns is not None:
            return list(self._format.columns)
        return list(self._survey.columns)

    @property
    def malformed(self) -> list[MalformedRow]:
        """The rows that cannot be read, with their place in the file."""
        return list(self._survey.malformed)

    def select(self, where: Mapping[str, str], limit: int | None = None) -> Iterator[tuple[int, Row]]:
        """The rows whose fields have these values, each with its number from 0; at most ``limit`` of them.

        A value is text, or the JSON of a number, ``true``, ``false``, ``null``, an array or an object. Where
        nothing is found, a field that no row has raises `Usage`.
        """
        wanted = [(name, text, _from_json(text)) for name, text in where.items()]
        found = 0
        for number, row in enumerate(self):
            if found == limit:
                return
            if all(name in row and _matches(row[name], text, value) for name, text, value in wanted):
                found += 1
                yield number, row
        if not found:
            self._check_columns(where)

    # --- as a data frame ----------------------------------------------------------------------------------

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, or these columns of them, as a `pyarrow.Table`.

        Text stays text; integers and decimals in one column become decimals where that is exact; objects and
        arrays nest. A column whose type differs between rows is JSON text, marked ``promptvc.json`` in the
        field's metadata. Malformed rows are null but for a last column ``$malformed``. Raises `Usage` for a
        column that no row has.
        """
        table = self._read_arrow(columns)
        if columns is not None:
            self._check_columns([field.name for field in table.schema if str(field.type) == "null"])
        return table

    def _read_arrow(self, columns: Sequence[str] | None) -> pa.Table:
        """From a file that has the same bytes, where there is one: it need not be inflated."""
        from promptvc.content.arrow.tables import read_arrow  # most tables are never read so

        at_hand = self._at_hand()
        if at_hand is not None:
            with suppress(FileChanging, OSError):
                return read_arrow(self.path, at_hand, self._format, columns, self._cache)
        return read_arrow(self.path, self._chunk_runs, self._format, columns, self._cache)

    # --- as text ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        small = len(self._chunk_runs) <= _SMALL_CHUNK_RUNS  # of a large table, only the beginning is read
        beginning = self if small else Table(self.path, self._chunk_runs[:1], self._format, self._key)
        key = ", ".join(beginning.key or ()) or "none"
        columns = beginning.columns
        shown = ", ".join([*columns[:_SHOWN], "…"] if len(columns) > _SHOWN else columns) or "none"
        return f"Table {self.path}: {plural(len(self), 'row')}, key {key}, columns {shown}"

    def _repr_html_(self) -> str:
        from promptvc.content.table.html import table_html

        rows = self.head()
        return table_html(repr(self), rows, len(self) - len(rows))

    # --- how it is found ----------------------------------------------------------------------------------

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._format, self._chunk_runs)

    @cached_property
    def _counts(self) -> list[int | None]:
        """The rows of each chunk run, those that were counted and those that are known."""
        return row_counts(self._chunk_runs)

    def _count(self, at: int) -> int:
        known = self._counts[at]
        if known is None:
            known = self._counts[at] = self._format.count(self._chunk_runs[at].load(), at == 0)
        return known

    def _rows_at(self, places: range) -> list[Row]:
        """The rows at these places; chunk runs without any of them are not loaded."""
        if places.step < 0:
            return self._rows_at(places[::-1])[::-1]
        rows: list[Row] = []
        start = 0
        for at in range(len(self._chunk_runs) if places else 0):
            stop = start + self._count(at)
            wanted = places[bisect_left(places, start) : bisect_left(places, stop)]
            rows += [read_row(self._format, self._bodies(at)[place - start]) for place in wanted]
            start = stop
        return rows

    def _bodies(self, at: int) -> list[bytes]:
        if self._bodies_at[0] != at:
            self._bodies_at = at, self._format.bodies(self._chunk_runs[at].load(), at == 0)
        return self._bodies_at[1]

    def _found(self, key: LooseJson) -> list[KeyedRow]:
        """The rows with a key; raises `RowMissing` where there is none, `Usage` where no key can be meant."""
        keys = self._keys
        if keys is None:
            raise Usage(
                f"{self.path} has no key",
                f'key = ["…"] under [tables."{self.path}"] in promptvc.toml names one; table.row(n) takes a place',
            )
        values = tuple(map(plain, key if isinstance(key, tuple) else (key,)))
        if len(values) != len(keys.key):
            raise Usage(f"{self.path}: the key has {len(keys.key)} fields: {', '.join(keys.key)}")
        found = _find(keys, values)
        if not found:
            raise _missing(self, keys, values)
        return found

    def _check_columns(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.columns and name not in (*self._survey.columns, MALFORMED_FIELD):
                raise Usage(
                    f"{self.path} has no column {name}", f"it has {', '.join(self.columns) or 'none'}"
                )


def keys_of(table: Table) -> VersionKeys | None:
    """The keys of a table's rows; None for one without a key."""
    return table._keys


def _find(keys: VersionKeys, values: Sequence[Json]) -> list[KeyedRow]:
    token: KeyToken | None
    try:
        token = key_token(dict(zip(keys.key, values, strict=True)), keys.key)
    except TypeError:  # no JSON value
        token = None
    return keys.find(token) if token is not None else []


def _missing(table: Table, keys: VersionKeys, values: Sequence[Json]) -> RowMissing:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(keys.key, values, strict=True))
    other = [_other_type(value) for value in values]
    hint = "the table has no row with a key"
    if _find(keys, other):
        hint = f"there is one with {', '.join(f'{n}={v!r}' for n, v in zip(keys.key, other, strict=True))}"
    elif type(values[0]) is int and -len(table) <= values[0] < len(table):
        hint = f"table.row({values[0]}) gives the row at that place"
    elif (row := next((row for row in table if _has_key(row, keys.key)), None)) is not None:
        hint = f"keys are like {', '.join(f'{name}={row.get(name)!r}' for name in keys.key)}"
    return RowMissing(f"{table.path} has no row with {shown}", hint)


def _has_key(row: Row, key: Sequence[str]) -> bool:
    return not is_malformed(row) and key_token(row, key) is not None


def _other_type(value: Json) -> Json:
    """``"42" -> 42`` and ``42 -> "42"``."""
    return _from_json(value) if isinstance(value, str) else str(value)


def _from_json(text: str) -> Json:
    """The value that text is JSON for, else text itself."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _matches(found: Json, text: str, value: Json) -> bool:
    if isinstance(found, str):
        return found == text
    numbers = type(found) in (int, float) and type(value) in (int, float)
    return bool(found == value) if numbers else same(found, value)
