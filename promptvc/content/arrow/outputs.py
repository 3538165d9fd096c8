"""Output rows as an Arrow table of plain columns: all fields in fixed types, and a column for each score."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from promptvc.content.arrow.kinds import arrow_field, infer, is_text
from promptvc.content.formats.base import Json

if TYPE_CHECKING:
    import pyarrow as pa

_SCORES, _PREFIX = "scores", "scores."
_TEXT, _COUNT, _NUMBER = "string", "int64", "float64"
_TYPES = {
    "example_id": _TEXT,
    "sample_index": _COUNT,
    "output": _TEXT,
    "finish_reason": _TEXT,
    "input_tokens": _COUNT,
    "output_tokens": _COUNT,
    "latency_ms": _NUMBER,
    "cost_usd": _NUMBER,
    "error": _TEXT,
    "response_model": _TEXT,
    "request_hash": _TEXT,
}
"""The fields of `OutputRow` in their order."""


def flatten_outputs(table: pa.Table) -> pa.Table:
    """The table of an output file with the fields of `OutputRow` first, then the scores, then whatever else it has.

    A field that all rows lack is a column of nulls. A score is a column ``scores.NAME``: booleans, numbers or text;
    numbers where booleans and numbers are mixed. A field keeps its type where values are not what they should be.
    """
    import pyarrow as pa

    columns = {name: _typed(table, name, type) for name, type in _TYPES.items()}
    if _SCORES in table.column_names:
        columns |= _score_columns(table[_SCORES], table.schema.field(_SCORES))
    columns |= {name: table[name] for name in table.column_names if name not in (*_TYPES, _SCORES)}
    return pa.table(columns)


def _typed(table: pa.Table, name: str, type: str) -> pa.ChunkedArray | pa.Array:
    import pyarrow as pa

    if name not in table.column_names:
        return pa.nulls(table.num_rows, type)
    try:
        return table[name].cast(type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return table[name]


def _score_columns(column: pa.ChunkedArray, field: pa.Field) -> dict[str, pa.ChunkedArray | pa.Array]:
    import pyarrow as pa

    if pa.types.is_struct(field.type):
        names = [child.name for child in field.type]
        return {_PREFIX + name: part for name, part in zip(names, column.flatten(), strict=True)}
    if not is_text(field):  # nothing but null
        return {}
    scores: list[dict[str, Json]] = [json.loads(text) if text else {} for text in column.to_pylist()]
    names = list(dict.fromkeys(name for row in scores for name in row))
    return {_PREFIX + name: _array([row.get(name) for row in scores]) for name in names}


def _array(values: list[Json]) -> pa.Array:
    """Scores of mixed types: booleans beside numbers become numbers, anything beside text becomes text."""
    import pyarrow as pa

    types = {type(value) for value in values} - {type(None)}
    if len(types) > 1 and str not in types:
        values = [float(value) if isinstance(value, int | float) else None for value in values]
    elif len(types) > 1:
        values = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pa.array(values, arrow_field("", infer(values)).type)
