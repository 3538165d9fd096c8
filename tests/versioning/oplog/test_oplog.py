"""The operation log: lines before changes, numbers that rise, what it keeps and what it lets go."""

from __future__ import annotations

import errno
import json
import multiprocessing
import subprocess
from pathlib import Path
from typing import Any

import pytest

from promptvc.errors import DiskFull, LogDamaged, RefMoved
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo import Repo, Surroundings
from promptvc.storage.objects import Kind
from promptvc.storage.refs import PRIVATE
from promptvc.versioning.oplog.journal import Journal
from promptvc.versioning.oplog.operation import read_operations
from promptvc.versioning.oplog.oplog import KEEP_COUNT, KEEP_SECONDS
from promptvc.versioning.tree import FileEntry, load_files
from promptvc.versioning.upkeep.upkeep import collect
from tests.conftest import ME
from tests.drawing import draw

A, B, MAIN = RefName.branch("a"), RefName.branch("b"), RefName.branch("main")
PICTURE = """
    a──b──c   main
     └─d      side
"""


def put(repo: Repo, path: str, text: str) -> None:
    assert repo.root is not None
    target = repo.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def whats(repo: Repo) -> list[str]:
    return [operation.what for operation in repo.operations()]


def kept(repo: Repo) -> list[str]:
    return [name.removeprefix(f"{PRIVATE}kept/") for name in repo.parts.refs.find(PRIVATE)]


def lines(repo: Repo) -> list[dict[str, Any]]:
    return Journal(repo.path).lines()


def test_a_change_outside_of_an_operation_is_one_of_its_own(repo: Repo) -> None:
    drawn = draw(repo, "a──b")
    repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "made")
    repo.parts.refs.move(A, drawn["a"], drawn["b"], repo.parts.who(), "moved")
    assert whats(repo) == ["moved", "made"]
    moved, made = repo.operations()
    assert dict(made.refs) == {A: (None, drawn["a"])}
    assert dict(moved.refs) == {A: (drawn["a"], drawn["b"])}
    assert (made.number, moved.number, moved.who) == (1, 2, "Me <me@example.com>")


def test_changes_inside_of_an_operation_are_one_and_compose(repo: Repo) -> None:
    drawn = draw(repo, "a──b──c")
    with repo.parts.oplog.operation("outer"):
        repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "1")
        with repo.parts.oplog.operation("inner"):
            repo.parts.refs.move(A, drawn["a"], drawn["c"], repo.parts.who(), "2")
            repo.parts.refs.move(B, None, drawn["b"], repo.parts.who(), "3")
        repo.parts.refs.move(B, drawn["b"], None, repo.parts.who(), "4")
    [operation] = repo.operations()
    assert (operation.what, dict(operation.refs)) == ("outer", {A: (None, drawn["c"])})


def test_an_operation_in_which_nothing_changes_leaves_no_line(repo: Repo) -> None:
    with repo.parts.oplog.operation("nothing"):
        repo.parts.refs.set_head(MAIN, repo.parts.who(), "stays")
        repo.parts.workspace.worktree.write([], {})
    assert not Journal(repo.path).path.exists()
    assert repo.operations() == []


def test_a_move_that_fails_does_not_count(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(repo, "a──b")
    with pytest.raises(RefMoved):
        repo.parts.refs.move(A, drawn["b"], drawn["a"], repo.parts.who(), "from a value that it has not")
    assert lines(repo) == []

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("promptvc.storage.refs.Refs._put", full)
    with repo.parts.oplog.operation("full disk"), pytest.raises(DiskFull):
        repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "made")
    assert repo.operations() == []
    assert {"n": 1, "void": True} in lines(repo)
    monkeypatch.undo()
    repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "made")
    assert [operation.number for operation in repo.operations()] == [2]


def test_the_line_is_there_before_the_change(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(repo, "a")

    def stop(*arguments: Any) -> bool:
        [operation] = repo.operations()
        assert dict(operation.refs) == {A: (None, drawn["a"])}
        assert repo.parts.refs.read(A) is None
        raise KeyboardInterrupt

    monkeypatch.setattr("promptvc.storage.refs.Refs._put", stop)
    with pytest.raises(KeyboardInterrupt):
        repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "made")


def test_a_torn_line_is_cut_off_and_damaged_ones_are_named(repo: Repo) -> None:
    drawn = draw(repo, "a")
    repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "one")
    journal = Journal(repo.path).path
    with journal.open("ab") as out:
        out.write(b'\xff\x00{\n[1]\n{"n":"x"}\n{"n":1,"files":{"p":7}}\n{"n":9,"time":1,"wh')
    repo.parts.refs.move(B, None, drawn["a"], repo.parts.who(), "two")
    assert b'{"n":9' not in journal.read_bytes(), "what was not finished is cut off"
    with pytest.raises(LogDamaged, match="line 4"):
        repo.operations()
    assert [problem.name for problem in repo.verify()] == ["operations"] * 3
    Journal(repo.path).drop_damaged()
    assert whats(repo) == ["two", "one"]


