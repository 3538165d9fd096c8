"""The program as a user calls it, within this process: what it says and its exit code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str
    raw: bytes = b""

    @property
    def error(self) -> str:
        """The line that says what is wrong, or nothing."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return lines[-1].removeprefix("error: ") if lines else ""

    @property
    def hint(self) -> str:
        """The line that says what to do, or nothing."""
        lines = [line for line in self.err.splitlines() if line.startswith("hint: ")]
        return lines[-1].removeprefix("hint: ") if lines else ""


def pvc(folder: Path, *words: str) -> Said:
    """Run ``promptvc -C folder words``."""
    from promptvc.cli.main import run

    return captured(lambda: run(["-C", str(folder), *words]))


def captured(do: Callable[[], int]) -> Said:
    """Do something that gives an exit code, and keep what it prints; a traceback where something is raised."""
    with _streams() as (out, err):
        try:
            code = do()
        except SystemExit as left:
            code = int(left.code or 0)
        except Exception:
            code = 99
            err.write(traceback.format_exc())
    raw = out.buffer.getvalue()
    return Said(code, raw.decode("utf-8", "replace"), err.buffer.getvalue().decode("utf-8", "replace"), raw)


def library(do: Callable[[], Any]) -> int:
    """Do something with the Python API; errors of promptvc are shown, and counted, as the command line does."""
    from promptvc.cli.exit_codes import exit_code
    from promptvc.cli.hints import hint_of
    from promptvc.cli.output import show_error
    from promptvc.errors import PromptvcError

    try:
        do()
    except PromptvcError as error:
        show_error(error.message, hint_of(error))
        return exit_code(error)
    except OSError as error:
        show_error(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror), None)
        return 3
    return 0


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run git on a bare repository."""
    command = ["git", f"--git-dir={folder}", *words]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


class _Stream(io.TextIOWrapper):
    buffer: io.BytesIO

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)


@contextmanager
def _streams() -> Iterator[tuple[_Stream, _Stream]]:
    kept = sys.stdout, sys.stderr
    out, err = _Stream(), _Stream()
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = kept
        out.flush()
        err.flush()


def world(folder: Path, now: int) -> dict[str, str]:
    """The environment variables of a user of one's own, whose clock stands still."""
    keep = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "PROMPTVC_"))}
    names = {f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")}
    values = {"NAME": "Me", "EMAIL": "me@example.com", "DATE": f"{now} +0000"}
    given = {name: values[name.rpartition("_")[2]] for name in names}
    return {
        **keep,
        **given,
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PROMPTVC_CACHE": str(folder / "cache"),
        "NO_COLOR": "1",
    }
