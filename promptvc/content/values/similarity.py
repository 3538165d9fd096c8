"""How alike two rows are, and which rows of two sequences belong together by it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from promptvc.content.align.anchors import longest_rising
from promptvc.content.align.runs import gaps
from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.equal import same
from promptvc.patterns import compiled

ALIKE = 0.5
"""Rows at least this alike are one row that changed."""

_SURELY_ALIKE = 0.9  # no need to look further
_ALIKE_ANYWHERE = 0.7  # for rows that have not even their place in common
_BASE_WEIGHT = 8
_MAX_WEIGHT = 400
_MAX_TEXT = (
    2000  # characters of a value that are compared: enough to tell texts apart, and it bounds the cost
)
# Scripts that are written without blanks count by character, all others by word.
_WORDS = compiled(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_MAX_HOLDERS = 4
_TABLE_SIZE = 1600
_WINDOW = 8

Pair = tuple[int, int]


class Similarity:
    """Compares rows of two sequences: those that share a value or a place, and ``budget`` others.

    Similarity is the share of what is equal, from 0 to 1: fields weigh by the length of their values, texts that
    differ count by the words they share. Where fields were renamed, or a record has other cells, the words of
    the whole rows count.
    """

    def __init__(self, before: Sequence[Row], after: Sequence[Row], budget: int) -> None:
        self._rows = (before, after)
        self._profiles: tuple[dict[int, _Profile], dict[int, _Profile]] = ({}, {})
        self._budget = budget

    def pairs(self, before: range, after: range) -> list[Pair]:
        """Rows that belong together, rising on both sides."""
        if len(before) * len(after) <= _TABLE_SIZE:
            return self._best_pairs(before, after)
        anchors = [pair for pair in self._sharing(before, after) if self._of(*pair) >= ALIKE]
        span = (before.start, before.stop, after.start, after.stop)
        pairs = list(anchors)
        for b, b_stop, a, a_stop in gaps([(*pair, 1) for pair in anchors], span):
            size = (b_stop - b) * (a_stop - a)
            find = self._best_pairs if size <= _TABLE_SIZE else self._near_pairs
            pairs += find(range(b, b_stop), range(a, a_stop))
        return sorted(pairs)

    def pairs_anywhere(self, before: Sequence[int], after: Sequence[int]) -> list[Pair]:
        """Rows that belong together though they are out of order: nearly equal, with a value few others share."""
        pairs: dict[int, int] = {}
        for b, a in self._votes(before, after):
            if b not in pairs and self._of(b, a) >= _ALIKE_ANYWHERE:
                pairs[b] = a
        return list(pairs.items())

    def _of_within_budget(self, before: int, after: int) -> float:
        self._budget -= 1
        return self._of(before, after) if self._budget >= 0 else 0.0

    def _of(self, before: int, after: int) -> float:
        return _similarity(self._profile(0, before), self._profile(1, after))

    def _best_pairs(self, before: range, after: range) -> list[Pair]:
        """The rising pairs of greatest total similarity, by dynamic programming."""
        if not before or not after:
            return []
        scores = [[self._of_within_budget(b, a) for a in after] for b in before]
        best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
        for b in reversed(range(len(before))):
            row, below = best[b], best[b + 1]
            for a in reversed(range(len(after))):
                score = scores[b][a]
                together = score + below[a + 1] if score >= ALIKE else 0.0
                row[a] = max(together, below[a], row[a + 1])
        return [(before[b], after[a]) for b, a in _trace(scores, best)]

    def _near_pairs(self, before: range, after: range) -> list[Pair]:
        """Pairs found by looking a few rows ahead: for parts too long to compare all with all."""
        pairs = []
        start = after.start
        for b in before:
            best, found = ALIKE, -1
            for a in range(start, min(start + _WINDOW, after.stop)):
                score = self._of(b, a) if a == start else self._of_within_budget(b, a)
                if score > best or (score == best and found < 0):
                    best, found = score, a
                if score >= _SURELY_ALIKE:
                    break
            if found >= 0:
                pairs.append((b, found))
                start = found + 1
        return pairs

    def _sharing(self, before: range, after: range) -> list[Pair]:
        """Rising pairs of rows that share a value few others have."""
        pairs = self._votes(before, after)
        return [pairs[position] for position in longest_rising([b for b, _ in pairs])]

    def _votes(self, before: Sequence[int], after: Sequence[int]) -> list[Pair]:
        """For each row after, the row before with which it shares most of what few rows have."""
        holders: dict[tuple[str, str], list[int]] = {}
        for b in before:
            for cell in self._profile(0, b).texts.items():
                holders.setdefault(cell, []).append(b)
        pairs = []
        for a in after:
            votes: Counter[int] = Counter()
            for cell in self._profile(1, a).texts.items():
                found = holders.get(cell, ())
                if len(found) <= _MAX_HOLDERS:
                    votes.update(dict.fromkeys(found, len(cell[1]) + 1))
            if votes:
                pairs.append((max(votes, key=lambda b: (votes[b], -b)), a))
        return pairs

    def _profile(self, side: int, at: int) -> _Profile:
        profile = self._profiles[side].get(at)
        if profile is None:
            profile = self._profiles[side][at] = _Profile(self._rows[side][at])
        return profile


class _Profile:
    """A row as similarity sees it: its values, their texts and their words."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.texts = {name: _text(value) for name, value in row.items()}
        self._words: dict[str, Counter[str]] = {}

    def all_words(self) -> Counter[str]:
        return sum((self.words(name) for name in self.texts), Counter())

    def words(self, name: str) -> Counter[str]:
        if name not in self._words:
            self._words[name] = Counter(_WORDS.findall(self.texts[name]))
        return self._words[name]


def _text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text[:_MAX_TEXT]


def _similarity(one: _Profile, other: _Profile) -> float:
    if one.texts.keys() != other.texts.keys():
        return max(_similarity_by_field(one, other), _shared_words(one.all_words(), other.all_words()))
    return _similarity_by_field(one, other)


def _similarity_by_field(one: _Profile, other: _Profile) -> float:
    total = equal = 0.0
    for name in one.texts.keys() | other.texts.keys():
        weight = _BASE_WEIGHT + min(_MAX_WEIGHT, max(len(p.texts.get(name, "")) for p in (one, other)))
        total += weight
        if name not in one.texts or name not in other.texts:
            continue
        if same(one.row[name], other.row[name]):
            equal += weight
        elif isinstance(one.row[name], str | list | dict):
            equal += weight * _shared_words(one.words(name), other.words(name))
    return equal / total if total else 1.0


def _shared_words(one: Counter[str], other: Counter[str]) -> float:
    count = one.total() + other.total()
    return 2 * sum(min(times, other[word]) for word, times in one.items()) / count if count else 0.0


def _trace(scores: list[list[float]], best: list[list[float]]) -> Iterator[Pair]:
    b = a = 0
    while b < len(scores) and a < len(scores[0]):
        if best[b][a] == best[b][a + 1]:
            a += 1
        elif best[b][a] == best[b + 1][a]:
            b += 1
        else:
            yield b, a
            b, a = b + 1, a + 1
