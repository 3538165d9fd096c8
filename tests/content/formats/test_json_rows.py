"""JSON rows: what is read, what is malformed and where, and how rows are written in a file's style."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.formats.equal import same
from promptvc.content.formats.jsonrow import MAX_DEPTH, parse_json
from promptvc.errors import Usage
from tests.amounts import examples

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\,{}[]:\n\r\x00\u2028😀'), max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)

ROWS = st.dictionaries(TEXT | st.sampled_from(["id", "a", "b"]), VALUES, max_size=4)
WRITERS: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    lambda value: json.dumps(value, separators=(" ,\t", " :  ")),
]


def jsonl(head: bytes = b"") -> RowFormat:
    found = row_format("a.jsonl", head)
    assert found is not None
    return found


def array(head: bytes = b"[]") -> RowFormat:
    found = row_format("a.json", head)
    assert found is not None
    return found


@given(st.binary(max_size=40) | TEXT.map(str.encode) | VALUES.map(lambda v: json.dumps(v)[:-1].encode()))
def test_parse_never_raises(body: bytes) -> None:
    assert isinstance(parse_json(body), dict | Malformed)


@given(ROWS, st.sampled_from(WRITERS))
def test_parse_reads_what_json_reads(row: dict[str, Any], write: Callable[[Any], str]) -> None:
    assert same(parse_json(write(row).encode()), json.loads(write(row)))


def test_numbers_keep_their_value() -> None:
    body = b'{"a": 123456789012345678901234567890, "b": -9223372036854775809, "c": NaN, "d": -Infinity, "e": 1e400}'
    row = parse_json(body)
    assert isinstance(row, dict)
    assert (row["a"], row["b"]) == (123456789012345678901234567890, -9223372036854775809)
    assert math.isnan(row["c"])
    assert (row["d"], row["e"]) == (-math.inf, math.inf)
    assert parse_json(b'{"a": [{"b": 99999999999999999999}]}') == {"a": [{"b": 99999999999999999999}]}


def test_a_lone_surrogate_is_read_and_written_back() -> None:
    row = parse_json(b'{"a": "\\ud800"}')
    assert row == {"a": "\ud800"}
    assert jsonl().encode({"a": "\ud800\xe9"}) == b'{"a": "\\ud800\xc3\xa9"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[1]", Malformed("valid JSON, but not an object", 1, 1)),
        (b" null", Malformed("valid JSON, but not an object", 1, 2)),
        (b'{"a": 1,}', Malformed("expecting property name enclosed in double quotes", 1, 9)),
        ('{"é": x}'.encode(), Malformed("expecting value", 1, 7)),
        (b'{\n "a": 1\n "b"', Malformed("expecting ',' delimiter", 3, 2)),
        (b'{"a":\n"\xc3\xa9\xff"}', Malformed("invalid UTF-8", 2, 3)),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", Malformed("nested more than 200 deep", 1, 206)),
        (b'{"a": NaN, "b": ' + b"[" * 5000 + b"}", Malformed("nested more than 200 deep", 1, 216)),
        (b'{"a": 1' + b"0" * 4300 + b"}", Malformed("an integer of more than 4300 digits", 1, 7)),
    ],
)
def test_malformed_says_where(body: bytes, expected: Malformed) -> None:
    assert parse_json(body) == expected


def test_the_deepest_row_that_is_read_can_be_written_too() -> None:
    body = b'{"a": ' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    row = parse_json(body)
    assert isinstance(row, dict)
    assert same(row, json.loads(body))
    assert json.loads(jsonl().encode({**row, "b": 1}, body)) == {**row, "b": 1}


@given(ROWS, st.sampled_from(WRITERS), st.sampled_from([None, 1, "\t"]))
def test_a_row_encoded_like_itself_is_itself(
    row: dict[str, Any], write: Callable[[Any], str], indent: Any
) -> None:
    body = (write(row) if indent is None else json.dumps(row, indent=indent)).encode()
    rows = array(b"[" + body + b"]") if indent else jsonl(body)
    parsed = rows.parse(body)
    assert isinstance(parsed, dict)
    assert rows.encode(parsed, like=body) == body


@given(ROWS, ROWS, st.sampled_from(WRITERS), st.sampled_from([None, 1, 4]))
@settings(max_examples=examples(200))
def test_a_changed_row_reads_back_and_keeps_what_did_not_change(
    old: dict[str, Any], new: dict[str, Any], write: Callable[[Any], str], indent: Any
) -> None:
    like = (write(old) if indent is None else json.dumps(old, indent=indent)).encode()
    rows = array(b"[" + like + b"]") if indent else jsonl(like)
    new = {**new, **{name: old[name] for name in list(old)[::2]}}
    for body in (rows.encode(new, like=like), rows.encode(new), jsonl().encode(new), array().encode(new)):
        assert same(rows.parse(body), new)
    if not indent:
        assert b"\n" not in rows.encode(new, like=like)


def test_changed_fields_take_the_style_of_the_row() -> None:
    like = b'{"id":1,"x" : 1.50,"t":"caf\\u00e9"}'
    assert jsonl().encode({"id": 1, "t": "\xe9t\xe9", "x": 1.5, "n": [1, {}]}, like) == (
        b'{"id":1,"x" : 1.50,"t":"\\u00e9t\\u00e9","n":[1,{}]}'
    )
    assert jsonl().encode({"x": 2}, like) == b'{"x" : 2}'
    assert jsonl().encode({}, like) == b"{}"
    assert jsonl().encode({"a": 1, "b": 2}, b"{ }") == b'{"a": 1, "b": 2}'


def test_of_a_name_given_twice_the_last_value_counts() -> None:
    like = b'{"a": 1, "b": 0, "a": 2}'
    assert jsonl().encode({"a": 2, "b": 1}, like) == b'{"a": 1, "b": 1, "a": 2}'
    assert jsonl().encode({"a": 3, "b": 0}, like) == b'{"b": 0, "a": 3}'


def test_new_rows_take_the_style_of_the_file() -> None:
    assert (
        jsonl(b'{"a":1,"b":"\\u00e9"}\n').encode({"c": "\xe9", "d": [1, 2]}) == b'{"c":"\\u00e9","d":[1,2]}'
    )
    assert jsonl(b'{"a": 1}\n').encode({"c": "\xe9", "d": [1, 2]}) == '{"c": "é", "d": [1, 2]}'.encode()
    assert jsonl(b"broken\n").encode({"c": 1}) == b'{"c": 1}'


def test_a_new_element_is_indented_as_its_neighbours() -> None:
    head = b'[\n  {\n    "a": 1,\n    "b": {\n      "c": 2\n    }\n  }\n]\n'
    rows = array(head)
    assert rows.encode({"a": 1, "b": {"c": 2}}) == rows.bodies(head, True)[0]
    assert array(head.replace(b"\n", b"\r\n")).encode({"a": 1}) == b'{\r\n    "a": 1\r\n  }'
    assert array(b'[{"a":1},{"a":2}]').encode({"a": [1]}) == b'{"a":[1]}'
    assert array().encode({"a": 1}) == b'{\n    "a": 1\n  }'


def test_a_list_on_one_line_stays_on_one_line() -> None:
    like = b'{\n  "tags": ["a", "b"],\n  "more": [\n    1\n  ]\n}'
    rows = array(b"[\n" + like + b"\n]")
    assert rows.encode({"tags": ["a"], "more": [2]}, like) == (
        b'{\n  "tags": ["a"],\n  "more": [\n    2\n  ]\n}'
    )


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), 1j])
def test_what_is_no_json_is_refused_by_the_name_of_its_field(value: object) -> None:
    for rows in (jsonl(), array()):
        with pytest.raises(Usage, match="field b: not a JSON value"):
            rows.encode({"a": 1, "b": value})
        with pytest.raises(Usage, match="field b: not a JSON value"):
            rows.encode({"a": 1, "b": value}, like=b'{"a": 1}')
    with pytest.raises(Usage, match="field name 1 is not text"):
        jsonl().encode({1: 1})  # type: ignore[dict-item]


def test_values_are_the_same_only_with_the_same_type() -> None:
    nan = float("nan")
    assert same({"a": [1, nan], "b": 2}, {"b": 2, "a": [1, float("nan")]})
    assert not any(
        same(a, b) for a, b in [(1, 1.0), (1, True), (0, False), ("1", 1), (None, False), ([], {})]
    )
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same([1], [1, 2])
