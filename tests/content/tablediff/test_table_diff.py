"""Row diffs: the laws they keep, how rows are matched, and what real histories say."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.formats.equal import same
from promptvc.content.tablediff.diff import MISSING, TableDiff, diff_rows, duplicate_keys, guess_key
from promptvc.versioning.ropes.chunkrun import ChunkRun

SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
IDS = st.integers(0, 6)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"text": st.sampled_from(["a b c d", "a b c e", "f"])}, optional={"id": IDS, "n": st.none()}
    ),
    max_size=9,
)


def bound(data: bytes, path: str = "a.jsonl") -> RowFormat:
    found = row_format(path, data[:65536]) or row_format(path, b"")  # bytes that open UTF-16 have no format
    assert found is not None
    return found


def chunk_runs(
    data: bytes, format: RowFormat, keep: Callable[[int], bool] = lambda end: True
) -> list[ChunkRun]:
    """The file in pieces, cut at those row ends that are kept."""
    cuts = [end for end in format.row_ends(data, 0) if keep(end)]
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
    return [ChunkRun(hashlib.sha1(piece).digest(), lambda piece=piece: piece) for piece in pieces]


def diff(before: bytes, after: bytes, key: Sequence[str] | None = None, path: str = "a.jsonl") -> TableDiff:
    old, new = bound(before, path), bound(after, path)
    return diff_rows(chunk_runs(before, old), chunk_runs(after, new), old, new, key)


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def values(data: bytes, path: str = "a.jsonl") -> list[Any]:
    format = bound(data, path)
    parsed = [(format.parse(body), body) for body in format.bodies(data, True)]
    return [row if isinstance(row, dict) else body for row, body in parsed]


def apply(difference: TableDiff, before: list[Any]) -> list[Any]:
    """The rows after, made of the rows before and what the difference says alone."""
    after: dict[int, Any] = {}
    used = set()
    for change in difference.rows:
        old, new = change.at
        if old is not None:
            used.add(old)
        if new is not None:
            row = dict(before[old]) if change.op == "changed" and old is not None else change.after
            for field, (_, value) in change.cells.items():
                row.pop(field, None)
                if value is not MISSING:
                    row[field] = value
            after[new] = change.after_raw if change.malformed else row
    for old, new in difference.moves:
        used.add(old)
        after[new] = before[old]
    rest = iter(row for number, row in enumerate(before) if number not in used)
    return [after[number] if number in after else next(rest) for number in range(difference.after_rows)]


def check_laws(difference: TableDiff, before: list[Any], after: list[Any]) -> None:
    counted = [sum(change.op == op for change in difference.rows) for op in ("added", "removed", "changed")]
    assert counted == [difference.added, difference.removed, difference.changed]
    assert (difference.before_rows, difference.after_rows) == (len(before), len(after))
    assert difference.before_rows - difference.removed + difference.added == difference.after_rows
    assert 0 <= difference.moved == len(difference.moves) <= difference.unchanged + difference.reformatted
    assert same(apply(difference, before), after)
    for change in difference.rows:
        assert change.before is None or same(change.before, before[change.at[0] or 0])
        assert change.after is None or same(change.after, after[change.at[1] or 0])
    places = [change.at[1] for change in difference.rows if change.at[1] is not None]
    assert places == sorted(places)


@given(ROWS, ROWS, st.sampled_from([None, ["id"], ["id", "text"]]), st.sets(st.integers(0, 400)), st.data())
@settings(max_examples=200)
def test_applied_to_the_rows_before_a_diff_gives_the_rows_after(
    before: list[Any], after: list[Any], key: list[str] | None, kept: set[int], draw: st.DataObject
) -> None:
    mixed = (
        draw.draw(st.lists(st.sampled_from([*before, *after, {"id": 9}]), max_size=9)) if before else after
    )
    old, new = lines(*before, *after), lines(*before, *mixed)
    format = bound(old)
    cut_old = chunk_runs(old, format, lambda end: end not in kept)
    cut_new = chunk_runs(new, format, lambda end: end not in kept)
    check_laws(diff_rows(cut_old, cut_new, format, format, key), values(old), values(new))


@given(st.binary(max_size=80), st.binary(max_size=80), st.sampled_from(["a.jsonl", "a.csv"]))
def test_any_bytes_have_a_diff(before: bytes, after: bytes, path: str) -> None:
    check_laws(diff(before, after, path=path), values(before, path), values(after, path))
    assert diff(before, before, path=path).is_empty


@given(ROWS)
def test_a_table_does_not_differ_from_itself_however_it_is_cut(rows: list[Any]) -> None:
    data = lines(*rows)
    format = bound(data)
    whole = [ChunkRun(b"whole", lambda: data)]
    difference = diff_rows(whole, chunk_runs(data, format), format, format, None)
    assert (difference.is_empty, difference.unchanged, difference.reformatted) == (True, len(rows), 0)


@given(ROWS, ROWS)
def test_swapped_sides_swap_added_and_removed(before: list[Any], after: list[Any]) -> None:
    there, back = diff(lines(*before), lines(*after)), diff(lines(*after), lines(*before))
    assert there.added - there.removed == back.removed - back.added
    assert (there.key, there.is_empty) == (back.key, back.is_empty)


def test_rows_are_matched_by_key_and_compared_by_field() -> None:
    before = lines({"id": 1, "a": 1, "b": [1]}, {"id": 2, "a": 2}, {"id": 3})
    after = lines({"id": 3}, {"b": [2], "id": 1, "a": 1}, {"id": 4}, {"id": 2, "a": 2, "c": None})
    difference = diff(before, after)
    assert difference.key == ("id",)
    assert [(c.op, c.key, c.at, c.cells) for c in difference.rows] == [
        ("changed", {"id": 1}, (0, 1), {"b": ([1], [2])}),
        ("added", {"id": 4}, (None, 2), {}),
        ("changed", {"id": 2}, (1, 3), {"c": (MISSING, None)}),
    ]
    assert (difference.moved, difference.moves, difference.unchanged) == (1, ((2, 0),), 1)


def test_values_of_other_types_are_other_values() -> None:
    difference = diff(lines({"id": 1, "a": 1, "b": True}), lines({"id": 1, "a": 1.0, "b": 1}))
    assert [type(after) for _, after in difference.rows[0].cells.values()] == [float, int]
    assert diff(b'{"id": 1, "a": NaN}', b'{"a": NaN, "id": 1}').reformatted == 1
    assert diff(lines({"id": 1}), lines({"id": "1"})).added == 1


def test_rows_with_other_bytes_and_equal_fields_are_reformatted() -> None:
    before = lines(*({"id": n, "a": "x"} for n in range(5)), {"id": "\xe9"})
    after = b"\n".join(
        json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() for row in values(before)
    )
    for key in (None, ["id"], ["no such field"]):
        difference = diff(before, after, key)
        assert (difference.reformatted, difference.rows, difference.is_empty) == (6, (), True)


def test_rows_that_share_a_key_are_told_apart_by_their_order() -> None:
    before = lines({"id": 1, "a": 1}, {"id": 1, "a": 2}, {"id": 1, "a": 3})
    after = lines({"id": 1, "a": 1}, {"id": 1, "a": 9}, {"id": 1, "a": 3}, {"id": 1, "a": 4})
    difference = diff(before, after, ["id"])
    assert [(c.op, c.at) for c in difference.rows] == [("changed", (1, 1)), ("added", (None, 3))]


def test_a_key_that_changed_rows_share_or_lack_is_not_guessed() -> None:
    assert diff(lines({"id": 1, "name": "a"}), lines({"id": 2, "name": "b"})).key == ("id",)
    assert diff(lines({"id": 1, "name": "a"}, {"id": 1, "name": "b"}), b"").key == ("name",)
    assert diff(lines({"id": [1], "name": "a"}), b"").key == ("name",)
    assert diff(lines({"id": None}), b"").key is None
    assert diff(lines({"id": 1}), lines({"id": 1})).key is None
    assert guess_key([{"_id": 1}, {"_id": "1"}]) == ("_id",)
    assert guess_key([]) is None


def test_without_a_key_rows_are_matched_by_place_and_similarity() -> None:
    before = lines({"q": "one two three four"}, {"q": "five six"}, {"q": "seven eight nine"}, {"q": "ten"})
    after = lines(
        {"q": "one two 3 four"}, {"q": "seven eight nine"}, {"q": "new"}, {"q": "ten"}, {"q": "more"}
    )
    difference = diff(before, after)
    assert [(c.op, c.at) for c in difference.rows] == [
        ("changed", (0, 0)),
        ("removed", (1, None)),
        ("added", (None, 2)),
        ("added", (None, 4)),
    ]
    assert all(change.key is None for change in difference.rows)


def test_without_a_key_a_row_that_moved_and_changed_is_one_row() -> None:
    rows = [{"text": f"the text of number {n} and more", "score": n} for n in range(6)]
    moved = {**rows[0], "score": 99}
    difference = diff(lines(*rows), lines(*rows[1:], moved))
    assert [(c.op, c.at, c.cells) for c in difference.rows] == [("changed", (0, 5), {"score": (0, 99)})]


def test_removing_one_of_many_equal_rows_moves_none() -> None:
    rows = [{"text": text} for text in ("x", "a", "x", "b", "x", "c", "x")]
    difference = diff(lines(*rows), lines(*rows[1:]))
    assert [(c.op, c.at) for c in difference.rows] == [("removed", (0, None))]
    assert difference.moved == 0


def test_a_field_that_all_rows_get_changes_all_rows_of_a_table_without_a_key() -> None:
    rows = [{"question": f"what is {n} plus {n * 7 % 11}?", "answer": str(n)} for n in range(300)]
    difference = diff(lines(*rows), lines(*({**row, "level": 1} for row in rows)))
    assert (difference.changed, difference.added, difference.removed) == (300, 0, 0)


def test_malformed_rows_are_compared_by_their_bytes() -> None:
    difference = diff(b'{"id": 1}\nbroken\nsame\n', b'same\n{"id": 1}\nbroken!\n')
    assert [(c.op, c.key, c.at, c.before_raw, c.after_raw) for c in difference.rows] == [
        ("removed", None, (1, None), b"broken", None),
        ("added", None, (None, 2), None, b"broken!"),
    ]
    assert difference.rows[0].malformed is not None
    assert difference.moved == 1


def test_equal_bytes_under_another_header_are_other_rows() -> None:
    difference = diff(b"id,a\n1,x\n2,y\n", b"id,b\n1,x\n2,y\n", path="a.csv")
    assert (difference.columns_added, difference.columns_removed) == (("b",), ("a",))
    assert [c.cells for c in difference.rows] == [{"a": (t, MISSING), "b": (MISSING, t)} for t in "xy"]


def test_another_delimiter_reformats_rows() -> None:
    difference = diff(b"id,a\n1,x\n2,y\n3\n", b"id;a\n1;x\n2;y\n3\n", path="a.csv")
    assert (difference.is_empty, difference.reformatted, difference.unchanged) == (True, 2, 1)


def test_a_table_may_change_its_format() -> None:
    before, after = b'[{"id": 1, "a": [1]},\n {"id": 2}]', b'{"id": 1, "a": [1]}\n{"id": 3}\n'
    old, new = bound(before, "a.json"), bound(after)
    difference = diff_rows(chunk_runs(before, old), chunk_runs(after, new), old, new, None)
    assert [(c.op, c.key) for c in difference.rows] == [("removed", {"id": 2}), ("added", {"id": 3})]


def test_a_header_that_is_no_longer_first_is_a_row() -> None:
    chunk = b"a,b\n1,2\n"
    format = bound(chunk, "a.csv")
    old = [ChunkRun(b"1", lambda: chunk)]
    new = [ChunkRun(b"0", lambda: b"a,b\n0,0\n"), *old]
    difference = diff_rows(old, new, format, format, None)
    assert [change.after for change in difference.rows] == [{"a": "0", "b": "0"}, {"a": "a", "b": "b"}]


def test_only_chunk_runs_that_differ_are_loaded() -> None:
    def never() -> bytes:
        raise AssertionError("loaded")

    format = bound(b"")
    kept = [ChunkRun(b"%d" % n, never, rows=10) for n in range(4)]
    old = [*kept[:2], ChunkRun(b"old", lambda: lines({"id": 1, "a": 1})), *kept[2:]]
    new = [*kept[:2], ChunkRun(b"new", lambda: lines({"id": 1, "a": 2}, {"id": 2})), *kept[2:]]
    difference = diff_rows(old, new, format, format, None)
    assert [(c.op, c.at) for c in difference.rows] == [("changed", (20, 20)), ("added", (None, 21))]
    assert (difference.before_rows, difference.after_rows, difference.unchanged) == (41, 42, 40)


def test_duplicate_keys_are_named_by_their_row_numbers() -> None:
    rows = [
        (0, {"id": 1}),
        (2, {"id": 2}),
        (3, {"id": 1, "a": 1}),
        (5, {}),
        (6, {"id": 2}),
        (7, {"id": 1}),
        (8, {}),
    ]
    found = [(numbers, row["id"]) for numbers, row in duplicate_keys(rows, ["id"])]
    assert found == [((0, 3, 7), 1), ((2, 6), 2)]


def test_a_hundred_changed_chunk_runs_are_compared_in_a_moment() -> None:
    rows = [
        {"id": n, "input": f"ticket {n} about a brown fox " * 8, "expected": "refund"} for n in range(6000)
    ]
    edited = [{**row, "expected": "other"} if n % 60 == 30 else row for n, row in enumerate(rows)]
    format = bound(b"")
    sides = [[lines(*part[n : n + 60]) for n in range(0, 6000, 60)] for part in (rows, edited)]
    old, new = ([ChunkRun(data, lambda data=data: data) for data in side] for side in sides)
    for key in (["id"], ["none"]):
        started = time.process_time()
        assert diff_rows(old, new, format, format, key).changed == 100
        assert time.process_time() - started < 0.5


def _history(folder: str) -> list[Any]:
    manifest = SHARED / folder / "manifest.jsonl"
    return [json.loads(line) for line in manifest.read_text().splitlines()] if manifest.exists() else []


# By version: added, removed, changed and rows where ours differ from the manifest's. It counts keys, comparing the
# rows that share one as a list, where a diff counts rows: v002, v012, v013 and v029 add, remove or change rows of
# keys that others share. It counts the blank line that ends v027 as a row.
DEVIATIONS = {
    "v002.csv": (28, 28, 0, 203),
    "v012.csv": (28, 32, 179, 207),
    "v013.csv": (2, 1, 0, 208),
    "v027.csv": (1, 0, 0, 219),
    "v029.csv": (3, 0, 220, 223),
}


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(
    ("folder", "key"),
    [
        ("prompts_history", ["act"]),
        ("dataset_history/leaderboard", [""]),
        ("dataset_history/bfcl_multi_turn_base_answers", ["id"]),
    ],
)
def test_real_histories_change_as_their_manifests_say(folder: str, key: list[str]) -> None:
    versions = _history(folder)
    for old, new in pairwise(versions):
        name = new["file"]
        before, after = ((SHARED / folder / version["file"]).read_bytes() for version in (old, new))
        difference = diff(before, after, key, name)
        counts = new.get("vs_previous_by_first_column") or new["vs_previous_by_key"]
        expected = (counts["added"], counts["removed"], counts["changed"], new["rows"])
        found = (difference.added, difference.removed, difference.changed, difference.after_rows)
        assert found == (DEVIATIONS.get(name, expected) if folder == "prompts_history" else expected), name
        for compared in (difference, diff(before, after, None, name)):
            check_laws(compared, values(before, name), values(after, name))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
def test_renamed_keys_are_small_changes_where_no_key_is_declared() -> None:
    before, after = ((SHARED / "prompts_history" / name).read_bytes() for name in ("v001.csv", "v002.csv"))
    difference = diff(before, after, None, "a.csv")
    assert (difference.added, difference.removed, difference.changed) == (0, 0, 28)
