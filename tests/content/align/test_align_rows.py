"""Alignment: equal runs, in order, and as many as a few edits leave."""

from __future__ import annotations

import difflib
import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.align.rows import align, few_edits, gaps, longest_rising

WORDS = st.text("abcx", max_size=14)


def common(before: str, after: str) -> int:
    """The length of a longest common subsequence."""
    row = [0] * (len(after) + 1)
    for one in before:
        new = [0]
        for at, other in enumerate(after):
            new.append(row[at] + 1 if one == other else max(row[at + 1], new[-1]))
        row = new
    return row[-1]


@given(st.text(max_size=20) | WORDS, st.text(max_size=20) | WORDS)
@settings(max_examples=400)
def test_runs_are_equal_and_rise_on_both_sides(before: str, after: str) -> None:
    runs = align(before, after)
    at_before = at_after = 0
    for b, a, length in runs:
        assert length > 0
        assert before[b : b + length] == after[a : a + length]
        assert b >= at_before
        assert a >= at_after
        at_before, at_after = b + length, a + length
    between = gaps(runs, (0, len(before), 0, len(after)))
    assert len(between) == len(runs) + 1
    assert all(b == b_stop or a == a_stop or before[b] != after[a] for b, b_stop, a, a_stop in between)


@given(WORDS, WORDS)
def test_few_edits_leave_a_longest_common_subsequence(before: str, after: str) -> None:
    runs = few_edits(before, after, (0, len(before), 0, len(after)))
    assert all(before[b : b + length] == after[a : a + length] for b, a, length in runs)
    assert sum(length for _, _, length in runs) == common(before, after)


@given(st.lists(st.integers(0, 9)))
def test_a_longest_rising_subsequence_is_rising_and_longest(values: list[int]) -> None:
    found = [values[position] for position in longest_rising(values)]
    assert found == sorted(set(found))
    best = [0] * len(values)
    for at, value in enumerate(values):
        best[at] = 1 + max((best[n] for n in range(at) if values[n] < value), default=0)
    assert len(found) == max(best, default=0)


def test_two_edits_among_repeated_items_cost_two() -> None:
    before = list("ab" * 5000)
    after = [*before[1:4000], *"b", *before[4000:]]
    runs = align(before, after)
    assert sum(length for _, _, length in runs) == len(before) - 1


def test_alignment_is_as_good_as_difflib_on_an_edited_text() -> None:
    chance = random.Random(5)
    before = [chance.choice("abcdefghijklmnop") for _ in range(400)]
    after = [item for item in before if chance.random() > 0.03]
    found = sum(length for _, _, length in align(before, after))
    other = sum(
        block.size for block in difflib.SequenceMatcher(None, before, after, False).get_matching_blocks()
    )
    assert found >= other * 0.9


def test_hostile_sequences_cost_linear_time() -> None:
    chance = random.Random(7)
    started = time.process_time()
    align([chance.randrange(9) for _ in range(50_000)], [chance.randrange(9) for _ in range(50_000)])
    align([0] * 50_000 + [1], [2] + [0] * 50_000)
    align([0, 1] * 30_000, [1, 0] * 30_000 + [3])
    align(range(50_000), range(50_000, 0, -1))
    assert time.process_time() - started < 3
