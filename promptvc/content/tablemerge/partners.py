"""New rows of one side that are new rows of the other: by key, by place, or in the place of one row of base."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping

from msgspec import Struct, field

from promptvc.content.align.align import align
from promptvc.content.keys.tokens import key_token
from promptvc.content.tablemerge.versions import OURS, THEIRS, Versions

Token = tuple[object, ...]
Keyless = Mapping[int, list[int]]
"""New rows without a key by the row of base that they follow; -1 for the beginning."""


class Partners(Struct, frozen=True):
    """Which new rows both sides have. ``theirs`` maps a row of ours to that of theirs, ``ours`` the other way.

    ``replaced`` are those of them that are unlike, put in the place of one row of base: ours -> row of base.
    """

    theirs: Mapping[int, int]
    replaced: Mapping[int, int] = field(default_factory=dict)
    ours: Mapping[int, int] = field(default_factory=dict)

    def of(self, side: int) -> Mapping[int, int]:
        """From the rows of this side to those of the other."""
        return self.theirs if side == OURS else self.ours


def find_partners(versions: Versions) -> Partners:
    """Pair the new rows of both sides."""
    found = _by_key(versions)
    ours, theirs = _keyless(versions, OURS), _keyless(versions, THEIRS)
    found.update(_by_place(versions, ours, theirs))
    replaced = _replaced(versions, found, ours, theirs)
    found.update({one: other for one, (other, _) in replaced.items()})
    back = {other: one for one, other in found.items()}
    return Partners(found, {one: base for one, (_, base) in replaced.items()}, back)


def _by_key(versions: Versions) -> dict[int, int]:
    """New rows of one key: equal ones first; then first with first, second with second."""
    ours, theirs = _tokens(versions, OURS), _tokens(versions, THEIRS)
    found = _in_order(
        {number: _value(versions, OURS, number) for number in ours},
        {number: _value(versions, THEIRS, number) for number in theirs},
    )
    taken = set(found.values())
    rest = {number: token for number, token in theirs.items() if number not in taken}
    return found | _in_order({n: token for n, token in ours.items() if n not in found}, rest)


def _by_place(versions: Versions, ours: Keyless, theirs: Keyless) -> Iterator[tuple[int, int]]:
    """New rows without a key that are equal, put in at the same place."""
    for anchor, numbers in ours.items():
        others = theirs.get(anchor, [])
        mine = [versions.new_body(OURS, number) for number in numbers]
        them = [versions.new_body(THEIRS, number) for number in others]
        for at, at_other, length in align(mine, them):
            for step in range(length):
                yield numbers[at + step], others[at_other + step]


def _replaced(
    versions: Versions, partners: Mapping[int, int], ours: Keyless, theirs: Keyless
) -> dict[int, tuple[int, int]]:
    """New rows without a key that stand on both sides where rows of base are gone from both: first for first."""
    found: dict[int, tuple[int, int]] = {}
    taken = set(partners.values())
    for anchor, numbers in ours.items():
        mine = [number for number in numbers if number not in partners]
        others = [number for number in theirs.get(anchor, []) if number not in taken]
        gone = _gone(versions, anchor + 1)
        found.update({one: (other, base) for one, other, base in zip(mine, others, gone, strict=False)})
    return found


def _gone(versions: Versions, number: int) -> Iterator[int]:
    """The rows of base from this one on that are gone from both sides."""
    left, right = versions.left, versions.right
    while number < left.old.count and left.after(number) is None and right.after(number) is None:
        yield number
        number += 1


def _keyless(versions: Versions, side: int) -> dict[int, list[int]]:
    pairs = versions.pairs(side)
    found: defaultdict[int, list[int]] = defaultdict(list)
    anchors: dict[int, int] = {}
    for number in versions.new_rows(side):
        before = number - 1
        anchor = anchors.get(before)
        if anchor is None:
            base = pairs.before(before) if before >= 0 else None
            anchor = -1 if base is None else base
        anchors[number] = anchor
        if _token(versions, side, number) is None:
            found[anchor].append(number)
    return found


def _tokens(versions: Versions, side: int) -> dict[int, Hashable]:
    found = ((number, _token(versions, side, number)) for number in versions.new_rows(side))
    return {number: token for number, token in found if token is not None}


def _token(versions: Versions, side: int, number: int) -> Token | None:
    key, row = versions.new_key, versions.new_row(side, number)
    return None if key is None or row is None else key_token(row, key)


def _value(versions: Versions, side: int, number: int) -> Hashable:
    return json.dumps(versions.new_row(side, number), sort_keys=True)


def _in_order(ours: Mapping[int, Hashable], theirs: Mapping[int, Hashable]) -> dict[int, int]:
    """Rows of equal tokens, first with first."""
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number in sorted(theirs, reverse=True):
        waiting[theirs[number]].append(number)
    return {number: waiting[token].pop() for number, token in sorted(ours.items()) if waiting.get(token)}
