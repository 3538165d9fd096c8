"""Outputs with several samples of an example: their rows are told apart, and called the same everywhere."""

from __future__ import annotations

import pytest

from promptvc.content.keys.tokens import guess_common_key, guess_key
from tests.cli.conftest import Project
from tests.runs.runfiles import answer, write_run

KEY = ("example_id", "sample_index")


@pytest.fixture
def sampled(project: Project) -> Project:
    """Two commits of a run of two examples with three samples each; the last sample of t-2 is another in the second."""
    for last in ("one", "other"):
        rows = [
            answer(f"t-{n}", last if (n, s) == (2, 2) else "one", sample=s) for n in (1, 2) for s in range(3)
        ]
        write_run(project.repo, "mini", rows, samples=3)
        project.commit(last)
    return project


def test_a_table_of_samples_has_two_fields_as_its_key(sampled: Project) -> None:
    table = sampled.repo.snapshot("HEAD").table("outputs/mini.jsonl")
    assert table.key == KEY == guess_key(list(table))
    assert table["t-2", 2]["output"] == "other"
    assert "key example_id, sample_index" in sampled("show", "HEAD~1", "outputs/mini.jsonl").out


def test_rows_diff_and_blame_name_the_sample(sampled: Project) -> None:
    assert '"output":"other"' in sampled("rows", "outputs/mini.jsonl", "--key", "t-2,2", "--json").out
    assert "t-2 sample 2" in sampled("diff", "HEAD~1", "HEAD", "--full", "outputs/mini.jsonl").out
    lines = sampled("blame", "outputs/mini.jsonl").lines
    assert [line for line in lines if "t-2 sample 2" in line]
    assert not [line for line in lines if "row 1" in line]


def test_compare_calls_it_the_same(sampled: Project) -> None:
    told = sampled("compare", "HEAD~1", "HEAD", "--changed").lines
    assert any(line.startswith("  t-2 sample 2") for line in told)
    assert "<code>t-2 sample 2</code>" in sampled("compare", "HEAD~1", "HEAD", "--changed", "--markdown").out


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([("a", 0), ("b", 0)], ("example_id",)),
        ([("a", 0), ("a", 1)], KEY),
        ([("a", 0), ("a", 0)], None),
        ([("a", None), ("a", 1)], None),
        ([("a", 0), ("a", [1])], None),
    ],
)
def test_the_key_is_guessed_from_the_rows(
    rows: list[tuple[str, object]], key: tuple[str, ...] | None
) -> None:
    made = [dict(zip(KEY, row, strict=True)) for row in rows]
    assert guess_key(made) == key
    assert guess_common_key([made, []]) == key


def test_rows_that_differ_tell_of_samples_even_where_each_is_of_another_example() -> None:
    changed = [{"example_id": "a", "sample_index": 0}, {"example_id": "b", "sample_index": 2}]
    assert guess_common_key([changed, changed]) == KEY


def test_tables_without_samples_keep_their_key() -> None:
    rows = [{"example_id": f"e{n}", "question_id": n} for n in range(3)]
    assert guess_key(rows) == guess_common_key([rows]) == ("example_id",)
