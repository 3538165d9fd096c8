"""Keys read by a decoder that passes over all else: those that reading every row finds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.keys.hashes import hash_keys, hash_token
from promptvc.content.keys.spellings import key_spellings, opens_rows
from promptvc.content.keys.tokens import key_token
from promptvc.session.files.cutting import cutting_of
from promptvc.versioning.ropes.chunking import cut
from tests.amounts import examples
from tests.content.tablefiles import format_of

VALUES = st.one_of(
    st.sampled_from(
        [
            b'"a"',
            b'"b"',
            b'"\\u0061"',
            b'"\\/"',
            b'"\xc3\xa9"',
            b'"\\ud800"',
            b'"\xff"',
            b'"a\nb"',
            b'","',
            b'"}{"',
            b"0",
            b"-0",
            b"7",
            b"-7",
            b"07",
            b"7.0",
            b"1e3",
            b"1" * 19,
            b"1" * 30,
            b"true",
            b"null",
            b"NaN",
            b"[1]",
            b'{"id":"a"}',
            b"[" * 201 + b"]" * 201,
            b"",
            b"x",
        ]
    ),
    st.integers(-20, 20).map(lambda number: b"%d" % number),
    st.text(max_size=3).map(lambda text: json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")),
)
NAMES = st.sampled_from(
    [b'"id"', b'"id"', b'"n"', b'"\\u0069d"', b'"v"', b'"id', b'"\xc3\xa9"', b'"}"', b'","']
)
BLANKS = st.sampled_from([b"", b"", b" ", b"\t", b"\r"])


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """An object, or nearly one."""
    pairs = draw(st.lists(st.tuples(NAMES, BLANKS, VALUES, BLANKS), max_size=3))
    fields = b",".join(name + before + b":" + value + after for name, before, value, after in pairs)
    return draw(st.sampled_from([b"{%s}", b"{%s}", b"{%s}", b" {%s}\r", b"{%s"])) % fields


PIECES = st.sampled_from(
    [
        b"",
        b"{",
        b"}",
        b'{"x":',
        b'{"x":[1',
        b'2],"id":"b"}',
        b'{"x":"',
        b'","id":"a"}',
        b',"id":"b"}{"id":"c"}{"id":"d"}',
        b'{"id":"a"}{"id":"b"}',
        b'{"id":1},{"id":2}',
        b"\xef\xbb\xbf{}",
        b"7",
        b"[]",
        b'{"}":"',
    ]
)
TABLES = st.lists(st.one_of(rows(), rows(), PIECES), max_size=6).map(b"\n".join)


def read(format: RowFormat, key: Sequence[str], data: bytes, first: bool) -> tuple[set[int], bool]:
    """The hashes of all rows that can be read, and whether each has the key as scalars."""
    found: set[int] = set()
    complete = True
    for body in format.bodies(data, first):
        row = format.parse(body)
        if isinstance(row, Malformed):
            continue
        token = key_token(row, key)
        complete &= token is not None and not any(isinstance(row[name], dict | list) for name in key)
        if token is not None:
            found.add(hash_token(token, 7))
    return found, complete


@settings(max_examples=examples(1500), deadline=None)
@given(
    TABLES, st.sampled_from([["id"], ["id", "n"], ["\u00e9"], ["}"], [","], ["\ud800"], ['"'], ["id", "id"]])
)
def test_no_key_of_a_row_is_missed_whatever_the_lines(data: bytes, key: list[str]) -> None:
    format = format_of("t.jsonl", data)
    for first in (True, False):
        expected, complete = read(format, key, data, first)
        found = hash_keys(format, key, data, first=first, seed=7)
        assert expected <= {*found.hashes}
        assert complete or not found.complete
        if all(not isinstance(format.parse(body), Malformed) for body in format.bodies(data, first)):
            assert (expected, complete) == ({*found.hashes}, found.complete)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(rows(), max_size=4), st.booleans())
def test_no_key_of_an_array_is_missed(bodies: list[bytes], first: bool) -> None:
    data = b"[{}," + b",".join(bodies) + b"]"
    format = format_of("t.json", data)
    expected, complete = read(format, ["id"], data, first)
    found = hash_keys(format, ["id"], data, first=first, seed=7)
    assert expected <= {*found.hashes}
    assert complete or not found.complete


@settings(max_examples=examples(300), deadline=None)
@given(TABLES)
def test_lines_that_open_are_those_that_begin_so(data: bytes) -> None:
    ends = data.removesuffix(b"\n")
    assert opens_rows(data) == all(line.startswith(b"{") for line in ends.split(b"\n"))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(rows(), min_size=1, max_size=5), st.integers(500, 3000), st.booleans())
def test_who_cuts_a_file_says_the_same_of_its_lines(some: list[bytes], times: int, opens: bool) -> None:
    data = b"\n".join([*some, *[b'{"id": "%s"}' % (b"x" * 40)] * opens]) * times
    for piece in cut([data], cutting_of(format_of("t.jsonl", data))):
        if piece.opened is not None:
            assert piece.opened == opens_rows(piece.data)


@pytest.mark.parametrize(
    ("key", "line", "expected"),
    [
        (["id"], b'{"a": [1, {"id": 2}], "id": "x", "b": "\\u0041"}', b'"x"'),
        (["id"], b'{"id": 1, "id": "\xc3\xa9"}', '"é"'.encode()),
        (["id", "n"], b'{"n": -3, "a": 1e9, "id": "x, y"}', b'"x, y"\x00-3'),
        (["a b"], b'{"a b": true}', b"true"),
    ],
)
def test_plain_keys_are_found_wherever_they_stand(key: list[str], line: bytes, expected: bytes) -> None:
    data = line + b"\n" + line + b"\n"
    found = key_spellings(format_of("t.jsonl", data), key, data, first=False)
    assert found is not None
    assert [*map(bytes, found)] == [expected] * 2


@pytest.mark.parametrize("value", [b'"\\u0041"', b"-0", b"1.0", b"null", b"[1]", b'{"a":"b"}', b"1" * 19])
def test_a_key_with_several_spellings_is_left_to_those_who_read_rows(value: bytes) -> None:
    data = b'{"id": "a"}\n{"id": ' + value + b"}\n"
    assert key_spellings(format_of("t.jsonl", data), ["id"], data, first=False) is None


@pytest.mark.parametrize(
    "where", [b'{"id": 1, "a": "%s"}', b'{"id": 1, "%s": 2}', b'{"id": 1, "a": {"b": ["%s"]}}']
)
def test_no_string_that_is_passed_over_holds_a_line_feed(where: bytes) -> None:
    """What `opens_rows` builds on."""
    row: Any = b'{"id": "b"}\n'
    data = row + where % b"\n{" + b"\n" + row
    format = format_of("t.jsonl", data)
    assert opens_rows(data)
    assert key_spellings(format, ["id"], data, first=False) is None
