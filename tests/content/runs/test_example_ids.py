"""Example ids read from bytes, and examples looked up by them, are those of rows that are read with care."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.formats.dicts import read_rows
from promptvc.content.formats.equal import same
from promptvc.content.runs.exampleids import read_ids
from promptvc.content.runs.examples import ExampleBlocks, ExampleRows
from promptvc.content.runs.request import example_id, example_ids
from promptvc.versioning.ropes.chunkrun import ChunkRun
from tests.amounts import examples

IDS = (
    st.sampled_from(["a", "b", "é", "a#2", "\ud800", "", "\\", '"'])
    | st.integers(0, 2)
    | st.none()
    | st.booleans()
)
ROWS = st.dictionaries(
    st.sampled_from(["id", "text", "é"]), IDS | st.just([1]) | st.just({"id": "x"}), max_size=3
)
LINES = st.builds(
    lambda row, ascii: json.dumps(row, ensure_ascii=ascii).encode("utf-8", "surrogatepass"),
    ROWS,
    st.booleans(),
)
ODD = st.sampled_from(
    [
        b'{"id":"a","id":"b"}',
        b'{"\\u0069d":"a"}',
        b'{"id":"a"',
        b'{"id":"a"}{"id":"b"}',
        b'{"id":"a",}',
        b'{"id":"a","text":"\xff"}',
        b'{"id":"a","\xff":1}',
        b'{"id":"a","text":"\\x"}',
        b'{"id":"a","text":01}',
        b'{"id":"a","text":' + b"[" * 250 + b"]" * 250 + b"}",
        b'{"id":"a","text":' + b"1" * 4400 + b"}",
        b'{"id":"\\ud83d\\ude00"}',
        b'{"id":"\\ud83d"}',
        b'["a"]',
        b"\xef\xbb\xbf",
        b" ",
        b"",
    ]
)
KEYS = st.sampled_from([("id",), ("é",), ("id", "text"), ('"',), None])


def format_of(data: bytes) -> RowFormat:
    format = row_format("examples/a.jsonl", data)
    assert format is not None
    return format


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(LINES | ODD, max_size=5), KEYS, st.booleans())
def test_ids_read_from_bytes_are_those_of_the_rows(
    lines: list[bytes], key: tuple[str, ...] | None, first: bool
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    format = format_of(data)
    assert read_ids(format, data, first, key) == [
        example_id(row, key) for row in read_rows(format, data, first)
    ]


@pytest.mark.parametrize("text", [b"NaN", b"1e999", b"-Infinity", b'"\\ud800"'])
def test_what_json_beyond_the_rfc_holds_has_its_id(text: bytes) -> None:
    line = b'{"id":"a","text":' + text + b"}"
    assert read_ids(format_of(line), line, True, ("id",)) == ["a"]


@pytest.mark.parametrize("text", [b'"\xff"', b'"', b"[" * 300 + b"]" * 300, b"1" * 4400])
def test_a_malformed_row_is_not_known_by_its_key(text: bytes) -> None:
    line = b'{"id":"a","text":' + text + b"}"
    assert read_ids(format_of(b""), line, True, ("id",)) != ["a"]


CHUNKS = st.lists(st.lists(LINES | ODD, min_size=1, max_size=3), max_size=4)


@settings(max_examples=examples(200), deadline=None)
@given(CHUNKS, CHUNKS, KEYS)
def test_examples_by_id_are_the_rows_and_versions_compare_as_dicts_do(
    one: list[list[bytes]], other: list[list[bytes]], key: tuple[str, ...] | None
) -> None:
    blocks, named = ExampleBlocks(), dict[bytes, bytes]()
    made, wanted = list[ExampleRows](), []
    for lines in (one, [*one[1:], *other]):
        chunks = [b"".join(line + b"\n" for line in chunk) for chunk in lines]
        runs = []
        for chunk in chunks:
            id = named.setdefault(chunk, b"%020d" % len(named))
            runs.append(ChunkRun(id, lambda data=chunk: data))  # type: ignore[misc]
        format = format_of(b"")
        rows = [row for at, chunk in enumerate(chunks) for row in read_rows(format, chunk, at == 0)]
        made.append(ExampleRows(blocks, format, runs, key))
        wanted.append(dict(example_ids(rows, key)))
    for found, rows_by_id in zip(made, wanted, strict=True):
        assert list(found) == list(rows_by_id)
        assert all(same(found[id], row) for id, row in rows_by_id.items())
    both = wanted[0].keys() & wanted[1].keys()
    differ = sum(not same(wanted[0][id], wanted[1][id]) for id in both)
    assert made[1].compare(made[0]) == (len(both), differ)
