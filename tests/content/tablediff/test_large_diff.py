"""Tables that are not held in memory: the same differences and merges, made as they are asked for."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats.jsonl import JsonLines
from promptvc.content.tablediff import bodies
from promptvc.content.tablediff.bodies import Bodies
from promptvc.content.tablediff.diff import TableDiff, diff_rows
from promptvc.versioning.ropes.chunkrun import ChunkRun
from tests.amounts import examples
from tests.merging.tables import Case, cases, merge, side


@contextmanager
def none_held() -> Iterator[None]:
    """As if every table were too large for memory."""
    with patch.object(bodies, "HELD", -1):
        yield


def diff(case: Case) -> TableDiff:
    old, new = side(case.path, case.base, case.every), side(case.path, case.theirs, case.every)
    return diff_rows(old.chunk_runs, new.chunk_runs, old.format, new.format, case.key)


@settings(max_examples=examples(200))
@given(cases())
def test_a_diff_is_the_same_whether_rows_are_held_or_not(case: Case) -> None:
    held = diff(case)
    with none_held():
        found = diff(case)
    assert repr(tuple(found.rows)) == repr(tuple(held.rows))
    assert len(found.rows) == len(held.rows)
    assert repr(found.rows[:2]) == repr(held.rows[:2])
    names = [name for name in TableDiff.__struct_fields__ if name != "rows"]
    assert [getattr(found, name) for name in names] == [getattr(held, name) for name in names]


@settings(max_examples=examples(200))
@given(cases())
def test_a_merge_is_the_same_whether_rows_are_held_or_not(case: Case) -> None:
    versions = (case.path, case.base, case.ours, case.theirs, case.key, case.every)
    held = merge(*versions)
    with none_held():
        found = merge(*versions)
    assert (found.data, repr(found.conflicts)) == (held.data, repr(held.conflicts))
    assert (found.key, found.counts, found.merged) == (held.key, held.counts, held.merged)


@settings(max_examples=examples(100))
@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.binary(max_size=9), max_size=4))), st.integers(-1, 30)
)
def test_bodies_are_a_dictionary(parts: list[tuple[int, list[bytes]]], held: int) -> None:
    made, plain, number = Bodies(), {}, 0
    with patch.object(bodies, "HELD", held):
        for gap, rows in parts:
            number += gap
            made.add(number, rows)
            plain.update(enumerate(rows, number))
            number += len(rows)
    assert dict(made) == plain
    assert [made.get(n) for n in reversed(range(number + 2))] == [
        plain.get(n) for n in reversed(range(number + 2))
    ]
    assert [n in made for n in range(-1, number + 2)] == [n in plain for n in range(-1, number + 2)]


def test_rows_are_read_ahead_and_back() -> None:
    rows = [bytes([n % 251]) * (n % 3000) for n in range(300)]
    with none_held():
        made = Bodies()
        made.add(0, rows)
    assert list(made.values()) == rows
    assert [made[n] for n in reversed(range(300))] == rows[::-1]


def test_a_diff_of_a_large_table_holds_less_than_its_rows() -> None:
    old = [_table(place, "before") for place in range(40)]
    new = [_table(place, "after") for place in range(40)]
    size = sum(map(len, old))
    tracemalloc.start()
    try:
        found = diff_rows(_runs(old), _runs(new), JsonLines(b""), JsonLines(b""), ["id"])
        count = sum(len(row.cells) for row in found.rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.changed, count) == (4000, 4000)
    assert size > 2 * bodies.HELD
    assert peak < 1.6 * size  # both tables, parsed, are four times as much


def _table(place: int, text: str) -> bytes:
    rows: list[dict[str, Any]] = [
        {"id": place * 100 + n, "text": (text + " words") * 400} for n in range(100)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _runs(pieces: list[bytes]) -> list[ChunkRun]:
    return [ChunkRun(str(hash(piece)).encode(), lambda piece=piece: piece) for piece in pieces]
