"""Data frames written in transactions: pandas, polars, pyarrow, and plain rows with values of numpy."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats.equal import same
from promptvc.content.table.intake import as_in_place, given_rows
from promptvc.errors import Conflict, Usage
from promptvc.repo import Repo
from tests.content.tablefiles import chunk_runs_of, format_of, jsonl, values

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")

TICKETS = "examples/tickets.jsonl"
LARGE = 9007199254740993


class Foreign:
    """A table of a library that nobody has heard of."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def frames(columns: dict[str, list[Any]]) -> list[Any]:
    """The same table in each library."""
    arrow = pyarrow.table(columns)
    return [
        pandas.DataFrame(columns),
        polars.DataFrame(columns),
        arrow,
        Foreign(arrow),
        pyarrow.RecordBatch.from_pydict(columns),
    ]


def read(repo: Repo, path: str = TICKETS) -> str:
    return repo.snapshot("main").read(path).decode()


def write(repo: Repo, rows: Any, how: str = "append", path: str = TICKETS) -> str:
    with repo.transaction("main", how) as tx:
        getattr(tx, how)(path, rows)
    return read(repo, path)


COLUMNS = {
    "id": [1, LARGE],
    "text": ["a", None],
    "score": [0.5, float("nan")],
    "ok": [True, False],
    "tags": [["x"], []],
}
LINES = (
    '{"id": 1, "text": "a", "score": 0.5, "ok": true, "tags": ["x"]}\n'
    '{"id": 9007199254740993, "text": null, "score": null, "ok": false, "tags": []}\n'
)


# --- what becomes of values -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(5), ids=["pandas", "polars", "pyarrow", "stream", "batch"])
def test_a_frame_of_any_library_is_rows(repo: Repo, place: int) -> None:
    assert write(repo, frames(COLUMNS)[place]) == LINES


@pytest.mark.parametrize("place", range(5), ids=["pandas", "polars", "pyarrow", "stream", "batch"])
def test_a_frame_of_any_library_replaces_rows(repo: Repo, place: int) -> None:
    write(repo, [{"id": 1, "text": "before"}, {"id": 2}])
    assert write(repo, frames({"id": [1, 3], "text": ["a", "new"]})[place], "upsert") == (
        '{"id": 1, "text": "a"}\n{"id": 2}\n{"id": 3, "text": "new"}\n'
    )


def test_a_missing_value_is_null_but_absent_where_the_row_had_no_such_field(repo: Repo) -> None:
    write(repo, [{"id": 1, "text": "a"}, {"id": 2}, {"id": 3, "text": None}])
    frame = pandas.DataFrame({"id": [1, 2, 3, 4], "text": [None] * 4})
    assert write(repo, frame, "upsert") == (
        '{"id": 1, "text": null}\n{"id": 2}\n{"id": 3, "text": null}\n{"id": 4, "text": null}\n'
    )


def test_every_kind_of_missing_value_of_pandas_is_null() -> None:
    frame = pandas.DataFrame(
        {
            "float": [float("nan")],
            "moment": pandas.to_datetime([None]),
            "object": pandas.Series([pandas.NA], dtype="object"),
            "integer": pandas.array([None], dtype="Int64"),
            "text": pandas.array([None], dtype="string"),
            "category": pandas.Categorical([None], ["a"]),
        }
    )
    assert given_rows(frame).rows == [dict.fromkeys(frame.columns)]


def test_integers_stay_integers() -> None:
    frame = pandas.DataFrame(
        {"a": [1, 2], "b": pandas.array([LARGE, None], dtype="Int64"), "c": numpy.uint8([3, 4])}
    )
    [first, second] = given_rows(frame).rows
    assert json.dumps(first) == f'{{"a": 1, "b": {LARGE}, "c": 3}}'
    assert second["b"] is None


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_moments_become_iso_text(make: Any) -> None:
    at = datetime(2026, 1, 5, 10, 30, 0, 250000, tzinfo=UTC)
    columns = {
        "at": [at],
        "naive": [at.replace(tzinfo=None)],
        "day": [date(2026, 1, 5)],
        "time": [time(10, 30)],
    }
    assert given_rows(make(columns)).rows == [
        {
            "at": "2026-01-05T10:30:00.250000+00:00",
            "naive": "2026-01-05T10:30:00.250000",
            "day": "2026-01-05",
            "time": "10:30:00",
        }
    ]


