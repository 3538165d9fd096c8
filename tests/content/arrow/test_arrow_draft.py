"""Cache files that grow while rows are read: what they hold is what the table is, whatever late rows change."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.arrow import json as arrow_json
from promptvc.content.arrow import reader, tables
from promptvc.content.arrow.cache import ArrowCache
from promptvc.content.arrow.draft import Draft, Origin
from promptvc.content.arrow.tables import read_arrow
from tests.amounts import examples
from tests.content.arrow.test_arrow import assert_equal, read_by_python
from tests.content.tablefiles import any_jsonl, chunk_runs_of, format_of, jsonl, rows

BIG = 1 << 30


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are many groups, and the file grows from the second one on."""
    monkeypatch.setattr(reader, "_GROUP_BYTES", 60)
    monkeypatch.setattr(tables, "_SETTLED_BYTES", 60)
    monkeypatch.setattr(tables, "_SMALL_BYTES", 20)


def check(data: bytes, every: int) -> None:
    """Read, and read again from the cache: as through Python both times."""
    with tempfile.TemporaryDirectory() as folder:
        cache = ArrowCache(Path(folder), BIG)
        for _ in range(2):
            table = read_arrow("t.jsonl", chunk_runs_of("t.jsonl", data, every), format_of("t.jsonl", data))
            assert_equal(read_cached(data, every, cache), table)
            assert_equal(table, read_by_python(data))
        assert [path.suffix for path in cache.folder.iterdir()] == [".arrow"]


def read_cached(data: bytes, every: int, cache: ArrowCache) -> pa.Table:
    return read_arrow(
        "t.jsonl", chunk_runs_of("t.jsonl", data, every), format_of("t.jsonl", data), cache=cache
    )


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(rows, max_size=30), st.integers(1, 4))
def test_any_rows_are_cached_as_they_are(some: list[dict[str, Any]], every: int) -> None:
    check(jsonl(some), every)


@settings(max_examples=examples(100), deadline=None)
@given(any_jsonl, st.integers(1, 4))
def test_any_bytes_are_cached_as_they_are(data: bytes, every: int) -> None:
    check(data, every)


@pytest.mark.parametrize("late", [{"b": 1}, {"a": "text"}, {"a": 0.5}, {"a": 2**63}, {"a": None}, {"a": {}}])
@pytest.mark.parametrize("place", [1, 100, 199])
def test_a_late_row_that_changes_the_types_is_in_the_cached_table(late: dict[str, Any], place: int) -> None:
    some: list[dict[str, Any]] = [{"a": n} for n in range(200)]
    some[place] = late
    check(jsonl(some), 3)


@pytest.mark.parametrize(
    "late", [b'{"a":1,"a":2}', b'{"a":1}{"a":2}', b'{"a":', b"\xff", b'{"a":NaN}', b" {}\r"]
)
def test_a_late_row_that_only_python_reads_is_in_the_cached_table(late: bytes) -> None:
    lines = [b'{"a":%d}' % n for n in range(200)]
    check(b"\n".join([*lines[:150], late, *lines[150:]]) + b"\n", 3)


@given(st.lists(st.sampled_from([b"{", b"}", b"\n", b"}\n{", b" ", b"a"]), max_size=12).map(b"".join))
def test_lines_of_objects_are_told_from_others(data: bytes) -> None:
    lines = data.removesuffix(b"\n").split(b"\n")
    whole = all(line[:1] == b"{" and line[-1:] == b"}" for line in lines)
    for step in (1, 2, 1 << 18):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrow_json, "_SCAN_BYTES", step)
            assert arrow_json._are_lines(data, len(lines)) == whole
            assert not arrow_json._are_lines(data, len(lines) + 1)


def test_an_unfinished_draft_leaves_nothing(tmp_path: Path) -> None:
    with Draft(tmp_path / "folder" / "draft", BIG) as draft:
        draft.write(pa.table({"a": [1]}))
        assert draft.path.exists()
    assert not draft.path.exists()


def test_a_draft_above_the_limit_is_none_until_it_begins_again(tmp_path: Path) -> None:
    origin, table = Origin([b"1"], [1], [0], {}), pa.table({"a": [1, 2, 3]})
    with Draft(tmp_path / "draft", table.nbytes) as draft:
        draft.write(table)
        draft.write(table)
        assert not draft.finish(origin)
        draft.restart()
        draft.write(table)
        assert draft.finish(origin)
        assert pa.ipc.open_stream(draft.path.read_bytes()).read_all().equals(table)


def test_a_failed_reading_leaves_no_file(tmp_path: Path) -> None:
    data = jsonl([{"a": n} for n in range(200)])
    runs = chunk_runs_of("t.jsonl", data, 3)

    def fail() -> bytes:
        raise RuntimeError

    runs[-1] = runs[-1]._replace(load=fail)
    with pytest.raises(RuntimeError):
        read_arrow("t.jsonl", runs, format_of("t.jsonl", data), cache=ArrowCache(tmp_path, BIG))
    assert list(tmp_path.iterdir()) == []
