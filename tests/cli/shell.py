"""Runs the program as a user does: a process, in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EXE = [sys.executable, "-c", "from promptvc.cli.main import main; main()"]


class Shell:
    """A folder in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, *args: str, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run promptvc, expecting an exit code and never a traceback."""
        done = subprocess.run(
            [*EXE, *args], cwd=self.folder, capture_output=True, text=True, check=False, **options
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def out(self, *args: str, code: int = 0) -> str:
        """What a command prints."""
        return self.run(*args, code=code).stdout

    def json(self, *args: str, code: int = 0) -> list[Any]:
        """What a command prints with ``--json``: a value a line."""
        return [json.loads(line) for line in self.out(*args, "--json", code=code).splitlines()]

    def write(self, path: str, text: str) -> None:
        """Write a file below the folder."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")

    def read(self, path: str) -> str:
        """A file below the folder."""
        return (self.folder / path).read_text(encoding="utf-8")
