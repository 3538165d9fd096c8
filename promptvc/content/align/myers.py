"""The shortest edit script of a small part.

The greedy algorithm of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986). Where the shortest
script is long, the furthest-reaching path found so far is taken and the search goes on from its end.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from promptvc.content.align.runs import Run, Span, runs_of

Pair = tuple[int, int]


def search(before: Sequence[Hashable], after: Sequence[Hashable], span: Span, edits: int) -> list[Run]:
    """The runs that a shortest edit script keeps, where no part of it needs more than ``edits`` edits.

    Items that the other side lacks are left out of the search.
    """
    b, b_stop, a, a_stop = span
    in_before, in_after = set(before[b:b_stop]), set(after[a:a_stop])
    old_places = [at for at in range(b, b_stop) if before[at] in in_after]
    new_places = [at for at in range(a, a_stop) if after[at] in in_before]
    # Small numbers in place of the items: cheap to compare.
    numbers = {item: number for number, item in enumerate(in_before & in_after)}
    old = [numbers[before[at]] for at in old_places]
    new = [numbers[after[at]] for at in new_places]
    pairs = _pairs(old, new, edits)
    return runs_of((old_places[x], new_places[y]) for x, y in pairs)


def _pairs(old: Sequence[int], new: Sequence[int], edits: int) -> list[Pair]:
    pairs: list[Pair] = []
    x = y = 0
    while x < len(old) and y < len(new):
        kept, x, y = _furthest(old, new, x, y, edits)
        pairs += kept
    return pairs


def _furthest(
    old: Sequence[int], new: Sequence[int], x0: int, y0: int, edits: int
) -> tuple[list[Pair], int, int]:
    """From (x0, y0), the matches on the way to the end, or as far as ``edits`` lead; and where that is.

    ``reached[edits + 1 + k]`` is the largest x on diagonal k, where k = x - y, counted from (x0, y0).
    """
    length_x, length_y, middle = len(old) - x0, len(new) - y0, edits + 1
    reached = [0] * (2 * edits + 3)
    trace: list[list[int]] = []
    best_x = best_y = best_d = 0
    for d in range(edits + 1):
        trace.append(reached[:])
        for k in range(-d, d + 1, 2):
            x = _step(reached, middle, k, d)
            y = x - k
            while x < length_x and y < length_y and old[x0 + x] == new[y0 + y]:
                x += 1
                y += 1
            reached[middle + k] = x
            if x <= length_x and y <= length_y and x + y > best_x + best_y:
                best_x, best_y, best_d = x, y, d
        if best_x == length_x and best_y == length_y:
            break
    kept = _walk_back(trace, best_x, best_y, best_d)
    return [(x0 + x, y0 + y) for x, y in kept], x0 + best_x, y0 + best_y


def _step(reached: Sequence[int], middle: int, k: int, d: int) -> int:
    """Where a path on diagonal k is after edit d, taken from the neighbour that got further."""
    below, above = reached[middle + k + 1], reached[middle + k - 1]
    return below if k == -d or (k != d and above < below) else above + 1


def _walk_back(trace: Sequence[Sequence[int]], x: int, y: int, d: int) -> list[Pair]:
    """The matches on the path that reached (x, y) with d edits, rising."""
    middle = len(trace[0]) // 2
    kept: list[Pair] = []
    for edits in range(d, 0, -1):
        reached, k = trace[edits], x - y
        down = k == -edits or (k != edits and reached[middle + k - 1] < reached[middle + k + 1])
        k = k + 1 if down else k - 1
        from_x = reached[middle + k]
        while x > from_x and y > from_x - k:
            x, y = x - 1, y - 1
            kept.append((x, y))
        x, y = from_x, from_x - k
    return [*((at, at) for at in range(x)), *reversed(kept)]
