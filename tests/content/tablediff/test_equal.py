"""The equal chunk runs of two versions: the quick way, and what it must give whatever the ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.tablediff.equal import equal_runs
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns


def version(numbers: Sequence[int]) -> ChunkRuns:
    ids = [number.to_bytes(20, "big") for number in numbers]
    return ChunkRuns(b"".join(ids), [1] * len(ids), [1] * len(ids), lambda id: id)


def plain(numbers: Sequence[int]) -> list[ChunkRun]:
    return list(version(numbers))


NUMBERS = st.lists(st.integers(0, 30), max_size=60)


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A long version of ids that differ, and the same after some chunk runs were replaced, removed and put in."""
    before = list(range(1, draw(st.integers(1, 400))))
    after, fresh = list(before), 1000
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(after)))
        gone, come = draw(st.integers(0, 12)), draw(st.integers(0, 12))
        after[start : start + gone] = range(fresh, fresh + come)
        fresh += come
    return before, after


@given(NUMBERS, NUMBERS)
def test_runs_are_equal_rising_and_do_not_touch(before: list[int], after: list[int]) -> None:
    runs = equal_runs(version(before), version(after))
    for b, a, length in runs:
        assert length
        assert before[b : b + length] == after[a : a + length]
        assert (b == 0) == (a == 0)
    for (b, a, length), (next_b, next_a, _) in pairwise(runs):
        assert b + length <= next_b
        assert a + length <= next_a
        assert (b + length, a + length) != (next_b, next_a)


@given(edits())
def test_edits_are_found_as_an_alignment_finds_them(sides: tuple[list[int], list[int]]) -> None:
    before, after = sides
    assert equal_runs(version(before), version(after)) == equal_runs(plain(before), plain(after))


@given(edits())
def test_equal_versions_are_one_run(sides: tuple[list[int], list[int]]) -> None:
    _, after = sides
    assert equal_runs(version(after), version(after)) == ([(0, 0, len(after))] if after else [])


def test_a_first_chunk_run_equals_a_first_one_only() -> None:
    assert equal_runs(version([1, 2, 3]), version([9, 1, 2, 3])) == [(1, 2, 2)]
    assert equal_runs(version([9, 1, 2, 3]), version([1, 2, 3])) == [(2, 1, 2)]


def test_what_is_put_in_far_away_is_aligned() -> None:
    before = list(range(1, 100))
    after = [*before[:50], *range(500, 600), *before[50:]]
    assert equal_runs(version(before), version(after)) == [(0, 0, 50), (50, 150, 49)]
