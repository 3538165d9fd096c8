"""Output rows: what is stale is a field, and not what an error says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.runs.run import (
    NOT_CALLED,
    UNANSWERED,
    OutputRow,
    Totals,
    encode_row,
    read_rows,
    stale_row,
)
from promptvc.errors import RunUnreadable

OLD = {"example_id": "a", "sample_index": 0, "output": None, "request_hash": "0" * 64, "scores": {}}


def read(line: bytes) -> OutputRow:
    [row] = read_rows([json.loads(line)])
    return row


def old(error: str | None) -> OutputRow:
    """A row as it was written before there was the field."""
    return OutputRow.from_value({**OLD, "error": error})


@pytest.mark.parametrize("why", [NOT_CALLED, UNANSWERED])
def test_a_row_that_waits_says_why_in_a_field(why: str) -> None:
    row = stale_row("a", 1, why, "0" * 64)
    value = json.loads(encode_row(row))
    assert (value["stale"], value["error"]) == (why, f"stale: {why}")
    assert read(encode_row(row)) == row
    assert row.is_stale
    assert not row.is_answer


@pytest.mark.parametrize(
    "error", ["stale: not called yet", "stale: neither side of the merge has this answer"]
)
def test_rows_of_before_the_field_are_read_as_they_were_meant(error: str) -> None:
    row = old(error)
    assert (row.is_stale, row.error, f"stale: {row.stale}") == (True, error, error)
    assert not row.is_answer


@pytest.mark.parametrize(
    "error",
    ["stale connection", "stale", "stale: connection reset", "stale: not called yet, said the server"],
)
def test_an_error_of_a_provider_is_none(error: str) -> None:
    for row in (old(error), read(encode_row(OutputRow(example_id="a", error=error)))):
        assert (row.error, row.stale, row.is_stale) == (error, None, False)
        totals = Totals()
        totals.add(row)
        assert (totals.to_value()["errors"], totals.to_value()["stale"]) == (1, 0)


@given(st.none() | st.sampled_from(["stale: not called yet", "stale", "busy"]), st.none() | st.just("later"))
def test_what_is_written_is_what_is_read(error: str | None, stale: str | None) -> None:
    row = OutputRow(example_id="a", error=f"stale: {stale}" if stale else error, stale=stale)
    assert read(encode_row(row)) == row


def test_other_rows_have_no_such_field() -> None:
    for row in (OutputRow(example_id="a", output="x"), OutputRow(example_id="a", error="busy")):
        assert "stale" not in json.loads(encode_row(row))


def test_a_row_that_says_it_alone_has_no_output() -> None:
    row = OutputRow.from_value({**OLD, "error": None, "stale": "later"})
    assert (row.error, row.is_stale, row.is_answer) == ("stale: later", True, False)
    with pytest.raises(RunUnreadable, match="stale of an output row"):
        OutputRow.from_value({**OLD, "stale": 1})
