"""Which row before is which row after: by equality, by key, by place and similarity."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from promptvc.content.align.align import align
from promptvc.content.align.anchors import longest_rising
from promptvc.content.align.runs import Span
from promptvc.content.formats.base import Row
from promptvc.content.values.similarity import Similarity

_SIMILARITY_BUDGET = (
    50_000  # comparisons in one diff, about a second; beyond it, unlike rows are removed and added
)


class Matching:
    """Pairs of rows, one before and one after; each row has at most one partner. Rows are meant by number.

    ``spans`` are the parts that may have changed, in order; what is between them is equal on both sides. The
    first call that pairs a row wins.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self.to_after: dict[int, int] = {}
        self.to_before: dict[int, int] = {}

    def pair(self, before: int, after: int) -> None:
        """Make two rows partners."""
        self.to_after[before] = after
        self.to_before[after] = before

    def pair_equal(self, before: Mapping[int, Hashable], after: Mapping[int, Hashable]) -> None:
        """Pair rows of equal tokens: aligned within each span first, then first with first over all spans."""
        for span in self.spans:
            old = [b for b in self._open_before(span) if b in before]
            new = [a for a in self._open_after(span) if a in after]
            for b, a, length in align([before[n] for n in old], [after[n] for n in new]):
                self.to_after.update(zip(old[b : b + length], new[a : a + length], strict=True))
                self.to_before.update(zip(new[a : a + length], old[b : b + length], strict=True))
        self.pair_in_order(before, after)

    def pair_in_order(self, before: Mapping[int, Hashable], after: Mapping[int, Hashable]) -> None:
        """Pair rows of equal tokens (keys, say) wherever they are: first with first, second with second."""
        waiting: dict[Hashable, list[int]] = {}
        for number in sorted(before, reverse=True):
            if number not in self.to_after:
                waiting.setdefault(before[number], []).append(number)
        for number in sorted(after):
            if number not in self.to_before and (partners := waiting.get(after[number])):
                self.pair(partners.pop(), number)

    def pair_alike(self, before: Mapping[int, Row], after: Mapping[int, Row]) -> None:
        """Pair rows that are alike: first those between the same paired rows, then, if very much so, any."""
        old, new = _numbers(before, self.to_after), _numbers(after, self.to_before)
        if not old or not new:
            return
        similarity = Similarity([before[n] for n in old], [after[n] for n in new], _SIMILARITY_BUDGET)
        place_old, place_new = _places(old), _places(new)
        slots = [slot for span in self.spans for slot in self._slots(span, place_old, place_new)]
        pairs = [pair for slot in slots for pair in similarity.pairs(*slot)]
        open_old = sorted(set(range(len(old))) - {b for b, _ in pairs})
        open_new = sorted(set(range(len(new))) - {a for _, a in pairs})
        for b, a in [*pairs, *similarity.pairs_anywhere(open_old, open_new)]:
            self.pair(old[b], new[a])

    def in_order(self, span: Span) -> list[tuple[int, int]]:
        """The pairs of a span that keep their order, as many as possible; the others moved."""
        b, b_stop, a, a_stop = span
        inside = [(n, m) for n in range(b, b_stop) if a <= (m := self.to_after.get(n, -1)) < a_stop]
        return [inside[position] for position in longest_rising([m for _, m in inside])]

    def _open_before(self, span: Span) -> Iterator[int]:
        return (n for n in range(span[0], span[1]) if n not in self.to_after)

    def _open_after(self, span: Span) -> Iterator[int]:
        return (n for n in range(span[2], span[3]) if n not in self.to_before)

    def _slots(
        self, span: Span, old: Mapping[int, int], new: Mapping[int, int]
    ) -> Iterator[tuple[range, range]]:
        """The unpaired rows between pairs that keep their order, as ranges of places."""
        b, _, a, _ = span
        for stop_b, stop_a in [*self.in_order(span), (span[1], span[3])]:
            found_old = [old[n] for n in range(b, stop_b) if n in old]
            found_new = [new[n] for n in range(a, stop_a) if n in new]
            if found_old and found_new:
                yield (
                    range(found_old[0], found_old[-1] + 1),
                    range(found_new[0], found_new[-1] + 1),
                )
            b, a = stop_b + 1, stop_a + 1


def _numbers(rows: Iterable[int], paired: Mapping[int, int]) -> list[int]:
    return sorted(number for number in rows if number not in paired)


def _places(numbers: Sequence[int]) -> dict[int, int]:
    return {number: place for place, number in enumerate(numbers)}
