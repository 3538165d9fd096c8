"""Rows as Arrow tables: the same table by every way, and none that fails."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.arrow.kinds import arrow_schema, infer_columns, is_text
from promptvc.content.arrow.rows import make_table, pick
from promptvc.content.arrow.tables import read_arrow
from promptvc.content.formats.dicts import MALFORMED_FIELD, read_rows
from tests.content.tablefiles import any_jsonl, chunk_runs_of, format_of, jsonl, like_values, rows

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / "../shared/data"
FILES = [
    file
    for pattern in (
        "gsm8k/test.jsonl",
        "**/awkward*.jsonl",
        "*/seed_tasks.jsonl",
        "*/*v01*.csv",
        "alpaca_eval/*.csv",
    )
    for file in sorted(SHARED.glob(pattern))
] + sorted(SHARED.glob("alpaca_eval/*/*davinci*.json"))


def read(data: bytes, path: str = "t.jsonl", every: int = 1, columns: list[str] | None = None) -> pa.Table:
    return read_arrow(path, chunk_runs_of(path, data, every), format_of(path, data), columns)


def read_by_python(data: bytes, path: str = "t.jsonl", columns: list[str] | None = None) -> pa.Table:
    """All rows at once through Python: what every other way must give."""
    found = pick(read_rows(format_of(path, data), data, True), columns)
    return make_table(found, arrow_schema(infer_columns(found), last=[MALFORMED_FIELD]))


def assert_equal(one: pa.Table, other: pa.Table) -> None:
    assert one.schema.equals(other.schema, check_metadata=True), f"{one.schema}\n{other.schema}"
    if len(one.schema):
        assert [plain(row) for row in one.to_pylist()] == [plain(row) for row in other.to_pylist()]
    one.validate(full=True)


def plain(value: Any) -> Any:
    """Comparable: NaN is equal to itself."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def column(*values: Any) -> pa.Table:
    return read(jsonl([{"a": value} for value in values]))


# --- laws -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(any_jsonl, st.integers(1, 4))
def test_any_bytes_give_the_table_that_python_gives(data: bytes, every: int) -> None:
    assert_equal(read(data, every=every), read_by_python(data))


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=10), st.integers(1, 4))
def test_any_rows_give_the_table_that_python_gives(some: list[dict[str, Any]], every: int) -> None:
    assert_equal(read(jsonl(some), every=every), read_by_python(jsonl(some)))


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys("abc", like_values)), st.integers(1, 4))
def test_columns_of_one_type_give_the_table_that_python_gives(
    values: dict[str, list[Any]], every: int
) -> None:
    length = max(map(len, values.values()))
    some = [{name: items[at] for name, items in values.items() if at < len(items)} for at in range(length)]
    assert_equal(read(jsonl(some), every=every), read_by_python(jsonl(some)))


@settings(max_examples=60, deadline=None)
@given(any_jsonl, st.integers(1, 4))
def test_wanted_columns_are_what_the_whole_table_has(data: bytes, every: int) -> None:
    whole = read(data, every=every)
    known = [name for name in whole.column_names if name in ("a", "b", MALFORMED_FIELD)]
    assert_equal(read(data, every=every, columns=known), whole.select(known))


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=8), st.lists(rows, max_size=8))
def test_arrays_and_lines_of_the_same_rows_are_the_same_table(one: list[Any], other: list[Any]) -> None:
    some = [{}, *one, *other]
    assert_equal(read(json.dumps(some, indent=1).encode(), "t.json", every=2), read(jsonl(some), every=3))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_found_tables_give_the_table_that_python_gives(file: Path) -> None:
    data = file.read_bytes()
    table = read(data, file.name, every=7)
    assert_equal(table, read_by_python(data, file.name))
    assert table.num_rows == format_of(file.name, data).count(data, True)
    pyarrow.parquet.write_table(table, pa.BufferOutputStream())


# --- types ------------------------------------------------------------------------------------------------


def test_text_stays_text_even_where_it_looks_like_a_date() -> None:
    assert column("2026-01-01", "2026-01-02T00:00:00Z").schema.field("a").type == pa.string()


def test_plain_types() -> None:
    table = read(jsonl([{"t": "x", "b": True, "i": 1, "f": 0.5, "n": None}]))
    assert table.schema.types == [pa.string(), pa.bool_(), pa.int64(), pa.float64(), pa.null()]


