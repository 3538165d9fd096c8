"""Real outputs compared: four systems on grade-school problems, and one model under three prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.runs.run import OutputRow
from promptvc.repo import Repo
from promptvc.runs.compare.compare import compare_runs
from promptvc.runs.compare.stats import sign_test
from tests.runs.runfiles import load, write, write_run

SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
MODEL = "gpt-3.5-turbo-1106"
STYLES = {"plain": MODEL, "concise": f"{MODEL}_concise", "verbose": f"{MODEL}_verbose"}
LENGTHS = {"plain": 797, "concise": 431, "verbose": 1058}


@pytest.fixture
def solutions(repo: Repo, data: Path) -> Repo:
    """Four runs over the GSM8K test set."""
    write(repo, "examples/tickets.jsonl", (data / "gsm8k" / "test.jsonl").read_bytes())
    lines = (data / "gsm8k" / "example_model_solutions.jsonl").read_text(encoding="utf-8").splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for system in SYSTEMS:
        rows = [
            OutputRow(
                example_id=each["question"], output=one["solution"], scores={"is_correct": one["is_correct"]}
            )
            for each in found
            for one in [each[system]]
        ]
        write_run(repo, system, rows, recorded=True, scorers=(), model=None, example_key=("question",))
    return repo


def test_the_large_model_is_right_more_often_with_verification(solutions: Repo) -> None:
    found = compare_runs(load(solutions, "175b_finetuning"), load(solutions, "175b_verification"))
    score = found.score("is_correct")
    assert score is not None
    assert score.before is not None
    assert score.after is not None
    assert (found.pairs, len(found.only_before), len(found.only_after)) == (1319, 0, 0)
    assert (round(score.before * 1319), round(score.after * 1319)) == (458, 742)
    assert (score.fixed, score.broken) == (len(found.fixed), len(found.broken)) == (360, 76)
    assert score.p == sign_test(360, 76)
    assert score.interval is not None
    assert score.interval.low == pytest.approx(0.187, abs=0.003)
    assert score.interval.high == pytest.approx(0.244, abs=0.003)
    row = found.fixed[0]
    assert row.expected is not None
    assert row.expected.endswith("#### 18")


def test_all_pairs_of_systems_are_mirrors_of_each_other(solutions: Repo) -> None:
    runs = {system: load(solutions, system) for system in SYSTEMS}
    for one in SYSTEMS:
        for other in SYSTEMS:
            there, back = compare_runs(runs[one], runs[other]), compare_runs(runs[other], runs[one])
            assert there.fixed.places == back.broken.places
            assert there.outputs_changed == back.outputs_changed
            assert (one == other) == (there.outputs_changed == 0)


def test_three_prompts_differ_in_the_length_of_what_they_bring(repo: Repo, data: Path) -> None:
    for style, file in STYLES.items():
        found = json.loads(
            (data / "alpaca_eval" / "model_outputs" / f"{file}.json").read_text(encoding="utf-8")
        )
        rows = [OutputRow(example_id=row["instruction"], output=row["output"]) for row in found]
        write_run(repo, style, rows, recorded=True, scorers=(), model=None)
    for style in ("concise", "verbose"):
        compared = compare_runs(load(repo, "plain"), load(repo, style))
        characters = compared.measures.characters
        assert compared.pairs == 805
        assert characters.before.mean == pytest.approx(LENGTHS["plain"], abs=0.5)
        assert characters.after.mean == pytest.approx(LENGTHS[style], abs=0.5)
        if style == "concise":
            assert compared.outputs_changed == 790
