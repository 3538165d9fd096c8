"""Which parts of two sequences are equal and in the same order: by what is unique in both (patience diff)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from itertools import pairwise

Run = tuple[int, int, int]
"""(index before, index after, length): a run of equal items."""

Span = tuple[int, int, int, int]
"""(start before, stop before, start after, stop after)."""

_MAX_DEPTH = 12  # of splitting at items that are unique only within their part: keeps hostile input linear


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Run]:
    """Equal runs, rising on both sides; all of a common beginning and end, and what unique items anchor between.

    Not the longest common subsequence: items that are repeated out of reach of an anchor stay unaligned.
    ``align("abxc", "abyc") -> [(0, 0, 2), (3, 3, 1)]``. Costs about one pass over each.
    """
    runs: list[Run] = []
    parts: list[tuple[Span, int]] = [((0, len(before), 0, len(after)), 0)]
    while parts:
        (b, b_stop, a, a_stop), depth = parts.pop()
        head = _common_head(before, after, (b, b_stop, a, a_stop))
        b, a = b + head, a + head
        tail = _common_tail(before, after, (b, b_stop, a, a_stop))
        runs += [(b - head, a - head, head), (b_stop - tail, a_stop - tail, tail)]
        span = (b, b_stop - tail, a, a_stop - tail)
        if b < span[1] and a < span[3] and depth < _MAX_DEPTH:
            anchors = _anchors(before, after, span)
            runs += anchors
            parts += [(part, depth + 1) for part in gaps(anchors, span) if anchors and _has_both(part)]
    return _joined(sorted(run for run in runs if run[2]))


def gaps(runs: Sequence[Run], within: Span) -> list[Span]:
    """What is between runs, before the first and after the last; empty spans too, so always one more than runs."""
    spans = []
    b, b_stop, a, a_stop = within
    for before, after, length in runs:
        spans.append((b, before, a, after))
        b, a = before + length, after + length
    return [*spans, (b, b_stop, a, a_stop)]


def longest_rising(values: Sequence[int]) -> list[int]:
    """The positions of a longest strictly rising subsequence, in order: ``[3, 1, 2] -> [1, 2]``."""
    if all(one < other for one, other in pairwise(values)):
        return list(range(len(values)))
    tops: list[int] = []
    at_top: list[int] = []
    previous: list[int] = []
    for position, value in enumerate(values):
        pile = bisect_left(tops, value)
        previous.append(at_top[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(value)
            at_top.append(position)
        else:
            tops[pile], at_top[pile] = value, position
    chain = []
    position = at_top[-1]
    while position >= 0:
        chain.append(position)
        position = previous[position]
    return chain[::-1]


def _has_both(span: Span) -> bool:
    return span[0] < span[1] and span[2] < span[3]


def _common_head(before: Sequence[Hashable], after: Sequence[Hashable], span: Span) -> int:
    b, b_stop, a, a_stop = span
    limit = min(b_stop - b, a_stop - a)
    length = 0
    while length < limit and before[b + length] == after[a + length]:
        length += 1
    return length


def _common_tail(before: Sequence[Hashable], after: Sequence[Hashable], span: Span) -> int:
    b, b_stop, a, a_stop = span
    limit = min(b_stop - b, a_stop - a)
    length = 0
    while length < limit and before[b_stop - 1 - length] == after[a_stop - 1 - length]:
        length += 1
    return length


def _anchors(before: Sequence[Hashable], after: Sequence[Hashable], span: Span) -> list[Run]:
    """The items that are unique on both sides, less those that are out of order; as runs of one."""
    old, new = _unique(before, span[0], span[1]), _unique(after, span[2], span[3])
    pairs = [(at, new[item]) for item, at in old.items() if at >= 0 and new.get(item, -1) >= 0]
    rising = longest_rising([at for _, at in pairs])
    return [(*pairs[position], 1) for position in rising]


def _unique(items: Sequence[Hashable], start: int, stop: int) -> dict[Hashable, int]:
    """Where each item is, in order of first sight; -1 for those that are there more than once."""
    places: dict[Hashable, int] = {}
    for at in range(start, stop):
        item = items[at]
        places[item] = -1 if item in places else at
    return places


def _joined(runs: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for b, a, length in runs:
        if joined and joined[-1][0] + joined[-1][2] == b and joined[-1][1] + joined[-1][2] == a:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + length)
        else:
            joined.append((b, a, length))
    return joined
