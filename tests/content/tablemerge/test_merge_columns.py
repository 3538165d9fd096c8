"""Merging tables whose columns were added, dropped, renamed or put in another order by one side."""

from __future__ import annotations

from typing import Any

import pytest

from promptvc.content.formats.missing import MISSING
from promptvc.content.tablemerge.merge import RowMerge
from tests.merging.tables import merge

BASE = "id,a,n\n1,x,5\n2,y,6\n"


def merged(base: str, ours: str, theirs: str) -> RowMerge:
    return merge("a.csv", base.encode(), ours.encode(), theirs.encode(), ["id"])


def clean(base: str, ours: str, theirs: str) -> str:
    found = merged(base, ours, theirs)
    assert found.conflicts == ()
    return found.data.decode()


def both_ways(base: str, one: str, other: str) -> str:
    """The merge, which must be clean and the same whichever side is ours."""
    found = clean(base, one, other)
    assert clean(base, other, one) == found
    return found


def conflicts(found: RowMerge) -> list[tuple[Any, ...]]:
    return [(c.kind, c.key and c.key["id"], c.field, c.base, c.ours, c.theirs) for c in found.conflicts]


def test_rows_of_the_other_side_get_an_empty_cell_for_a_column_that_was_added() -> None:
    assert both_ways(BASE, "id,a,n,p\n1,x,5,k\n2,y,6,l\n", "id,a,n\n1,x,7\n2,y,6\n3,z,8\n") == (
        "id,a,n,p\n1,x,7,k\n2,y,6,l\n3,z,8,\n"
    )


def test_a_column_is_added_in_the_middle() -> None:
    assert both_ways(BASE, "id,p,a,n\n1,k,x,5\n2,l,y,6\n", "id,a,n\n1,x,7\n2,y,6\n3,z,8\n") == (
        "id,p,a,n\n1,k,x,7\n2,l,y,6\n3,,z,8\n"
    )


def test_columns_that_either_side_added_are_both_there() -> None:
    found = clean(BASE, "id,a,n,p\n1,x,5,k\n2,y,6,l\n", "id,a,n,q\n1,x,5,r\n2,y,6,s\n")
    header, *rows = found.splitlines()
    assert header == "id,a,n,p,q"
    assert rows == ["1,x,5,k,r", "2,y,6,l,s"]


def test_one_column_that_both_sides_added_merges_cell_by_cell() -> None:
    found = merged(BASE, "id,a,n,p\n1,x,5,k\n2,y,6,l\n", "id,a,n,p\n1,x,5,k\n2,y,6,other\n")
    assert conflicts(found) == [("both-added", "2", "p", MISSING, "l", "other")]
    assert found.data == b"id,a,n,p\n1,x,5,k\n2,y,6,l\n"


def test_a_dropped_column_is_gone_and_other_edits_stay() -> None:
    assert both_ways(BASE, "id,a\n1,x\n2,y\n", "id,a,n\n1,z,5\n2,y,6\n") == "id,a\n1,z\n2,y\n"


def test_a_dropped_column_does_not_keep_rows_that_the_other_side_removed() -> None:
    assert both_ways(BASE, "id,a\n1,x\n2,y\n", "id,a,n\n1,x,5\n") == "id,a\n1,x\n"


def test_a_new_column_without_content_does_not_keep_rows_that_the_other_side_removed() -> None:
    assert both_ways(BASE, "id,a,n,p\n1,x,5,\n2,y,6,\n", "id,a,n\n1,x,5\n") == "id,a,n,p\n1,x,5,\n"


def test_a_dropped_column_stays_if_the_other_side_changed_a_cell_in_it() -> None:
    dropped, edited = "id,a\n1,x\n2,y\n", "id,a,n\n1,x,5\n2,y,7\n"
    there = merged(BASE, edited, dropped)
    assert conflicts(there) == [("edit-delete", "2", "n", "6", "7", MISSING)]
    back = merged(BASE, dropped, edited)
    assert conflicts(back) == [("edit-delete", "2", "n", "6", MISSING, "7")]
    # Resolving either with what theirs has needs a cell for it.
    assert there.data == b"id,a,n\n1,x,5\n2,y,7\n"
    assert back.data == b"id,a,n\n1,x,5\n2,y,\n"


def test_a_row_added_with_a_cell_in_a_column_that_the_other_side_dropped_does_not_lose_it() -> None:
    for pair in (("id,a\n1,x\n2,y\n", BASE + "3,z,8\n"), (BASE + "3,z,8\n", "id,a\n1,x\n2,y\n")):
        found = merged(BASE, *pair)
        assert b"3,z,8" in found.data or found.conflicts


