"""The programs to measure: found, or installed as a user would install them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def find_promptvc(folder: Path) -> Path:
    """BENCH_PROMPTVC, or this project installed into a new environment in folder: not editable, byte code compiled."""
    given = os.environ.get("BENCH_PROMPTVC")
    return Path(given).absolute() if given else _install(folder / "promptvc", str(ROOT), "promptvc")


def find_dvc(cache: Path) -> Path | None:
    """DVC, or the dvc on PATH, or one installed below cache and kept there; None where it cannot be had."""
    given = os.environ.get("DVC") or shutil.which("dvc")
    kept = cache / "dvc" / "bin" / "dvc"
    if given or kept.exists():
        return Path(given).absolute() if given else kept
    try:
        return _install(cache / "dvc", "dvc", "dvc")
    except subprocess.CalledProcessError:
        shutil.rmtree(cache / "dvc", ignore_errors=True)
        return None


def _install(folder: Path, what: str, program: str) -> Path:
    venv.create(folder, with_pip=True, clear=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--compile", what]
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    return folder / "bin" / program