def test_nanoseconds_are_kept() -> None:
    frame = pandas.DataFrame({"at": pandas.to_datetime(["2026-01-05T10:30:00.000000001"]).as_unit("ns")})
    assert given_rows(frame).rows == [{"at": "2026-01-05T10:30:00.000000001"}]
    assert given_rows(pyarrow.Table.from_pandas(frame)).rows == given_rows(frame).rows


def test_values_of_numpy_and_pandas_in_plain_rows_are_plain_values(repo: Repo) -> None:
    row = {
        "id": numpy.int64(LARGE),
        "float": numpy.float32(0.5),
        "bool": numpy.bool_(True),
        "text": numpy.str_("é"),
        "array": numpy.array([[1, 2]]),
        "moments": numpy.array(["2026-01-05T10:30:00.5", "NaT"], dtype="datetime64[ns]"),
        "day": numpy.datetime64("2026-01-05"),
        "stamp": pandas.Timestamp("2026-01-05T10:30", tz="UTC"),
        "gone": [pandas.NaT, pandas.NA],
        "nested": {"n": numpy.int8(1), "pair": (1, numpy.float64(2.5))},
    }
    assert write(repo, [row]) == (
        f'{{"id": {LARGE}, "float": 0.5, "bool": true, "text": "é", "array": [[1, 2]], '
        '"moments": ["2026-01-05T10:30:00.5", null], "day": "2026-01-05", "stamp": "2026-01-05T10:30:00+00:00", '
        '"gone": [null, null], "nested": {"n": 1, "pair": [1, 2.5]}}\n'
    )
    with repo.transaction("main", "by key") as tx:
        tx.upsert(TICKETS, [{"id": numpy.int64(LARGE), "text": "new"}])
        tx.delete(TICKETS, numpy.array([LARGE]))
    assert read(repo) == ""


@pytest.mark.parametrize(
    "value", [Decimal("1.5"), b"bytes", numpy.timedelta64(1, "s"), pandas.Timedelta(1), {1, 2}, 1j]
)
def test_what_json_has_no_value_for_is_named(repo: Repo, value: Any) -> None:
    with (
        pytest.raises(Usage, match="given row 0: field odd: not a JSON value"),
        repo.transaction("main", "x") as tx,
    ):
        tx.append(TICKETS, [{"id": 1, "odd": value}])


def test_values_nested_too_deeply_are_wrong_usage(repo: Repo) -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Usage, match="not a JSON value"), repo.transaction("main", "x") as tx:
        tx.append(TICKETS, [{"id": 1, "deep": value}])


# --- what is a frame --------------------------------------------------------------------------------------


def test_the_index_of_pandas_counts_where_it_has_a_name() -> None:
    frame = pandas.DataFrame({"id": ["a", "b", "c"], "n": [1, 2, 3]})
    assert given_rows(frame[frame.n > 1]).rows == [{"id": "b", "n": 2}, {"id": "c", "n": 3}]
    assert given_rows(frame.set_index("id")).rows == given_rows(frame).rows
    assert given_rows(frame.set_index("id", drop=False)).rows == given_rows(frame).rows
    assert given_rows(frame.set_index(["id", "n"])).rows == given_rows(frame).rows


def test_columns_of_mixed_and_nested_values_are_as_they_are() -> None:
    frame = pandas.DataFrame({"a": [1, "x", {"k": [1, None]}], "b": [[1], [], None]})
    assert given_rows(frame).rows == [
        {"a": 1, "b": [1]},
        {"a": "x", "b": []},
        {"a": {"k": [1, None]}, "b": None},
    ]


@pytest.mark.parametrize(
    "rows",
    ["text", {"id": 1}, 5, None, [1], ["a"], pandas.Series([1]), polars.Series([1]), pyarrow.array([1])],
    ids=lambda rows: type(rows).__name__,
)
def test_what_has_no_rows_is_wrong_usage(repo: Repo, rows: Any) -> None:
    for how in ("append", "upsert"):
        with pytest.raises(Usage, match="rows"), repo.transaction("main", "x") as tx:
            getattr(tx, how)(TICKETS, rows)


