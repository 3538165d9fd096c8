"""A run at a commit: its rows as values and as a data frame, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptvc.content.runs.run import OutputRow
from promptvc.content.runs.view import Run, totals_words
from promptvc.errors import RowMissing, RunMissing
from promptvc.repo import Repo

Make = Callable[..., Run]
FIELDS = [
    "example_id", "sample_index", "output", "finish_reason", "input_tokens", "output_tokens", "latency_ms",
    "cost_usd", "error", "response_model", "request_hash",
]  # fmt: skip


@pytest.fixture
def make(repo: Repo) -> Make:
    """A run of these calls, committed."""

    def make(*calls: dict[str, Any], name: str = "mine") -> Run:
        with repo.log_run(name, provider="p", model="m") as log:
            for number, call in enumerate(calls):
                log.add(**{"example_id": f"t-{number}", "output": f"out {number}", **call})
        repo.commit("a run", allow_empty=True)
        return repo.snapshot().run(name)

    return make


def test_a_run_has_its_rows_by_order_and_by_example(make: Make) -> None:
    run = make({"scores": {"exact": True}}, {"output": "b"}, {"example_id": "42"})
    assert (run.name, len(run)) == ("mine", 3)
    assert [row.example_id for row in run] == ["t-0", "t-1", "42"]
    assert run["t-1"].output == "b"
    assert run["42"].output == "out 2"
    assert isinstance(run["t-0"], OutputRow)
    assert ("t-1" in run, "t-7" in run) == (True, False)
    with pytest.raises(RowMissing):
        run["t-7"]


def test_several_samples_of_an_example(make: Make) -> None:
    run = make({"example_id": "t"}, {"example_id": "t", "sample_index": 1, "output": "second"})
    assert run["t"].sample_index == 0
    assert [row.output for row in run.samples("t")] == ["out 0", "second"]


def test_a_snapshot_lists_its_runs(repo: Repo, make: Make) -> None:
    make({}, name="b")
    make({}, name="a")
    assert repo.snapshot().runs == ["a", "b"]
    assert repo.snapshot("HEAD~1").runs == ["b"]
    with pytest.raises(RunMissing, match="'c'"):
        repo.snapshot().run("c")


def test_outputs_without_a_record_are_a_run_too(repo: Repo, make: Make) -> None:
    make({})
    assert repo.root is not None
    (repo.root / "outputs/mine.run.json").unlink()
    repo.commit("no record")
    run = repo.snapshot().run("mine")
    assert run.record is None
    assert repr(run) == "Run mine: 1 row"


def test_it_says_what_it_is(make: Make) -> None:
    run = make(
        {"scores": {"exact": True, "mood": "calm"}, "cost_usd": 0.07},
        {"scores": {"exact": False, "mood": "calm"}, "cost_usd": 0.06},
        {"output": None, "error": "timed out"},
    )
    assert repr(run) == "Run mine: 3 rows, 1 failed, exact 0.500, mood calm 2, 0.13 USD"
    html = make({"output": "<b>bold</b>"}, {"error": "<i>", "output": None})._repr_html_()
    assert "&lt;b&gt;bold" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_totals_of_many_scores_are_cut() -> None:
    scores = {f"s{n}": {"count": 1, "mean": n / 10} for n in range(9)}
    assert totals_words({"scores": scores, "cost_usd": 0.00123}) == [
        "s0 0.000", "s1 0.100", "s2 0.200", "s3 0.300", "…", "0.0012 USD",
    ]  # fmt: skip


# --- as a data frame --------------------------------------------------------------------------------------


def test_arrow_columns_are_flat_and_typed(make: Make) -> None:
    table = make(
        {"scores": {"exact": True, "near": 0.5}, "latency_ms": 7}, {"scores": {"exact": None}}
    ).to_arrow()
    assert table.column_names == [*FIELDS, "scores.exact", "scores.near"]
    types = {field.name: str(field.type) for field in table.schema}
    assert types["output"] == types["error"] == types["request_hash"] == "string"
    assert types["sample_index"] == types["input_tokens"] == "int64"
    assert types["latency_ms"] == types["cost_usd"] == "double"
    assert (types["scores.exact"], types["scores.near"]) == ("bool", "double")
    assert table["scores.exact"].to_pylist() == [True, None]


def test_all_runs_have_the_same_fields(make: Make) -> None:
    for run in (make(), make({}), make({"error": "x", "output": None})):
        schema = run.to_arrow().schema
        assert schema.names == FIELDS
        assert [str(type) for type in schema.types].count("string") == 6


def test_scores_of_mixed_types_become_what_holds_them(make: Make) -> None:
    run = make(
        {"scores": {"partial": True, "label": "good"}},
        {"scores": {"partial": 0.5, "label": 3}},
        {"scores": {}},
    )
    table = run.to_arrow()
    assert table["scores.partial"].to_pylist() == [1.0, 0.5, None]
    assert table["scores.label"].to_pylist() == ["good", "3", None]


def test_tool_calls_are_kept(make: Make) -> None:
    table = make({"output": None, "tool_calls": [{"name": "look", "arguments": "{}"}]}, {}).to_arrow()
    assert table["tool_calls"].to_pylist()[0] == [{"name": "look", "arguments": "{}"}]


def test_pandas_and_polars(make: Make) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    run = make({"scores": {"exact": True}}, {"scores": {"exact": False}})
    assert run.to_pandas()["scores.exact"].mean() == 0.5
    assert run.to_polars()["scores.exact"].mean() == 0.5


def test_any_library_that_speaks_arrow_takes_it(make: Make) -> None:
    pa = pytest.importorskip("pyarrow")
    assert pa.table(make({}, {})).num_rows == 2


# --- what a run did ---------------------------------------------------------------------------------------


def test_a_result_is_shown_in_a_notebook(repo: Repo) -> None:
    from promptvc.content.runs.run import RunRecord
    from promptvc.runs.execute.results import RunResult

    totals = {"scores": {"exact": {"count": 4, "mean": 0.25}, "<mood>": {"count": 4, "labels": {"calm": 4}}}}
    record = RunRecord(name="mine", totals=totals)
    result = RunResult("mine", 5, 3, 1, 1, 0, 2, 0.5, True, record, "ValueError: <no>")
    html = result._repr_html_()
    assert "mine: 5 rows, 3 known, 1 called, 2 retries, exact 0.250" in html
    assert "&lt;mood&gt;" in html
    assert "ValueError: &lt;no&gt;" in html
