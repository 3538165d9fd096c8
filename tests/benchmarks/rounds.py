"""The same work done by several programs side by side, several times, and what it cost each."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.processes import Cost, clean_environment, run
from tests.benchmarks.tools import STEPS, Tool

WORDS = {
    "first": "first commit",
    "status": "status, nothing changed",
    "edit": "commit of 100 edited rows",
    "diff": "diff of the two commits",
    "merge": "merge of 100 and 100 edited rows",
}
INDEX_SETTLES = 1.1
"""Seconds after which git and others trust the times of a file that they have just read."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a step cost, and the bytes of files that it added: to be kept, and to a cache."""

    cost: Cost
    kept: int
    cached: int


@dataclass(slots=True)
class Rounds:
    """Every measurement, by step and program."""

    found: defaultdict[tuple[str, str], list[Measure]] = field(default_factory=lambda: defaultdict(list))

    def median(self, step: str, tool: str, of: Callable[[Measure], float]) -> float:
        return statistics.median(map(of, self.found[step, tool]))

    def wall(self, step: str, tool: str) -> float:
        return self.median(step, tool, lambda measure: measure.cost.wall)

    def cpu(self, step: str, tool: str) -> float:
        return self.median(step, tool, lambda measure: measure.cost.cpu)

    def fastest(self, step: str, tool: str) -> float:
        return min(measure.cost.wall for measure in self.found[step, tool])

    def memory(self, step: str, tool: str) -> int:
        """The highest peak of all repeats, in bytes."""
        return max(measure.cost.memory for measure in self.found[step, tool])

    def ratio(self, step: str, tool: str, other: str) -> float:
        """How many times the other's time on the clock a program needed, by their medians."""
        return self.wall(step, tool) / self.wall(step, other)

    def ratio_of_cpu(self, step: str, tool: str, other: str) -> float:
        """`ratio` in seconds of all processors."""
        return self.cpu(step, tool) / self.cpu(step, other)

    def table(self) -> Iterator[str]:
        """Markdown: a line for each step and program."""
        yield "| step | program | wall s (fastest–slowest) | CPU s | peak MB | adds | and caches |"
        yield "|---|---|---|---|---|---|---|"
        for (step, tool), measures in self.found.items():
            walls = [measure.cost.wall for measure in measures]
            kept = self.median(step, tool, lambda measure: measure.kept)
            cached = self.median(step, tool, lambda measure: measure.cached)
            yield (
                f"| {WORDS[step]} | {tool} | {self.wall(step, tool):.3f} ({min(walls):.3f}–{max(walls):.3f})"
                f" | {self.cpu(step, tool):.2f} | {self.memory(step, tool) / 1e6:.0f}"
                f" | {size_words(kept)} | {size_words(cached)} |"
            )


def size_words(size: float) -> str:
    """584269003 -> ``584.27 MB``; nothing for less than a hundred bytes."""
    if size < 100:
        return ""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} KB"


def measure(
    tools: Sequence[Tool], data: Path, repeats: int, steps: Sequence[str] = STEPS, *, fresh_memory: int = 0
) -> Rounds:
    """Let every tool do every step on new working copies, ``repeats`` times.

    The tools take turns at each step, so that a busy moment of the machine does not meet one of them only. Before each
    step so many bytes of memory are touched and given back: a virtual machine takes longer to hand out memory that was
    not used for a while than a program takes to fill it, and that is no program's cost.
    """
    rounds = Rounds()
    for repeat in range(repeats):
        turn = repeat % len(tools)
        with _new_copies([*tools[turn:], *tools[:turn]]) as copies:
            for step in steps:
                for copy in copies:
                    if step in copy.tool.steps:
                        rounds.found[step, copy.tool.name].append(copy.do(step, data, fresh_memory))
            for copy in copies:
                copy.check(data)
    order = {name: place for place, name in enumerate(tool.name for tool in tools)}
    found = sorted(rounds.found.items(), key=lambda item: (steps.index(item[0][0]), order[item[0][1]]))
    rounds.found = defaultdict(list, found)
    return rounds


@dataclass(frozen=True, slots=True)
class _Copy:
    """A tool's working copy, with its environment."""

    tool: Tool
    folder: Path
    environment: dict[str, str]

    def do(self, step: str, data: Path, fresh_memory: int = 0) -> Measure:
        self._prepare(step, data)
        os.sync()
        kept, cached = self._sizes()
        if fresh_memory:
            touch = "import sys; bytearray(int(sys.argv[1]))[::4096] = bytes(-(-int(sys.argv[1]) // 4096))"
            subprocess.run([sys.executable, "-I", "-S", "-c", touch, str(fresh_memory)], check=True)
        cost = run(self.tool.steps[step], self.folder, self.environment)
        kept_after, cached_after = self._sizes()
        return Measure(cost, kept_after - kept, cached_after - cached)

    def check(self, data: Path) -> None:
        """Fail unless the tool did its work."""
        run(self.tool.check, self.folder, self.environment)
        if self.tool.restore:
            base = data / "base.jsonl"
            run(f"{self.tool.restore} | cmp - '{base}'", self.folder, self.environment)

    def _prepare(self, step: str, data: Path) -> None:
        if step in ("first", "edit"):
            name = "base.jsonl" if step == "first" else "edit.jsonl"
            file = self.folder / self.tool.file
            file.parent.mkdir(exist_ok=True)
            shutil.copyfile(data / name, file)
        if step == "status":
            time.sleep(INDEX_SETTLES)
            run(self.tool.steps[step], self.folder, self.environment)

    def _sizes(self) -> tuple[int, int]:
        """Bytes of all files but the data, without and within the cache."""
        cache = _size(self.folder / self.tool.cache) if self.tool.cache else 0
        data = self.folder / self.tool.file
        return _size(self.folder) - cache - (data.stat().st_size if data.exists() else 0), cache


@contextmanager
def _new_copies(tools: Sequence[Tool]) -> Iterator[list[_Copy]]:
    """Working copies in which each tool is set up, on the disk that BENCH_WORK names."""
    with tempfile.TemporaryDirectory(prefix="promptvc-bench-", dir=os.environ.get("BENCH_WORK")) as base:
        copies = []
        for tool in tools:
            folder = Path(base, tool.name, "work")
            folder.mkdir(parents=True)
            copy = _Copy(tool, folder, clean_environment(folder.parent / "home"))
            run(tool.setup, folder, copy.environment)
            copies.append(copy)
        yield copies


def _size(folder: Path) -> int:
    return sum(Path(place, name).lstat().st_size for place, _, names in os.walk(folder) for name in names)