def test_two_columns_of_one_name_are_wrong_usage() -> None:
    twice = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    for frame in (twice, pyarrow.table([[1], [2]], names=["a", "a"])):
        with pytest.raises(Usage, match="two columns a"):
            given_rows(frame)


def test_a_frame_without_rows_changes_nothing(repo: Repo) -> None:
    write(repo, [{"id": 1}])
    for frame in frames({"id": [], "text": []})[:3]:
        assert write(repo, frame, "upsert") == '{"id": 1}\n'


def test_a_table_of_ours_is_rows_as_they_are(repo: Repo) -> None:
    write(repo, [{"id": 1, "a": None}, {"id": 2, "b": {"x": 1}}])
    copied = write(repo, repo.snapshot("main").table(TICKETS), path="examples/copy.jsonl")
    assert copied == read(repo)


def test_a_frame_goes_into_csv(repo: Repo) -> None:
    with repo.transaction("main", "start") as tx:
        tx.write("examples/t.csv", "id,text,n\n1,a,\n2,,5\n")
    frame = repo.snapshot("main").table("examples/t.csv").to_pandas()
    assert write(repo, frame, "upsert", "examples/t.csv") == "id,text,n\n1,a,\n2,,5\n"
    frame.loc[0, "text"] = None
    assert write(repo, frame, "upsert", "examples/t.csv") == "id,text,n\n1,,\n2,,5\n"


# --- there and back ---------------------------------------------------------------------------------------

TABLES = st.lists(st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2), max_size=4).map(
    lambda rows: [{"id": f"t-{n}", **row} for n, row in enumerate(rows)]
)


def in_place(frame: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {row["id"]: row for row in rows}
    return [as_in_place(row, by_id[row["id"]]) for row in given_rows(frame).rows]


@settings(max_examples=150)
@given(TABLES)
def test_a_table_that_was_a_frame_and_did_not_change_is_the_same_rows(rows: list[dict[str, Any]]) -> None:
    from promptvc.content.table.view import Table

    data = jsonl(rows)
    table = Table("t.jsonl", chunk_runs_of("t.jsonl", data, 2), format_of("t.jsonl", data), ("id",))
    assert same(in_place(table.to_arrow(), list(table)), list(table))
    assert same(in_place(table.to_pandas(), list(table)), list(table))


def test_bytes_of_rows_that_did_not_change_stay(repo: Repo) -> None:
    text = (
        '{"id":1,"n":1,"meta":{"a":1}}\n{"n": 2.50, "id" : 2, "x": NaN}\n'
        '{"id":3,"n":null,"meta":{"b":null}, "mixed": "x"}\n{"id":4,"mixed":[1]}\n'
    )
    with repo.transaction("main", "start") as tx:
        tx.write(TICKETS, text)
    for frame in ("to_pandas", "to_arrow"):
        with repo.transaction("main", "same") as tx:
            tx.upsert(TICKETS, getattr(tx.table(TICKETS), frame)())
        assert tx.commit_id is None
        assert read(repo) == text


def test_a_frame_is_merged_with_what_others_wrote(repo: Repo) -> None:
    write(repo, [{"id": 1, "a": 1}, {"id": 2, "a": 1, "b": 1}])
    with repo.transaction("main", "mine") as tx:
        tx.upsert(TICKETS, pandas.DataFrame({"id": [1, 2], "a": [5, 1], "b": [None, 1]}))
        write(repo, [{"id": 1, "a": 1, "c": 7}], "upsert")
    assert read(repo) == '{"id": 1, "a": 5, "c": 7}\n{"id": 2, "a": 1, "b": 1}\n'
    with pytest.raises(Conflict), repo.transaction("main", "mine") as tx:
        tx.upsert(TICKETS, pandas.DataFrame({"id": [2], "a": [9], "b": [1]}))
        write(repo, [{"id": 2, "a": 8, "b": 1}], "upsert")
