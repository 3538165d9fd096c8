"""Transactions: one commit or nothing, replayed when another writer was first."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from promptvc.errors import (
    Conflict,
    DuplicateKey,
    InvalidName,
    PathMissing,
    RowMissing,
    StoreBusy,
    UnknownRevision,
    Usage,
)
from promptvc.repo import Repo
from tests.stopping import waiting

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
    assert len(list(repo.parts.history.ancestors([repo.snapshot("main").id]))) == 25


# --- writers beside each other --------------------------------------------------------------------------------------

NEW = "examples/new.jsonl"


def rows_of(repo: Repo, path: str = NEW) -> dict[Any, dict[str, Any]]:
    return {row["id"]: dict(row) for row in repo.snapshot("main").table(path)}


def test_rows_of_a_table_that_another_writer_made_meanwhile_are_put_beside_its_own(repo: Repo) -> None:
    with repo.transaction("main", "mine") as tx:
        tx.upsert(NEW, [{"id": 1, "n": 1}, {"id": 2, "n": 2}], key=["id"])
        with repo.transaction("main", "theirs") as other:
            other.upsert(NEW, [{"id": 3, "n": 3}], key=["id"])
    assert sorted(rows_of(repo)) == [1, 2, 3]


def test_fields_of_one_row_changed_by_two_writers_are_merged(repo: Repo) -> None:
    with repo.transaction("main", "start") as tx:
        tx.upsert(NEW, [{"id": 1, "a": "old", "b": "old", "c": {"d": 1, "e": 1}}], key=["id"])
    with repo.transaction("main", "mine") as tx:
        tx.upsert(NEW, [{"id": 1, "a": "mine", "b": "old", "c": {"d": 2, "e": 1}}], key=["id"])
        with repo.transaction("main", "theirs") as other:
            other.upsert(NEW, [{"id": 1, "a": "old", "b": "theirs", "c": {"d": 1, "e": 2}}], key=["id"])
    assert rows_of(repo) == {1: {"id": 1, "a": "mine", "b": "theirs", "c": {"d": 2, "e": 2}}}


def test_one_field_changed_by_two_writers_is_a_conflict_that_names_it(repo: Repo) -> None:
    with repo.transaction("main", "start") as tx:
        tx.upsert(NEW, [{"id": 1, "a": "old", "b": "old"}], key=["id"])
    with pytest.raises(Conflict, match="row 1, field a "), repo.transaction("main", "mine") as tx:
        tx.upsert(NEW, [{"id": 1, "a": "mine", "b": "old"}], key=["id"])
        with repo.transaction("main", "theirs") as other:
            other.upsert(NEW, [{"id": 1, "a": "theirs", "b": "old"}], key=["id"])
    assert rows_of(repo)[1]["a"] == "theirs"


def test_the_same_new_row_of_two_writers_is_one_and_another_one_a_conflict(repo: Repo) -> None:
    for value, raises in (("same", False), ("other", True)):
        path = f"examples/{value}.jsonl"
        with pytest.raises(Conflict) if raises else nullcontext(), repo.transaction("main", "mine") as tx:
            tx.upsert(path, [{"id": 1, "a": value}], key=["id"])
            with repo.transaction("main", "theirs") as other:
                other.upsert(path, [{"id": 1, "a": "same"}], key=["id"])
        assert rows_of(repo, path) == {1: {"id": 1, "a": "same"}}


WRITER = """
    import sys, promptvc
    repo, name = promptvc.open(sys.argv[1]), sys.argv[2]
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(int(sys.argv[3])):
        with repo.transaction("main", f"{name} {n}") as tx:
            tx.upsert("examples/new.jsonl", [{"id": f"{name}-{n}", "n": n}], key=["id"])
"""


def test_eight_processes_on_one_new_table_lose_no_row_and_raise_no_error(repo: Repo) -> None:
    words = [sys.executable, "-c", textwrap.dedent(WRITER), str(repo.path)]
    writers = [
        subprocess.Popen([*words, f"w{n}", "6"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(8)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 8
    assert set(rows_of(repo)) == {f"w{w}-{n}" for w in range(8) for n in range(6)}


def test_eight_threads_on_one_table_lose_no_row_and_raise_no_error(repo: Repo) -> None:
    def write(name: str) -> None:
        mine = Repo.open(repo.path, repo.parts.surroundings)
        for n in range(6):
            with mine.transaction("main", f"{name} {n}") as tx:
                tx.upsert(NEW, [{"id": f"{name}-{n}", "n": n}], key=["id"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, [f"w{n}" for n in range(8)]))
    assert set(rows_of(repo)) == {f"w{w}-{n}" for w in range(8) for n in range(6)}


def test_threads_that_share_one_repository_lose_no_row(repo: Repo) -> None:
    def write(name: str) -> None:
        for n in range(5):
            with repo.transaction("main", f"{name} {n}") as tx:
                tx.upsert(NEW, [{"id": f"{name}-{n}", "n": n}], key=["id"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [f"w{n}" for n in range(4)]))
    assert set(rows_of(repo)) == {f"w{w}-{n}" for w in range(4) for n in range(5)}


HOLDER = """
    import sys, promptvc
    from promptvc.storage.refs import Refs

    move = Refs.move
    def stopping(self, name, *args):
        if name == "refs/heads/main":
            print("its turn", flush=True)
            sys.stdin.read()
        move(self, name, *args)
    Refs.move = stopping
    with promptvc.open(sys.argv[1]).transaction("main", "held") as tx:
        tx.write("prompts/held.md", "held\\n")
"""


def holder(repo: Repo) -> subprocess.Popen[str]:
    """A process whose transaction has its turn and does not end before its stdin does."""
    words = [sys.executable, "-c", textwrap.dedent(HOLDER), str(repo.path)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "its turn\n"
    return child


def test_a_branch_that_is_kept_busy_is_said_after_the_timeout(repo: Repo) -> None:
    child = holder(repo)
    with (
        waiting() as clock,
        pytest.raises(StoreBusy, match="main is kept busy"),
        repo.transaction("main", "mine", timeout=5) as tx,
    ):
        tx.write("prompts/mine.md", "mine\n")
    assert 5 <= clock.waited < 6
    child.communicate("")
    with repo.transaction("main", "mine") as tx:
        tx.write("prompts/mine.md", "mine\n")
    assert {"prompts/held.md", "prompts/mine.md"} <= set(repo.snapshot("main").paths)


def test_a_killed_process_whose_turn_it_was_blocks_nobody(repo: Repo) -> None:
    child = holder(repo)
    child.kill()
    child.communicate()
    with waiting() as clock, repo.transaction("main", "mine") as tx:
        tx.write("prompts/mine.md", "mine\n")
    assert clock.waited == 0
    assert "prompts/mine.md" in repo.snapshot("main").paths