def test_a_row_that_both_sides_added_has_no_cell_for_a_column_that_one_of_them_dropped() -> None:
    base = "id,text,n\n0,x,\n"
    for key in (None, ["id"]):
        pair = (b"id,text\n0,x\n1,a b c d\n", b"id,text,n\n0,x,\n1,a b c d,\n")
        for ours, theirs in (pair, pair[::-1]):
            assert merge("a.csv", base.encode(), ours, theirs, key).data == pair[0]


def test_a_row_that_one_side_edits_survives_when_the_other_empties_the_file() -> None:
    found = merged(BASE, "id,a,n\n1,x,5\n2,y,7\n", "")
    assert [(c.kind, c.key, c.field) for c in found.conflicts] == [("edit-delete", {"id": "2"}, None)]
    assert found.data == b"id,a,n\n2,y,7\n"


def test_equal_rows_that_both_sides_added_are_one_before_the_order_of_their_key_counts() -> None:
    one, other = "id,a,n\n3,x,1\n3,y,2\n", "id,a,n\n3,y,2\n"
    assert both_ways("id,a,n\n", one, other) == one


def test_edits_follow_a_renamed_column() -> None:
    renamed = "id,a,m\n1,x,5\n2,y,6\n"
    assert both_ways(BASE, renamed, "id,a,n\n1,x,7\n2,z,6\n3,q,8\n") == "id,a,m\n1,x,7\n2,z,6\n3,q,8\n"
    assert both_ways(BASE, renamed, "id,a,n\n1,x,5\n") == "id,a,m\n1,x,5\n"
    assert both_ways(BASE, renamed, "id,a,n,p\n1,x,5,k\n2,y,6,l\n") == "id,a,m,p\n1,x,5,k\n2,y,6,l\n"


def test_a_column_that_both_sides_renamed_alike_takes_the_edits_of_both() -> None:
    assert both_ways(BASE, "id,a,m\n1,x,7\n2,y,6\n", "id,a,m\n1,x,5\n2,y,8\n") == "id,a,m\n1,x,7\n2,y,8\n"


def test_columns_in_another_order_keep_it_and_the_edits_of_the_other_side() -> None:
    assert both_ways(BASE, "id,n,a\n1,5,x\n2,6,y\n", "id,a,n\n1,x,5\n2,z,6\n") == "id,n,a\n1,5,x\n2,6,z\n"


def test_a_column_is_dropped_by_one_side_and_another_one_added_by_the_other() -> None:
    assert both_ways(BASE, "id,a\n1,x\n2,y\n", "id,a,n,p\n1,x,5,k\n2,y,6,l\n") == "id,a,p\n1,x,k\n2,y,l\n"


def test_short_and_long_records_keep_their_bytes_where_no_column_changed() -> None:
    ragged = "id,a,n\n1\n2,y,6,7,8\n3,z,1\n"
    assert (
        both_ways(ragged, ragged + "4,k,2\n", ragged.replace("z", "w"))
        == "id,a,n\n1\n2,y,6,7,8\n3,w,1\n4,k,2\n"
    )


@pytest.mark.parametrize("path", ["a.jsonl", "a.json"])
def test_edits_follow_a_field_that_was_renamed_in_all_rows(path: str) -> None:
    def file(*rows: str) -> bytes:
        return (
            "".join(row + "\n" for row in rows).encode()
            if path == "a.jsonl"
            else ("[\n" + ",\n".join(rows) + "\n]\n").encode()
        )

    base = file('{"id": 1, "n": 5}', '{"id": 2, "n": 6}')
    renamed = file('{"id": 1, "m": 5}', '{"id": 2, "m": 6}')
    edited = file('{"id": 1, "n": 7}', '{"id": 2, "n": 6}', '{"id": 3, "n": 9}')
    removed = file('{"id": 1, "n": 5}')
    for pair in ((renamed, edited), (edited, renamed)):
        found = merge(path, base, *pair, ["id"])
        assert found.conflicts == ()
        assert found.data == file('{"id": 1, "m": 7}', '{"id": 2, "m": 6}', '{"id": 3, "m": 9}')
    for pair in ((renamed, removed), (removed, renamed)):
        found = merge(path, base, *pair, ["id"])
        assert (found.data, found.conflicts) == (file('{"id": 1, "m": 5}'), ())
