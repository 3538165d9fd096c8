"""Where rows end: on any bytes, however they are cut into buffers."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format, row_suffixes
from promptvc.content.formats.jsonl import JsonLines
from tests.amounts import examples
from tests.content.formats import laws
from tests.content.formats.laws import BYTES, TEXT, format_of

SUFFIXES = st.sampled_from(row_suffixes())


@given(SUFFIXES, BYTES)
@settings(max_examples=examples(400))
def test_segments_join_to_the_data(suffix: str, data: bytes) -> None:
    laws.segments_join_to_the_data(suffix, data)


@given(SUFFIXES, BYTES)
@settings(max_examples=examples(400))
@example(".csv", b"\r\n\r\n\xef\xbb\xbfa,b\n1,2\n\n3,4")
def test_bodies_are_those_of_the_segments_and_count_counts_them(suffix: str, data: bytes) -> None:
    laws.bodies_are_those_of_the_segments_and_count_counts_them(suffix, data)


@given(SUFFIXES, BYTES, st.lists(st.integers(0, 80), max_size=6))
@settings(max_examples=examples(400))
def test_row_ends_do_not_depend_on_where_buffers_end(suffix: str, data: bytes, stops: list[int]) -> None:
    laws.row_ends_do_not_depend_on_where_buffers_end(suffix, data, stops)


@given(SUFFIXES, BYTES, st.lists(st.booleans(), max_size=12))
@settings(max_examples=examples(300))
def test_rows_do_not_depend_on_the_row_ends_at_which_data_is_cut(
    suffix: str, data: bytes, chosen: list[bool]
) -> None:
    laws.rows_do_not_depend_on_the_row_ends_at_which_data_is_cut(suffix, data, chosen)


@given(SUFFIXES, BYTES)
@settings(max_examples=300)
def test_a_row_encoded_like_itself_is_itself(suffix: str, data: bytes) -> None:
    laws.a_row_encoded_like_itself_is_itself(suffix, data)


@given(SUFFIXES, st.lists(st.fixed_dictionaries({"id": TEXT, "b": TEXT}), max_size=4))
def test_written_rows_read_back(suffix: str, rows: list[dict[str, str]]) -> None:
    laws.written_rows_read_back(suffix, rows)


@given(
    st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"\r\n", b"a", b" ", b'"b"']), max_size=20).map(
        b"".join
    )
)
@settings(max_examples=examples(500))
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
