"""Rows -> Arrow arrays through Python values: the way that takes anything."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from promptvc.content.arrow.kinds import is_text, is_unicode
from promptvc.content.formats.base import Json, Row
from promptvc.patterns import compiled

if TYPE_CHECKING:
    import pyarrow as pa

_SURROGATES = compiled("[\ud800-\udfff]")
_to_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def pick(rows: list[Row], columns: Collection[str] | None) -> list[Row]:
    """The rows with these columns only (None: all), under names that Arrow can hold."""
    if columns is not None:
        return [{name: row[name] for name in columns if name in row} for row in rows]
    if all(is_unicode(name) for name in set().union(*rows)):
        return rows
    return [{_scrub_text(name): value for name, value in row.items()} for row in rows]


def make_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """A table of one batch; the schema must hold what the rows hold. Absent cells are null."""
    import pyarrow as pa

    return pa.Table.from_arrays([make_array(rows, field) for field in schema], schema=schema)


def make_array(rows: Sequence[Row], field: pa.Field) -> pa.Array:
    """One column of the rows; half a surrogate pair becomes U+FFFD, in JSON text it stays as an escape."""
    import pyarrow as pa

    values = [row.get(field.name) for row in rows]
    if is_text(field):
        return pa.array([None if value is None else json_text(value) for value in values], pa.string())
    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        return pa.array(_scrub(values), field.type)


def json_text(value: Json) -> str:
    """A value as compact JSON; NaN and infinities as Python writes them."""
    text = _to_json(value)
    return text if is_unicode(text) else json.dumps(value, separators=(",", ":"))


def _scrub(value: Json) -> Json:
    if type(value) is str:
        return _scrub_text(value)
    if type(value) is list:
        return [_scrub(item) for item in value]
    if type(value) is dict:
        return {name: _scrub(item) for name, item in value.items()}
    return value


def _scrub_text(text: str) -> str:
    return _SURROGATES.sub("\ufffd", text)
