"""Three lists of lines merged: what is settled, and what both sides changed differently."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from promptvc.content.align.align import find_changes
from promptvc.content.align.ends import common_head, common_tail, trimmed
from promptvc.content.align.runs import Change

Lines = Sequence[str]


class Region(Struct, frozen=True):
    """The same chunk run of three texts, as lines."""

    base: Lines
    ours: Lines
    theirs: Lines


Part = list[str] | Region
"""Settled lines, or a conflict."""


def diff3(base: Lines, ours: Lines, theirs: Lines) -> list[Part]:
    """The merged lines, from top to bottom; no part is empty, and no two settled ones follow each other.

    Changes of both sides that do not overlap are settled, touching ones too, and so are equal ones. A conflict is
    narrowed to the lines in which the sides differ. Swapping the sides swaps them in conflicts, nothing else.
    """
    texts = Region(base, ours, theirs)
    parts: list[Part] = []
    at = 0
    for group in _groups(texts):
        parts.append(list(base[at : group.start]))
        parts += _settled(
            Region(
                base[group.start : group.stop],
                _applied(base, ours, group, group.ours),
                _applied(base, theirs, group, group.theirs),
            )
        )
        at = group.stop
    return _joined([*parts, list(base[at:])])


class _Group(Struct, frozen=True):
    """Changes of both sides that concern the same lines of base, ``start`` to ``stop``."""

    start: int
    stop: int
    ours: list[Change]
    theirs: list[Change]


def _groups(texts: Region) -> list[_Group]:
    """The changes of both sides in order, those that overlap together."""
    changes = [(change, True) for change in find_changes(texts.base, texts.ours)]
    changes += [(change, False) for change in find_changes(texts.base, texts.theirs)]
    # An insertion stands before a change of the line that it was put in front of.
    changes.sort(key=lambda found: (found[0].a1, found[0].a2))
    groups: list[_Group] = []
    for change, is_ours in changes:
        last = groups[-1] if groups else None
        if last is None or not (_overlap(last, change) or _repeats(texts, last, change, is_ours)):
            groups.append(_Group(change.a1, change.a2, [], []))
        else:
            groups[-1] = _Group(last.start, max(last.stop, change.a2), last.ours, last.theirs)
        (groups[-1].ours if is_ours else groups[-1].theirs).append(change)
    return groups


def _overlap(group: _Group, change: Change) -> bool:
    both_insert = group.start == group.stop == change.a1 == change.a2
    return both_insert or change.a1 < group.stop


def _repeats(texts: Region, group: _Group, change: Change, is_ours: bool) -> bool:
    """Whether one side inserted, beside lines that the other changed, what the other put there too."""
    if change.a1 != group.stop:
        return False
    before, after = (texts.theirs, texts.ours) if is_ours else (texts.ours, texts.theirs)
    others = group.theirs if is_ours else group.ours
    if not others or others[-1].a2 != group.stop:
        return False
    put = before[others[-1].b1 : others[-1].b2]
    new = after[change.b1 : change.b2]
    if change.a1 == change.a2:
        return bool(new) and list(put[-len(new) :]) == list(new)
    return group.start == group.stop and list(new[: len(put)]) == list(put)


def _applied(base: Lines, side: Lines, group: _Group, changes: list[Change]) -> list[str]:
    """What a side has in place of the group's lines of base."""
    made: list[str] = []
    at = group.start
    for change in changes:
        made += [*base[at : change.a1], *side[change.b1 : change.b2]]
        at = change.a2
    return [*made, *base[at : group.stop]]


def _settled(region: Region) -> list[Part]:
    """The parts of a region: a conflict is narrowed to the lines in which the sides differ."""
    base, ours, theirs = list(region.base), list(region.ours), list(region.theirs)
    if ours == theirs or base == theirs:
        return [ours]
    if base == ours:
        return [theirs]
    (_, _, head), inner, (_, _, tail) = trimmed(ours, theirs, (0, len(ours), 0, len(theirs)))
    first, last = ours[:head], ours[len(ours) - tail :]
    # Base goes along with what both sides agree on, as far as it has the same lines.
    base = base[common_head(base, first, (0, len(base), 0, head)) :]
    base = base[: len(base) - common_tail(base, last, (0, len(base), 0, tail))]
    region = Region(base, ours[inner[0] : inner[1]], theirs[inner[2] : inner[3]])
    return [first, _unless_one_sided(region), last]


def _unless_one_sided(region: Region) -> Part:
    if region.base == region.ours:
        return list(region.theirs)
    return list(region.ours) if region.base == region.theirs else region


def _joined(parts: list[Part]) -> list[Part]:
    """Without empty parts, and no two settled ones in a row."""
    made: list[Part] = []
    for part in parts:
        if isinstance(part, list) and made and isinstance(made[-1], list):
            made[-1] += part
        elif isinstance(part, Region) or part:
            made.append(part)
    return made
