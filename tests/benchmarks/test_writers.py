"""Eight writers of one new table beside one writer that does all of it: waiting must not cost more than working."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from promptvc.repo import Repo, Surroundings
from tests.benchmarks.report import Report
from tests.conftest import ME

pytestmark = pytest.mark.benchmark
WRITERS, EACH = 8, 200
_WRITER = """
import sys
from pathlib import Path
from promptvc.repo import Repo, Surroundings
from promptvc.session.identity import Identity

root, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
me = Identity("Me", "me@example.com")
repo = Repo.open(root, Surroundings(author=me, committer=me))
for number in range(first, first + count):
    with repo.transaction("main", message=f"row {number}") as tx:
        tx.upsert("examples/t.jsonl", [{"id": number, "text": f"row {number}"}])
"""


def write(root: Path, writers: int, each: int) -> float:
    """Let so many processes make so many transactions each; gives the seconds, and fails with whatever failed."""
    Repo.init(root, Surroundings(author=ME, committer=ME)).commit("start")
    began = time.monotonic()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(root), str(place * each), str(each)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for place in range(writers)
    ]
    ended = [(child.communicate()[1], child.returncode) for child in started]
    taken = time.monotonic() - began
    assert ended == [("", 0)] * writers
    repo = Repo.open(root, Surroundings())
    table = repo.snapshot("main").table("examples/t.jsonl")
    assert sorted(row["id"] for row in table) == list(range(writers * each))
    assert repo.status().clean
    assert repo.verify() == []
    repo.close()
    return taken


def test_eight_writers_take_at_most_three_times_as_long_as_one(tmp_path: Path, report: Report) -> None:
    many = write(tmp_path / "many", WRITERS, EACH)
    one = write(tmp_path / "one", 1, WRITERS * EACH)
    report.claim(
        f"{WRITERS} writers x {EACH} transactions on a new table / one writer of all",
        many / one,
        3.0,
        beside=f" ({many:.0f} s, {one:.0f} s)",
    )
