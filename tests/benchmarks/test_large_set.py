"""1,000,000 rows, 584 MB: promptvc beside DVC."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.report import Report
from tests.benchmarks.rounds import Rounds, measure
from tests.benchmarks.tools import dvc_tool, promptvc_tool

pytestmark = [pytest.mark.benchmark, pytest.mark.large]
REPEATS = 2
"""At most: a repeat takes a minute and three gigabytes."""


@pytest.fixture(scope="module")
def rounds(promptvc: Path, dvc: Path, large: Path, repeats: int, report: Report) -> Rounds:
    times = min(repeats, REPEATS)
    found = measure([dvc_tool(dvc), promptvc_tool(promptvc)], large, times)
    report.add_table(f"1,000,000 rows, medians of {times}", found.table())
    return found


def test_a_first_commit_takes_at_most_twice_the_time_of_dvcs(rounds: Rounds, report: Report) -> None:
    cpu = f" (CPU {rounds.ratio_of_cpu('first', 'promptvc', 'dvc'):.2f} x)"
    ratio = rounds.ratio("first", "promptvc", "dvc")
    report.claim("1,000,000 rows: first commit / dvc add + git commit", ratio, 2.0, beside=cpu)


def test_a_first_commit_stays_within_400_mb_of_memory(rounds: Rounds, report: Report) -> None:
    megabytes = rounds.memory("first", "promptvc") / 1e6
    report.claim("1,000,000 rows: peak memory of the first commit", megabytes, 400, "MB")


def test_a_commit_of_100_edits_is_no_slower_than_dvcs(rounds: Rounds, report: Report) -> None:
    cpu = f" (CPU {rounds.ratio_of_cpu('edit', 'promptvc', 'dvc'):.2f} x)"
    ratio = rounds.ratio("edit", "promptvc", "dvc")
    report.claim("1,000,000 rows: commit of 100 edits / dvc add + git commit", ratio, 1.0, beside=cpu)
