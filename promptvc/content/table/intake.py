"""Rows as users have them - mappings, tables, data frames - as rows to write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from promptvc.content.arrow.frames import JSON_COLUMNS
from promptvc.content.arrow.intake import arrow_rows
from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.dicts import MALFORMED_FIELD
from promptvc.content.table.view import Table
from promptvc.content.values.plain import cell, is_nan, plain_row
from promptvc.errors import Usage


class ArrowStream(Protocol):
    """A table of any library that speaks the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows."""


_NUMBERS = (int, float)
Rows: TypeAlias = Iterable[Mapping[str, Any]] | ArrowStream


class Given(Struct, frozen=True):
    """Rows to write. Those of a frame have every field, None where there is no value: see `as_in_place`."""

    rows: list[Row]
    is_frame: bool = False


def given_rows(given: Rows) -> Given:
    """The rows of a list of mappings, of a table of ours, or of a data frame; raises `Usage` for what is none.

    Values of numpy and pandas become JSON values, moments become ISO 8601 text. In a frame NaN, NaT and NA are None.
    """
    if _is_pandas(given):
        return Given(_without_malformed(_pandas_rows(given)), is_frame=True)
    if hasattr(given, "__arrow_c_stream__") and not isinstance(given, Table):
        return Given(_without_malformed(arrow_rows(given)), is_frame=True)
    rows = [given] if isinstance(given, Mapping | str) or not isinstance(given, Iterable) else list(given)
    if isinstance(given, Mapping) or not all(isinstance(row, Mapping) for row in rows):
        hint = 'tx.append("examples/t.jsonl", [{"id": 1}])'
        raise Usage("rows must be a list of mappings, or a data frame", hint)
    return Given([plain_row(row) for row in rows])


def as_in_place(row: Mapping[str, Json], there: Mapping[str, Json]) -> Row:
    """A row of a frame, to be put in the place of ``there``: what a frame cannot say stays as it is there.

    A None for a field that is not there, or for NaN, means nothing; a number that is equal (1.0 for 1) is the same.
    So rows that were read into a frame and not changed in it are the same rows.
    """
    given = {name: value for name, value in row.items() if value is not None or name in there}
    return {name: _kept(value, there.get(name)) for name, value in given.items()}


def _kept(value: Json, there: Json) -> Json:
    if isinstance(value, dict) and isinstance(there, dict):
        return as_in_place(value, there)
    if isinstance(value, list) and isinstance(there, list):
        return [*map(_kept, value, there), *value[len(there) :]]
    is_same = type(value) in _NUMBERS and type(there) in _NUMBERS and value == there
    return there if is_same or (value is None and is_nan(there)) else value


def _is_pandas(given: object) -> bool:
    return any(
        cls.__name__ == "DataFrame" and cls.__module__.partition(".")[0] == "pandas"
        for cls in type(given).__mro__
    )


def _pandas_rows(frame: Any) -> list[Row]:
    """Named parts of the index are fields, unless a column has the name; without a name it only counts rows."""
    index = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=index) if index else frame
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise Usage(f"there are two columns {twice}", "a row has each field once")
    names = [str(name) for name in frame.columns]
    marked = frame.attrs.get(JSON_COLUMNS) or ()
    columns = [_cells(frame[name], name in marked) for name in frame.columns]
    if not columns:
        return [{} for _ in range(len(frame))]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _cells(column: Iterable[Any], is_json: bool) -> list[Json]:
    values = [cell(value) for value in column]
    return [_from_json(value) for value in values] if is_json else values


def _from_json(value: Json) -> Json:
    """What a cell that held JSON text says; text that was put there and is none stays text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _without_malformed(rows: list[Row]) -> list[Row]:
    """The rows without the column that says which rows of a table could not be read, where it says nothing."""
    for row in rows:
        if row.get(MALFORMED_FIELD, "") is None:
            del row[MALFORMED_FIELD]
    return rows
