"""Data frames lose nothing: integers beside nulls, in columns and inside values."""

from __future__ import annotations

from typing import Any

import pytest

from promptvc.content.runs.view import Run
from promptvc.content.table.frames import rows_to_pandas
from promptvc.content.table.view import Table
from tests.content.tablefiles import chunk_runs_of, format_of, jsonl

pandas = pytest.importorskip("pandas")

LARGE = 9007199254740993  # 2**53 + 1, the first integer that no float holds


def table(rows: list[Any]) -> Table:
    data = jsonl(rows)
    return Table("t.jsonl", chunk_runs_of("t.jsonl", data, 2), format_of("t.jsonl", data), None)


def test_integers_beside_nulls_stay_integers() -> None:
    frame = table([{"id": 1, "n": LARGE}, {"id": 2}, {"id": 3, "n": None}]).to_pandas()
    assert (str(frame["n"].dtype), str(frame["id"].dtype)) == ("Int64", "int64")
    assert frame["n"].tolist() == [LARGE, pandas.NA, pandas.NA]
    assert list(frame.columns) == ["id", "n"]


def test_unsigned_integers_beside_nulls_stay_integers() -> None:
    frame = table([{"n": 2**64 - 1}, {}]).to_pandas()
    assert str(frame["n"].dtype) == "UInt64"
    assert frame["n"][0] == 2**64 - 1


def test_integers_inside_values_stay_integers() -> None:
    frame = table([{"list": [LARGE, None], "object": {"n": LARGE}}, {"list": [1], "object": {}}]).to_pandas()
    assert list(frame["list"][0]) == [LARGE, None]
    assert frame["object"][0] == {"n": LARGE}


def test_the_users_options_decide() -> None:
    some = table([{"n": 1}, {}])
    assert str(some.to_pandas(integer_object_nulls=True)["n"].dtype) == "object"
    assert str(some.to_pandas(integer_object_nulls=False)["n"].dtype) == "float64"
    assert str(some.to_pandas(types_mapper=pandas.ArrowDtype)["n"].dtype) == "int64[pyarrow]"


def test_a_table_of_one_column_of_integers_has_all_its_rows() -> None:
    assert len(table([{"n": None}, {"n": 1}, {}]).to_pandas()) == 3


def test_columns_of_json_text_are_named() -> None:
    assert table([{"a": 1, "b": 1}, {"a": "x", "b": 2}]).to_pandas().attrs == {"promptvc.json": ["a"]}


def test_outputs_keep_their_integers() -> None:
    rows = [
        {"example_id": "a", "output": "x", "input_tokens": LARGE, "scores": {"n": LARGE}},
        {"example_id": "b"},
    ]
    frame = Run("mini", None, table(rows)).to_pandas()
    assert frame["input_tokens"].tolist() == [LARGE, pandas.NA]
    assert frame["scores.n"].tolist() == [LARGE, pandas.NA]


def test_rows_of_a_comparison_keep_their_integers() -> None:
    frame = rows_to_pandas([{"n": LARGE, "f": 0.5, "u": 2**64 - 1}, {"n": None, "f": None, "u": None}])
    assert frame["n"].tolist() == [LARGE, pandas.NA]
    assert str(frame["f"].dtype) == "float64"
    assert rows_to_pandas([]).empty
