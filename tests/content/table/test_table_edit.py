"""Rows put into files and taken out of them: what was asked for happens, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import Row
from promptvc.content.formats.dicts import read_rows
from promptvc.content.keys.tokens import key_token
from promptvc.content.table.edit import Edited, append, delete, new_file, upsert
from promptvc.errors import NotATable, Usage
from promptvc.versioning.ropes.chunkrun import ChunkRun
from tests.content.tablefiles import chunk_runs_of, format_of

STYLES = {
    "t.jsonl": lambda rows: "".join(json.dumps(row) + "\n" for row in rows),
    "open.jsonl": lambda rows: "\n".join(json.dumps(row, separators=(",", ":")) for row in rows),
    "crlf.jsonl": lambda rows: "\ufeff" + "".join(json.dumps(row) + "\r\n" for row in rows),
    "t.json": lambda rows: json.dumps(rows, indent=2) + "\n",
    "flat.json": lambda rows: json.dumps(rows),
}
ids = st.sampled_from(["a", "b", "é", "x/y", 'q"q', "1", 1, 0, True, 1.5, "long" * 9])
row = st.fixed_dictionaries(
    {"id": ids}, optional={"v": st.integers(0, 3), "id2": ids, "w": st.lists(ids, max_size=2)}
)
unique_rows = st.lists(row, max_size=6, unique_by=lambda one: key_token(one, ["id"]))


def edit(what: Any, path: str, data: bytes, *arguments: Any, every: int = 1) -> Edited:
    result = what(path, chunk_runs_of(path, data, every), format_of(path, data), *arguments)
    assert isinstance(result, Edited)
    return result


def rows_of(path: str, data: bytes) -> list[Row]:
    return read_rows(format_of(path, data), data, True)


def text(found: list[Row]) -> str:
    return json.dumps(found, sort_keys=True)


def token(one: Row) -> Any:
    return key_token(one, ["id"])


# --- laws -------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(STYLES)), st.lists(row, max_size=10), unique_rows, st.integers(1, 4))
def test_upsert_puts_rows_in_the_place_of_the_first_with_their_key(
    path: str, old: list[Row], new: list[Row], every: int
) -> None:
    data = STYLES[path](old).encode()
    edited = edit(upsert, path, data, ["id"], new, every=every)
    expected, left = list(old), {token(one): one for one in new}
    for at, one in enumerate(old):
        if token(one) in left:
            expected[at] = left.pop(token(one))
    assert text(rows_of(path, edited.data)) == text([*expected, *left.values()])
    assert edited.inserted == len(left)
    assert edited.inserted + edited.updated + edited.unchanged == len(new)
    again = edit(upsert, path, edited.data, ["id"], new, every=every) if edited.data else edited
    assert again.data == edited.data
    assert again.unchanged == len(new)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(STYLES)), st.lists(row, max_size=10), st.lists(ids, max_size=5), st.integers(1, 4)
)
def test_delete_takes_out_every_row_with_the_keys(
    path: str, old: list[Row], keys: list[Any], every: int
) -> None:
    data = STYLES[path](old).encode()
    edited = edit(delete, path, data, ["id"], keys, every=every)
    gone = {token({"id": key}) for key in keys}
    expected = [one for one in old if token(one) not in gone]
    if path.endswith(".json"):
        assert text(json.loads(edited.data)) == text(expected)
    assert text(rows_of(path, edited.data)) == text(expected)
    assert edited.deleted == len(old) - len(expected)
    assert {token({"id": key}) for key in edited.missing} == gone - {token(one) for one in old}
    if not edited.deleted:
        assert edited.data == data


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(STYLES)), st.lists(row, max_size=8), st.lists(row, max_size=3), st.integers(1, 4)
)
def test_append_adds_rows_at_the_end(path: str, old: list[Row], new: list[Row], every: int) -> None:
    data = STYLES[path](old).encode()
    edited = edit(append, path, data, new, every=every)
    assert text(rows_of(path, edited.data)) == text([*old, *new])
    assert edited.inserted == len(new)
    if path.endswith(".json"):
        assert text(json.loads(edited.data)) == text([*old, *new])
    if not new:
        assert edited.data == data


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=60) | st.text('{}[]",:\n\r ai1d\\', max_size=60).map(str.encode),
    st.sampled_from(["t.jsonl", "t.csv", "t.json"]),
)
def test_any_bytes_can_be_edited(data: bytes, path: str) -> None:
    data = b"[{" + data if path == "t.json" else data
    assume(row_format(path, data) is not None)  # UTF-16
    kept = rows_of(path, data)
    if not format_of(path, data).columns:
        edited = edit(delete, path, data, ["id"], ["a"])
        assert edited.deleted or edited.data == data
        if path == "t.jsonl":
            assert rows_of(path, edit(append, path, data, [{"id": 1}]).data) == [*kept, {"id": 1}]


# --- bytes ------------------------------------------------------------------------------------------------


def test_unchanged_rows_and_cells_keep_their_bytes() -> None:
    data = b'{"id" : 1,"v": 1.0, "w":"\\u00e9"}\r\n\n{ "id":2}\n oops\n{"id":3}'
    edited = edit(upsert, "t.jsonl", data, ["id"], [{"id": 1, "v": 2, "w": "é"}, {"id": 4}], every=2)
    assert (
        edited.data
        == b'{"id" : 1,"v": 2, "w":"\\u00e9"}\r\n\n{ "id":2}\n oops\n{"id":3}\r\n{"id" : 4}'.replace(
            b'{"id" : 4}', edited.data[edited.data.rindex(b"{") :]
        )
    )
    assert json.loads(edited.data[edited.data.rindex(b"{") :]) == {"id": 4}


def test_untouched_chunk_runs_stay_chunk_runs() -> None:
    data = b"".join(b'{"id": %d}\n' % n for n in range(10))
    edited = edit(upsert, "t.jsonl", data, ["id"], [{"id": 4, "v": 1}, {"id": 99}], every=2)
    assert [type(piece) is bytes for piece in edited.pieces] == [False, False, True, False, True]


def test_append_loads_only_the_end() -> None:
    data = b'{"id": 1}\n' * 10
    chunk_runs = chunk_runs_of("t.jsonl", data, 2)

    def refuse() -> bytes:
        raise AssertionError("loaded")

    closed = [ChunkRun(s.id, refuse) for s in chunk_runs[:-1]] + chunk_runs[-1:]
    edited = append("t.jsonl", closed, format_of("t.jsonl", data), [{"id": 2}])
    assert edited.pieces[-1] == b'{"id": 1}\n{"id": 1}\n{"id": 2}\n'


def test_keys_in_csv_are_text_whatever_is_given() -> None:
    data = b'id,v\r\n1,"x"\r\n2,y\r\n'
    edited = edit(upsert, "t.csv", data, ["id"], [{"id": 1, "v": "z"}, {"id": "3", "v": 0.5}])
    assert edited.data == b'id,v\r\n1,"z"\r\n2,y\r\n3,0.5\r\n'
    assert (edited.inserted, edited.updated) == (1, 1)
    assert edit(delete, "t.csv", data, ["id"], [2, "1"]).data == b"id,v\r\n"


def test_several_fields_make_a_key() -> None:
    data = b'{"a":1,"b":1}\n{"a":1,"b":2}\n'
    assert edit(upsert, "t.jsonl", data, ["a", "b"], [{"a": 1, "b": 2, "c": 3}]).updated == 1
    assert edit(delete, "t.jsonl", data, ["a", "b"], [(1, 1)]).data == b'{"a":1,"b":2}\n'


@pytest.mark.parametrize("spelling", ["\\u0061", "a"])
def test_a_key_is_found_whatever_way_it_is_written(spelling: str) -> None:
    data = '{"id":"x\\/?"}\n{"\\u0069d":"y"}\n'.replace("?", spelling)
    edited = edit(delete, "t.jsonl", data.encode(), ["id"], ["x/a", "y"])
    assert edited.data == b""


# --- new files --------------------------------------------------------------------------------------------


def test_new_files_have_the_layout_of_their_kind() -> None:
    some = [{"id": 1, "v": "a,b"}, {"id": 2, "w": None}]
    assert new_file("t.jsonl", some) == b'{"id": 1, "v": "a,b"}\n{"id": 2, "w": null}\n'
    assert new_file("t.csv", some) == b'id,v,w\n1,"a,b",\n2,,\n'
    assert new_file("t.tsv", some) == b"id\tv\tw\n1\ta,b\t\n2\t\t\n"
    assert json.loads(new_file("t.json", some)) == some


@pytest.mark.parametrize("path", ["t.jsonl", "t.csv", "t.json"])
def test_a_new_file_without_rows_can_be_appended_to(path: str) -> None:
    empty = new_file(path, [])
    assert rows_of(path, edit(append, path, empty, [{"id": "1"}]).data) == [{"id": "1"}]
    assert rows_of(path, edit(upsert, path, empty, ["id"], [{"id": "1"}]).data) == [{"id": "1"}]
    assert append(path, [], format_of(path, empty), [{"id": "1"}]).inserted == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["|", "a;b", "\ufeffid"]),
            st.text(max_size=6),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_new_csv_files_are_read_back(some: list[Row]) -> None:
    columns = list(dict.fromkeys(name for one in some for name in one))
    found = rows_of("t.csv", new_file("t.csv", some))
    assert [list(one.values()) for one in found] == [[one.get(name, "") for name in columns] for one in some]


def test_other_paths_are_no_tables() -> None:
    with pytest.raises(NotATable):
        new_file("t.txt", [{"id": 1}])


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": 1}, {"v": 1}], "given row 1 has no id"),
        ([{"id": None}], "given row 0 has no id"),
        ([{"id": 1}, {"id": 2}, {"id": 1}], "given rows 0 and 2 have the same key"),
        ([{"id": 1, "v": {1}}], "given row 0: field v"),
    ],
)
def test_rows_that_cannot_be_put_in_are_named(rows: list[Row], message: str) -> None:
    with pytest.raises(Usage, match=message):
        edit(upsert, "t.jsonl", b'{"id":1}\n', ["id"], rows)


def test_a_field_outside_the_header_is_refused() -> None:
    with pytest.raises(Usage, match="given row 0: field x is not in the header"):
        edit(append, "t.csv", b"id\n1\n", [{"x": 1}])


@pytest.mark.parametrize("key", [None, []])
def test_without_a_key_nothing_is_found_by_key(key: Any) -> None:
    for what in (upsert, delete):
        with pytest.raises(Usage, match="has no key"):
            edit(what, "t.jsonl", b"", key, [])


@pytest.mark.parametrize("key", [(1, 2), None, object()])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(Usage):
        edit(delete, "t.jsonl", b'{"id":1}\n', ["id"], [key])
