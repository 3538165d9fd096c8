"""Arrow tables as pandas data frames that lose nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptvc.content.arrow.kinds import is_text

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa

JSON_COLUMNS = "promptvc.json"
"""The attribute of a frame that names the columns whose cells are JSON text."""


def pandas_frame(table: pa.Table, options: dict[str, Any]) -> pandas.DataFrame:
    """The frame that `pyarrow.Table.to_pandas` makes with these options, but integers stay integers.

    pandas turns integers beside nulls into floats, which end at 2**53: such a column is a nullable ``Int64`` or
    ``UInt64``. Lists with nulls among their integers hold Python's. Where the options say what to do with them,
    they decide.
    """
    import pandas
    import pyarrow as pa

    frame = table.to_pandas(**{"integer_object_nulls": True, **options})
    if not {"types_mapper", "integer_object_nulls"} & options.keys():
        nullable = {pa.int64(): pandas.Int64Dtype(), pa.uint64(): pandas.UInt64Dtype()}
        for field in table.schema:
            if field.type in nullable and table[field.name].null_count:
                frame[field.name] = nullable[field.type].__from_arrow__(table[field.name])
    if names := [field.name for field in table.schema if is_text(field)]:
        frame.attrs[JSON_COLUMNS] = names
    return frame
