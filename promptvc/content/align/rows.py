"""Which parts of two sequences are equal and in the same order.

What is unique in both anchors the rest (patience diff); between anchors, few edits are found exactly (E. W. Myers,
"An O(ND) difference algorithm and its variations", 1986).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from operator import lt

Run = tuple[int, int, int]
"""(index before, index after, length): a run of equal items."""

Span = tuple[int, int, int, int]
"""(start before, stop before, start after, stop after)."""

# Both keep the cost linear: how often a part is split at items that are unique within it only, and how many
# removals and additions are looked for in a part without any.
_MAX_DEPTH = 12
_MAX_EDITS = 100


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Run]:
    """Equal runs, rising on both sides: a common beginning and end, and what anchors and few edits leave between.

    Not always the longest common subsequence: where much changed, repeated items may stay unaligned.
    ``align("abxc", "abyc") -> [(0, 0, 2), (3, 3, 1)]``. Costs a few passes over each.
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
            runs += anchors or few_edits(before, after, span)
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
    if all(map(lt, values, values[1:])):
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
    """The items that are unique on both sides, less those that are out of order."""
    old, new = _unique(before, span[0], span[1]), _unique(after, span[2], span[3])
    pairs = [(at, new[item]) for item, at in old.items() if at >= 0 and new.get(item, -1) >= 0]
    rising = longest_rising([at for _, at in pairs])
    return _runs([pairs[position] for position in rising])


def _runs(pairs: Sequence[tuple[int, int]]) -> list[Run]:
    runs: list[Run] = []
    length, b_next, a_next = 0, -1, -1
    for b, a in pairs:
        if b != b_next or a != a_next:
            if length:
                runs.append((b_next - length, a_next - length, length))
            length, b_next, a_next = 0, b, a
        length, b_next, a_next = length + 1, b_next + 1, a_next + 1
    return [*runs, (b_next - length, a_next - length, length)] if length else runs


def _unique(items: Sequence[Hashable], start: int, stop: int) -> dict[Hashable, int]:
    """Where each item is, in order of first sight; -1 for those that are there more than once."""
    places: dict[Hashable, int] = {}
    for at in range(start, stop):
        item = items[at]
        places[item] = -1 if item in places else at
    return places


def few_edits(before: Sequence[Hashable], after: Sequence[Hashable], span: Span) -> list[Run]:
    """The runs that the shortest edit script leaves; none where it is longer than a hundred removals and additions."""
    b_start, b_stop, a_start, a_stop = span
    b_size, a_size = b_stop - b_start, a_stop - a_start
    reached = {1: 0}  # the furthest place before, on each diagonal (place before - place after)
    history: list[dict[int, int]] = []
    for edits in range(min(_MAX_EDITS, b_size + a_size) + 1):
        history.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            b = _step(reached, diagonal, edits)
            a = b - diagonal
            while b < b_size and a < a_size and before[b_start + b] == after[a_start + a]:
                b, a = b + 1, a + 1
            reached[diagonal] = b
            if b >= b_size and a >= a_size:
                return [
                    (b_start + b, a_start + a, length) for b, a, length in _retrace(history, b_size, a_size)
                ]
    return []


def _step(reached: dict[int, int], diagonal: int, edits: int) -> int:
    """Where a path on this diagonal is after one more edit, taken from the neighbour that got further."""
    if diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1]):
        return reached[diagonal + 1]
    return reached[diagonal - 1] + 1


def _retrace(history: list[dict[int, int]], b: int, a: int) -> list[Run]:
    runs = []
    for edits in range(len(history) - 1, -1, -1):
        diagonal = b - a
        start = _step(history[edits], diagonal, edits)
        runs.append((start, start - diagonal, b - start))
        added = diagonal == -edits or start == history[edits].get(diagonal + 1, -1)
        b, a = (start, start - diagonal - 1) if added else (start - 1, start - diagonal)
    return runs


def _joined(runs: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for b, a, length in runs:
        if joined and joined[-1][0] + joined[-1][2] == b and joined[-1][1] + joined[-1][2] == a:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + length)
        else:
            joined.append((b, a, length))
    return joined
