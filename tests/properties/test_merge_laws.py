"""Laws of merging tables: of every format, keyed and not, in one chunk run and in many."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptvc.content.formats.dicts import malformed_row
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.tablediff.diff import TableDiff, diff_rows
from promptvc.content.tablemerge.merge import RowMerge
from promptvc.content.values.conflict import MergeConflict
from tests.amounts import examples
from tests.merging.edits import Edit, Row, apply, base_rows, scripts
from tests.merging.tables import (
    PATHS,
    Case,
    Item,
    cases,
    counted,
    is_nested,
    merge,
    read,
    side,
    token,
    write,
)

FEW = settings(max_examples=examples(150))


# --- 1, 2: sides that did nothing, or the same ------------------------------------------------------------


@FEW
@given(cases())
def test_a_side_that_changed_nothing_leaves_the_other_as_it_is(case: Case) -> None:
    for found in (
        merge(case.path, case.base, case.base, case.theirs, case.key, case.every),
        merge(case.path, case.base, case.theirs, case.base, case.key, case.every),
    ):
        assert (found.data, found.conflicts) == (case.theirs, ())


@FEW
@given(cases())
def test_a_change_that_both_sides_made_is_no_conflict(case: Case) -> None:
    found = merge(case.path, case.base, case.ours, case.ours, case.key, case.every)
    assert (found.data, found.conflicts) == (case.ours, ())


# --- 3: swapping ------------------------------------------------------------------------------------------


@FEW
@given(cases())
def test_swapping_the_sides_swaps_the_conflicts_and_gives_the_same_rows(case: Case) -> None:
    found, back = case.merge(), case.swapped().merge()
    assert Counter(map(facts, found.conflicts)) == Counter(facts(c, swapped=True) for c in back.conflicts)
    assert found.key == back.key
    assert settled(case, found) == settled(case, back)


def facts(conflict: MergeConflict, swapped: bool = False) -> str:
    """A conflict as text, but for the row's number, which depends on which side is ours."""
    ours, theirs = conflict.ours, conflict.theirs
    if swapped:
        ours, theirs = theirs, ours
    place = [conflict.kind, conflict.key, conflict.field, conflict.at]
    values = [
        "MISSING" if v is MISSING else json.dumps(v, sort_keys=True) if not isinstance(v, bytes) else repr(v)
        for v in (conflict.base, ours, theirs)
    ]
    return json.dumps([*place, *values], sort_keys=True)


def settled(case: Case, found: RowMerge) -> Counter[str]:
    """The merged rows, with one value at every conflict's place, and without rows that are a conflict as a whole."""
    rows: dict[int, Any] = dict(enumerate(copy.deepcopy(read(case.path, found.data))))
    for conflict in found.conflicts:
        assert conflict.row is not None
        if conflict.field is None:
            if conflict.ours is not MISSING:
                del rows[conflict.row]
        else:
            target = rows[conflict.row]
            for name in (conflict.field, *conflict.at)[:-1]:
                target = target[name]
            target[(conflict.field, *conflict.at)[-1]] = "settled"
    return counted(list(rows.values()))


# --- 4: edits that do not meet ----------------------------------------------------------------------------


@st.composite
def edited(draw: st.DrawFn, structural: bool = True) -> tuple[str, bool, int, list[Edit], list[Edit]]:
    path = draw(st.sampled_from(PATHS))
    keyed = draw(st.booleans())
    count = draw(st.integers(1, 4))
    ours, theirs = draw(scripts(count, keyed, is_nested(path), structural))
    return path, keyed, count, ours, theirs


@settings(max_examples=examples(250))
@given(edited(), st.integers(1, 3))
def test_edits_of_different_places_never_conflict_and_none_is_lost(
    drawn: tuple[str, bool, int, list[Edit], list[Edit]], every: int
) -> None:
    path, keyed, count, ours, theirs = drawn
    base = base_rows(count, keyed, is_nested(path))
    columns = list(base[0])
    data = [write(path, rows, columns=columns) for rows in (base, apply(base, ours), apply(base, theirs))]
    found = merge(path, *data, ["id"] if keyed else None, every)
    assert found.conflicts == ()
    expected = apply(base, [*ours, *theirs])
    merged = read(path, found.data)
    assert counted(map_appended(merged)) == counted(map_appended(expected))
    if not any(edit.what == "remove" for edit in (*ours, *theirs)):
        assert map_appended(merged) == map_appended(expected)


def map_appended(rows: Sequence[Item]) -> list[Item]:
    """Rows with their lists sorted: the order of two sides' additions at one place is tested on its own."""
    return [
        row
        if isinstance(row, bytes)
        else {
            name: sorted(value, key=json.dumps) if isinstance(value, list) else value
            for name, value in row.items()
        }
        for row in rows
    ]


@settings(max_examples=examples(60))
@given(edited(structural=False), st.permutations(range(4)), st.booleans())
def test_rows_put_in_another_order_by_one_side_keep_it_and_the_edits_of_both(
    drawn: tuple[str, bool, int, list[Edit], list[Edit]], order: list[int], by_ours: bool
) -> None:
    path, _, _, ours, theirs = drawn
    nested = is_nested(path)
    base = base_rows(4, True, nested)

    def ordered(rows: list[Row]) -> list[Row]:
        return [rows[n] for n in order]

    mine, other = apply(base, ours), apply(base, theirs)
    sides = [ordered(mine), other] if by_ours else [mine, ordered(other)]
    found = merge(path, *(write(path, rows) for rows in (base, *sides)), ["id"])
    assert found.conflicts == ()
    expected = ordered(apply(base, [*ours, *theirs]))
    assert map_appended(read(path, found.data)) == map_appended(expected)