def test_the_last_beginning_is_found_behind_long_lines(repo: Repo) -> None:
    drawn = draw(repo, "a")
    entry = FileEntry(drawn["a"])
    files = {RepoPath(f"prompts/{number:05}.md"): (None, entry) for number in range(3000)}
    with repo.parts.oplog.operation("long"):
        repo.parts.oplog.files(files)
        repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "and short")
    repo.parts.refs.move(B, None, drawn["a"], repo.parts.who(), "next")
    assert [(each.number, each.what) for each in repo.operations()] == [(2, "next"), (1, "long")]


def test_what_a_line_says_is_read_back(repo: Repo) -> None:
    drawn = draw(repo, "a")
    with repo.parts.store.begin() as writer:
        state = writer.add(Kind.BLOB, b"{}")
        writer.finish()
    with repo.parts.oplog.operation("all"):
        repo.parts.oplog.head("refs/heads/main", str(drawn["a"]), "r")
        repo.parts.oplog.config({"branch.a.remote": ((), ("origin",))}, "r")
        repo.parts.oplog.state(None, state)
    [operation] = repo.operations()
    assert operation.head == ("refs/heads/main", drawn["a"])
    assert dict(operation.config) == {"branch.a.remote": ((), ("origin",))}
    assert operation.state == (None, state)
    assert {drawn["a"], state} <= operation.ids
    assert state in repo.parts.refs.find(PRIVATE).values()


# --- what is kept -----------------------------------------------------------------------------------------


def test_only_what_would_be_lost_gets_a_ref(repo: Repo) -> None:
    with repo.parts.oplog.silent():
        drawn = draw(repo, PICTURE)
    repo.parts.refs.move(A, None, drawn["a"], repo.parts.who(), "1")
    repo.parts.refs.move(A, drawn["a"], drawn["c"], repo.parts.who(), "2: forward")
    assert kept(repo) == []
    repo.parts.refs.move(A, drawn["c"], drawn["d"], repo.parts.who(), "3: aside")
    repo.parts.refs.move(A, drawn["d"], None, repo.parts.who(), "4: removed")
    found = repo.parts.refs.find(PRIVATE)
    assert kept(repo) == ["3/1", "4/1"]
    assert list(found.values()) == [drawn["c"], drawn["d"]]


def test_ordinary_commits_and_switches_keep_nothing(repo: Repo) -> None:
    put(repo, "prompts/a.md", "one")
    first = repo.commit("one").id
    repo.parts.workspace.switch(first, RefName.branch("x"), repo.parts.who(), create=True)
    put(repo, "prompts/a.md", "two")
    repo.commit("two")
    repo.parts.workspace.switch(first, MAIN, repo.parts.who())
    with repo.transaction("main", "service") as tx:
        tx.write("prompts/a.md", "three")
    assert len(repo.operations()) == 5
    assert kept(repo) == []


def test_overwritten_files_are_in_a_commit(repo: Repo) -> None:
    put(repo, "prompts/a.md", "committed")
    put(repo, "examples/t.jsonl", "".join(f'{{"id": {n}, "x": "{n * n}"}}\n' for n in range(3000)))
    repo.commit("one")
    put(repo, "prompts/a.md", "work")
    put(repo, "examples/t.jsonl", "".join(f'{{"id": {n}, "x": "{n + 7}"}}\n' for n in range(3000)))
    before = repo.parts.workspace.worktree.files({})
    repo.parts.workspace.restore([], repo.parts.workspace.head_files(), force=True)
    [id] = repo.parts.refs.find(PRIVATE).values()
    files = load_files(repo.parts.store, repo.parts.store.load_commit(id).tree)
    assert files == {path: before[path] for path in ("examples/t.jsonl", "prompts/a.md")}
    assert files[RepoPath("examples/t.jsonl")].is_rope
    assert repo.parts.contents.read(files[RepoPath("prompts/a.md")]) == b"work"


def test_kept_refs_are_not_listed_with_others(repo: Repo) -> None:
    drawn = draw(repo, PICTURE)
    repo.parts.refs.move(RefName.branch("side"), drawn["d"], None, repo.parts.who(), "removed")
    assert kept(repo)
    assert set(repo.parts.refs.find()) == {MAIN}
    assert not list((repo.path / "logs").rglob("kept*"))


def test_clean_files_are_overwritten_unread(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo, "prompts/a.md", "one")
    first = repo.commit("one").id
    repo.parts.workspace.switch(first, RefName.branch("x"), repo.parts.who(), create=True)
    with repo.transaction("x", "two") as tx:
        tx.write("prompts/a.md", "two")
    repo.status()

    def read(*arguments: Any) -> Any:
        raise AssertionError("a clean file was read")

    monkeypatch.setattr("promptvc.session.files.worktree.Worktree._take", read)
    repo.parts.workspace.switch(first, MAIN, repo.parts.who())
    monkeypatch.undo()
    assert (repo.root / "prompts/a.md").read_text() == "one"  # type: ignore[operator]


# --- upkeep -----------------------------------------------------------------------------------------------


