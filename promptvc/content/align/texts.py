"""Aligning two sequences: which chunk runs of the one became which chunk runs of the other.

Small regions get a shortest edit script, large ones are first divided at items that both sides have exactly
once (after the idea of patience diff). Where the shortest script would take too long, the furthest-reaching
path found so far is taken and the search goes on from its end. So the time grows nearly with the length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_STEPS = 3_000_000  # of the inner loop, for a whole alignment: about a second
_MIN_EDITS, _MAX_EDITS = 16, 300  # how long one search goes on before its best path is taken
_LARGE = 1_000  # items in a region, both sides together, above which it is divided at unique items
_MAX_PASSES = 20  # over all items, looking for unique ones


@dataclass(frozen=True, slots=True)
class Change:
    """``before[a1:a2]`` became ``after[b1:b2]``; between two changes both sides are equal."""

    a1: int
    a2: int
    b1: int
    b2: int


def align(before: Sequence[Hashable], after: Sequence[Hashable], whole: int = 0) -> list[Change]:
    """The changes that make ``after`` out of ``before``, in order; at least one item lies between two of them.

    ``whole`` is the number of items in all, where this is one of many regions that share the time.
    """
    a, b = _numbered(before, after)
    return _changes(len(a), len(b), _Aligner(a, b, whole or len(a) + len(b)).matches())


def _numbered(before: Sequence[Hashable], after: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """Small integers in place of the items: cheap to compare."""
    numbers: dict[Hashable, int] = {}
    a = [numbers.setdefault(item, len(numbers)) for item in before]
    return a, [numbers.setdefault(item, len(numbers)) for item in after]


def _changes(length_a: int, length_b: int, matches: list[tuple[int, int, int]]) -> list[Change]:
    """What lies between matches, given as (place before, place after, length)."""
    changes = []
    at_a = at_b = 0
    for i, j, length in [*sorted(matches), (length_a, length_b, 0)]:
        if i > at_a or j > at_b:
            changes.append(Change(at_a, i, at_b, j))
        at_a, at_b = i + length, j + length
    return changes


class _Aligner:
    """One alignment of two lists of numbers."""

    def __init__(self, a: list[int], b: list[int], whole: int) -> None:
        self._a, self._b = a, b
        self._matches: list[tuple[int, int, int]] = []
        # A search of e edits takes e * e / 2 steps and gets e items further, at worst.
        self._edits = max(_MIN_EDITS, min(_MAX_EDITS, 2 * _STEPS // (whole + 1)))
        self._scans = _MAX_PASSES * (len(a) + len(b))

    def matches(self) -> list[tuple[int, int, int]]:
        """Matching chunk runs, in no order."""
        regions = [(0, len(self._a), 0, len(self._b))]
        while regions:
            region = self._trimmed(*regions.pop())
            a1, a2, b1, b2 = region
            if a1 == a2 or b1 == b2:
                continue
            anchors = self._anchors(*region) if a2 - a1 + b2 - b1 > _LARGE else []
            if anchors:
                regions += self._between(region, anchors)
            else:
                self._search(*region)
        return self._matches

    def _match(self, i: int, j: int, length: int) -> None:
        if length:
            self._matches.append((i, j, length))

    def _trimmed(self, a1: int, a2: int, b1: int, b2: int) -> tuple[int, int, int, int]:
        """The region without what is equal at its start and end."""
        a, b = self._a, self._b
        start, most = 0, min(a2 - a1, b2 - b1)
        while start < most and a[a1 + start] == b[b1 + start]:
            start += 1
        end, most = 0, most - start
        while end < most and a[a2 - 1 - end] == b[b2 - 1 - end]:
            end += 1
        self._match(a1, b1, start)
        self._match(a2 - end, b2 - end, end)
        return a1 + start, a2 - end, b1 + start, b2 - end

    def _anchors(self, a1: int, a2: int, b1: int, b2: int) -> list[tuple[int, int]]:
        """Places of items that each side has once, the longest choice of them that is in order on both sides."""
        self._scans -= a2 - a1 + b2 - b1
        if self._scans < 0:
            return []
        counts_a, counts_b = Counter(self._a[a1:a2]), Counter(self._b[b1:b2])
        places = {item: j for j, item in enumerate(self._b[b1:b2], b1) if counts_b[item] == 1}
        pairs = ((i, item) for i, item in enumerate(self._a[a1:a2], a1) if counts_a[item] == 1)
        return _longest_rising([(i, places[item]) for i, item in pairs if item in places])

    def _between(
        self, region: tuple[int, int, int, int], anchors: list[tuple[int, int]]
    ) -> list[tuple[int, int, int, int]]:
        a1, a2, b1, b2 = region
        regions = []
        for i, j in anchors:
            self._match(i, j, 1)
            regions.append((a1, i, b1, j))
            a1, b1 = i + 1, j + 1
        return [*regions, (a1, a2, b1, b2)]

    def _search(self, a1: int, a2: int, b1: int, b2: int) -> None:
        """Match what a shortest edit script keeps; items that the other side lacks are left out of the search."""
        in_a, in_b = set(self._a[a1:a2]), set(self._b[b1:b2])
        places_a = [i for i in range(a1, a2) if self._a[i] in in_b]
        places_b = [j for j in range(b1, b2) if self._b[j] in in_a]
        a, b = [self._a[i] for i in places_a], [self._b[j] for j in places_b]
        x = y = 0
        while x < len(a) and y < len(b):
            kept, x, y = _furthest(a, b, x, y, self._edits)
            for i, j in kept:
                self._match(places_a[i], places_b[j], 1)


def _furthest(
    a: list[int], b: list[int], x0: int, y0: int, edits: int
) -> tuple[list[tuple[int, int]], int, int]:
    """From (x0, y0), the matches on the way to the end, or as far as ``edits`` lead; and where that is.

    The greedy algorithm of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986).
    ``reached[edits + 1 + k]`` is the largest x on diagonal k, where k = x - y, counted from (x0, y0).
    """
    length_a, length_b, middle = len(a) - x0, len(b) - y0, edits + 1
    reached = [0] * (2 * edits + 3)
    trace: list[list[int]] = []
    best_x = best_y = best_d = 0
    for d in range(edits + 1):
        trace.append(reached[:])
        for k in range(-d, d + 1, 2):
            below, above = reached[middle + k + 1], reached[middle + k - 1]
            x = below if k == -d or (k != d and above < below) else above + 1
            y = x - k
            while x < length_a and y < length_b and a[x0 + x] == b[y0 + y]:
                x += 1
                y += 1
            reached[middle + k] = x
            if x <= length_a and y <= length_b and x + y > best_x + best_y:
                best_x, best_y, best_d = x, y, d
        if best_x == length_a and best_y == length_b:
            break
    kept = _walk_back(trace, best_x, best_y, best_d)
    return [(x0 + x, y0 + y) for x, y in kept], x0 + best_x, y0 + best_y


def _walk_back(trace: list[list[int]], x: int, y: int, d: int) -> list[tuple[int, int]]:
    """The matches on the path that reached (x, y) with d edits."""
    middle = len(trace[0]) // 2
    kept = []
    for edits in range(d, 0, -1):
        reached, k = trace[edits], x - y
        down = k == -edits or (k != edits and reached[middle + k - 1] < reached[middle + k + 1])
        k = k + 1 if down else k - 1
        from_x = reached[middle + k]
        while x > from_x and y > from_x - k:
            x, y = x - 1, y - 1
            kept.append((x, y))
        x, y = from_x, from_x - k
    return [*kept, *((i, i) for i in range(x))]


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest choice of pairs, whose first parts rise, in which the second parts rise too (patience sorting)."""
    tails: list[int] = []
    tops: list[int] = []  # index of the pair that ends the best choice of each length
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        before.append(tops[length - 1] if length else -1)
        tails[length : length + 1] = [j]
        tops[length : length + 1] = [index]
    chosen = []
    at = tops[-1] if tops else -1
    while at >= 0:
        chosen.append(pairs[at])
        at = before[at]
    return chosen[::-1]
