"""Decide: what becomes of each row of base, and of the rows that both sides added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from promptvc.content.formats.missing import MISSING
from promptvc.content.tablemerge.outcome import Content, Decisions, Outcome, Placed
from promptvc.content.tablemerge.partners import Partners, find_partners
from promptvc.content.tablemerge.row import (
    Decision,
    decide_both_added,
    decide_both_replaced,
    decide_row,
    kept,
)
from promptvc.content.tablemerge.versions import BASE, OURS, THEIRS, RowStatus, Versions

_Statuses = Mapping[int, tuple[RowStatus, RowStatus]]
"""By number in base, what ours and theirs did to a row."""


def decide(versions: Versions, *, prefer_base: bool) -> Decisions:
    """What becomes of each row that a side changed or added, with base, or ours, in place of what conflicts."""
    statuses, decided = _decide_base(versions, prefer_base)
    rows, conflicts = _outcomes(versions, statuses, decided), _conflicts(decided)
    dropped = _dropped_but_written(versions, conflicts)
    if dropped:
        written = [found for found in conflicts if found.conflict.field in dropped]
        versions = replace(versions, undropped=dropped)
        statuses, decided = _decide_base(versions, prefer_base)
        rows = _outcomes(versions, statuses, decided)
        rows |= _as_ours_dropped(versions, rows, written)
        conflicts = _conflicts(decided) + written
    partners = find_partners(versions)
    both = _decide_both(versions, prefer_base, partners)
    return Decisions(
        rows=rows,
        partners=partners,
        both=_contents(both),
        conflicts=(*conflicts, *_conflicts(both)),
        merged=tuple(each.merged for each in decided.values() if each.merged),
        changed=_count_changed(statuses),
        undropped=dropped,
    )


# --- rows of base -------------------------------------------------------------------------------------


def _decide_base(versions: Versions, prefer_base: bool) -> tuple[_Statuses, dict[int, Decision]]:
    statuses = {
        number: (versions.status(OURS, number), versions.status(THEIRS, number))
        for number in versions.touched()
    }
    touched = (
        (number, found) for number, found in statuses.items() if found != (RowStatus.SAME, RowStatus.SAME)
    )
    return statuses, {number: decide_row(versions, prefer_base, number, *found) for number, found in touched}


def _outcomes(versions: Versions, statuses: _Statuses, decided: Mapping[int, Decision]) -> dict[int, Outcome]:
    rows = {number: each.outcome for number, each in decided.items()}
    return rows | _one_copy(versions, statuses, rows)


def _one_copy(versions: Versions, statuses: _Statuses, rows: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """Where each side took out another one of two equal rows, both meant one of them: one stays."""
    gone: dict[bytes, tuple[list[int], list[int]]] = {}
    for number, outcome in rows.items():
        if outcome is None and RowStatus.SAME in statuses[number]:
            lists = gone.setdefault(versions.base_body(number), ([], []))
            lists[statuses[number].index(RowStatus.SAME)].append(number)
    return {
        number: kept(versions, OURS, number)
        for kept_by_ours, kept_by_theirs in gone.values()
        for number, _ in zip(kept_by_ours, kept_by_theirs, strict=False)
    }


def _conflicts(decided: Mapping[int, Decision]) -> list[Placed]:
    return [found for each in decided.values() for found in each.conflicts]


def _count_changed(statuses: _Statuses) -> dict[int, int]:
    return {
        side: sum(found[at] is RowStatus.CHANGED for found in statuses.values())
        for at, side in enumerate((OURS, THEIRS))
    }


# --- columns that one side dropped --------------------------------------------------------------------


def _dropped_but_written(versions: Versions, conflicts: Sequence[Placed]) -> tuple[str, ...]:
    """The columns that one side dropped while the other changed cells in them, or added rows with such cells."""
    base, *sides = (
        [versions.names[side].get(name, name) for name in rows.format.columns or ()]
        for side, rows in ((BASE, versions.left.old), (OURS, versions.left.new), (THEIRS, versions.right.new))
    )
    written = {found.conflict.field for found in conflicts if found.conflict.kind == "edit-delete"}
    for side in (OURS, THEIRS):
        rows = (versions.new_row(side, number) or {} for number in versions.new_rows(side))
        written.update(name for row in rows for name, value in row.items() if value != "")
    return tuple(
        name for name in base if name in written and any(columns and name not in columns for columns in sides)
    )


def _as_ours_dropped(
    versions: Versions, rows: Mapping[int, Outcome], conflicts: Sequence[Placed]
) -> dict[int, Outcome]:
    """The rows with nothing in the cells of columns that ours dropped and that conflict."""
    made: dict[int, Outcome] = {}
    for found in conflicts:
        number = found.place[1]
        content = made.get(number, rows.get(number))
        if content is not None and found.conflict.ours is MISSING:
            row = content.row or versions.side_row(content.side, number) or {}
            cells = {name: value for name, value in row.items() if name != found.conflict.field}
            made[number] = replace(content, row=cells)
    return made


# --- rows that both sides added -----------------------------------------------------------------------


def _decide_both(versions: Versions, prefer_base: bool, partners: Partners) -> dict[int, Decision]:
    """By row number in ours."""
    return {
        ours: decide_both_replaced(versions, ours, theirs, partners.replaced[ours])
        if ours in partners.replaced
        else decide_both_added(versions, prefer_base, ours, theirs)
        for ours, theirs in sorted(partners.theirs.items())
    }


def _contents(decided: Mapping[int, Decision]) -> dict[int, Content]:
    return {number: each.outcome for number, each in decided.items() if each.outcome is not None}
