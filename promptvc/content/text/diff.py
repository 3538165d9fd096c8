"""What changed between two texts: lines for files, words for people, and how alike the two are.

Pure functions; their time grows nearly with the length of the texts, whatever is in them, and what is compared gets
coarser as they get longer: words, then sentences, then only what both begin and end with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise, repeat
from typing import Literal

from msgspec import Struct

from promptvc.content.align.align import find_changes
from promptvc.content.align.ends import trimmed
from promptvc.content.align.runs import Change
from promptvc.content.text.words import tokens, weight, words

Op = Literal["=", "-", "+"]

_MANY_TOKENS = 40_000  # of both texts; above, lines are compared first
MOST_CHARACTERS = 1_000_000
"""Characters of both texts up to which words are compared; sentences and lines above."""
MOST_PARTS = 1_000_000
"""Lines, or sentences, of both texts up to which these are compared; above, only what both begin and end with."""
_SENTENCE = r"[^.!?\n\u3002]*+[.!?\n\u3002]++[^\S\n]*+|[^.!?\n\u3002]++"
_LINE = r"[^\n]*+\n|[^\n]++"
_ISLAND_SIGNS = 8  # characters of spaces and signs that do not keep two changes apart
_MAX_SLIDE = 400  # tokens by which an insertion is moved to begin with a line
_SHORT, _LONG = 200, 200_000  # characters of both texts, for similarity


class Line(Struct, frozen=True):
    """A line of a hunk, with its line end."""

    op: Op
    text: str


class Hunk(Struct, frozen=True):
    """Changed lines that lie together, with some unchanged ones around them.

    ``before`` and ``after`` are the numbers, from 1, of the first line in each text; where a hunk has no line
    of one text, the number of the line that would come next.
    """

    before: int
    after: int
    lines: tuple[Line, ...]


class Span(Struct, frozen=True):
    """A chunk run of text: in both (``=``), only before (``-``) or only after (``+``)."""

    op: Op
    text: str


def diff_lines(before: str, after: str, context: int = 3) -> list[Hunk]:
    r"""The changed lines in hunks, with ``context`` unchanged lines around each; no hunk when nothing changed.

    Only ``\n`` ends a line, so ``\r\n`` against ``\n`` is a change.
    """
    a = _lines(before)
    del before  # of large files nobody else has it, and there is no room for each twice
    b = _lines(after)
    del after
    changes = [_slid(change, a, b, *room) for change, room in _with_room(_part_changes(a, b), len(a))]
    return [_hunk(a, b, group, context) for group in _near(changes, 2 * context)]


def diff_words(before: str, after: str) -> list[Span]:
    """The two texts as spans: ``=`` and ``-`` joined are before, ``=`` and ``+`` joined are after.

    Words, numbers, runs of spaces and runs of one sign are never divided; in scripts without spaces every
    character is a word. Changes that only a space or a little word keeps apart are one change. No span is
    empty, no two neighbours have the same op, and ``-`` comes before ``+``. Above `MOST_CHARACTERS` changed
    sentences are given as wholes, above `MOST_PARTS` of these everything between the first and the last change.
    """
    if before == after:
        return [Span("=", before)] if before else []
    if len(before) + len(after) > MOST_CHARACTERS:
        return _merged(_coarse_spans(before, after))
    a, b = tokens(before), tokens(after)
    if len(a) + len(b) <= _MANY_TOKENS:
        return _merged(_word_spans(a, b))
    return _merged(_spans_by_line(before, after, len(a) + len(b)))


def elide(spans: Sequence[Span], context: int = 40) -> list[Span]:
    """The spans with long unchanged chunk runs cut to ``…``, keeping about ``context`` characters beside changes.

    Cuts fall between words where there are spaces.
    """
    last = len(spans) - 1
    return [
        Span("=", _elided(span.text, context if at else 0, context if at < last else 0))
        if span.op == "="
        else span
        for at, span in enumerate(spans)
    ]


def count_groups(spans: Iterable[Span]) -> int:
    """How many changes a reader sees: runs of ``-`` and ``+`` between unchanged text."""
    ops = ["=", *(span.op for span in spans)]
    return sum(op != "=" and previous == "=" for previous, op in pairwise(ops))


def similarity(before: str, after: str) -> float:
    """How alike two texts are, from 0 (nothing in common) to 1 (equal); symmetric, and 1 for equal texts only.

    Dice's coefficient on words and pairs of words, weighted by length; on pairs of characters in short texts,
    on words alone in very long ones. For pairing rows and finding renamed files.
    """
    if before == after:
        return 1.0
    size = len(before) + len(after)
    a, b = _features(before, size), _features(after, size)
    total = a.total() + b.total()
    return min(2 * (a & b).total() / total, 0.999) if total else 0.0


# --- words ------------------------------------------------------------------------------------------


def _word_spans(a: list[str], b: list[str], whole: int = 0) -> list[Span]:
    changes = _without_islands(find_changes(a, b, whole), a, b)
    return list(_spans(a, b, [_slid(change, a, b, *room) for change, room in _with_room(changes, len(a))]))


def _spans_by_line(before: str, after: str, whole: int) -> Iterator[Span]:
    """Words compared only inside lines that changed; ``whole`` is the number of tokens of both texts."""
    a, b = _lines(before), _lines(after)
    at = 0
    for change in find_changes(a, b):
        yield Span("=", "".join(a[at : change.a1]))
        removed, added = "".join(a[change.a1 : change.a2]), "".join(b[change.b1 : change.b2])
        yield from _word_spans(tokens(removed), tokens(added), whole)
        at = change.a2
    yield Span("=", "".join(a[at:]))


def _coarse_spans(before: str, after: str) -> Iterator[Span]:
    """Sentences compared, the words of none; of texts that have too many, only the ends."""
    if _sentence_count(before) + _sentence_count(after) <= MOST_PARTS:
        a, b = re.findall(_SENTENCE, before), re.findall(_SENTENCE, after)
        return _spans(a, b, find_changes(a, b))
    (_, _, head), (_, stop, _, stop_after), _ = trimmed(before, after, (0, len(before), 0, len(after)))
    spans = (
        Span("=", before[:head]),
        Span("-", before[head:stop]),
        Span("+", after[head:stop_after]),
        Span("=", before[stop:]),
    )
    return iter(spans)


def _sentence_count(text: str) -> int:
    """At least how many sentences a text has, without making them."""
    return sum(map(text.count, ".!?\n\u3002"))


def _part_changes(a: list[str], b: list[str]) -> list[Change]:
    """The changes between two lists of lines; one change where there are too many lines to compare."""
    if len(a) + len(b) <= MOST_PARTS:
        return find_changes(a, b)
    change = Change(*trimmed(a, b, (0, len(a), 0, len(b)))[1])
    return [change] if change.a1 < change.a2 or change.b1 < change.b2 else []


def _spans(a: list[str], b: list[str], changes: list[Change]) -> Iterator[Span]:
    at = 0
    for change in changes:
        yield Span("=", "".join(a[at : change.a1]))
        yield Span("-", "".join(a[change.a1 : change.a2]))
        yield Span("+", "".join(b[change.b1 : change.b2]))
        at = change.a2
    yield Span("=", "".join(a[at:]))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Without empty spans, and neighbours with the same op as one; within a change all ``-`` before all ``+``."""
    merged: list[Span] = []
    group: dict[Op, list[str]] = {"=": [], "-": [], "+": []}

    def flush(*ops: Op) -> None:
        for op in ops:
            if group[op]:
                merged.append(Span(op, "".join(group[op])))
                group[op] = []

    for span in spans:
        if span.text:
            flush("-", "+") if span.op == "=" else flush("=")
            group[span.op].append(span.text)
    flush("=", "-", "+")
    return merged


