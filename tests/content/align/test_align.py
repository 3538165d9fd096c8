"""Alignment: equal runs, in order, and as many as a few edits leave."""

from __future__ import annotations

import difflib
import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.align.align import align
from promptvc.content.align.anchors import longest_rising
from promptvc.content.align.ends import common_head, common_tail
from promptvc.content.align.runs import gaps

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


def shared_start(before: str, after: str) -> int:
    """How many characters both begin with."""
    pairs = zip(before, after, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(before), len(after)))


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
def test_small_sequences_keep_a_longest_common_subsequence(before: str, after: str) -> None:
    runs = align(before, after)
    assert all(before[b : b + length] == after[a : a + length] for b, a, length in runs)
    assert sum(length for _, _, length in runs) == common(before, after)


@given(st.text("ab", max_size=40), st.text("ab", max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_common_ends_are_as_long_as_they_can_be(one: str, other: str, skip: int, leave: int) -> None:
    shared = "ab" * 30 + one
    for before, after in ((shared, shared + other), (one, other), (one + shared, other + shared)):
        b, a = min(skip, len(before)), min(leave, len(after))
        head = common_head(before, after, (b, len(before), a, len(after)))
        assert head == shared_start(before[b:], after[a:])
        tail = common_tail(before, after, (0, len(before) - b, 0, len(after) - a))
        ends = before[: len(before) - b][::-1], after[: len(after) - a][::-1]
        assert tail == shared_start(*ends)


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
