"""The preloaded library: it counts what changes the disk, and stops or fails the call that it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.client import ROOT
from tests.reliability.disk import read_trace
from tests.reliability.shim import build, points_of, why_not

SCRIPT = """
import json, os, sys
from pathlib import Path
from tests.reliability.shim import Shim

root, mode, number, trace = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
shim = Shim()
if trace:
    shim.trace(os.open(trace, os.O_CREAT | os.O_WRONLY))
shim.count(root) if mode == "count" else shim.arm(root, mode, number)
errors = []
def do(what):
    try:
        what()
    except OSError as error:
        errors.append(error.errno)
handle = os.open(root / "a", os.O_CREAT | os.O_WRONLY)
do(lambda: os.write(handle, b"12345678"))
do(lambda: os.fsync(handle))
do(lambda: os.rename(root / "a", root / "b"))
do(lambda: os.mkdir(root / "d"))
do(lambda: os.unlink(root / "b"))
(root.parent / "outside").write_text("not counted")
print(json.dumps([shim.disarm(), errors]))
"""
KINDS = "cwsrmu"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp("shim"))


def _run(
    library: Path, folder: Path, mode: str, number: int = 0, trace: str = ""
) -> tuple[int, Any, dict[str, bytes]]:
    root = folder / "root"
    root.mkdir()
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", SCRIPT, str(root), mode, str(number), trace]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    files = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    return done.returncode, json.loads(done.stdout) if done.stdout else None, files


def test_calls_below_the_folder_are_counted_by_kind(library: Path, tmp_path: Path) -> None:
    assert _run(library, tmp_path, "count")[1] == [KINDS, []]


@pytest.mark.parametrize(
    ("mode", "number", "files"),
    [
        ("kill-before", 2, {"a": b""}),
        ("kill-after", 2, {"a": b"12345678"}),
        ("tear", 2, {"a": b"1234"}),
        ("kill-before", 4, {"a": b"12345678"}),
        ("kill-after", 4, {"b": b"12345678"}),
    ],
)
def test_the_process_is_killed_there(
    library: Path, tmp_path: Path, mode: str, number: int, files: dict[str, bytes]
) -> None:
    assert _run(library, tmp_path, mode, number) == (-9, None, files)


@pytest.mark.parametrize(
    ("mode", "number", "errors"),
    [("full-once", 3, [28]), ("full", 2, [28, 28, 28, 28, 2]), ("eio-once", 6, [5]), ("eio", 5, [5, 5])],
)
def test_an_error_is_given_once_or_from_there_on(
    library: Path, tmp_path: Path, mode: str, number: int, errors: list[int]
) -> None:
    assert _run(library, tmp_path, mode, number)[1][1] == errors


def test_a_trace_holds_what_was_written(library: Path, tmp_path: Path) -> None:
    _run(library, tmp_path, "count", trace=str(tmp_path / "trace"))
    calls = read_trace(tmp_path / "trace")
    assert [call.op for call in calls] == list(KINDS)
    assert (calls[1].a, calls[1].data) == (0, b"12345678")
    assert calls[3].path.endswith("/root/a")
    assert calls[3].other.endswith("/root/b")


def test_only_writes_are_torn_and_a_full_disk_lets_files_go() -> None:
    assert points_of("tear", KINDS) == [2]
    assert points_of("full", KINDS) == [1, 2, 3, 4, 5]
    assert points_of("eio", KINDS) == [1, 2, 3, 4, 5, 6]