def _without_islands(changes: list[Change], a: list[str], b: list[str]) -> list[Change]:
    """Changes joined across unchanged chunk runs too small to help a reader."""
    if len(changes) < 2:
        return changes
    first, last = changes[0], changes[-1]
    weights_a, weights_b = _weights(a, first.a1, last.a2), _weights(b, first.b1, last.b2)

    def size(change: Change) -> int:
        return max(weights_a[change.a2] - weights_a[change.a1], weights_b[change.b2] - weights_b[change.b1])

    def weak(left: Change, right: Change) -> bool:
        if (left.a1 == left.a2 and right.a1 == right.a2) or (left.b1 == left.b2 and right.b1 == right.b2):
            return False  # two insertions, or two deletions: joined, they would claim more than happened
        island = weights_a[right.a1] - weights_a[left.a2]
        if island == 0:
            text = "".join(a[left.a2 : right.a1])
            return len(text) <= _ISLAND_SIGNS and "\n" not in text
        return 2 * island <= min(size(left), size(right))

    kept: list[Change] = []
    for change in changes:
        kept.append(change)
        while len(kept) > 1 and weak(kept[-2], kept[-1]):
            right, left = kept.pop(), kept.pop()
            kept.append(Change(*trimmed(a, b, (left.a1, right.a2, left.b1, right.b2))[1]))
    return kept


