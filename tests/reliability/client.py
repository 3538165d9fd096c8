"""The fork server as seen from a test: started once, asked, and ended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.reliability.damage import Damage
from tests.reliability.shim import build

ROOT = Path(__file__).resolve().parents[2]


class Harness:
    """Asks the fork server."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self.folder = process, folder

    def kinds(self, operation: str) -> str:
        """The calls that an operation makes, a letter each."""
        return str(self._ask(do="kinds", operation=operation)["kinds"])

    def ways(self, operation: str) -> Any:
        """The exit codes of the walks from the whole states of an operation."""
        return self._ask(do="ways", operation=operation)["ways"]

    def point(self, operation: str, mode: str, number: int) -> str:
        """What does not hold after an operation was stopped at a call."""
        return str(self._ask(do="point", operation=operation, mode=mode, number=number)["message"])

    def cut(self, operation: str, seed: str) -> str:
        """What does not hold after the power was cut at a drawn moment of an operation."""
        return str(self._ask(do="cut", operation=operation, seed=seed)["message"])

    def files(self, project: str) -> list[str]:
        """The files of the store of a project to be damaged."""
        return list(self._ask(do="files", project=project)["files"])

    def damage(self, damage: Damage) -> str:
        """What does not hold after a file was damaged."""
        return str(self._ask(do="damage", damage=asdict(damage))["message"])

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the fork server died"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, (question, answer["error"])
        return answer


@contextmanager
def harness() -> Iterator[Harness]:
    """A fork server for as long as the block lasts, in a folder in memory where there is one."""
    folder = Path(tempfile.mkdtemp(prefix="promptvc-", dir=_fast()))
    try:
        alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a thread would be lost in a child
        environment = {**os.environ, **alone, "LD_PRELOAD": str(build(folder)), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.server", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        with process:
            yield Harness(process, folder)
            assert process.stdin is not None
            process.stdin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fast() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30 else None
