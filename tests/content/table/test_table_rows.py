"""Rows asked for by place, by field and by question; columns as lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.table.view import MALFORMED_FIELD, Table
from promptvc.errors import RowMissing, Usage
from tests.content.tablefiles import chunk_runs_of, format_of, jsonl

TICKETS = [{"id": f"t-{n}", "n": n, "slice": "auth" if n % 2 else "billing"} for n in range(6)]


def table(data: bytes | list[Any], path: str = "t.jsonl", every: int = 2) -> Table:
    content = data if isinstance(data, bytes) else jsonl(data)
    return Table(path, chunk_runs_of(path, content, every), format_of(path, content), None)


# --- by place ---------------------------------------------------------------------------------------------

places = st.none() | st.integers(-12, 12)


@given(st.integers(0, 9), st.integers(1, 4), places, places, places.filter(lambda step: step != 0))
def test_a_slice_is_of_places(count: int, every: int, start: Any, stop: Any, step: Any) -> None:
    rows = [{"id": n} for n in range(count)]
    assert table(rows, every=every)[start:stop:step] == rows[start:stop:step]


def test_a_slice_loads_only_its_chunk_runs() -> None:
    seen: list[int] = []

    def watched(number: int, load: Any) -> Any:
        return lambda: (seen.append(number), load())[1]

    data = jsonl(TICKETS)
    runs = [
        run._replace(load=watched(n, run.load))
        for n, run in enumerate(chunk_runs_of("t.jsonl", data, 2, True))
    ]
    some = Table("t.jsonl", runs, format_of("t.jsonl", data), None)
    assert some[2:4] == TICKETS[2:4]
    assert seen == [1]
    assert some[9:] == []


def test_a_number_stays_a_key() -> None:
    assert table([{"id": 5}, {"id": 0}])[0] == {"id": 0}
    with pytest.raises(RowMissing):
        table([{"id": 5}])[0]


# --- by field ---------------------------------------------------------------------------------------------


def test_rows_have_the_values_asked_for() -> None:
    some = table(TICKETS)
    assert some.rows({"slice": "auth"}) == TICKETS[1::2]
    assert some.rows(where={"slice": "auth"}, limit=2) == [TICKETS[1], TICKETS[3]]
    assert some.rows({"slice": "auth", "n": 3}) == [TICKETS[3]]
    assert some.rows({"slice": "nowhere"}) == []
    assert some.rows() == TICKETS
    assert some.rows(limit=1) == TICKETS[:1]
    assert some.rows({"slice": "auth"}, limit=0) == []


def test_rows_answer_a_question() -> None:
    some = table(TICKETS)
    assert some.rows(lambda row: row["n"] > 3) == TICKETS[4:]
    assert some.rows({"n": lambda n: n > 3, "slice": "auth"}) == [TICKETS[5]]
    assert some.rows({"slice": {"auth", "x"}.__contains__}) == TICKETS[1::2]


def test_values_are_equal_as_json_is() -> None:
    rows = [{"a": 1}, {"a": "1"}, {"a": True}, {"a": None}, {"a": 1.0}, {"a": [1]}, {}, {"a": {"b": 1}}]
    some = table(rows)
    assert some.rows({"a": 1}) == [{"a": 1}, {"a": 1.0}]
    assert some.rows({"a": "1"}) == [{"a": "1"}]
    assert some.rows({"a": True}) == [{"a": True}]
    assert some.rows({"a": [1]}) == some.rows({"a": (1,)}) == [{"a": [1]}]
    assert some.rows({"a": {"b": 1}}) == [{"a": {"b": 1}}]
    assert some.rows({"a": None}) == [{"a": None}, {}]


def test_cells_of_csv_are_compared_as_they_are_written() -> None:
    some = table(b"id,n,ok\n1,3,true\n2,,\n3\n", "t.csv")
    assert [row["id"] for row in some.rows({"n": 3})] == ["1"]
    assert [row["id"] for row in some.rows({"ok": True})] == ["1"]
    assert [row["id"] for row in some.rows({"n": None})] == ["2", "3"]


def test_values_of_numpy_are_values() -> None:
    numpy = pytest.importorskip("numpy")
    some = table(TICKETS)
    assert some.rows({"n": numpy.int64(3)}) == [TICKETS[3]]
    assert table([{"id": 5}])[numpy.int64(5)] == {"id": 5}
    assert numpy.int64(6) not in table([{"id": 5}])


def test_malformed_rows_are_never_found() -> None:
    assert table(b'{"id":1}\noops\n{"id":2}\n').rows({"id": lambda value: True}) == [{"id": 1}, {"id": 2}]
    assert table(b'{"id":1}\noops\n').rows() == [{"id": 1}]


def test_a_field_that_no_row_has_is_wrong_usage() -> None:
    for ask in (lambda t: t.rows({"slce": "auth"}), lambda t: t.column("slce")):
        with pytest.raises(Usage, match="has no column slce") as caught:
            ask(table(TICKETS))
        assert caught.value.hint == "it has id, n, slice"


# --- columns ----------------------------------------------------------------------------------------------


def test_a_column_has_a_value_for_each_row() -> None:
    assert table(TICKETS).column("n") == [0, 1, 2, 3, 4, 5]
    assert table([{"a": 1}, {}, {"a": None}]).column("a") == [1, None, None]
    assert table(b'{"a":1}\noops\n{"a":2}\n').column("a") == [1, None, 2]
    assert table([{"a": None}]).column("a") == [None]
    assert table(b"a,b\n", "t.csv").column("b") == []
    assert table(b'oops\n{"a":2}\n').column(MALFORMED_FIELD) == ["oops", None]