def test_integers_among_decimals_become_decimals_where_that_is_exact() -> None:
    assert column(1, 2.5, 2**53)["a"].to_pylist() == [1.0, 2.5, 2.0**53]
    assert column(1, 2.5, 2**53 + 1)["a"].to_pylist() == ["1", "2.5", "9007199254740993"]


def test_large_integers_become_unsigned_or_json_text() -> None:
    assert column(0, 2**64 - 1).schema.field("a").type == pa.uint64()
    assert column(-1, 2**64 - 1)["a"].to_pylist() == ["-1", "18446744073709551615"]
    assert column(1, 2**64)["a"].to_pylist() == ["1", "18446744073709551616"]


def test_nested_values_become_structs_and_lists() -> None:
    table = column([{"role": "user"}], [{"role": "user", "n": 1}, None], [], None)
    assert table.schema.field("a").type == pa.list_(pa.struct([("role", pa.string()), ("n", pa.int64())]))
    assert table["a"].to_pylist() == [
        [{"role": "user", "n": None}],
        [{"role": "user", "n": 1}, None],
        [],
        None,
    ]


@pytest.mark.parametrize("values", [(1, "x"), (True, 1), ([], {}), ({"x": 1}, {"x": "1"}), ([1, "x"],)])
def test_columns_of_differing_types_are_marked_json_text(values: tuple[Any, ...]) -> None:
    table = column(*values, None)
    assert is_text(table.schema.field("a"))
    assert [None if cell is None else json.loads(cell) for cell in table["a"].to_pylist()] == [*values, None]


def test_objects_without_any_field_are_json_text() -> None:
    assert column({}, {}, None)["a"].to_pylist() == ["{}", "{}", None]
    assert column({}, {"x": 1})["a"].to_pylist() == [{"x": None}, {"x": 1}]


def test_objects_with_data_for_keys_are_json_text() -> None:
    assert is_text(column(*({f"k{n}": n} for n in range(300))).schema.field("a"))


def test_deep_values_are_json_text() -> None:
    deep: Any = 1
    for _ in range(180):
        deep = [deep]
    assert column(deep)["a"].to_pylist() == [json.dumps(deep)]


def test_half_a_surrogate_pair_is_replaced_in_text_and_escaped_in_json_text() -> None:
    assert read(rb'{"a":"x\ud800"}')["a"].to_pylist() == ["x\ufffd"]
    assert read(rb'{"a":"x\ud800"}' + b'\n{"a":1}')["a"].to_pylist() == ['"x\\ud800"', "1"]
    assert read(rb'{"a\ud800":1}').column_names == ["a\ufffd"]


def test_nan_is_a_number() -> None:
    assert plain(column(float("nan"), 1.5)["a"].to_pylist()) == ["NaN", 1.5]


def test_lists_of_null_keep_their_length() -> None:
    assert column([], [None, None], [None])["a"].to_pylist() == [[], [None, None], [None]]
    assert column({"x": [None, None]}, {"y": None})["a"].to_pylist()[0] == {"x": [None, None], "y": None}


def test_malformed_rows_have_a_last_column_of_their_own() -> None:
    table = read(b'oops\n{"a":1}\n')
    assert table.to_pylist() == [{"a": None, MALFORMED_FIELD: "oops"}, {"a": 1, MALFORMED_FIELD: None}]


def test_rows_without_fields_are_counted() -> None:
    assert read(b"{}\n{}\n").num_rows == 2


def test_csv_columns_are_text_and_the_header_counts_without_rows() -> None:
    assert read(b"id,n\n1,2\n3\n", "t.csv").to_pylist() == [{"id": "1", "n": "2"}, {"id": "3", "n": None}]
    assert read(b"id,n\n", "t.csv").schema.types == [pa.string(), pa.string()]


def test_a_name_that_no_row_has_is_null() -> None:
    assert read(b'{"a":1}\n', columns=["b", "a"]).to_pylist() == [{"b": None, "a": 1}]


def test_many_rows_with_rare_trouble_among_them() -> None:
    some: list[dict[str, Any]] = [{"id": n, "text": "x" * 200} for n in range(30_000)]
    some[11_111] = {"id": 5, "text": "to cut", "late": [1]}
    some[22_222]["id"] = 0.5
    data = jsonl(some).replace(b"to cut", rb"\ud800")
    assert_equal(read(data, every=100), read_by_python(data))
