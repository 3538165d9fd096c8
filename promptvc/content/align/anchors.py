"""Anchors: what both sides of a span have exactly once, in the same order (the idea of patience diff)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from operator import lt

from promptvc.content.align.runs import Run, Span, runs_of


def find_anchors(before: Sequence[Hashable], after: Sequence[Hashable], span: Span) -> list[Run]:
    """Runs of items that each side has once within the span: the longest choice that is in order on both sides."""
    b, b_stop, a, a_stop = span
    old, new = _unique(before[b:b_stop], b), _unique(after[a:a_stop], a)
    pairs = [(at, new[item]) for item, at in old.items() if item in new]
    rising = longest_rising([at for _, at in pairs])
    return runs_of(pairs if len(rising) == len(pairs) else [pairs[position] for position in rising])


def longest_rising(values: Sequence[int]) -> list[int]:
    """The positions of a longest strictly rising subsequence, in order: ``[3, 1, 2] -> [1, 2]``."""
    if all(map(lt, values, values[1:])):
        return list(range(len(values)))
    tops: list[int] = []
    at_top: list[int] = []
    previous: list[int] = []
    for position, value in enumerate(values):
        pile = bisect_left(tops, value)
        previous.append(at_top[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [value]
        at_top[pile : pile + 1] = [position]
    chain = []
    position = at_top[-1]
    while position >= 0:
        chain.append(position)
        position = previous[position]
    return chain[::-1]


def _unique(items: Sequence[Hashable], start: int) -> dict[Hashable, int]:
    """Where each item is that is there once, in order."""
    places = dict(zip(items, range(start, start + len(items)), strict=True))
    if len(places) == len(items):
        return places
    counts = Counter(items)
    return {item: at for at, item in enumerate(items, start) if counts[item] == 1}
