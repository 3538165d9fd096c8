"""100,000 rows, 58 MB: promptvc beside git and DVC."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.report import Report
from tests.benchmarks.rounds import Rounds, measure
from tests.benchmarks.tools import Tool

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def rounds(tools: list[Tool], medium: Path, repeats: int, report: Report) -> Rounds:
    found = measure(tools, medium, repeats)
    report.add_table(f"100,000 rows, medians of {repeats}", found.table())
    return found


def test_a_first_commit_is_no_slower_than_gits(rounds: Rounds, report: Report) -> None:
    claim(rounds, report, "first", "git", "first commit / git add + commit", 1.0)


def test_a_commit_of_100_edits_takes_half_the_time_of_gits(rounds: Rounds, report: Report) -> None:
    claim(rounds, report, "edit", "git", "commit of 100 edits / git add + commit", 0.5)


@pytest.mark.usefixtures("dvc")
def test_a_commit_of_100_edits_takes_half_the_time_of_dvcs(rounds: Rounds, report: Report) -> None:
    claim(rounds, report, "edit", "dvc", "commit of 100 edits / dvc add + git commit", 0.5)


def test_a_diff_takes_half_the_time_of_gits(rounds: Rounds, report: Report) -> None:
    claim(rounds, report, "diff", "git", "diff of 100 edits / git diff", 0.5)


def test_status_answers_within_a_quarter_of_a_second(rounds: Rounds, report: Report) -> None:
    # The one of the repeats that other programs disturbed least: what is claimed is of a machine at rest.
    others = ", ".join(
        f"{rounds.ratio('status', 'promptvc', tool):.2f} x {tool}"
        for step, tool in rounds.found
        if step == "status" and tool != "promptvc"
    )
    seconds = rounds.fastest("status", "promptvc")
    report.claim("status, nothing changed", seconds, 0.25, "s", f" ({others})")


def claim(rounds: Rounds, report: Report, step: str, other: str, text: str, at_most: float) -> None:
    cpu = f" (CPU {rounds.ratio_of_cpu(step, 'promptvc', other):.2f} x)"
    report.claim(text, rounds.ratio(step, "promptvc", other), at_most, beside=cpu)
