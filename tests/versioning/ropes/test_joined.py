"""Sequences joined are as their items in one list."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.ropes.joined import Joined, Parts, chunk_ids, row_counts


def runs(numbers: Sequence[int]) -> ChunkRuns:
    """Chunk runs of one row each, by number."""
    ids = b"".join(number.to_bytes(20, "big") for number in numbers)
    return ChunkRuns(ids, array("Q", [1] * len(numbers)), array("Q", [1] * len(numbers)), bytes)


NUMBERS = st.lists(st.integers(0, 99), max_size=5)


@given(st.lists(NUMBERS, max_size=6), st.integers(-30, 30), st.integers(-30, 30))
def test_items_slices_and_length_are_those_of_one_list(parts: list[list[int]], start: int, stop: int) -> None:
    whole = [number for part in parts for number in part]
    joined = Joined(parts)
    assert len(joined) == len(whole)
    assert list(joined) == whole == [joined[at] for at in range(len(joined))]
    assert list(joined[start:stop]) == whole[start:stop]
    assert whole == [joined[at - len(whole)] for at in range(len(whole))]
    for number in range(len(joined)):
        part, within = joined.locate(number)
        assert joined.parts[part][within] == whole[number]
        assert joined.start(part) + within == number


@given(st.lists(st.one_of(NUMBERS.map(runs), st.binary(max_size=3)), max_size=6))
def test_ids_and_rows_are_those_of_the_pieces(given_parts: list[ChunkRuns | bytes]) -> None:
    parts = Parts()
    for part in given_parts:
        if isinstance(part, bytes):
            parts.put(part)
        else:
            parts.take(part)
    joined = parts.joined()
    nested = Joined([joined, joined])
    assert chunk_ids(joined) == [p.id if isinstance(p, ChunkRun) else b"" for p in joined]
    assert chunk_ids(nested) == 2 * chunk_ids(joined)
    stored: Joined[ChunkRun] = Joined([part for part in given_parts if isinstance(part, ChunkRuns)])
    assert row_counts(stored) == [run.rows for run in stored]
