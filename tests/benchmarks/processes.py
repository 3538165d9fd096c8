"""Whole programs: run as a user runs them, in a world of their own, with what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TIMED = Path(__file__).with_name("timed.py")
_LEFT_OUT = ("PYTHON", "GIT_", "DVC_", "PROMPTVC_", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, seconds of all processors, and bytes of memory at the peak of the largest process."""

    wall: float
    cpu: float
    memory: int


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of a user without habits: no settings of git, DVC or Python, an empty home.

    Without Python's settings byte code is kept, as it is for a user.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Me\n\temail = me@example.com\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    own = {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1"}
    return {**kept, **own, "DVC_SITE_CACHE_DIR": str(home / "dvc")}


def run(command: str, folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a shell command; raises `RuntimeError` with what it said when it fails."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(TIMED), report.name, "bash", "-c", command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stdout[-2000:]}")
        return Cost(**json.loads(Path(report.name).read_bytes()))
