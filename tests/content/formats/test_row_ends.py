"""Where rows end: on any bytes, however they are cut into buffers."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import HEAD_SIZE, blank_table, row_format, row_suffixes
from promptvc.content.formats.base import RowFormat
from promptvc.content.formats.jsonl import JsonLines

PIECES = [
    b'"',
    b'""',
    b"\\",
    b"\\\\",
    b'\\"',
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"{",
    b"}",
    b"[",
    b"]",
]
PIECES += [
    b'{"a": 1}',
    b'{"b": {"c": [{"d": "}"}]}}',
    b"},\n",
    b"null",
    b"a",
    b"id,text\n",
    b'"x,\n"',
    b"\xef\xbb\xbf",
    b"\xff",
]
BYTES = st.lists(st.sampled_from(PIECES), max_size=24).map(b"".join) | st.binary(max_size=60)
SUFFIXES = st.sampled_from(row_suffixes())


def format_of(suffix: str, data: bytes) -> RowFormat:
    """The format for this suffix; for JSON arrays, also on bytes that are none."""
    found = row_format("rows" + suffix, data[:HEAD_SIZE])
    if found is None:
        found = row_format("rows" + suffix, blank_table("rows" + suffix))
    assert found is not None
    return found


@given(SUFFIXES, BYTES)
@settings(max_examples=400)
def test_segments_join_to_the_data(suffix: str, data: bytes) -> None:
    segments = format_of(suffix, data).segments(data, True)
    assert b"".join(s.data for s in segments) == data
    assert all(s.trail == b"" and s.lead for s in segments if s.body is None)


@given(SUFFIXES, BYTES)
@settings(max_examples=400)
@example(".csv", b"\r\n\r\n\xef\xbb\xbfa,b\n1,2\n\n3,4")
def test_bodies_are_those_of_the_segments_and_count_counts_them(suffix: str, data: bytes) -> None:
    rows = format_of(suffix, data)
    bodies = [s.body for s in rows.segments(data, True) if s.body is not None]
    assert rows.bodies(data, True) == bodies
    assert rows.count(data, True) == len(bodies)
    assert all(bodies)


@given(SUFFIXES, BYTES, st.data())
@settings(max_examples=400)
def test_row_ends_do_not_depend_on_where_buffers_end(suffix: str, data: bytes, draw: st.DataObject) -> None:
    rows = format_of(suffix, data)
    whole = list(rows.row_ends(data, 0))
    stops = draw.draw(st.lists(st.integers(0, len(data)), max_size=6).map(sorted))
    found: list[int] = []
    for stop in [*stops, len(data)]:
        start = found[-1] if found else 0
        found += rows.row_ends(data[:stop], start)
    assert found == whole
    assert whole == sorted(set(whole))


@given(SUFFIXES, BYTES, st.data())
@settings(max_examples=300)
def test_rows_do_not_depend_on_the_row_ends_at_which_data_is_cut(
    suffix: str, data: bytes, draw: st.DataObject
) -> None:
    rows = format_of(suffix, data)
    cuts = [end for end in rows.row_ends(data, 0) if draw.draw(st.booleans())]
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    segments = [s for at, piece in enumerate(pieces) for s in rows.segments(piece, at == 0)]
    assert segments == rows.segments(data, True)
    assert [b for at, piece in enumerate(pieces) for b in rows.bodies(piece, at == 0)] == rows.bodies(
        data, True
    )
    assert sum(rows.count(piece, at == 0) for at, piece in enumerate(pieces)) == rows.count(data, True)


@given(
    st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"\r\n", b"a", b" ", b'"b"']), max_size=20).map(
        b"".join
    )
)
@settings(max_examples=500)
def test_records_are_those_of_the_csv_module(tail: bytes) -> None:
    data = b"h,i\n" + tail
    rows = format_of(".csv", data)
    expected = [record for record in csv.reader(io.StringIO(data.decode(), newline="")) if record][1:]
    bodies = rows.bodies(data, True)
    assert len(bodies) == len(expected)
    for body, record in zip(bodies, expected, strict=True):
        row = rows.parse(body)
        if isinstance(row, dict):
            assert list(row.values()) == record


def test_a_json_lines_row_ends_after_each_newline() -> None:
    rows = format_of(".jsonl", b"")
    assert list(rows.row_ends(b'{"a":1}\n{"a":2}\n{"a"', 0)) == [8, 16]


def test_an_array_element_ends_after_its_comma_and_line_end() -> None:
    rows = format_of(".json", b"[")
    assert list(rows.row_ends(b'[\n {"a":1},\n {"a":2}\n]', 0)) == [12]
    assert list(rows.row_ends(b'[{"a":1}, {"a":2} ,{"a":3}]', 0)) == [10, 19]
    assert list(rows.row_ends(b'[{"a":1},  ', 0)) == []


def test_an_array_element_nested_deeper_than_any_pattern_still_ends() -> None:
    rows = format_of(".json", b"[")
    deep = b'{"a":' * 30 + b'"}{"' + b"}" * 30
    data = b"[" + deep + b",\n" + deep + b",\n" + deep + b"]"
    assert rows.bodies(data, True) == [deep] * 3
    assert list(rows.row_ends(data, 0)) == [len(deep) + 3, 2 * len(deep) + 5]


def test_blank_lines_before_a_csv_header_belong_to_it() -> None:
    data = b"\xef\xbb\xbf\r\n\n" + b'"a",b\r\n1,2\r\n'
    rows = format_of(".csv", data)
    assert list(rows.row_ends(data, 0)) == [13, 18]
    assert rows.columns == ["a", "b"]


HOSTILE = {
    "quotes": b'"' * 400_000,
    "quotes and lines": b'"\n' * 200_000,
    "odd quotes in lines": b'a,"\n,""\n' * 60_000,
    "opening brackets": b"[{[{" * 100_000,
    "opening braces": b"{" * 400_000,
    "named braces": b'{"a":' * 80_000,
    "backslashes": b'[{"' + b"\\" * 400_000,
    "escaped quotes": b'[{"' + b'\\"' * 200_000,
    "commas": b"," * 400_000,
    "spaces": b"[{}," + b" " * 400_000,
    "newlines": b"\n" * 400_000,
    "carriage returns": b"\r" * 400_000,
    "closed and spaced": b"[" + b"{} " * 120_000,
}


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_cost_linear_time(suffix: str, name: str) -> None:
    data = HOSTILE[name]
    started = time.process_time()
    rows = format_of(suffix, data)
    ends = list(rows.row_ends(data, 0))
    bodies = rows.bodies(data, True)
    rows.count(data, True)
    for body in sorted(bodies, key=len)[-1:]:
        rows.parse(body)
    assert ends == sorted(ends)
    assert time.process_time() - started < 3


def test_the_suffix_decides_in_any_case() -> None:
    assert isinstance(row_format("A.JSONL", b""), JsonLines)
    assert row_format("a.Tsv", b"") is not None
    assert row_format("a.txt", b"{}") is None
    assert row_format("jsonl", b"{}") is None


@pytest.mark.parametrize("path", ["a.jsonl", "a.csv", "a.tsv", "a.json"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_no_row_format(path: str, encoding: str) -> None:
    assert row_format(path, '\ufeff[{"a": 1}]'.encode(encoding)) is None


@pytest.mark.parametrize(
    "head", [b"", b"{}", b"[1, 2]", b'["a"]', b"[[]]", b"null", b"  \n", b"\xff\xfe[\x00{\x00"]
)
def test_json_that_is_no_array_of_objects_has_no_rows(head: bytes) -> None:
    assert row_format("a.json", head) is None


@pytest.mark.parametrize(
    "head", [b"[]", b"[", b"[{", b" [ {}]", b"\xef\xbb\xbf\n[\n\n{}", b"[" + b" " * 65535]
)
def test_json_that_may_be_an_array_of_objects_has_rows(head: bytes) -> None:
    assert row_format("a.json", head) is not None
