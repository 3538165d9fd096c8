"""Merges of real files: what people merged, and versions of real histories, beside a plain reference merge."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.formats.base import Malformed
from promptvc.content.tablemerge.merge import RowMerge, TableSide, merge_rows
from promptvc.content.tablemerge.rules import MergeRules
from tests.content.tablefiles import chunk_runs_of, format_of
from tests.reference_merge import Merged, Place, Table, key_text, merge_tables, read_table, text_of

CASES = ["m01", "m02", "m03", "m04", "m05"]
HISTORIES = {
    "prompts_history": (["act"], 80),
    "dataset_history/leaderboard": ([""], 70),
    "dataset_history/bfcl_multi_turn_base_answers": (["id"], 50),
}
"""Folder -> the key, and how many merges are drawn from it: 200 in all."""


@dataclass(frozen=True, slots=True)
class Files:
    """The three versions of one file."""

    path: str
    base: bytes
    ours: bytes
    theirs: bytes

    def merge(self, key: list[str], every: int = 5) -> RowMerge:
        sides = (self.base, self.ours, self.theirs)
        return merge_rows(
            *(side_of(self.path, data, every) for data in sides), MergeRules(key=tuple(key) if key else None)
        )

    def reference(self, key: list[str]) -> Merged:
        base, ours, theirs = (read_table(self.path, data) for data in (self.base, self.ours, self.theirs))
        return merge_tables(base, ours, theirs, key)


def side_of(path: str, data: bytes, every: int) -> TableSide:
    return TableSide(chunk_runs_of(path, data, every, counted=True), format_of(path, data))


def rows_of(path: str, data: bytes) -> list[dict[str, Any]]:
    """The rows as the product reads them, with the names that the reference has for cells beyond the header."""
    format = format_of(path, data)
    names = {f"#{len(format.columns or ()) + n}": f"+{n}" for n in range(1, 40)}
    rows = []
    for body in format.bodies(data, True):
        row = format.parse(body)
        assert not isinstance(row, Malformed)
        rows.append({names.get(name, name): value for name, value in row.items()})
    return rows


def filled(rows: list[dict[str, Any]], columns: Any) -> Counter[str]:
    """The rows, counted. A record that is short means the same as one with empty cells for the rest."""
    empty = dict.fromkeys(columns or (), "")
    return Counter(text_of({**empty, **row}) for row in rows)


# --- merges that people made ------------------------------------------------------------------------------


def real_case(data: Path, name: str) -> tuple[Files, bytes, dict[str, Any]]:
    folder = data / "merges" / name
    base, ours, theirs, merged = (
        next(folder.glob(f"{which}*")).read_bytes() for which in ("base", "ours", "theirs", "merged")
    )
    lines = (data / "merges" / "manifest.jsonl").read_text().splitlines()
    [facts] = [case for case in map(json.loads, lines) if case["case"] == name]
    return Files("prompts.csv", base, ours, theirs), merged, facts


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("swapped", [False, True])
def test_real_merges_are_clean_and_have_the_rows_that_both_sides_imply(
    data: Path, name: str, swapped: bool
) -> None:
    files, _, _ = real_case(data, name)
    if swapped:
        files = Files(files.path, files.base, files.theirs, files.ours)
    found, reference = files.merge(["act"]), files.reference(["act"])
    assert (found.conflicts, reference.conflicts, reference.open) == ((), [], set())
    merged = rows_of(files.path, found.data)
    assert filled(merged, reference.columns) == filled(reference.rows, reference.columns)
    assert format_of(files.path, found.data).columns == reference.columns
    _check_implied(files, merged)


def _check_implied(files: Files, merged: list[dict[str, Any]]) -> None:
    """What one side added is there, what it removed is not: by key and count, from the bytes alone."""
    keys = [
        Counter(key_text(row, ["act"]) for row in read_table(files.path, data).rows)
        for data in (files.base, files.ours, files.theirs)
    ]
    base, ours, theirs = keys
    found = Counter(key_text(row, ["act"]) for row in merged)
    for key in base | ours | theirs:
        assert found[key] == base[key] + (ours[key] - base[key]) + (theirs[key] - base[key]), key


@pytest.mark.parametrize("name", CASES)
def test_real_merges_are_what_people_committed_where_that_was_the_merge_by_row(data: Path, name: str) -> None:
    files, committed, facts = real_case(data, name)
    found = read_table(files.path, files.merge(["act"]).data)
    people = read_table(files.path, committed)
    rows, others = filled(found.rows, found.columns), filled(people.rows, people.columns)
    differing = (rows - others) + (others - rows)
    keys = {json.loads(row)["act"] for row in differing}
    assert keys == set(facts["keys_where_committed_merge_differs"])
    assert facts["committed_merge_equals_row_level_merge"] == (not keys)


@pytest.mark.parametrize("name", CASES)
def test_rows_of_real_merges_that_one_side_left_alone_keep_their_bytes(data: Path, name: str) -> None:
    files, _, _ = real_case(data, name)
    known: set[bytes] = set()
    for version in (files.ours, files.theirs):
        known.update(format_of(files.path, version).bodies(version, True))
    merged = files.merge(["act"]).data
    new = [body for body in format_of(files.path, merged).bodies(merged, True) if body not in known]
    # m04: the row that one side added, with a cell for the column that the other added.
    assert len(new) == (1 if name == "m04" else 0)


# --- merges drawn from real histories ---------------------------------------------------------------------


def drawn(data: Path, folder: str, count: int) -> list[tuple[str, Files]]:
    """Two later versions against a common earlier one, drawn with a fixed seed; no triple twice."""
    versions = sorted(path for path in (data / folder).iterdir() if path.name[1:3].isdigit())
    numbers = range(len(versions))
    triples = [(b, o, t) for b in numbers for o in numbers for t in numbers if b < o and b < t and o != t]
    chosen = random.Random(f"merges of {folder}").sample(triples, count)
    read = [path.read_bytes() for path in versions]
    path = f"file{versions[0].suffix}"
    return [
        (" ".join(versions[n].name for n in triple), Files(path, *(read[n] for n in triple)))
        for triple in chosen
    ]


@pytest.mark.parametrize("folder", HISTORIES)
def test_merges_of_real_versions_are_those_of_the_reference(data: Path, folder: str) -> None:
    key, count = HISTORIES[folder]
    cases = drawn(data, folder, count)
    assert len(cases) == count
    tally: Counter[str] = Counter()
    for name, files in cases:
        found, reference = files.merge(key), files.reference(key)
        differences = compare(files, found, reference, key)
        assert not differences, (name, differences)
        tally["conflicts"] += len(reference.conflicts)
        tally["clean"] += not reference.conflicts
        tally["open"] += len(reference.open)
        tally["overlapping"] += len(reference.overlapping)
    assert tally == EXPECTED[folder]


# So that the draws are seen to be no easy ones; in the 271 lists the reference knows no better than a conflict.
EXPECTED = {
    "prompts_history": Counter(conflicts=194, clean=47),
    "dataset_history/leaderboard": Counter(conflicts=318, clean=17),
    "dataset_history/bfcl_multi_turn_base_answers": Counter(
        conflicts=369, clean=18, open=26, overlapping=271
    ),
}


def compare(files: Files, found: RowMerge, reference: Merged, key: list[str]) -> list[str]:
    """Every difference of columns, conflict places and rows.

    Lists of which both sides rewrote overlapping or touching parts are compared by what they hold: the product may
    see which element became which, and merge where the reference has a conflict, but not lose or double any.
    """
    differences = []
    columns = format_of(files.path, found.data).columns
    if columns != reference.columns:
        differences.append(f"columns: got {columns}, expected {reference.columns}")
    places = Counter(
        (text_of(list(conflict.key.values())) if conflict.key else "", conflict.field)
        for conflict in found.conflicts
    )
    got, wanted = (
        _without(places, reference.overlapping),
        _without(reference.conflicts, reference.overlapping),
    )
    if got != wanted:
        differences.append(f"conflicts: got {got - wanted}, expected {wanted - got}")
    merged = rows_of(files.path, found.data)
    rows = filled(_settled(merged, key, reference), reference.columns)
    expected = filled(_settled(reference.rows, key, reference), reference.columns)
    if rows != expected:
        differences.append(f"rows: got {list(rows - expected)[:3]}, expected {list(expected - rows)[:3]}")
    for place in (reference.open | reference.overlapping) - set(places):
        differences += _lost_or_doubled(files, merged, key, place)
    return differences


def _without(places: Any, loose: set[Place]) -> Counter[Place]:
    return Counter({place: count for place, count in Counter(places).items() if place not in loose})


def _settled(rows: list[dict[str, Any]], key: list[str], reference: Merged) -> list[dict[str, Any]]:
    """Rows without the lists that are compared in another way."""
    loose = reference.open | reference.overlapping
    return [
        {name: "loose" if (key_text(row, key), name) in loose else value for name, value in row.items()}
        for row in rows
    ]


def _lost_or_doubled(files: Files, merged: list[dict[str, Any]], key: list[str], place: Place) -> list[str]:
    """Leaves of a list that are there more or less often than the side says that alone changed their number."""
    tables = (*(read_table(files.path, data).rows for data in (files.base, files.ours, files.theirs)), merged)
    base, ours, theirs, found = (
        Counter(_leaves(row[place[1] or ""] for row in rows if key_text(row, key) == place[0]))
        for rows in tables
    )
    wrong = []
    for leaf in base | ours | theirs | found:
        counts = (base[leaf], ours[leaf], theirs[leaf])
        if found[leaf] not in _allowed(*counts):
            wrong.append(f"{place}: {leaf} is there {found[leaf]} times; base, ours, theirs: {counts}")
    return wrong


def _allowed(base: int, ours: int, theirs: int) -> range:
    if ours == base or theirs == base:
        only = theirs if ours == base else ours
        return range(only, only + 1)
    return range(max(0, min(ours, theirs, ours + theirs - base)), max(ours, theirs, ours + theirs - base) + 1)


def _leaves(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    else:
        for inner in value:
            yield from _leaves(inner)


# --- the reference itself ---------------------------------------------------------------------------------


def test_the_reference_merges_rows_and_fields() -> None:
    base = Table(None, [{"id": 1, "a": 1, "b": 1}, {"id": 2}, {"id": 3, "a": 0}])
    ours = Table(None, [{"id": 1, "a": 2, "b": 1}, {"id": 2}, {"id": 4, "a": 1, "c": 1}])
    theirs = Table(None, [{"id": 1, "a": 1, "b": 3}, {"id": 3, "a": 5}, {"id": 4, "a": 2, "d": 1}])
    merged = merge_tables(base, ours, theirs, ["id"])
    assert merged.rows == [{"id": 1, "a": 2, "b": 3}, {"id": 4, "a": 1, "c": 1, "d": 1}]
    assert merged.conflicts == [("[3]", None), ("[4]", "a")]
