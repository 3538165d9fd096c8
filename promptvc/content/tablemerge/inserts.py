"""Rows that a side put in: which of them both put in, and behind which row of the other side the others go."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping

from promptvc.content.align.align import align
from promptvc.content.table.keys import key_token
from promptvc.content.tablediff.pairs import Pairs
from promptvc.content.tablemerge.outcome import OURS, THEIRS, Content, Outcomes

Token = tuple[object, ...]


class Inserts:
    """The new rows of both sides. ``partners`` maps ours to theirs where both put in the same row."""

    def __init__(self, left: Pairs, right: Pairs, outcomes: Outcomes) -> None:
        self._pairs = {OURS: left, THEIRS: right}
        self._outcomes = outcomes
        self.new = {side: _new_rows(pairs) for side, pairs in self._pairs.items()}
        self.partners = self._by_key()
        self.partners.update(self._by_place())
        self.replaced = self._replaced()
        """By row number in ours: unlike rows that each side put in the place of one row of base."""
        self.partners.update({ours: theirs for ours, (theirs, _) in self.replaced.items()})
        self._images = {OURS: self.partners, THEIRS: {t: o for o, t in self.partners.items()}}
        self.merged = {
            ours: outcomes.replace_both(ours, *self.replaced[ours])
            if ours in self.replaced
            else outcomes.add_both(ours, theirs)
            for ours, theirs in sorted(self.partners.items())
        }
        """By row number in ours: what becomes of rows that both put in."""
        self._positions: dict[tuple[int, int], int] = {}

    def content(self, side: int, number: int) -> Content:
        """What a row that only this side put in holds."""
        return self._outcomes.added(side, number)

    def alone(self, side: int) -> list[int]:
        """The new rows of one side that the other has not, rising."""
        return [number for number in self.new[side] if number not in self._images[side]]

    def position(self, side: int, number: int) -> int:
        """Behind which row of the other side a row of this side belongs; -1 for its beginning.

        That of the row in front of it, as far back as there is one on both sides. Where both put in rows at one
        place, those of ours come first.
        """
        if (side, number) not in self._positions:
            if self.is_alone(side, number - 1):
                place = self.position(side, number - 1)
            else:
                place = self._image_before(side, number)
                place = self._behind_new(place) if side == THEIRS else place
            self._positions[side, number] = place
        return self._positions[side, number]

    def is_alone(self, side: int, number: int) -> bool:
        """Whether a row is new on this side, and not on the other."""
        return (
            number in self._pairs[side].new.bodies
            and number not in self._images[side]
            and self._pairs[side].before(number) is None
        )

    def _image_before(self, side: int, number: int) -> int:
        for before in range(number - 1, -1, -1):
            image = self._image(side, before)
            if image is not None:
                return image
        return -1

    def _image(self, side: int, number: int) -> int | None:
        """The row of the other side that a row of this side is."""
        if number in self._images[side]:
            return self._images[side][number]
        base = self._pairs[side].before(number)
        return None if base is None else self._pairs[THEIRS if side == OURS else OURS].after(base)

    def _behind_new(self, place: int) -> int:
        while self.is_alone(OURS, place + 1):
            place += 1
        return place

    def _by_key(self) -> dict[int, int]:
        """New rows of one key: equal ones first; then first with first, second with second."""
        tokens = {side: self._tokens(side) for side in (OURS, THEIRS)}
        found = _in_order(
            {n: self._value(OURS, n) for n in tokens[OURS]},
            {n: self._value(THEIRS, n) for n in tokens[THEIRS]},
        )
        taken = set(found.values())
        rest = {n: token for n, token in tokens[THEIRS].items() if n not in taken}
        return found | _in_order({n: token for n, token in tokens[OURS].items() if n not in found}, rest)

    def _tokens(self, side: int) -> dict[int, Hashable]:
        found = ((number, self._token(side, number)) for number in self.new[side])
        return {number: token for number, token in found if token is not None}

    def _value(self, side: int, number: int) -> Hashable:
        return json.dumps(self._outcomes.new_row(side, number), sort_keys=True)

    def _by_place(self) -> Iterator[tuple[int, int]]:
        """New rows without a key that are equal, put in at the same place."""
        ours, theirs = self._keyless(OURS), self._keyless(THEIRS)
        for anchor, numbers in ours.items():
            others = theirs.get(anchor, [])
            mine = [self._pairs[OURS].new.bodies[number] for number in numbers]
            them = [self._pairs[THEIRS].new.bodies[number] for number in others]
            for at, at_other, length in align(mine, them):
                for step in range(length):
                    yield numbers[at + step], others[at_other + step]

    def _replaced(self) -> dict[int, tuple[int, int]]:
        """New rows without a key that stand on both sides where rows of base are gone from both: first for first."""
        found: dict[int, tuple[int, int]] = {}
        ours, theirs = self._keyless(OURS), self._keyless(THEIRS)
        taken = set(self.partners.values())
        for anchor, numbers in ours.items():
            mine = [number for number in numbers if number not in self.partners]
            others = [number for number in theirs.get(anchor, []) if number not in taken]
            found.update({o: (t, b) for o, t, b in zip(mine, others, self._gone(anchor + 1), strict=False)})
        return found

    def _gone(self, number: int) -> Iterator[int]:
        """The rows of base from this one on that are gone from both sides."""
        left, right = self._pairs[OURS], self._pairs[THEIRS]
        while number < left.old.count and left.after(number) is None and right.after(number) is None:
            yield number
            number += 1

    def _keyless(self, side: int) -> dict[int, list[int]]:
        """New rows without a key by the row of base that they follow; -1 for the beginning."""
        pairs = self._pairs[side]
        found: defaultdict[int, list[int]] = defaultdict(list)
        anchors: dict[int, int] = {}
        for number in self.new[side]:
            before = number - 1
            anchor = anchors.get(before)
            if anchor is None:
                base = pairs.before(before) if before >= 0 else None
                anchor = -1 if base is None else base
            anchors[number] = anchor
            if self._token(side, number) is None:
                found[anchor].append(number)
        return found

    def _token(self, side: int, number: int) -> Token | None:
        key = self._outcomes.key
        row = self._outcomes.new_row(side, number)
        return None if key is None or row is None else key_token(row, key)


def _in_order(ours: Mapping[int, Hashable], theirs: Mapping[int, Hashable]) -> dict[int, int]:
    """Rows of equal tokens, first with first."""
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number in sorted(theirs, reverse=True):
        waiting[theirs[number]].append(number)
    return {number: waiting[token].pop() for number, token in sorted(ours.items()) if waiting.get(token)}


def _new_rows(pairs: Pairs) -> list[int]:
    return sorted(number for number in pairs.new.bodies if number not in pairs.matching.to_before)
