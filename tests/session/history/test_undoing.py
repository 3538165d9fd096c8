"""Undo: refs, HEAD, settings and files as they were; refused where something else moved them; after a crash too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptvc.cli.hints import hint_of
from promptvc.cli.main import run
from promptvc.errors import Negative, ObjectMissing, Refused, Usage, WorkWouldBeLost
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo, make_store
from promptvc.repo.clone import clone_into
from promptvc.session.files.worktree import Worktree
from promptvc.storage.refs import PRIVATE
from promptvc.versioning.sync.push import Send
from promptvc.versioning.upkeep.upkeep import collect

MAIN, SIDE = RefName.branch("main"), RefName.branch("side")
A = "prompts/a.md"


def put(repo: Repo, path: str, text: str | bytes) -> Path:
    assert repo.root is not None
    target = repo.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode() if isinstance(text, str) else text)
    return target


def read(repo: Repo, path: str) -> str | None:
    assert repo.root is not None
    return (repo.root / path).read_text() if (repo.root / path).exists() else None


def restore(repo: Repo, *paths: str) -> None:
    repo.parts.workspace.restore(paths, repo.parts.workspace.head_files(), force=True)


def to_side(repo: Repo, *, force: bool = False) -> None:
    repo.parts.workspace.switch(repo.parts.refs.read(SIDE), SIDE, repo.parts.who(), force=force)


@pytest.fixture
def sides(repo: Repo) -> Repo:
    """On main with "one" in a file; on side it says "two", and there is another file."""
    put(repo, A, "one")
    first = repo.commit("one").id
    repo.parts.workspace.switch(first, SIDE, repo.parts.who(), create=True)
    put(repo, A, "two")
    put(repo, "prompts/b.md", "b")
    repo.commit("two")
    repo.parts.workspace.switch(first, MAIN, repo.parts.who())
    return repo


# --- what comes back --------------------------------------------------------------------------------------


def test_a_commit_is_taken_back_and_its_changes_stay(repo: Repo) -> None:
    put(repo, A, "one")
    first = repo.commit("one").id
    put(repo, A, "two")
    second = repo.commit("two").id
    done = repo.undo()
    assert (repo.parts.refs.read(MAIN), read(repo, A)) == (first, "two")
    assert dict(done.refs) == {MAIN: (second, first)}
    assert [change.path for change in repo.status().changes] == [A]
    redone = repo.undo()
    assert (repo.parts.refs.read(MAIN), redone.what) == (second, 'redo: commit "two"')
    repo.undo()
    assert repo.parts.refs.read(MAIN) == first


def test_overwritten_work_comes_back(repo: Repo) -> None:
    put(repo, A, "committed")
    repo.commit("one")
    put(repo, A, "work").chmod(0o755)
    restore(repo, A)
    assert read(repo, A) == "committed"
    assert repo.undo().files == (RepoPath(A),)
    assert read(repo, A) == "work"
    assert (repo.root / A).stat().st_mode & 0o100  # type: ignore[operator]
    repo.undo()
    assert read(repo, A) == "committed"


def test_an_untracked_file_in_the_way_comes_back(sides: Repo) -> None:
    put(sides, "prompts/b.md", "mine")
    to_side(sides, force=True)
    assert read(sides, "prompts/b.md") == "b"
    sides.undo()
    assert (sides.branch, read(sides, "prompts/b.md"), read(sides, A)) == ("main", "mine", "one")


def test_a_link_comes_back_as_a_link(repo: Repo) -> None:
    put(repo, A, "committed")
    repo.commit("one")
    place = repo.root / A  # type: ignore[operator]
    place.unlink()
    place.symlink_to("elsewhere")
    restore(repo, A)
    assert not place.is_symlink()
    repo.undo()
    assert os.readlink(place) == "elsewhere"


def test_a_large_table_comes_back_byte_for_byte(repo: Repo) -> None:
    rows = "".join(f'{{"id": {n}, "x": "{n * n}"}}\n' for n in range(5000))
    put(repo, "examples/t.jsonl", rows)
    repo.commit("one")
    edited = rows.replace('"id": 2500,', '"id": 2500, "new": "word",') + "not json\r\n"
    put(repo, "examples/t.jsonl", edited)
    repo.status()
    restore(repo, "examples")
    collect(repo.parts.store, repo.parts.refs, grace=0.0)
    repo.undo()
    assert (repo.root / "examples/t.jsonl").read_bytes() == edited.encode()  # type: ignore[operator]


def test_a_broken_project_file_is_restored_and_comes_back(repo: Repo) -> None:
    repo.commit("one")
    put(repo, "promptvc.toml", "[broken")
    restore(repo, "promptvc.toml")
    assert repo.status().clean
    repo.undo()
    assert read(repo, "promptvc.toml") == "[broken"
    repo.undo()
    assert repo.status().clean


def test_a_transaction_is_taken_back_with_its_files(sides: Repo) -> None:
    before = sides.parts.refs.read(MAIN)
    with sides.transaction("main", "service") as tx:
        tx.write(A, "written")
    assert read(sides, A) == "written"
    sides.undo()
    assert (sides.parts.refs.read(MAIN), read(sides, A)) == (before, "one")


def test_going_back_to_any_operation_and_forth_again(sides: Repo) -> None:
    assert [each.number for each in sides.operations()] == [4, 3, 2, 1]
    tip = sides.parts.refs.read(SIDE)
    sides.undo(2)
    assert (sides.branch, sides.parts.refs.read(SIDE)) == ("side", sides.parts.refs.read(MAIN))
    sides.undo(0)
    assert sides.parts.refs.find() == {}
    assert (sides.branch, read(sides, A)) == ("main", "two")
    sides.undo(4)
    assert (sides.branch, sides.parts.refs.read(SIDE), read(sides, A)) == ("main", tip, "one")


def test_operations_that_an_undo_took_back_are_not_taken_back_again(repo: Repo) -> None:
    put(repo, A, "one")
    repo.commit("one")
    put(repo, A, "work 1")
    restore(repo, A)
    put(repo, A, "work 2")
    restore(repo, A)
    repo.undo(2)
    assert read(repo, A) == "work 2"
    put(repo, A, "one")  # as it was right after operation 2
    done = repo.undo(1)
    assert [each.number for each in done.operations] == [2]
    assert read(repo, A) == "work 1"


def test_a_command_that_failed_takes_back_no_earlier_one_of_its_name(sides: Repo) -> None:
    assert run(["-C", str(sides.root), "switch", "-c", "x"]) == 0
    assert run(["-C", str(sides.root), "undo"]) == 0
    assert run(["-C", str(sides.root), "branch", "x/z"]) == 0
    known = [(each.number, each.what) for each in sides.operations()]
    assert "switch -c x" in [what for _, what in known]
    assert run(["-C", str(sides.root), "switch", "-c", "x"]) in (2, 3)
    assert [(each.number, each.what) for each in sides.operations()] == known


def test_a_name_that_was_a_folder_of_another_is_one_again(repo: Repo) -> None:
    put(repo, A, "one")
    id = repo.commit("one").id
    deep, flat = RefName.branch("x/y"), RefName.branch("x")
    repo.parts.refs.move(deep, None, id, repo.parts.who(), "made")
    repo.parts.refs.move(deep, id, None, repo.parts.who(), "removed")
    repo.parts.refs.move(flat, None, id, repo.parts.who(), "made")
    repo.undo(2)
    assert set(repo.parts.refs.find()) == {MAIN, deep}
    repo.undo()
    assert set(repo.parts.refs.find()) == {MAIN, flat}


def test_a_detached_head_comes_back(sides: Repo) -> None:
    tip = sides.parts.refs.read(SIDE)
    sides.parts.workspace.switch(tip, None, sides.parts.who())
    sides.parts.workspace.switch(sides.parts.refs.read(MAIN), MAIN, sides.parts.who())
    sides.undo()
    assert (sides.branch, sides.parts.refs.head(), read(sides, A)) == (None, tip, "two")
    put(sides, A, "three")
    id = sides.commit("three").id
    sides.undo()
    assert sides.parts.refs.head() == tip
    sides.undo()
    assert sides.parts.refs.head() == id


def test_a_branch_in_a_bare_store_comes_back(tmp_path: Path, sides: Repo) -> None:
    make_store(tmp_path / "bare.git")
    bare = Repo.open(tmp_path / "bare.git", sides.parts.surroundings)
    bare.parts.sharing.add("origin", str(sides.path))
    bare.parts.sharing.fetch("origin", bare.parts.who())
    tip = sides.parts.refs.read(SIDE)
    bare.parts.refs.move(SIDE, None, tip, bare.parts.who(), "made")
    bare.parts.refs.move(SIDE, tip, None, bare.parts.who(), "removed")
    bare.undo()
    assert bare.parts.refs.read(SIDE) == tip
    assert bare.verify() == []


# --- what is refused --------------------------------------------------------------------------------------


def test_nothing_to_undo(repo: Repo) -> None:
    with pytest.raises(Negative):
        repo.undo()
    put(repo, A, "one")
    repo.commit("one")
    for number in (2, 99):
        with pytest.raises(Usage):
            repo.undo(number)
    with pytest.raises(Negative):
        repo.undo(1)


def test_a_ref_that_git_moved_is_left_alone(sides: Repo) -> None:
    put(sides, A, "three")
    third = sides.commit("three").id
    git(sides, "update-ref", "refs/heads/main", str(sides.parts.refs.read(SIDE)))
    before = (sides.parts.refs.find(), len(sides.operations()))
    with pytest.raises(Refused) as refused:
        sides.undo()
    assert "main" in refused.value.message
    assert hint_of(refused.value)
    assert (sides.parts.refs.find(), len(sides.operations())) == before
    git(sides, "update-ref", "refs/heads/main", third)
    sides.undo()


def test_a_head_that_git_moved_is_left_alone(sides: Repo) -> None:
    to_side(sides)
    git(sides, "branch", "other")
    git(sides, "symbolic-ref", "HEAD", "refs/heads/other")
    with pytest.raises(Refused):
        sides.undo()
    assert read(sides, A) == "two"


def test_changes_made_since_are_not_overwritten_unasked(sides: Repo) -> None:
    to_side(sides)
    put(sides, A, "since")
    with pytest.raises(WorkWouldBeLost) as refused:
        sides.undo()
    assert A in refused.value.message
    assert (sides.branch, read(sides, A), read(sides, "prompts/b.md")) == ("side", "since", "b")
    sides.undo(force=True)
    assert (sides.branch, read(sides, A), read(sides, "prompts/b.md")) == ("main", "one", None)
    sides.undo()
    assert (sides.branch, read(sides, A)) == ("side", "since")


def test_a_file_that_was_removed_since_is_written_again(sides: Repo) -> None:
    to_side(sides)
    (sides.root / A).unlink()  # type: ignore[operator]
    sides.undo()
    assert read(sides, A) == "one"
    sides.undo()
    assert read(sides, A) is None


def test_files_that_no_operation_wrote_stay(sides: Repo) -> None:
    to_side(sides)
    put(sides, "prompts/c.md", "mine")
    sides.undo()
    assert read(sides, "prompts/c.md") == "mine"


def test_what_git_dropped_is_told_before_anything_changes(sides: Repo) -> None:
    tip = sides.parts.refs.read(SIDE)
    assert tip is not None
    sides.parts.refs.move(SIDE, tip, None, sides.parts.who(), "removed")
    for name, id in sides.parts.refs.find(PRIVATE).items():
        sides.parts.refs.move(name, id, None, sides.parts.who(), "gone")
    git(sides, "reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    git(sides, "gc", "-q", "--prune=now")
    sides.parts.store.close()
    with pytest.raises(ObjectMissing):
        sides.undo()
    assert sides.parts.refs.read(SIDE) is None


def test_a_folder_in_the_way_is_told_before_anything_is_written(sides: Repo) -> None:
    to_side(sides)
    (sides.root / A).unlink()  # type: ignore[operator]
    put(sides, f"{A}/inside.txt", "mine")
    with pytest.raises(WorkWouldBeLost):
        sides.undo()
    assert (sides.branch, read(sides, f"{A}/inside.txt"), read(sides, "prompts/b.md")) == (
        "side",
        "mine",
        "b",
    )


# --- sharing ----------------------------------------------------------------------------------------------


ORIGIN_MAIN = RefName.remote("origin", "main")


@pytest.fixture
def shared(tmp_path: Path, sides: Repo) -> Repo:
    """``sides`` with a remote that has main, and the remote-tracking ref that says so."""
    make_store(tmp_path / "hub.git")
    sides.parts.sharing.add("origin", str(tmp_path / "hub.git"))
    sides.parts.sharing.push("origin", [Send(MAIN, sides.parts.refs.read(MAIN))], sides.parts.who())
    return sides


def test_a_push_is_not_taken_back(tmp_path: Path, shared: Repo) -> None:
    tip = shared.parts.refs.read(MAIN)
    with pytest.raises(Negative, match="push origin main only learned what the remote has") as caught:
        shared.undo()
    assert shared.parts.refs.read(ORIGIN_MAIN) == tip
    assert git(shared, "ls-remote", str(tmp_path / "hub.git"), "refs/heads/main").split()[0] == tip
    number = int((hint_of(caught.value) or "").split()[2])
    assert shared.undo(number).left == (ORIGIN_MAIN,)
    assert (shared.branch, shared.parts.refs.read(ORIGIN_MAIN)) == ("side", tip)


def test_what_was_fetched_stays_known_when_more_is_taken_back_and_done_again(shared: Repo) -> None:
    before = shared.parts.refs.read(MAIN)
    shared.parts.refs.move(ORIGIN_MAIN, before, None, shared.parts.who(), "forgotten")
    with shared.parts.oplog.operation("pull origin"):
        shared.parts.sharing.fetch("origin", shared.parts.who())
        shared.parts.refs.move(MAIN, before, shared.parts.refs.read(SIDE), shared.parts.who(), "forward")
    done = shared.undo()
    assert (dict(done.refs), done.left) == ({MAIN: (shared.parts.refs.read(SIDE), before)}, (ORIGIN_MAIN,))
    assert shared.parts.refs.read(ORIGIN_MAIN) == before
    again = shared.undo()
    assert (shared.parts.refs.read(MAIN), shared.parts.refs.read(ORIGIN_MAIN)) == (
        shared.parts.refs.read(SIDE),
        before,
    )
    assert again.left == ()


def test_a_remote_that_moved_on_does_not_stop_an_undo(shared: Repo) -> None:
    before = shared.parts.refs.read(MAIN)
    with shared.parts.oplog.operation("pull origin"):
        shared.parts.refs.move(ORIGIN_MAIN, before, shared.parts.refs.read(SIDE), shared.parts.who(), "fetch")
        shared.parts.refs.move(MAIN, before, shared.parts.refs.read(SIDE), shared.parts.who(), "forward")
    with shared.parts.oplog.silent():
        shared.parts.refs.move(
            ORIGIN_MAIN, shared.parts.refs.read(SIDE), None, shared.parts.who(), "fetch by git"
        )
    shared.undo()
    assert (shared.parts.refs.read(MAIN), shared.parts.refs.read(ORIGIN_MAIN)) == (before, None)


def test_a_remote_that_was_removed_comes_back_with_its_settings(tmp_path: Path, sides: Repo) -> None:
    make_store(tmp_path / "hub.git")
    sides.parts.sharing.add("origin", str(tmp_path / "hub.git"))
    sides.parts.sharing.push("origin", [Send(MAIN, sides.parts.refs.read(MAIN))], sides.parts.who())
    sides.parts.sharing.follow("main", "origin", "main")
    settings = sorted(sides.parts.config.own_items())
    sides.parts.sharing.remove("origin", sides.parts.who())
    assert sides.parts.upstream(MAIN) is None
    sides.undo()
    assert sorted(sides.parts.config.own_items()) == settings
    assert sides.parts.upstream(MAIN) == ORIGIN_MAIN
    assert sides.parts.refs.read(ORIGIN_MAIN) == sides.parts.refs.read(MAIN)


def test_kept_refs_are_neither_sent_nor_offered(tmp_path: Path, sides: Repo) -> None:
    put(sides, A, "secret work")
    restore(sides, A)
    assert sides.parts.refs.find(PRIVATE)
    make_store(tmp_path / "hub.git")
    sides.parts.sharing.add("origin", str(tmp_path / "hub.git"))
    sends = [Send(name, id) for name, id in sides.parts.refs.find().items()]
    sides.parts.sharing.push("origin", sends, sides.parts.who())
    sides.parts.sharing.fetch("origin", sides.parts.who(), tags="all")
    there = Repo.open(tmp_path / "hub.git", sides.parts.surroundings)
    assert set(there.parts.refs.find()) == {MAIN, SIDE}
    assert not any(there.parts.store.contains(id) for id in sides.parts.refs.find(PRIVATE).values())
    assert there.parts.refs.find(PRIVATE) == {}
    copy = clone_into(str(sides.path), tmp_path / "copy", sides.parts.surroundings)
    assert copy.parts.refs.find(PRIVATE) == {}
    with pytest.raises(Negative):  # there is nothing before a clone
        copy.undo()


# --- killed at any time -----------------------------------------------------------------------------------


def killed(repo: Repo, target: str, act: Callable[[Repo], Any]) -> None:
    """Run ``act`` in a process of its own, which ends at once when it comes to ``target``."""
    pid = os.fork()
    if pid == 0:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, lambda *arguments, **options: os._exit(7))
            try:
                act(Repo.open(repo.path, repo.parts.surroundings))
            finally:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_killed_between_the_journal_and_a_ref(sides: Repo) -> None:
    put(sides, A, "three")
    before = sides.parts.refs.read(MAIN)
    killed(sides, "promptvc.storage.refs.Refs._put", lambda repo: repo.commit("three"))
    assert (sides.operations()[0].what, sides.parts.refs.read(MAIN)) == ('commit "three"', before)
    sides.commit("three, again")
    sides.undo()
    assert sides.parts.refs.read(MAIN) == before


def test_undo_passes_over_an_operation_that_was_stopped_before_it_changed_anything(sides: Repo) -> None:
    last = sides.operations()[0].what
    killed(sides, "promptvc.storage.refs.Refs._put", lambda repo: repo.commit("three", allow_empty=True))
    assert [each.what for each in sides.undo().operations] == [last]


def test_killed_between_the_journal_and_files(sides: Repo) -> None:
    put(sides, A, "work")
    killed(sides, "promptvc.session.files.worktree.Worktree._write", lambda repo: restore(repo, A))
    assert read(sides, A) == "work"
    assert sides.undo().what == f"undo: restore {A}"
    assert read(sides, A) == "work"
    assert not any(each.what.startswith("restore") for each in sides.operations())


def test_killed_between_two_files(sides: Repo) -> None:
    put(sides, A, "work a")
    put(sides, "prompts/b.md", "work b")
    write, written = Worktree._write, []

    def once(self: Worktree, path: RepoPath, *rest: Any) -> None:
        if written:
            os._exit(7)
        written.append(path)
        write(self, path, *rest)

    pid = os.fork()
    if pid == 0:
        Worktree._write = once  # type: ignore[method-assign]
        try:
            to_side(Repo.open(sides.path, sides.parts.surroundings), force=True)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert (read(sides, A), read(sides, "prompts/b.md")) == ("two", "work b")
    sides.undo()
    assert (sides.branch, read(sides, A), read(sides, "prompts/b.md")) == ("main", "work a", "work b")


def test_killed_between_files_and_ref(sides: Repo) -> None:
    put(sides, A, "work")
    killed(sides, "promptvc.storage.refs.Refs.set_head", lambda repo: to_side(repo, force=True))
    assert (sides.branch, read(sides, A)) == ("main", "two")
    done = sides.undo()
    assert (done.head, set(done.files)) == (None, {A, "prompts/b.md"})
    assert (sides.branch, read(sides, A), read(sides, "prompts/b.md")) == ("main", "work", None)
    assert sides.status().changes[0].path == A


def test_killed_while_undoing(sides: Repo) -> None:
    to_side(sides)
    killed(sides, "promptvc.storage.refs.Refs.set_head", lambda repo: repo.undo())
    assert (sides.branch, read(sides, A)) == ("side", "one")
    sides.undo(sides.operations()[1].number - 1)
    assert (sides.branch, read(sides, A), read(sides, "prompts/b.md")) == ("main", "one", None)


# --- git collects -----------------------------------------------------------------------------------------


def git(repo: Repo, *words: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_git_gc_leaves_what_undo_needs(sides: Repo) -> None:
    tip = sides.parts.refs.read(SIDE)
    put(sides, A, "work")
    put(sides, "prompts/new.md", "not tracked there")
    to_side(sides, force=True)
    sides.parts.workspace.switch(sides.parts.refs.read(MAIN), MAIN, sides.parts.who())
    sides.parts.refs.move(SIDE, tip, None, sides.parts.who(), "branch: deleted")
    git(sides, "reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    git(sides, "gc", "-q", "--prune=now")
    assert git(sides, "fsck", "--strict") == ""
    sides.parts.store.close()
    sides.undo(sides.operations()[0].number - 3)
    assert (sides.branch, sides.parts.refs.read(SIDE), read(sides, A)) == ("main", tip, "work")
    assert sides.snapshot("side").read("prompts/b.md") == b"b"
    sides.undo()
    assert (sides.parts.refs.read(SIDE), read(sides, A)) == (None, "one")
