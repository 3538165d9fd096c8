"""Rows of output files read fast are the rows that are read with care."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.runs.lines import plain_row, read_blocks, read_lines
from promptvc.content.runs.run import OutputRow, encode_row, read_rows
from promptvc.content.table.view import Table
from promptvc.errors import RunUnreadable
from promptvc.versioning.ropes.chunkrun import ChunkRun
from tests.amounts import examples

NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([2**53, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, -0.0, 1e300])
)
ANY = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=3)
    | st.just("\ud800x")
    | st.just([1])
    | st.just({})
)
NAMES = (*OutputRow.__struct_fields__, "more")
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "sample_index": st.integers(0, 2),
    "output": st.text(max_size=5),
    "latency_ms": NUMBERS,
    "scores": st.dictionaries(st.text(max_size=2), ANY, max_size=2),
}
FIELDS = st.dictionaries(st.sampled_from(NAMES), ANY, max_size=4)
LINES = st.builds(
    lambda likely, odd, ascii: json.dumps(likely | odd, ensure_ascii=ascii).encode("utf-8", "surrogatepass"),
    st.fixed_dictionaries({"example_id": st.text(max_size=3)}, optional=LIKELY),
    st.just({}) | FIELDS,
    st.booleans(),
)


def table(data: bytes, path: str = "outputs/a.jsonl") -> Table:
    format = row_format(path, data)
    assert format is not None
    return Table(path, [ChunkRun(b"", lambda: data)], format, None)


def outcome(rows: Any) -> str:
    try:
        return repr(list(rows))
    except RunUnreadable as error:
        return error.message


@settings(max_examples=examples(500))
@given(st.lists(LINES, min_size=1, max_size=3))
def test_they_are_what_the_fields_say(lines: list[bytes]) -> None:
    found = table(b"\n".join(lines) + b"\n")
    assert outcome(read_lines(found)) == outcome(read_rows(found, found.path))


@settings(max_examples=examples(300))
@given(
    LINES, st.integers(0, 200), st.sampled_from([b"", b"x", b"\xff", b"\\ud83d", b"\0", b"NaN", b"}", b'"'])
)
def test_damaged_lines_are_read_as_before(line: bytes, at: int, put: bytes) -> None:
    assume(
        row_format("outputs/a.jsonl", line[:at] + put) is not None
    )  # else the bytes are not taken for text
    found = table(line[:at] + put + line[at + 1 :] + b"\n" + line + b"\n")
    assert outcome(read_lines(found)) == outcome(read_rows(found, found.path))


@pytest.mark.parametrize("path", ["a.jsonl", "a.json", "a.csv"])
def test_every_format_of_rows_can_hold_outputs(path: str) -> None:
    row = {"example_id": "t", "output": "x"}
    data = {
        "a.jsonl": json.dumps(row).encode() + b"\n",
        "a.json": json.dumps([row]).encode(),
        "a.csv": b'example_id,output\n"{""example_id"": 1}",x\n',
    }[path]
    found = table(data, path)
    assert outcome(read_lines(found)) == outcome(read_rows(found, path))


def test_what_a_run_writes_is_read_fast() -> None:
    row = OutputRow(
        example_id="t-1",
        output="a\n",
        input_tokens=3,
        latency_ms=1.5,
        request_hash="ab",
        scores={"exact": True},
    )
    assert plain_row(encode_row(row).rstrip()) == row


@settings(max_examples=examples(200))
@given(st.lists(LINES, max_size=6))
def test_blocks_of_rows_are_the_rows_whatever_the_lines_are(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    names = (
        "example_id",
        "sample_index",
        "output",
        "tool_calls",
        "error",
        "request_hash",
        "stale",
        "cost_usd",
    )
    names = (*names, "latency_ms", "input_tokens", "output_tokens")

    def fields(rows: Any) -> Any:
        return ([getattr(row, name) for name in names] + [dict(row.scores or {})] for row in rows)

    blocks = (row for block in read_blocks(table(data)) for row in block)
    assert outcome(fields(blocks)) == outcome(fields(read_lines(table(data))))
