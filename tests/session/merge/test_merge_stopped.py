"""Merges that stop midway: an undo that is killed, an abort after the branch moved, a state that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptvc.cli.hints import hint_of
from promptvc.errors import Refused
from promptvc.ids import RefName
from promptvc.repo import Repo
from promptvc.session.merge.resolve import Choice
from tests.session.history.test_undoing import killed
from tests.session.merge.test_merging import (
    BASE,
    TABLE,
    diverged,
    edited,
    merge,
    put,
    read,
    resolve,
    switch,
    text,
)

OURS = edited(BASE, r1={"a": "o"})
WRITE = "promptvc.session.files.worktree.Worktree._write"


@pytest.fixture
def opened(repo: Repo) -> Repo:
    """A merge of the branch ``feature`` that waits for one conflict."""
    diverged(repo, OURS, edited(BASE, r1={"a": "t"}, r2={"a": "t"}))
    merge(repo, "feature")
    return repo


# --- an undo that is killed -----------------------------------------------------------------------------------


def redo_of_the_merge(repo: Repo) -> None:
    repo.undo()


def redo_of_the_resolution(repo: Repo) -> None:
    resolve(repo, TABLE, Choice("theirs"))
    repo.undo()


def the_merge(repo: Repo) -> None:
    """Nothing comes before the undo of the merge itself."""


def the_resolution(repo: Repo) -> None:
    resolve(repo, TABLE, Choice("theirs"))


def the_abort(repo: Repo) -> None:
    repo.abort_merge()


BEFORE = [the_merge, redo_of_the_merge, the_resolution, redo_of_the_resolution, the_abort]


@pytest.mark.parametrize("before", BEFORE)
def test_an_undo_that_was_killed_is_taken_back_by_what_comes_next(
    opened: Repo, before: Callable[[Repo], Any]
) -> None:
    before(opened)
    files, state, status = read(opened), opened.open_merge, opened.status()
    killed(opened, WRITE, lambda repo: repo.undo())
    assert (opened.status(), opened.open_merge, read(opened)) == (status, state, files)
    assert not opened.parts.intents.path.exists()


@pytest.mark.parametrize("before", BEFORE)
def test_an_undo_that_was_killed_can_be_undone(opened: Repo, before: Callable[[Repo], Any]) -> None:
    before(opened)
    files, state = read(opened), opened.open_merge
    killed(opened, WRITE, lambda repo: repo.undo())
    opened.undo()
    assert (read(opened), opened.open_merge) == (files, state)


@pytest.mark.parametrize("step", ["ref", "config"])
def test_an_undo_of_the_merges_commit_that_was_killed_can_be_undone(opened: Repo, step: str) -> None:
    resolve(opened, TABLE, Choice("theirs"))
    before, state = opened.parts.revisions.resolve("HEAD"), opened.open_merge
    done = opened.commit().id
    killed(opened, f"promptvc.versioning.oplog.oplog.OperationLog.{step}", lambda repo: repo.undo())
    found = opened.open_merge
    assert found is None or not found.is_written
    opened.undo()
    assert (opened.open_merge, opened.parts.revisions.resolve("HEAD")) == (None, done)
    opened.undo(opened.operations()[0].number - 3)
    assert (opened.open_merge, opened.parts.revisions.resolve("HEAD")) == (state, before)


def test_an_undo_that_is_refused_marks_nothing(opened: Repo) -> None:
    state, count = opened.open_merge, len(opened.operations())
    assert opened.root is not None
    (opened.root / TABLE).unlink()
    put(opened, examples__t_dot_jsonl__mine_dot_txt="mine")
    with pytest.raises(Refused, match="is a folder here"):
        opened.undo()
    assert (opened.open_merge, len(opened.operations())) == (state, count)


# --- an abort after the branch moved --------------------------------------------------------------------------


def by_a_service(repo: Repo) -> None:
    """The branch goes on in the same table and in another file; files that nobody changed follow."""
    with repo.transaction("main", message="a service") as tx:
        tx.upsert(TABLE, [{**BASE[3], "a": "service"}], key=["id"])
        tx.write("prompts/service.md", "new\n")


def by_git(repo: Repo) -> None:
    """The same, but no working file follows."""
    by_a_service(Repo(repo.path, None, repo.parts.surroundings))


MOVED = edited(OURS, r3={"a": "service"})


@pytest.mark.parametrize("move", [by_a_service, by_git])
def test_an_abort_leaves_the_files_of_the_commit_where_the_branch_is_now(
    opened: Repo, move: Callable[[Repo], Any]
) -> None:
    put(opened, prompts__mine_dot_md="not committed\n")
    move(opened)
    opened.abort_merge()
    assert (read(opened), text(opened, "prompts/service.md")) == (MOVED, "new\n")
    assert [change.path for change in opened.status().changes] == ["prompts/mine.md"]
    assert opened.open_merge is None


def test_an_abort_after_the_branch_moved_is_taken_back_by_undo(opened: Repo) -> None:
    by_git(opened)
    before = read(opened), opened.open_merge
    opened.abort_merge()
    opened.undo()
    assert (read(opened), opened.open_merge) == before


def test_an_abort_after_the_branch_moved_keeps_work_that_was_not_committed(repo: Repo) -> None:
    put(repo, prompts__a_dot_md="one\n", prompts__b_dot_md="one\n", prompts__c_dot_md="one\n")
    diverged(repo, OURS, edited(BASE, r1={"a": "t"}))
    switch(repo, "feature")
    put(repo, prompts__a_dot_md="theirs\n")
    repo.commit("theirs in a prompt")
    switch(repo, "main")
    put(repo, prompts__a_dot_md=None, prompts__b_dot_md="work\n")
    merge(repo, "feature")
    assert text(repo, "prompts/a.md") == "theirs\n"
    with Repo(repo.path, None, repo.parts.surroundings).transaction("main", message="a service") as tx:
        for name in "abc":
            tx.write(f"prompts/{name}.md", "service\n")
    repo.abort_merge()
    assert repo.root is not None
    assert not (repo.root / "prompts/a.md").exists()
    assert (text(repo, "prompts/b.md"), text(repo, "prompts/c.md")) == ("work\n", "service\n")
    assert read(repo) == OURS


def test_an_abort_where_there_is_no_commit_any_more_restores_what_was_there(opened: Repo) -> None:
    opened.parts.refs.set_head(RefName.branch("empty"), opened.parts.who(), "orphan")
    opened.abort_merge()
    assert read(opened) == OURS


def test_an_abort_that_is_refused_leaves_the_merge_as_it_is(opened: Repo) -> None:
    assert opened.root is not None
    state = opened.open_merge
    (opened.root / TABLE).unlink()
    put(opened, examples__t_dot_jsonl__mine_dot_txt="mine")
    with pytest.raises(Refused, match="is a folder here"):
        opened.abort_merge()
    assert opened.open_merge == state


# --- a state that cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"step": "merge"}', b'{"step": "me', b"\xff"])
def test_a_state_that_cannot_be_read_says_what_helps(opened: Repo, damaged: bytes) -> None:
    place = opened.path / "promptvc" / "merging"
    place.write_bytes(damaged)
    with pytest.raises(Refused, match="cannot be read") as refused:
        opened.commit()
    assert str(place) in refused.value.message
    assert "promptvc undo" in str(hint_of(refused.value))
    assert str(place) in str(hint_of(refused.value))
    opened.undo()
    assert (read(opened), opened.open_merge) == (OURS, None)


def test_a_state_that_cannot_be_read_can_be_removed(opened: Repo) -> None:
    place = opened.path / "promptvc" / "merging"
    place.write_bytes(b"damaged")
    place.unlink()
    assert opened.open_merge is None
    assert [change.path for change in opened.status().changes] == [TABLE]
