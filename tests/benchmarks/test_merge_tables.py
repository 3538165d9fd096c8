"""Two branches with 100 edited rows each merged: promptvc beside git, and a large table beside a smaller one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from shlex import quote

import pytest

from tests.benchmarks.conftest import GENERATOR
from tests.benchmarks.report import Report
from tests.benchmarks.rounds import Rounds, measure
from tests.benchmarks.tools import Tool

pytestmark = pytest.mark.benchmark
LARGE_REPEATS = 3
_FRESH_MEMORY = 1_500_000_000
"""Bytes of memory touched and given back before each step: more than the copies of the largest table take."""


@pytest.fixture(scope="module")
def rounds(promptvc: Path, medium: Path, repeats: int, report: Report) -> Rounds:
    tools = [git_tool(medium), promptvc_tool(promptvc, medium), promptvc_tool(promptvc, medium, into=True)]
    found = measure(tools, medium, repeats, ("merge",), fresh_memory=_FRESH_MEMORY)
    report.add_table(f"100,000 rows, merge of 100 and 100 edited rows, medians of {repeats}", found.table())
    return found


@pytest.fixture(scope="module")
def large_rounds(promptvc: Path, large: Path, repeats: int, report: Report) -> Rounds:
    _make_sides(large)
    times = min(repeats, LARGE_REPEATS)
    tools = [promptvc_tool(promptvc, large), promptvc_tool(promptvc, large, into=True)]
    found = measure(tools, large, times, ("merge",), fresh_memory=_FRESH_MEMORY)
    report.add_table(f"1,000,000 rows, merge of 100 and 100 edited rows, medians of {times}", found.table())
    return found


def test_a_merge_takes_a_third_of_the_time_of_gits(rounds: Rounds, report: Report) -> None:
    cpu = f" (CPU {rounds.ratio_of_cpu('merge', 'promptvc', 'git'):.2f} x)"
    report.claim(
        "merge of 100 and 100 edits / git merge", rounds.ratio("merge", "promptvc", "git"), 1 / 3, beside=cpu
    )


@pytest.mark.large
def test_a_merge_of_ten_times_the_rows_takes_at_most_twice_as_long(
    rounds: Rounds, large_rounds: Rounds, report: Report
) -> None:
    """With the working file: a table of 584 MB is written anew, whatever changed in it."""
    ratio, cpu = _growth(rounds, large_rounds, "promptvc")
    report.claim("merge of 1,000,000 rows / of 100,000 rows", ratio, 2.0, beside=f" (CPU {cpu:.2f} x)")


@pytest.mark.large
def test_a_merge_into_a_branch_that_is_not_checked_out_follows_the_change(
    rounds: Rounds, large_rounds: Rounds, report: Report
) -> None:
    ratio, cpu = _growth(rounds, large_rounds, "promptvc --into")
    report.claim("merge --into of 1,000,000 rows / of 100,000 rows", ratio, 2.0, beside=f" (CPU {cpu:.2f} x)")


def _growth(rounds: Rounds, large: Rounds, tool: str) -> tuple[float, float]:
    return (
        large.wall("merge", tool) / rounds.wall("merge", tool),
        large.cpu("merge", tool) / rounds.cpu("merge", tool),
    )


def git_tool(data: Path) -> Tool:
    """Both branches committed with C git, ``a`` checked out."""
    base, ours, theirs = _sides(data)
    return Tool(
        "git",
        f"git init -q -b main . && cp {base} data.jsonl && git add data.jsonl && git commit -qm v3"
        f" && git switch -qc b && cp {theirs} data.jsonl && git commit -qam b"
        f" && git switch -q main && cp {ours} data.jsonl && git commit -qam a && sleep 1.1 && git status --porcelain",
        {"merge": "git merge -q -m merged b"},
        check=f"cmp data.jsonl {quote(str(data / 'merged.jsonl'))}",
    )


def promptvc_tool(program: Path, data: Path, *, into: bool = False) -> Tool:
    """The same with this project; ``into`` merges into a branch that is not checked out."""
    promptvc, (base, ours, theirs) = quote(str(program)), _sides(data)
    file, merged = "examples/data.jsonl", quote(str(data / "merged.jsonl"))
    return Tool(
        "promptvc --into" if into else "promptvc",
        f"{promptvc} init && mkdir -p examples && cp {base} {file} && {promptvc} commit -m v3"
        f" && {promptvc} switch -c b && cp {theirs} {file} && {promptvc} commit -m b"
        f" && {promptvc} switch main && cp {ours} {file} && {promptvc} commit -m a"
        + (f" && {promptvc} switch -c elsewhere main~1" if into else "")
        + f" && sleep 0.1 && {promptvc} status",
        {"merge": f"{promptvc} merge b" + (" --into main" if into else "")},
        file=file,
        cache=".promptvc/promptvc",
        check=f"{promptvc} cat main:{file} | cmp - {merged}" + ("" if into else f" && cmp {file} {merged}"),
    )


def _sides(data: Path) -> tuple[str, str, str]:
    base, ours, theirs = (quote(str(data / f"{name}.jsonl")) for name in ("append", "a", "b"))
    return base, ours, theirs


def _make_sides(data: Path) -> None:
    """The generator writes the files of the two branches for smaller tables only."""
    spec = importlib.util.spec_from_file_location("gen", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    gen = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gen)
    for source, rows, target in (("append", "a", "a"), ("append", "b", "b"), ("a", "b", "merged")):
        if not (data / f"{target}.jsonl").exists():
            gen.patch(
                *(str(data / name) for name in (f"{source}.jsonl", f"{rows}.rows.jsonl", f"{target}.jsonl"))
            )
