"""Dotted paths into rows."""

from __future__ import annotations

from promptvc.content.formats.missing import MISSING
from promptvc.content.tablediff.diff import changed_cells
from promptvc.content.values.dotted import pick


def test_what_is_not_there_is_the_one_missing_value() -> None:
    assert pick({"a": {"b": 1}}, "a.c") is MISSING
    assert pick({"a": None}, "a") is None
    assert changed_cells({"a": 1}, {}) == {"a": (1, pick({}, "a"))}
