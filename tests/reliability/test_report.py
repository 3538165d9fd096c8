"""The table of counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.reliability.causes import by_cause
from tests.reliability.counts import Outcome, check, counted
from tests.reliability.report import BEGIN, END, replaced, table

OUTCOMES = [
    Outcome("power cuts", "a 1", ok=True),
    Outcome("power cuts", "a 2", ok=False, message="call 3 of 9: fsck ends with 1"),
    Outcome("power cuts", "b 2", ok=False, message="call 4 of 7: fsck ends with 1"),
    Outcome("corruption: HEAD", "x", ok=True),
]


def test_the_table_counts_by_kind() -> None:
    lines = table(counted(OUTCOMES), 7, datetime(2026, 1, 2, tzinfo=UTC), long=False).splitlines()
    assert lines[0] == "Seed 7, 2026-01-02, a drawn sample."
    assert lines[-3:] == ["| power cuts | 3 | 2 |", "| corruption: HEAD | 1 | 0 |", "| all | 4 | 2 |"]


def test_only_the_counts_of_a_document_are_replaced() -> None:
    assert replaced(f"a\n{BEGIN}\nold\n{END}\nb\n", "new") == f"a\n{BEGIN}\nnew\n{END}\nb\n"
    with pytest.raises(ValueError, match="no <!-- counts -->"):
        replaced("a\n", "new")


def test_failures_of_one_cause_are_told_together() -> None:
    ((cause, outcomes),) = by_cause(OUTCOMES).items()
    assert (cause, len(outcomes)) == ("fsck ends with N", 2)


def test_a_failure_names_the_seed() -> None:
    with pytest.raises(AssertionError, match="2 of 4 failed, PROMPTVC_TEST_SEED=7"):
        check(OUTCOMES, 7)
