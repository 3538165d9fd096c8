"""Start-up: what a command costs before it does anything."""

from __future__ import annotations

import statistics
from pathlib import Path
from shlex import quote

import pytest

from tests.benchmarks.processes import Cost, clean_environment, run
from tests.benchmarks.report import Report

pytestmark = pytest.mark.benchmark
TURNS = 25


def test_version_takes_at_most_60_ms_more_than_importing_click(
    promptvc: Path, report: Report, tmp_path: Path
) -> None:
    environment = clean_environment(tmp_path / "home")
    commands = {
        "promptvc --version": f"exec {quote(str(promptvc))} --version",
        'python -c "import click"': f"exec {quote(str(promptvc.with_name('python')))} -c 'import click'",
        "python -c pass": f"exec {quote(str(promptvc.with_name('python')))} -c pass",
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            costs[name].append(run(command, tmp_path, environment))
    report.add_table(f"Start-up, {TURNS} turns", map(_line, costs, costs.values()))
    ours, clicks, _ = costs.values()
    # The fastest of each: whatever else the machine does can only add to it.
    more = min(cost.wall for cost in ours) - min(cost.wall for cost in clicks)
    report.claim("promptvc --version, more than importing click", more * 1000, 60, "ms")


def _line(name: str, costs: list[Cost]) -> str:
    walls = [cost.wall * 1000 for cost in costs]
    return f"{name:<26} fastest {min(walls):6.1f} ms, median {statistics.median(walls):6.1f} ms"
