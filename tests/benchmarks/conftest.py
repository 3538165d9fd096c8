"""Benchmarks: left out unless asked for, and beside the programs that a user would take instead.

    pytest -m benchmark tests/benchmarks

| variable | meaning |
|---|---|
| BENCH_LARGE=1 | the tests of a million rows too |
| BENCH_DATA | a folder holding the generated sets in `M` and `L`; otherwise they are generated |
| BENCH_PROMPTVC | the program to measure; otherwise this project is installed into a new environment |
| DVC | the dvc to measure; otherwise the one on PATH, or one installed for this |
| BENCH_REPEATS | how often everything is measured |
| BENCH_WORK | where the working copies are made; a disk, not memory |
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from platformdirs import user_cache_path

from tests.benchmarks.programs import ROOT, find_dvc, find_promptvc
from tests.benchmarks.report import Report
from tests.benchmarks.tools import Tool, dvc_tool, git_tool, promptvc_tool

GENERATOR = ROOT.parent / "shared" / "bench" / "gen.py"
_REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "large: takes minutes and gigabytes; run with BENCH_LARGE=1")
    config.stash[_REPORT] = Report()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for: the whole of it without ``-m benchmark``."""
    asked = {"benchmark": "benchmark" in config.option.markexpr, "large": "BENCH_LARGE" in os.environ}
    out = [item for item in items if any(item.get_closest_marker(name) and not asked[name] for name in asked)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_REPORT].lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What is printed at the end."""
    return pytestconfig.stash[_REPORT]


@pytest.fixture(scope="session")
def repeats() -> int:
    return int(os.environ.get("BENCH_REPEATS", "5"))


@pytest.fixture(scope="session")
def promptvc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed program; `python` lies beside it."""
    return find_promptvc(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="session")
def dvc_if_any() -> Path | None:
    return find_dvc(user_cache_path("promptvc-benchmarks", appauthor=False))


@pytest.fixture(scope="session")
def dvc(dvc_if_any: Path | None) -> Path:
    """DVC; the test is skipped where it cannot be had."""
    if dvc_if_any is None:
        pytest.skip("no dvc: set DVC, or put it on PATH; pip could not install it")
    return dvc_if_any


@pytest.fixture(scope="session")
def tools(promptvc: Path, dvc_if_any: Path | None) -> list[Tool]:
    """git, DVC where there is one, and promptvc."""
    dvc_tools = [dvc_tool(dvc_if_any)] if dvc_if_any else []
    return [git_tool(), *dvc_tools, promptvc_tool(promptvc)]


@pytest.fixture(scope="session")
def medium() -> Iterator[Path]:
    """A folder holding 100,000 rows and edited versions of them."""
    with _workload("M", 100_000) as folder:
        yield folder


@pytest.fixture(scope="session")
def large() -> Iterator[Path]:
    """A folder holding 1,000,000 rows and edited versions of them."""
    with _workload("L", 1_000_000) as folder:
        yield folder


@contextmanager
def _workload(name: str, rows: int) -> Iterator[Path]:
    given = os.environ.get("BENCH_DATA")
    if given:
        yield Path(given, name).absolute()
        return
    if not GENERATOR.is_file():
        pytest.skip(f"no generator of rows at {GENERATOR}, and BENCH_DATA is not set")
    with TemporaryDirectory(prefix="promptvc-bench-data-", dir=os.environ.get("BENCH_WORK")) as folder:
        command = [sys.executable, str(GENERATOR), "--rows", str(rows), "--out", folder]
        subprocess.run(command, check=True)
        yield Path(folder)
