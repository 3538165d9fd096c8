"""Transactions: one commit or nothing, replayed when another writer was first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptvc.errors import (
    Conflict,
    DuplicateKey,
    InvalidName,
    PathMissing,
    RowMissing,
    UnknownRevision,
    Usage,
)
from promptvc.repo import Repo

TICKETS = "examples/tickets.jsonl"


def start(repo: Repo, rows: int = 3000) -> None:
    with repo.transaction("main", "start") as tx:
        tx.append(TICKETS, [{"id": n, "text": f"ticket {n}", "score": n / 8} for n in range(rows)])
        tx.write("prompts/a.md", "Answer {{ ticket }}.\n")


def test_writes_become_one_commit(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "edit") as tx:
        tx.upsert(
            TICKETS, [{"id": 7, "text": "seven", "score": 1.0}, {"id": 9000, "text": "new", "score": 0.0}]
        )
        tx.delete(TICKETS, [8])
        tx.remove("prompts/a.md")
        assert tx.table(TICKETS)[7]["text"] == "seven"
    snap = repo.snapshot("main")
    assert snap.id == tx.commit_id
    assert snap.commit.parents == (repo.snapshot("main~1").id,)
    assert snap.paths == [TICKETS]
    assert len(snap.table(TICKETS)) == 3000
    assert snap.table(TICKETS)[9000]["text"] == "new"
    [change] = [c for c in repo.diff("main~1", "main") if c.path == TICKETS]
    assert (change.detail.added, change.detail.removed, change.detail.changed) == (1, 1, 1)


def test_an_error_in_the_block_leaves_nothing(repo: Repo) -> None:
    start(repo)
    before = repo.snapshot("main").id
    with pytest.raises(ZeroDivisionError), repo.transaction("main", "never") as tx:
        tx.write("prompts/b.md", "x")
        _ = 1 // 0
    assert repo.snapshot("main").id == before
    assert tx.commit_id is None


def test_nothing_changed_is_no_commit(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "same") as tx:
        tx.write("prompts/a.md", "Answer {{ ticket }}.\n")
        tx.upsert(TICKETS, [{"id": 7, "text": "ticket 7", "score": 7 / 8}])
    assert tx.commit_id is None


def test_a_transaction_is_replayed_on_the_new_tip(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "mine") as tx:
        tx.upsert(TICKETS, [{"id": 1, "text": "mine", "score": 0.0}])
        with repo.transaction("main", "theirs") as other:
            other.upsert(TICKETS, [{"id": 2, "text": "theirs", "score": 0.0}])
            other.append(TICKETS, [{"id": 4000, "text": "added", "score": 0.0}])
    table = repo.snapshot("main").table(TICKETS)
    assert [table[n]["text"] for n in (1, 2, 4000)] == ["mine", "theirs", "added"]
    assert repo.snapshot("main").commit.parents == (other.commit_id,)


@pytest.mark.parametrize("kind", ["upsert", "delete", "write"])
def test_the_same_thing_changed_twice_is_a_conflict(repo: Repo, kind: str) -> None:
    start(repo)
    with pytest.raises(Conflict), repo.transaction("main", "mine") as tx:
        if kind == "upsert":
            tx.upsert(TICKETS, [{"id": 1, "text": "mine", "score": 0.0}])
        elif kind == "delete":
            tx.delete(TICKETS, [1])
        else:
            tx.write("prompts/a.md", "mine")
        with repo.transaction("main", "theirs") as other:
            other.upsert(TICKETS, [{"id": 1, "text": "theirs", "score": 0.0}])
            other.write("prompts/a.md", "theirs")
    assert repo.snapshot("main").id == other.commit_id


def test_the_same_change_twice_is_none(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "mine") as tx:
        tx.write("prompts/a.md", "both")
        tx.append(TICKETS, [{"id": 5000, "text": "x", "score": 0.0}])
        with repo.transaction("main", "theirs") as other:
            other.write("prompts/a.md", "both")
    assert tx.commit_id is not None


def test_what_cannot_be_done_is_said_at_once(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "x") as tx:
        with pytest.raises(RowMissing):
            tx.delete(TICKETS, [123456])
        with pytest.raises(PathMissing):
            tx.remove("prompts/none.md")
        with pytest.raises(Usage):
            tx.upsert(TICKETS, [{"text": "no key"}])
        with pytest.raises(Usage):
            tx.write("../outside", b"")
        for wrong in ([1], {"id": 9}, "abc"):
            with pytest.raises(Usage, match="list of mappings"):
                tx.append(TICKETS, wrong)  # type: ignore[arg-type]
    with pytest.raises(UnknownRevision):
        repo.transaction("mian", "typo")
    with pytest.raises(Usage), repo.transaction("main") as tx:
        tx.write("prompts/c.md", "no message")


def test_unique_keys_hold_in_transactions(repo: Repo) -> None:
    start(repo)
    with repo.transaction("main", "rule") as tx:
        tx.write("promptvc.toml", f'[tables."{TICKETS}"]\nkey = ["id"]\nunique = true\n')
    with pytest.raises(DuplicateKey, match="rows 8, 3001"), repo.transaction("main", "twice") as tx:
        tx.append(TICKETS, [{"id": 7, "text": "again", "score": 0.0}])


@pytest.mark.parametrize(
    ("first", "second"), [("examples/d", "examples/d/x"), ("examples/d/x", "examples/d")]
)
def test_a_path_cannot_be_a_file_and_a_folder(repo: Repo, first: str, second: str) -> None:
    start(repo)
    with repo.transaction("main", "first") as tx:
        tx.write(first, "1")
    before = repo.snapshot("main").id
    with (
        pytest.raises(InvalidName, match="both a file and a folder"),
        repo.transaction("main", "second") as tx,
    ):
        tx.write(second, "2")
    assert repo.snapshot("main").id == before
    with repo.transaction("main", "third") as tx:
        tx.remove(first)
        tx.write(second, "2")
    assert repo.root is not None
    assert (repo.root / second).read_text() == "2"


def test_working_files_follow_unless_they_were_changed(repo: Repo) -> None:
    start(repo)
    root = repo.root
    assert root is not None
    assert (root / "prompts/a.md").read_text() == "Answer {{ ticket }}.\n"
    (root / "prompts/a.md").write_text("my own words")
    with repo.transaction("main", "both") as tx:
        tx.write("prompts/a.md", "from a service")
        tx.write("prompts/b.md", "new")
    assert (root / "prompts/a.md").read_text() == "my own words"
    assert (root / "prompts/b.md").read_text() == "new"


def test_writers_in_many_processes_lose_nothing(repo: Repo, tmp_path: Path) -> None:
    start(repo, 10)
    script = tmp_path / "writer.py"
    script.write_text(
        "import sys, promptvc\n"
        "repo = promptvc.open(sys.argv[1])\n"
        "for n in range(8):\n"
        "    with repo.transaction('main', f'{sys.argv[2]} {n}') as tx:\n"
        f"        tx.append('{TICKETS}', [{{'id': f'{{sys.argv[2]}}-{{n}}', 'text': 'x', 'score': 0}}])\n"
    )
    writers = [subprocess.Popen([sys.executable, str(script), str(repo.path), name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    ids = {str(row["id"]) for row in repo.snapshot("main").table(TICKETS)}
    assert {f"{name}-{n}" for name in "abc" for n in range(8)} <= ids
    assert len(list(repo.history.ancestors([repo.snapshot("main").id]))) == 25
