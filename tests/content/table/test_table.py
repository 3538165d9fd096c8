"""Tables: rows by number and by key, in whatever state the file is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.keys.tokens import guess_key, key_token
from promptvc.content.table.view import MALFORMED_FIELD, Table
from promptvc.errors import RowMissing, Usage
from tests.content.tablefiles import any_jsonl, chunk_runs_of, format_of, jsonl, rows


def table(
    data: bytes | list[Any], path: str = "t.jsonl", key: tuple[str, ...] | None = None, every: int = 2
) -> Table:
    content = data if isinstance(data, bytes) else jsonl(data)
    return Table(path, chunk_runs_of(path, content, every), format_of(path, content), key)


TICKETS = [{"id": f"t-{n}", "n": n, "slice": "auth" if n % 2 else "billing"} for n in range(6)]


# --- rows by number ---------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(any_jsonl, st.integers(1, 4), st.booleans())
def test_length_iteration_and_places_agree_for_any_bytes(data: bytes, every: int, counted: bool) -> None:
    format = format_of("t.jsonl", data)
    some = Table("t.jsonl", chunk_runs_of("t.jsonl", data, every, counted), format, None)
    all_rows = list(some)
    assert len(some) == len(all_rows) == len(format.bodies(data, True))
    assert repr([some.row(n) for n in range(len(some))]) == repr(all_rows)
    assert repr([some.row(n - len(some)) for n in range(len(some))]) == repr(all_rows)
    assert [some.raw(n) for n in range(len(some))] == format.bodies(data, True)
    assert [bad.number for bad in some.malformed] == [
        n
        for n, row in enumerate(all_rows)
        if MALFORMED_FIELD in row and '"$malformed"' not in some.raw(n).decode("utf-8", "replace")
    ]


@settings(max_examples=50, deadline=None)
@given(any_jsonl)
def test_text_and_html_are_made_for_any_bytes(data: bytes) -> None:
    assert "\n" not in repr(table(data)).replace("\\n", "")
    table(data)._repr_html_().encode()


def test_a_row_loads_only_its_chunk_run() -> None:
    data, seen = jsonl(TICKETS), []

    def watch(number: int, load: Callable[[], bytes]) -> Callable[[], bytes]:
        return lambda: (seen.append(number), load())[1]

    chunk_runs = chunk_runs_of("t.jsonl", data, 2, counted=True)
    watched = [s._replace(load=watch(n, s.load)) for n, s in enumerate(chunk_runs)]
    some = Table("t.jsonl", watched, format_of("t.jsonl", data), None)
    assert len(some) == 6
    assert some.row(3) == TICKETS[3]
    assert some.row(2) == TICKETS[2]
    assert seen == [1]


@pytest.mark.parametrize("place", [6, -7, 10**9])
def test_a_place_outside_the_table_is_a_missing_row(place: int) -> None:
    with pytest.raises(RowMissing, match="6 rows"):
        table(TICKETS).row(place)


def test_head_gives_the_first_rows() -> None:
    assert table(TICKETS).head(2) == TICKETS[:2]


# --- rows by key ------------------------------------------------------------------------------------------


def test_a_row_is_found_by_its_key() -> None:
    assert table(TICKETS)["t-4"] == TICKETS[4]
    assert "t-4" in table(TICKETS)
    assert "t-6" not in table(TICKETS)


def test_several_fields_make_a_key() -> None:
    some = table(TICKETS, key=("slice", "n"))
    assert some["auth", 3] == TICKETS[3]
    with pytest.raises(Usage, match="2 fields: slice, n"):
        some["auth"]


def test_of_rows_that_share_a_key_the_first_is_meant() -> None:
    some = table(TICKETS, key=("slice",))
    assert some["auth"] == TICKETS[1]
    assert some.rows_with_key("auth") == TICKETS[1::2]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("t-9", "keys are like id='t-0'"),
        (3, "table.row(3)"),
        (object(), "keys are like"),
        (None, "keys are like"),
    ],
)
def test_a_missing_key_says_what_keys_are_like(key: object, hint: str) -> None:
    with pytest.raises(RowMissing) as caught:
        table(TICKETS)[key]
    assert hint in (caught.value.hint or "")


def test_a_key_of_the_wrong_type_is_pointed_out() -> None:
    with pytest.raises(RowMissing) as caught:
        table(TICKETS, key=("n",))["3"]
    assert caught.value.hint == "there is one with n=3"
    assert str(caught.value) == "t.jsonl has no row with n='3'"


def test_one_true_and_text_are_different_keys() -> None:
    some = table([{"id": 1}, {"id": True}, {"id": "1"}, {"id": 1.0}])
    assert [some[key] for key in (1, True, "1", 1.0)] == list(some)


def test_a_table_without_a_key_says_how_to_name_one() -> None:
    some = table([{"id": 1}, {"id": 1}])
    assert some.key is None
    with pytest.raises(Usage, match="has no key"):
        some[1]


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, max_size=6))
def test_the_guessed_key_is_that_of_a_diff(some: list[Any]) -> None:
    assert table(some).key == guess_key(list(table(some)))


lines = st.one_of(
    st.sampled_from([0, 1, 2, "a", "b", "é", "\\", True, None, [1], 10**20]).map(
        lambda id: json.dumps({"id": id, "name": "x"}, ensure_ascii=False).encode()
    ),
    st.sampled_from(
        [b'{"id": "a", "id": "b"}', b'{"id": "a",}', b'{"name":"id", "id": 7}', b'{"x":{"id":8}}', b'{"id":01}', b"",
         b'{"id": "a\\u0062"}', b'{"\\u0069d": "c"}', b' {"id" : -0 }\r', b'{"id":"\xff"}', b'{"id":{}}']
    ),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(lines, max_size=6), st.integers(1, 3), st.booleans())
def test_keys_are_those_of_the_rows_however_they_are_written(
    some: list[bytes], every: int, configured: bool
) -> None:
    found = table(b"\n".join(some), key=("id",) if configured else None, every=every)
    readable = [row for row in found if MALFORMED_FIELD not in row]
    key = ("id",) if configured else guess_key(readable)
    assert found.key == key
    for row in readable if key else []:
        if row.get(key[0]) is not None:
            same_key = [r for r in readable if key_token(r, key) == key_token(row, key)]
            assert found.rows_with_key(row[key[0]]) == same_key
            assert found[row[key[0]]] == same_key[0]
    assert key is None or "nowhere" not in found


def test_malformed_rows_do_not_hide_the_key() -> None:
    some = table(b'{"id":1}\noops\n{"id":2}\n')
    assert some.key == ("id",)
    assert some[2] == {"id": 2}


# --- what is in it ----------------------------------------------------------------------------------------


def test_columns_are_in_the_order_in_which_they_are_first_seen() -> None:
    assert table([{"b": 1}, {"a": 1, "b": 1}, {"c": None}]).columns == ["b", "a", "c"]
    assert table(b"x,y\n", "t.csv").columns == ["x", "y"]


def test_malformed_rows_are_located_in_the_file() -> None:
    some = table(b'\xef\xbb\xbf{"a":1}\n\n  {"a":}\r\n{"a":2}\n{"a":"\xff"}\n[1]', every=1)
    assert [(bad.number, bad.line, bad.column, bad.text) for bad in some.malformed] == [
        (1, 3, 8, '{"a":}'),
        (3, 5, 7, '{"a":"\ufffd"}'),
        (4, 6, 1, "[1]"),
    ]
    assert list(some)[1] == {MALFORMED_FIELD: '{"a":}'}


@pytest.mark.parametrize("every", [1, 2, 9])
def test_malformed_elements_are_located_on_their_line(every: int) -> None:
    some = table('[{"a":"ä"},{"a":"ä"},{"a":},\n{"b":\n:}]'.encode(), "t.json", every=every)
    assert [(bad.number, bad.line, bad.column) for bad in some.malformed] == [(2, 1, 27), (3, 3, 1)]


def test_select_compares_text_and_json() -> None:
    some = table([{"a": 1}, {"a": "1"}, {"a": True}, {"a": None}, {"a": 1.0}, {"a": [1]}, {}, {"a": "x"}])
    assert [n for n, _ in some.select({"a": "1"})] == [0, 1, 4]
    assert [n for n, _ in some.select({"a": "true"})] == [2]
    assert [n for n, _ in some.select({"a": "null"})] == [3]
    assert [n for n, _ in some.select({"a": "[1]"})] == [5]
    assert list(some.select({"a": "x"})) == [(7, {"a": "x"})]
    assert list(some.select({"a": "y"})) == []


def test_select_stops_at_its_limit() -> None:
    assert list(table(TICKETS).select({"slice": "auth"}, 2)) == [(1, TICKETS[1]), (3, TICKETS[3])]
    assert list(table(TICKETS).select({}, 0)) == []


def test_select_by_a_field_that_no_row_has_is_wrong_usage() -> None:
    with pytest.raises(Usage, match="has no column slce"):
        list(table(TICKETS).select({"slce": "auth"}))


# --- as text and as data frames ---------------------------------------------------------------------------


def test_repr_is_one_line() -> None:
    assert repr(table(TICKETS)) == "Table t.jsonl: 6 rows, key id, columns id, n, slice"
    assert repr(table(b"")) == "Table t.jsonl: 0 rows, key none, columns none"
    wide = table([dict.fromkeys("abcdefgh", 1)])
    assert repr(wide) == "Table t.jsonl: 1 row, key none, columns a, b, c, d, e, f, …"


def test_html_escapes_and_shortens() -> None:
    html = table([{"<b>": "<script>"}, {"<b>": "x" * 1000}])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "x" * 119 + "…<" in html


def test_html_shows_the_first_ten_rows() -> None:
    html = table([{"id": n} for n in range(25)])._repr_html_()
    assert html.count("<tr>") == 11
    assert "15 more rows" in html


def test_wanted_columns_of_an_arrow_table_are_in_the_wanted_order() -> None:
    assert table(TICKETS).to_arrow(["n", "id"]).column_names == ["n", "id"]
    assert table([{"a": None}]).to_arrow(["a", MALFORMED_FIELD]).num_rows == 1


def test_an_unknown_column_is_wrong_usage() -> None:
    with pytest.raises(Usage, match="has no column x") as caught:
        table(TICKETS).to_arrow(["id", "x"])
    assert caught.value.hint == "it has id, n, slice"


def test_data_frames_have_the_rows() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    some = table([{"id": n, "tags": ["a"] * n, "meta": {"x": n}} for n in range(3)])
    assert some.to_pandas()["id"].tolist() == [0, 1, 2]
    assert some.to_polars()["tags"].to_list() == [[], ["a"], ["a", "a"]]
    assert polars.DataFrame(some).rows() == some.to_polars().rows()
    assert isinstance(some.to_pandas(), pandas.DataFrame)


@pytest.mark.parametrize(
    "name", ["awkward.jsonl", "seed_tasks/seed_tasks.jsonl", "csv_spectrum/csvs/json.csv"]
)
def test_found_tables_have_their_rows(name: str) -> None:
    file = Path(__file__).resolve().parents[3] / "../shared/data" / name
    if not file.exists():
        pytest.skip("not here")
    data = file.read_bytes()
    some = table(data, name, every=5)
    if name.endswith("jsonl"):
        assert list(some) == [json.loads(line) for line in data.splitlines() if line]
    assert some.malformed == []
    assert some.to_pandas().shape[0] == some.to_polars().height == len(some)
