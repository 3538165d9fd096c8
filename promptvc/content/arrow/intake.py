"""Tables of other libraries, by the Arrow PyCapsule interface -> rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from promptvc.content.arrow.kinds import is_text
from promptvc.content.formats.base import Json, Row
from promptvc.content.values.plain import cell
from promptvc.errors import Usage

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_rows(given: Any) -> list[Row]:
    """The rows of anything with ``__arrow_c_stream__``; raises `Usage` for what has no columns, or two of one name.

    Columns that promptvc marked as JSON text are read as JSON. Moments become ISO 8601 text, NaN becomes None.
    """
    import pyarrow as pa

    try:
        table = pa.RecordBatchReader.from_stream(given).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"a {type(given).__name__} has no rows: {' '.join(str(error).split())}"
        raise Usage(what, "a table has columns with names") from None
    twice = next(
        (name for at, name in enumerate(table.column_names) if name in table.column_names[:at]), None
    )
    if twice is not None:
        raise Usage(f"there are two columns {twice}", "a row has each field once")
    columns = [_cells(table[at], field) for at, field in enumerate(table.schema)]
    if not columns:
        return [{} for _ in range(table.num_rows)]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _cells(column: pa.ChunkedArray, field: pa.Field) -> list[Json]:
    try:
        values = column.to_pylist()
    except ValueError as error:  # nanoseconds, where pandas is not there to hold them
        raise Usage(f"column {field.name}: {error}", "cast it to microseconds") from None
    if is_text(field):
        return [None if text is None else json.loads(text) for text in values]
    return [cell(value) for value in values]
