"""Equal runs of two sequences, and what lies between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

Run = tuple[int, int, int]
"""(index before, index after, length): a run of equal items."""

Span = tuple[int, int, int, int]
"""(start before, stop before, start after, stop after)."""


class Change(Struct, frozen=True):
    """``before[a1:a2]`` became ``after[b1:b2]``; between two changes both sides are equal."""

    a1: int
    a2: int
    b1: int
    b2: int


def gaps(runs: Sequence[Run], within: Span) -> list[Span]:
    """What is between runs, before the first and after the last; empty spans too, so always one more than runs."""
    spans = []
    b, b_stop, a, a_stop = within
    for before, after, length in runs:
        spans.append((b, before, a, after))
        b, a = before + length, after + length
    return [*spans, (b, b_stop, a, a_stop)]


def runs_of(pairs: Iterable[tuple[int, int]]) -> list[Run]:
    """Rising pairs of indexes as runs: ``[(0, 1), (1, 2), (4, 5)] -> [(0, 1, 2), (4, 5, 1)]``."""
    runs: list[Run] = []
    start, length, shift = -1, 0, 0
    for b, a in pairs:
        if b == start + length and a - b == shift:
            length += 1
            continue
        if length:
            runs.append((start, start + shift, length))
        start, length, shift = b, 1, a - b
    return [*runs, (start, start + shift, length)] if length else runs


def joined(runs: Iterable[Run]) -> list[Run]:
    """Runs in order, those that touch on both sides as one, without empty ones."""
    made: list[Run] = []
    for b, a, length in runs:
        last = made[-1] if made else (0, 0, 0)
        if length and made and last[0] + last[2] == b and last[1] + last[2] == a:
            made[-1] = (last[0], last[1], last[2] + length)
        elif length:
            made.append((b, a, length))
    return made
