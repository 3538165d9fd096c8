"""How much two sequences have in common at their beginning and at their end.

Blocks are compared, each twice as long as the one before, so that long equal parts cost little.
"""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.align.runs import Run, Span


def common_head(one: Sequence[object], other: Sequence[object], span: Span) -> int:
    """How many items both begin with, within the span."""
    b, b_stop, a, a_stop = span
    most = min(b_stop - b, a_stop - a)
    length, size = 0, 1
    while length + size <= most and one[b : b + size] == other[a : a + size]:
        length, b, a, size = length + size, b + size, a + size, 2 * size
    while size := size // 2:
        if length + size <= most and one[b : b + size] == other[a : a + size]:
            length, b, a = length + size, b + size, a + size
    return length


def common_tail(one: Sequence[object], other: Sequence[object], span: Span) -> int:
    """How many items both end with, within the span."""
    b, b_stop, a, a_stop = span
    most = min(b_stop - b, a_stop - a)
    length, size = 0, 1
    while length + size <= most and one[b_stop - size : b_stop] == other[a_stop - size : a_stop]:
        length, b_stop, a_stop, size = length + size, b_stop - size, a_stop - size, 2 * size
    while size := size // 2:
        if length + size <= most and one[b_stop - size : b_stop] == other[a_stop - size : a_stop]:
            length, b_stop, a_stop = length + size, b_stop - size, a_stop - size
    return length


def trimmed(one: Sequence[object], other: Sequence[object], span: Span) -> tuple[Run, Span, Run]:
    """The span without what is equal at its beginning and end, and these two runs."""
    b, b_stop, a, a_stop = span
    head = common_head(one, other, span)
    tail = common_tail(one, other, (b + head, b_stop, a + head, a_stop))
    inner = (b + head, b_stop - tail, a + head, a_stop - tail)
    return (b, a, head), inner, (b_stop - tail, a_stop - tail, tail)
