"""Answers kept in a file: the first to each wanted request, unchanged, and not in memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.runs.run import OutputRow
from promptvc.runs.execute.kept import KeptAnswers

_HASHES = st.one_of(st.none(), st.sampled_from(["aa", "bb", "cc", "no hash", "\ud800"]))
_ROWS = st.builds(
    OutputRow,
    example_id=st.text(max_size=3),
    output=st.one_of(st.none(), st.text(), st.just("\ud800")),
    request_hash=_HASHES,
    latency_ms=st.one_of(st.none(), st.integers(), st.floats(allow_nan=False)),
    tool_calls=st.one_of(st.none(), st.lists(st.dictionaries(st.text(), st.integers()))),
    scores=st.dictionaries(st.text(max_size=2), st.one_of(st.booleans(), st.integers(), st.text())),
)


@given(st.lists(_ROWS), st.sets(st.sampled_from(["aa", "bb", "no hash", "\ud800"])))
def test_they_are_the_first_answers_to_wanted_requests(rows: list[OutputRow], wanted: set[str]) -> None:
    first: dict[Any, OutputRow] = {}
    for row in rows:
        if row.request_hash in wanted:
            first.setdefault(row.request_hash, row)
    with KeptAnswers() as kept:
        kept.fill(iter(rows), wanted)
        assert dict(kept) == first
        assert [hash in kept for hash in ("aa", "cc", None)] == [hash in first for hash in ("aa", "cc", None)]


def test_rows_are_not_in_memory() -> None:
    rows = (
        OutputRow(example_id=f"{n}", output=f"{n} " * 4000, request_hash=f"{n:064x}") for n in range(2000)
    )
    tracemalloc.start()
    try:
        with KeptAnswers() as kept:
            kept.fill(rows, {f"{n:064x}" for n in range(1000)})
            size = sum(len(row.output or "") for row in kept.values())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 14_000_000
    assert peak < size / 10
