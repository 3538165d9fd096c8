"""Which element of one list became which element of another: kept, edited, removed, inserted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from msgspec import Struct

from promptvc.content.align.align import align
from promptvc.content.align.runs import gaps
from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.equal import same
from promptvc.content.values.similarity import Similarity

_BUDGET = 2_000  # comparisons of elements in one list


class Alignment(Struct, frozen=True):
    """``after`` seen from the list before.

    ``kept[i]`` is the place in after of element i, edited or not, None where it is gone; ``inserted[i]`` are the new
    elements in front of element i, the last of them those at the end.
    """

    after: Sequence[Json]
    kept: tuple[int | None, ...]
    inserted: tuple[tuple[Json, ...], ...]


def align_lists(before: Sequence[Json], after: Sequence[Json], *, edits: bool = True) -> Alignment:
    """Equal elements first; between them, elements in the same place are edits of each other if they can be.

    Those that are alike first, then first with first where as many came as went. Without ``edits`` only equal
    elements are paired.
    """
    kept: list[int | None] = [None] * len(before)
    runs = align(list(map(token, before)), list(map(token, after)))
    for b, a, length in runs:
        kept[b : b + length] = range(a, a + length)
    if edits:
        for b, b_stop, a, a_stop in gaps(runs, (0, len(before), 0, len(after))):
            for i, j in _edits(before[b:b_stop], after[a:a_stop]):
                kept[b + i] = a + j
    return Alignment(after, tuple(kept), _inserted(kept, after))


def token(value: Json) -> str:
    """A text that two values share when they are the same JSON value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def _edits(before: Sequence[Json], after: Sequence[Json]) -> list[tuple[int, int]]:
    """Pairs of elements of a part that changed as a whole, rising on both sides."""
    if not before or not after:
        return []
    old, new = [_as_row(value) for value in before], [_as_row(value) for value in after]
    alike = Similarity(old, new, _BUDGET).pairs(range(len(before)), range(len(after)))
    pairs = list(alike)
    for b, b_stop, a, a_stop in gaps([(*pair, 1) for pair in alike], (0, len(before), 0, len(after))):
        pairs += _in_place(before, after, range(b, b_stop), range(a, a_stop))
    return sorted(pairs)


def _as_row(value: Json) -> Row:
    return value if isinstance(value, dict) else {"": value}


def _in_place(
    before: Sequence[Json], after: Sequence[Json], old: range, new: range
) -> Iterator[tuple[int, int]]:
    """Elements that are not alike, first with first.

    All where as many came as went, else objects that share a value.
    """
    for b, a in zip(old, new, strict=False):
        if len(old) != len(new) and not _share_a_value(before[b], after[a]):
            return
        yield b, a


def _share_a_value(one: Json, other: Json) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    return any(name in other and same(value, other[name]) for name, value in one.items())


def _inserted(kept: Sequence[int | None], after: Sequence[Json]) -> tuple[tuple[Json, ...], ...]:
    """New elements, each in front of the first element that follows it in both lists."""
    inserted: list[tuple[Json, ...]] = []
    at = 0
    pending = 0  # elements that are gone: what is new stands in front of them
    for place in [*kept, len(after)]:
        if place is None:
            pending += 1
            continue
        inserted += [tuple(after[at:place]), *[()] * pending]
        at, pending = place + 1, 0
    return tuple(inserted)
