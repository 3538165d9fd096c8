"""A run of 100,000 rows whose answers are all known: looked up, scored and written, in flat memory."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import pytest

from tests.benchmarks.processes import Cost, clean_environment, run
from tests.benchmarks.report import Report

pytestmark = pytest.mark.benchmark
ROWS, FEW = 100_000, 10_000
MODEL = """
def answer(messages, model, params):
    number = messages[-1]["content"].split()[2]
    return {"output": number + " so it goes" * 20, "input_tokens": 60, "output_tokens": 40}
"""
SETTINGS = """
[runs.known]
prompt = "prompts/sort.md"
examples = "examples/tickets.jsonl"
provider = "python:rule_based:answer"
model = "rules"
params = { temperature = 0 }
inputs = { ticket = "input" }
scorers = ["contains:expected", "similarity:expected"]
slices = ["slice"]
"""
Found = dict[str, list[Cost]]


@pytest.fixture(scope="module")
def many(promptvc: Path, repeats: int) -> Iterator[Found]:
    with TemporaryDirectory(prefix="promptvc-bench-runs-", dir=os.environ.get("BENCH_WORK")) as folder:
        yield _measure(promptvc, Path(folder), ROWS, repeats)


@pytest.fixture(scope="module")
def few(promptvc: Path) -> Iterator[Found]:
    with TemporaryDirectory(prefix="promptvc-bench-runs-", dir=os.environ.get("BENCH_WORK")) as folder:
        yield _measure(promptvc, Path(folder), FEW, 1)


def test_a_hundred_thousand_known_rows_take_less_than_ten_seconds(many: Found, report: Report) -> None:
    lines = [f"| {what} | {_wall(costs):.2f} | {_peak(costs) / 1e6:.0f} |" for what, costs in many.items()]
    table = ["| run of 100,000 rows | wall s, median | peak MB |", "|---|---|---|", *lines]
    report.add_table(f"Known answers, {len(many['outputs there'])} times", table)
    for what in ("outputs there", "outputs removed"):
        report.claim(f"run of 100,000 known rows, {what}", _wall(many[what]), 10, "s")


def test_memory_stays_flat(many: Found, few: Found, report: Report) -> None:
    most = max(map(_peak, many.values()))
    report.claim("run of 100,000 known rows, peak memory", most / 1e6, 500, "MB")
    # Calls to be made are remembered by their hashes, so that equal ones are made once: "first" grows by that.
    for what in ("outputs removed", "index and journal removed"):
        report.claim(
            f"memory of 100,000 rows / of 10,000 rows, {what}", _peak(many[what]) / _peak(few[what]), 1.5
        )


def _measure(promptvc: Path, root: Path, rows: int, repeats: int) -> Found:
    (root / "prompts").mkdir()
    (root / "examples").mkdir()
    (root / "rule_based.py").write_text(MODEL)
    (root / "promptvc.toml").write_text(SETTINGS)
    (root / "prompts/sort.md").write_text("system:\nSort the ticket.\n\nuser:\n{{ ticket }}\n")
    with (root / "examples/tickets.jsonl").open("w") as out:
        for n in range(rows):
            text = f"ticket number {n}: " + "I was charged twice and would like it back. " * (1 + n % 7)
            out.write(
                json.dumps({"id": f"t-{n}", "input": text, "expected": f"{n}", "slice": f"s{n % 9}"}) + "\n"
            )
    program, environment = quote(str(promptvc)), clean_environment(root)
    run(f"{program} init && {program} commit -m base", root, environment)
    found: Found = {"first": [run(f"{program} run", root, environment)]}
    run(f"{program} commit -m outputs", root, environment)
    for _ in range(repeats):
        found.setdefault("outputs there", []).append(run(f"{program} run --offline", root, environment))
        shutil.rmtree(root / "outputs")
        found.setdefault("outputs removed", []).append(run(f"{program} run --offline", root, environment))
    shutil.rmtree(root / "outputs")
    shutil.rmtree(root / ".promptvc/promptvc/calls")
    found["index and journal removed"] = [run(f"{program} run --offline", root, environment)]
    return found


def _wall(costs: list[Cost]) -> float:
    return statistics.median(cost.wall for cost in costs)


def _peak(costs: list[Cost]) -> int:
    return max(cost.memory for cost in costs)
