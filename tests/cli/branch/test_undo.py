"""``promptvc undo``: what it says, and every command that can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.repo import make_store
from tests.cli.conftest import Project


@pytest.fixture
def shared(project: Project, tmp_path: Path) -> Project:
    """Two commits on main, a branch side at the first, and an empty remote."""
    project.write("prompts/a.md", "one\n")
    project("commit", "-m", "First")
    project("branch", "side")
    project.write("prompts/a.md", "two\n")
    project("commit", "-m", "Calmer tone")
    make_store(tmp_path / "hub.git")
    project("remote", "add", "origin", tmp_path / "hub.git")
    return project


def state(project: Project) -> tuple[dict[str, str], str, list[tuple[str, str]], dict[str, bytes]]:
    """Refs, HEAD, settings and files."""
    files = {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and ".promptvc" not in path.parts
    }
    repo = type(project.repo).open(project.root, project.repo.parts.surroundings)
    return (
        dict(repo.parts.refs.find()),
        str(repo.parts.refs.head()),
        sorted(repo.parts.config.own_items()),
        files,
    )


def test_it_says_what_it_did_and_how_to_redo(shared: Project) -> None:
    before, after = shared.repo.parts.revisions.resolve("main~1"), shared.repo.parts.revisions.resolve("main")
    for done, here, there, then in (("Undid", after, before, "redoes"), ("Redid", before, after, "undoes")):
        told = shared("undo")
        assert told.lines == [f'{done}: commit "Calmer tone" (main was {here.short}, is {there.short})']
        assert told.err == f"hint: promptvc undo again {then} it\n"


def test_a_path_that_is_a_dot_is_told_from_the_end_of_the_sentence(shared: Project) -> None:
    shared.write("prompts/a.md", "work\n")
    shared("restore", "--force", ".")
    assert shared("undo").lines == ["Undid: restore .", "  prompts/a.md"]
    shared("undo", "--json")


def test_nothing_to_undo_is_a_negative_answer(project: Project) -> None:
    told = project("undo", code=1)
    assert told.out == ""
    assert told.err.splitlines()[0] == "error: nothing to undo"
    assert project("undo", "--list").out == ""
    assert project("undo", "7", code=1).err.startswith("error: nothing to undo")


def test_an_unknown_number_is_a_wrong_call(shared: Project) -> None:
    assert "no operation 70" in shared("undo", "70", code=2).err


def test_the_list_is_newest_first_and_can_be_cut(shared: Project) -> None:
    lines = shared("undo", "--list").lines
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert lines[0] == '3  just now        commit "Calmer tone"   (main)'
    assert lines[1] == "2  just now        branch side   (side)"
    assert shared("undo", "--list", "-n", "1").lines == lines[:1]


def test_json_has_the_same_facts(shared: Project) -> None:
    tip, first = shared.repo.parts.revisions.resolve("main"), shared.repo.parts.revisions.resolve("side")
    [last, *_] = shared.json("undo", "--list")
    assert (last["number"], last["what"], last["who"]) == (3, 'commit "Calmer tone"', "Me <me@example.com>")
    assert last["refs"] == {"refs/heads/main": [first, tip]}
    assert (last["head"], last["files"]) == (None, [])
    [done] = shared.json("undo")
    assert done["undone"] == [3]
    assert done["refs"] == {"refs/heads/main": [tip, first]}
    assert done["remote_unchanged"] is False


def test_changes_made_since_need_force(shared: Project) -> None:
    shared("switch", "side")
    shared.write("prompts/a.md", "since\n")
    told = shared("undo", code=3)
    assert "prompts/a.md has changes made after the operation" in told.err
    assert "--force" in told.err
    assert "prompts/a.md" in shared("undo", "--force").out
    assert (shared.root / "prompts/a.md").read_bytes() == b"two\n"


def test_the_remote_is_said_to_be_unchanged(shared: Project) -> None:
    shared("push", "-u", "origin", "main")
    tip = shared.repo.parts.revisions.resolve("origin/main")
    told = shared("undo")
    said = "note: origin/main stays, and says what the remote has: nothing was changed there"
    assert told.err.splitlines()[-1] == said
    assert "origin/main" not in told.out
    assert shared.repo.parts.revisions.resolve("origin/main") == tip
    assert shared.repo.parts.upstream(shared.repo.parts.refs.head()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command",
    [
        ["switch", "side"],
        ["switch", "-c", "new"],
        ["switch", "--force", "side"],
        ["switch", "--detach", "side"],
        ["branch", "new"],
        ["branch", "-f", "side", "main"],
        ["branch", "-f", "-d", "side"],
        ["branch", "-m", "side", "other"],
        ["branch", "-m", "main", "trunk"],
        ["tag", "v1"],
        ["tag", "-d", "v0"],
        ["commit", "-m", "more"],
        ["commit", "--allow-empty", "-m", "nothing"],
        ["restore", "--force", "."],
        ["restore", "--source", "side", "prompts"],
        ["push", "-u", "-f", "origin", "main", "side"],
        ["pull"],
        ["remote", "remove", "origin"],
        ["switch", "far"],
    ],
    ids=" ".join,
)
def test_every_command_is_one_operation_and_comes_back(
    shared: Project, tmp_path: Path, command: list[str]
) -> None:
    shared("tag", "v0", "-m", "text")
    shared("push", "-u", "origin", "main", "side:far", "side:gone")
    others(shared, tmp_path)
    if command[0] in ("commit", "restore") or "--force" in command:
        shared.write("prompts/a.md", "work\n")
    if "--source" in command:
        shared("restore", "--force", ".")
    known, before = shared.json("undo", "--list"), state(shared)
    shared(*command)
    after = state(shared)
    if command[0] in ("push", "pull"):  # what is known of the remote stays known
        before = (before[0] | tracking(after[0]), *before[1:])
    assert after != before
    assert len(shared.json("undo", "--list")) == len(known) + 1
    shared("undo")
    assert state(shared) == before
    shared("undo")
    assert state(shared) == after


def tracking(refs: dict[str, str]) -> dict[str, str]:
    """The remote-tracking refs."""
    return {name: id for name, id in refs.items() if name.startswith("refs/remotes/")}


@pytest.mark.parametrize(
    "command",
    [["push", "--delete", "origin", "far"], ["push", "-f", "origin", "side"], ["fetch", "--prune"]],
)
def test_what_only_moved_remote_tracking_refs_is_not_undone(
    shared: Project, tmp_path: Path, command: list[str]
) -> None:
    shared("push", "-u", "origin", "main", "side:far", "side:gone")
    others(shared, tmp_path)
    shared("switch", "side")
    shared(*command)
    after = state(shared)
    told = shared("undo", code=1)
    assert told.err.startswith(f"error: nothing to undo: {' '.join(command[:1])} ")
    assert state(shared) == after
    hint = told.err.splitlines()[1]
    assert hint.endswith("takes back switch side too")
    shared(*hint.removeprefix("hint: promptvc ").split()[:2])
    assert shared.repo.branch == "main"
    assert tracking(state(shared)[0]) == tracking(after[0])


def others(project: Project, tmp_path: Path) -> None:
    """What somebody else pushes meanwhile: a commit on main, and one branch less."""
    copy = tmp_path / "copy"
    project("clone", tmp_path / "hub.git", copy)
    project("-C", copy, "commit", "--allow-empty", "-m", "theirs")
    project("-C", copy, "push")
    project("-C", copy, "push", "--delete", "origin", "gone")