# --- 5: what a conflict says ------------------------------------------------------------------------------


@settings(max_examples=examples(250))
@given(cases())
def test_every_conflict_has_two_different_changes_at_one_place(case: Case) -> None:
    found = case.merge()
    rows = read(case.path, found.data)
    for conflict in found.conflicts:
        base, ours, theirs = conflict.base, conflict.ours, conflict.theirs
        assert not same(ours, theirs), conflict
        assert not same(base, ours), conflict
        assert not same(base, theirs), conflict
        assert conflict.kind == kind_of(conflict), conflict
        assert conflict.row is not None
        if (conflict.field, ours) == (None, MISSING):
            assert conflict.row <= len(rows)  # where it would be
        else:
            check_place(case.path, rows[conflict.row], conflict)


def kind_of(conflict: MergeConflict) -> str:
    if conflict.base is MISSING:
        return "both-added"
    return "edit-delete" if MISSING in (conflict.ours, conflict.theirs) else "both-changed"


def check_place(path: str, row: Item, conflict: MergeConflict) -> None:
    """In the merged file, ours is at the place."""
    value: Any = row
    for name in () if conflict.field is None else (conflict.field, *conflict.at):
        assert isinstance(value, dict)
        value = value.get(name, MISSING)
    assert not (value is MISSING and conflict.field is None)
    if conflict.ours is MISSING and path.endswith("sv") and value == "":
        return  # a cell cannot be absent where others follow it
    wanted = conflict.ours
    if conflict.field is None and path.endswith("sv"):  # columns may have come or gone, with nothing in them
        value, wanted = ({name: cell for name, cell in row.items() if cell != ""} for row in (value, wanted))
    if isinstance(value, bytes):  # a row that cannot be read, as conflicts tell it
        value = malformed_row(value)
    assert same(value, wanted), conflict
    if conflict.key is not None:
        assert isinstance(row, dict)
        assert all(same(row[name], value) for name, value in conflict.key.items())


@FEW
@given(cases(odd=False))
def test_the_values_of_a_conflict_are_those_of_the_three_versions(case: Case) -> None:
    versions = [read(case.path, data) for data in (case.base, case.ours, case.theirs)]
    assume(len({side(case.path, data).format.reading for data in (case.base, case.ours, case.theirs)}) == 1)
    for conflict in case.merge().conflicts:
        for rows, value in zip(versions, (conflict.base, conflict.ours, conflict.theirs), strict=True):
            if conflict.key is not None and not is_merged(conflict):
                assert any(same(found, value) for found in values_at(rows, conflict)), conflict


def is_merged(conflict: MergeConflict) -> bool:
    """Whether the values are merged ones, of which a part conflicts."""
    values = (conflict.base, conflict.ours, conflict.theirs)
    lists = all(isinstance(value, list) for value in values)
    return lists or (all(isinstance(v, str) for v in values) and any("\n" in str(v) for v in values))


def values_at(rows: Sequence[Item], conflict: MergeConflict) -> list[Any]:
    """What the rows with the conflict's key have at its place; none of them may be meant."""
    key = conflict.key or {}
    found: list[Any] = [MISSING]
    for row in rows:
        if isinstance(row, dict) and all(same(row.get(name, MISSING), value) for name, value in key.items()):
            value: Any = row
            for name in () if conflict.field is None else (conflict.field, *conflict.at):
                value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
            found.append(value)
    return found


# --- 6: a diff, applied -----------------------------------------------------------------------------------


@settings(max_examples=examples(200))
@given(cases())
def test_a_diff_applied_to_the_rows_before_gives_the_rows_after(case: Case) -> None:
    for old, new in ((case.base, case.ours), (case.ours, case.theirs)):
        before, after = (side(case.path, data, case.every) for data in (old, new))
        difference = diff_rows(before.chunk_runs, after.chunk_runs, before.format, after.format, case.key)
        rows = applied(difference, read(case.path, old))
        expected = read(case.path, new)
        if difference.moves:
            assert counted(rows) == counted(expected)
        else:
            assert list(map(token, rows)) == list(map(token, expected))


def applied(difference: TableDiff, before: Sequence[Item]) -> list[Item]:
    """What the changes make of the rows before, in the order that they say; rows that only moved stay."""
    rows: dict[int, Item] = dict(enumerate(before))
    placed: list[tuple[int, Item]] = []
    for change in difference.rows:
        old, new = change.at
        row = {} if old is None else rows.pop(old)
        if new is None:
            continue
        if change.op == "added":
            row = change.after if change.after is not None else change.after_raw or b""
        elif isinstance(row, dict):
            row = {name: value for name, value in row.items() if name not in change.cells}
            row |= {name: new for name, (_, new) in change.cells.items() if new is not MISSING}
        placed.append((new, row))
    kept = list(rows.values())
    for at, row in sorted(placed, key=lambda pair: pair[0]):
        kept.insert(at, row)
    return kept
