"""Rows added to a file and taken out of it: only what must change does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.formats import row_format, row_suffixes
from promptvc.content.formats.base import RowFormat, Segment
from tests.content.formats import laws

IDS = st.lists(st.integers(0, 9), max_size=5)


def bound(path: str, data: bytes) -> RowFormat:
    found = row_format(path, data[:65536])
    assert found is not None
    return found


def joined(segments: list[Segment]) -> bytes:
    return b"".join(segment.data for segment in segments)


def appended(path: str, data: bytes, *rows: dict[str, Any]) -> bytes:
    found = bound(path, data)
    segments = found.segments(data, True)
    return joined(found.rebuild(segments, [*segments, *(found.encode(row) for row in rows)]))


def removed(path: str, data: bytes, *numbers: int) -> bytes:
    found = bound(path, data)
    segments = found.segments(data, True)
    places = [at for at, segment in enumerate(segments) if segment.body is not None]
    gone = [places[number] for number in numbers]
    return joined(found.rebuild(segments, [each for at, each in enumerate(segments) if at not in gone]))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.jsonl", b"", b'{"id": 3}\n'),
        ("a.jsonl", b'{"id": 1}\n', b'{"id": 1}\n{"id": 3}\n'),
        ("a.jsonl", b'{"id":1}', b'{"id":1}\n{"id":3}'),
        ("a.jsonl", b'{"id": 1}\r\n', b'{"id": 1}\r\n{"id": 3}\r\n'),
        ("a.jsonl", b'\xef\xbb\xbf{"id": 1}', b'\xef\xbb\xbf{"id": 1}\n{"id": 3}'),
        ("a.jsonl", b'{"id": 1}\n\n', b'{"id": 1}\n\n{"id": 3}\n'),
        ("a.csv", b"id\n", b"id\n3\n"),
        ("a.csv", b"id", b"id\n3"),
        ("a.csv", b"id\r\n1", b"id\r\n1\r\n3"),
        ("a.csv", b"id\r1\r", b"id\r1\r3\r"),
        ("a.json", b"[]", b'[\n  {\n    "id": 3\n  }\n]'),
        ("a.json", b"[ ]\n", b'[\n  {\n    "id": 3\n  }\n]\n'),
        ("a.json", b'[{"id": 1}]', b'[{"id": 1}, {"id": 3}]'),
        ("a.json", b'[{"id":1},{"id":2}]\n', b'[{"id":1},{"id":2},{"id":3}]\n'),
        ("a.json", b'[\n{"id":1},\n{"id":2}\n]', b'[\n{"id":1},\n{"id":2},\n{"id":3}\n]'),
        ("a.json", b'[\n  {"id":1},\n]\n', b'[\n  {"id":1},\n  {"id":3},\n]\n'),
        (
            "a.json",
            b'[\r\n\t{\r\n\t\t"id": 1\r\n\t}\r\n]',
            b'[\r\n\t{\r\n\t\t"id": 1\r\n\t},\r\n\t{\r\n\t\t"id": 3\r\n\t}\r\n]',
        ),
    ],
)
def test_an_appended_row_stands_as_its_neighbours_do(path: str, before: bytes, after: bytes) -> None:
    assert appended(path, before, {"id": 3}) == after


@pytest.mark.parametrize(
    ("path", "before", "number", "after"),
    [
        ("a.jsonl", b'{"id": 1}\n{"id": 2}', 1, b'{"id": 1}'),
        ("a.jsonl", b'\xef\xbb\xbf{"id": 1}\n{"id": 2}\n', 0, b'\xef\xbb\xbf{"id": 2}\n'),
        ("a.jsonl", b'\xef\xbb\xbf{"id": 1}', 0, b"\xef\xbb\xbf"),
        ("a.csv", b"id\n1\n\n2\n", 0, b"id\n\n2\n"),
        ("a.csv", b"id\n1", 0, b"id\n"),
        ("a.json", b'[{"id": 1}, {"id": 2}]', 0, b'[{"id": 2}]'),
        ("a.json", b'[{"id": 1}, {"id": 2}]', 1, b'[{"id": 1}]'),
        ("a.json", b'[\n  {"id": 1},\n  {"id": 2}\n]\n', 1, b'[\n  {"id": 1}\n]\n'),
        ("a.json", b'[\n  {"id": 1}\n]\n', 0, b"[]\n"),
        ("a.json", b'[\n  {"id": 1},\n]\n', 0, b"[]\n"),
    ],
)
def test_a_removed_row_takes_its_separator_along(path: str, before: bytes, number: int, after: bytes) -> None:
    assert removed(path, before, number) == after


@given(IDS, IDS, st.sampled_from([None, 2]), st.booleans())
def test_an_array_stays_valid_json_whatever_comes_and_goes(
    old: list[int], new: list[int], indent: int, nl: bool
) -> None:
    data = json.dumps([{"id": n} for n in old], indent=indent).encode() + b"\n" * nl
    found = bound("a.json", data)
    segments = list(found.segments(data, True))
    kept = [s for s in segments if s.body is not None][::2]
    rows: list[Segment | bytes] = [*kept[1:], *(found.encode({"id": n}) for n in new), *kept[:1]]
    result = joined(found.rebuild(segments, rows))
    assert json.loads(result) == [{"id": n} for n in [*old[::2][1:], *new, *old[::2][:1]]]
    if old and rows:
        assert result == json.dumps(json.loads(result), indent=indent).encode() + b"\n" * nl


@given(
    st.sampled_from(row_suffixes()),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.booleans(),
)
def test_what_was_added_and_removed_again_leaves_no_trace(suffix: str, ids: list[int], ended: bool) -> None:
    laws.what_was_added_and_removed_again_leaves_no_trace(suffix, ids, ended)


@given(
    st.sampled_from(["a.jsonl", "a.csv"]), st.lists(st.sampled_from([b"1", b"2", b""]), max_size=5), st.data()
)
def test_lines_never_run_together(path: str, lines: list[bytes], draw: st.DataObject) -> None:
    data = b"id\n" * path.endswith("csv") + b"\n".join(lines)
    found = bound(path, data)
    segments = list(found.segments(data, True))
    head = [s for s in segments[:1] if path.endswith("csv")]
    moved = draw.draw(st.permutations(segments[len(head) :]))
    result = joined(found.rebuild(segments, [*head, *moved, b"7"]))
    assert found.bodies(result, True) == [s.body for s in moved if s.body is not None] + [b"7"]