def test_gc_keeps_what_the_log_names(repo: Repo) -> None:
    put(repo, "prompts/a.md", "one")
    repo.commit("one")
    put(repo, "prompts/a.md", "work")
    repo.parts.workspace.restore([], repo.parts.workspace.head_files(), force=True)
    [operation] = [each for each in repo.operations() if each.files]
    work = operation.files[RepoPath("prompts/a.md")][0]
    assert work is not None
    for name, id in repo.parts.refs.find(PRIVATE).items():  # so that only the journal leads there
        repo.parts.refs.move(name, id, None, repo.parts.who(), "gone")
    assert collect(repo.parts.store, repo.parts.refs, grace=0.0).dropped > 0  # the commit that kept it
    assert repo.parts.store.read_blob(work.id) == b"work"


def test_what_git_dropped_is_no_problem_of_the_history(repo: Repo) -> None:
    with repo.parts.oplog.operation("of another time"):
        repo.parts.oplog.ref(A, ObjectId("1" * 40), ObjectId("2" * 40), "moved")
    put(repo, "prompts/a.md", "one")
    repo.commit("one")
    assert repo.verify() == []
    collect(repo.parts.store, repo.parts.refs, grace=0.0)
    assert repo.snapshot().read("prompts/a.md") == b"one"


class _Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_old_operations_go_with_what_they_kept(tmp_path: Path) -> None:
    clock = _Clock()
    repo = Repo.init(tmp_path / "p", Surroundings(author=ME, committer=ME, now=clock))
    drawn = draw(repo, PICTURE)
    with repo.parts.oplog.silent():
        repo.parts.refs.move(A, None, drawn["c"], repo.parts.who(), "unrecorded")
    repo.parts.refs.move(A, drawn["c"], drawn["d"], repo.parts.who(), "old")
    old = len(repo.operations())
    clock.now += KEEP_SECONDS + 1
    repo.parts.refs.move(A, drawn["d"], drawn["c"], repo.parts.who(), "young")
    repo.parts.oplog.trim()
    assert whats(repo) == ["young"]
    assert kept(repo) == [f"{old + 1}/1"]
    clock.now += KEEP_SECONDS + 1
    repo.parts.oplog.trim()
    assert (repo.operations(), kept(repo)) == ([], [])
    repo.parts.refs.move(A, drawn["c"], drawn["a"], repo.parts.who(), "next")
    assert [each.number for each in repo.operations()] == [old + 2]
    assert repo.parts.oplog.first() == old + 2
    assert repo.verify() == []


def test_too_many_operations_go_oldest_first(repo: Repo) -> None:
    journal = Journal(repo.path)
    now = int(repo.parts.surroundings.now())
    data = "".join(
        json.dumps({"n": n, "time": now, "who": "", "what": str(n)})
        + "\n"
        + json.dumps({"n": n, "config": {"branch.a.x": [[str(n)], [str(n + 1)]]}})
        + "\n"
        for n in range(1, KEEP_COUNT + 6)
    )
    journal.path.parent.mkdir(exist_ok=True)
    journal.path.write_text(data)
    repo.parts.oplog.trim()
    numbers = [operation.number for operation in read_operations(journal.lines()) if not operation.is_empty]
    assert numbers == list(range(6, KEEP_COUNT + 6))
    before = journal.path.read_bytes()
    repo.parts.oplog.trim()
    assert journal.path.read_bytes() == before


# --- several at once --------------------------------------------------------------------------------------


def _append(path: Path, name: str, count: int) -> None:
    repo = Repo.open(path, Surroundings(author=ME, committer=ME))
    id = repo.parts.refs.read(MAIN)
    for number in range(count):
        with repo.parts.oplog.operation(f"{name} {number}"):
            repo.parts.refs.move(RefName.branch(f"{name}-{number}"), None, id, repo.parts.who(), "made")
            repo.parts.refs.move(RefName.branch(f"{name}-{number}-more"), None, id, repo.parts.who(), "made")


def test_two_processes_append_without_losing_a_line(repo: Repo) -> None:
    draw(repo, "a   main")
    known = len(repo.operations())
    assert repo.root is not None
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_append, args=(repo.root, name, 25)) for name in ("x", "y")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    found = repo.operations()[::-1][known:]
    assert [operation.number for operation in found] == list(range(known + 1, known + 51))
    assert {operation.what for operation in found} == {f"{n} {k}" for n in "xy" for k in range(25)}
    assert all(len(operation.refs) == 2 for operation in found)


def test_git_finds_nothing_wrong(repo: Repo) -> None:
    drawn = draw(repo, PICTURE)
    repo.parts.refs.move(RefName.branch("side"), drawn["d"], None, repo.parts.who(), "removed")
    put(repo, "prompts/a.md", "work")
    repo.parts.workspace.restore(["prompts"], {RepoPath("prompts/a.md"): FileEntry(_blob(repo))}, force=True)
    assert len(kept(repo)) == 2
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", "fsck", "--strict", "--no-dangling"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def _blob(repo: Repo) -> ObjectId:
    with repo.parts.store.begin() as writer:
        id = writer.add(Kind.BLOB, b"other")
        writer.finish()
    return id
