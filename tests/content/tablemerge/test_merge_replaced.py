"""Rows without a key that both sides put in the place of a row that is gone."""

from __future__ import annotations

import pytest

from tests.merging.tables import merge


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b'{"a": 1,\n{}\n{}\n', b'{}\n{"a": 1,\n'),
        (b'{}\n{"a": 1,\n{"a": 1,\n', b'{"a": 1,\n{}\n'),
        (b'{}\n{"a": 1,\n{"a": 1,\n{}\n', b'{"a": 1,\n{}\n{}\n{"a": 1,\n'),
    ],
)
def test_equal_rows_in_another_order_do_not_conflict(ours: bytes, theirs: bytes) -> None:
    for one, other in ((ours, theirs), (theirs, ours)):
        assert merge("a.jsonl", b"broken\n", one, other).conflicts == ()


def test_unlike_rows_conflict() -> None:
    [found] = merge("a.jsonl", b"broken\n", b'{"a": 1}\n', b'{"b": 2}\n').conflicts
    assert (found.kind, found.ours, found.theirs) == ("both-changed", {"a": 1}, {"b": 2})