def _weights(items: list[str], start: int, stop: int) -> list[int]:
    """The summed weights of the items from ``start`` up to each place, as far as ``stop``; 0 before it."""
    return [*repeat(0, start + 1), *accumulate(map(weight, items[start:stop]))]


# --- where a change begins ----------------------------------------------------------------------------


def _with_room(changes: list[Change], length_a: int) -> Iterator[tuple[Change, tuple[int, int]]]:
    """Each change with how many equal items lie before and after it; between two changes one must stay."""
    for at, change in enumerate(changes):
        left = change.a1 - changes[at - 1].a2 - 1 if at else change.a1
        right = changes[at + 1].a1 - change.a2 - 1 if at + 1 < len(changes) else length_a - change.a2
        yield change, (left // 2 if at else left, right // 2 if at + 1 < len(changes) else right)


def _slid(change: Change, a: list[str], b: list[str], left: int, right: int) -> Change:
    """An insertion or deletion moved, where equal text allows, so that it is whole lines; else as it was.

    ``- a\\n- [b\\n- ]c`` reads better as ``- a\\n[- b\\n]- c``.
    """
    if (change.a1 == change.a2) == (change.b1 == change.b2):
        return change
    items, start, end = (b, change.b1, change.b2) if change.a1 == change.a2 else (a, change.a1, change.a2)
    moved = _line_start(items, start, end, min(left, _MAX_SLIDE), min(right, _MAX_SLIDE))
    return Change(change.a1 + moved, change.a2 + moved, change.b1 + moved, change.b2 + moved)


def _line_start(items: list[str], start: int, end: int, left: int, right: int) -> int:
    """By how much to move ``items[start:end]``, at most, so that it begins and ends with whole lines."""

    def whole(by: int) -> bool:
        at_start = start + by == 0 or items[start + by - 1].endswith("\n")
        return at_start and items[end + by - 1].endswith("\n")

    if whole(0):
        return 0
    by = 0
    while -by < left and start + by > 0 and items[start + by - 1] == items[end + by - 1]:
        by -= 1
        if whole(by):
            return by
    by = 0
    while by < right and end + by < len(items) and items[start + by] == items[end + by]:
        by += 1
        if whole(by):
            return by
    return 0


# --- lines --------------------------------------------------------------------------------------------


def _lines(text: str) -> list[str]:
    return re.findall(_LINE, text)


def _near(changes: list[Change], distance: int) -> list[list[Change]]:
    """Changes in groups that at most ``distance`` unchanged lines divide."""
    groups: list[list[Change]] = []
    for change in changes:
        if groups and change.a1 - groups[-1][-1].a2 <= distance:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _hunk(a: list[str], b: list[str], changes: list[Change], context: int) -> Hunk:
    first, last = changes[0], changes[-1]
    lead = min(context, first.a1)
    lines: list[Line] = []
    at = first.a1 - lead
    for change in changes:
        lines += [Line("=", text) for text in a[at : change.a1]]
        lines += [Line("-", text) for text in a[change.a1 : change.a2]]
        lines += [Line("+", text) for text in b[change.b1 : change.b2]]
        at = change.a2
    lines += [Line("=", text) for text in a[last.a2 : last.a2 + context]]
    return Hunk(first.a1 - lead + 1, first.b1 - lead + 1, tuple(lines))


# --- the rest -----------------------------------------------------------------------------------------


def _elided(text: str, head: int, tail: int) -> str:
    """``text`` with its middle cut, ``head`` and ``tail`` characters kept at most, whole words."""
    if len(text) <= head + tail + 1:
        return text
    kept_head = text[:head]
    if head and not text[head].isspace():
        kept_head = _upto_space(kept_head)
    kept_tail = text[len(text) - tail :]
    if tail and not text[len(text) - tail - 1].isspace():
        kept_tail = _upto_space(kept_tail[::-1])[::-1]
    return kept_head.rstrip() + "…" + kept_tail.lstrip() if head and tail else kept_head + "…" + kept_tail


def _upto_space(text: str) -> str:
    """Without the word that was cut at the end, where it is short enough to be one."""
    space = max(text.rfind(" "), text.rfind("\n"))
    return text[:space] if space > len(text) // 2 else text


def _features(text: str, size: int) -> Counter[object]:
    """What a text is made of, each part counted as often as it is long."""
    if size <= _SHORT:
        return Counter(pairwise(["", *text, ""]))
    if size > _LONG:
        pieces = text.split()
        return Counter(pieces if len(pieces) > len(text) // 100 else text)
    found = words(text) or list(text)
    parts: Counter[object] = Counter()
    for word in found:
        parts[word] += len(word)
    for pair in pairwise(found):
        parts[pair] += len(pair[0]) + len(pair[1])
    return parts
