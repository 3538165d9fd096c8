"""Aligning two sequences: their equal runs, or the changes between these.

Small parts get a shortest edit script, large ones are first divided at items that both sides have exactly once. So the
time grows nearly with the length, whatever the items are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from promptvc.content.align.anchors import find_anchors
from promptvc.content.align.ends import trimmed
from promptvc.content.align.myers import search
from promptvc.content.align.runs import Change, Run, gaps, joined

_STEPS = 3_000_000  # of the inner loop, for a whole alignment: about a second
_MIN_EDITS, _MAX_EDITS = 16, 300  # how long one search goes on before its best path is taken
_LARGE = 1_000  # items in a span, both sides together, above which it is divided at unique items
_MAX_PASSES = 20  # over all items, looking for unique ones


def align(before: Sequence[Hashable], after: Sequence[Hashable], whole: int = 0) -> list[Run]:
    """Equal runs, rising on both sides, no two of which touch.

    ``align("abxc", "abyc") -> [(0, 0, 2), (3, 3, 1)]``. ``whole`` is the number of items in all, where this is one of
    many parts that share the time. Not always the longest common subsequence: where much changed, a good one.
    """
    old, new = list(before), list(after)
    total = len(old) + len(new)
    # A search of e edits takes e * e / 2 steps and gets e items further, at worst.
    edits = max(_MIN_EDITS, min(_MAX_EDITS, 2 * _STEPS // ((whole or total) + 1)))
    scans = _MAX_PASSES * total
    runs: list[Run] = []
    spans = [(0, len(old), 0, len(new))]
    while spans:
        head, span, tail = trimmed(old, new, spans.pop())
        runs += [head, tail]
        b, b_stop, a, a_stop = span
        if b == b_stop or a == a_stop:
            continue
        size = b_stop - b + a_stop - a
        scans -= size if size > _LARGE else 0
        anchors = find_anchors(old, new, span) if size > _LARGE and scans >= 0 else []
        runs += anchors or search(old, new, span, edits)
        spans += gaps(anchors, span) if anchors else []
    return joined(sorted(run for run in runs if run[2]))


def find_changes(before: Sequence[Hashable], after: Sequence[Hashable], whole: int = 0) -> list[Change]:
    """The changes that make ``after`` out of ``before``, in order; at least one item lies between two of them."""
    runs = align(before, after, whole)
    spans = gaps(runs, (0, len(before), 0, len(after)))
    return [Change(*span) for span in spans if span[0] < span[1] or span[2] < span[3]]
