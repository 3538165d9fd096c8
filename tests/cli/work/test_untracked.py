"""Files that are no longer tracked: their working copies stay, and the command says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Project
from tests.cli.shell import Shell

WIDE = '[track]\ninclude = ["prompts/**", "notes/**"]\n'
NARROW = '[track]\ninclude = ["prompts/**"]\n'
NOTE = "notes/a.md"
SAID = f"no longer tracked, your copies stay: {NOTE}"


@pytest.fixture
def narrowed(project: Project) -> Project:
    """On main, which tracks notes/; the branch narrow, one commit further, does not any more."""
    project.write("promptvc.toml", WIDE)
    project.write("prompts/a.md", "one\n")
    project.write(NOTE, "the work of a colleague\n")
    project.write("notes/b.md", "gone here already\n")
    project("commit", "-m", "Wide")
    project("switch", "-c", "narrow")
    project.write("promptvc.toml", NARROW)
    project("commit", "-m", "Narrow")
    project("switch", "main")
    (project.root / "notes/b.md").unlink()
    project("commit", "-m", "One note less")
    return project


def note(project: Project) -> str:
    return (project.root / NOTE).read_text()


def test_a_switch_leaves_them(narrowed: Project) -> None:
    told = narrowed("switch", "narrow")
    assert SAID in told.lines
    assert note(narrowed) == "the work of a colleague\n"
    assert narrowed.repo.status().clean
    back = narrowed("switch", "main")
    assert "no longer tracked" not in back.out
    assert narrowed.repo.status().clean
    [value] = narrowed.json("switch", "narrow")
    assert value["untracked"] == [NOTE]


def test_uncommitted_work_in_them_stays_too_and_is_not_overwritten_on_the_way_back(narrowed: Project) -> None:
    narrowed.write(NOTE, "more work\n")
    narrowed("switch", "narrow")
    assert note(narrowed) == "more work\n"
    narrowed("switch", "main", code=3)
    assert note(narrowed) == "more work\n"


@pytest.mark.parametrize("step", ["merge", "cherry-pick"])
def test_a_merge_and_a_cherry_pick_leave_them(narrowed: Project, step: str) -> None:
    told = narrowed(step, "narrow")
    assert SAID in told.lines
    assert note(narrowed) == "the work of a colleague\n"
    assert narrowed.repo.status().clean
    assert NOTE not in narrowed.repo.snapshot().files


def test_a_merge_whose_settings_are_merged_line_by_line_leaves_them(narrowed: Project) -> None:
    narrowed.write("promptvc.toml", '[tables."examples/t.jsonl"]\nkey = ["id"]\n\n' + WIDE)
    narrowed("commit", "-m", "A key")
    assert SAID in narrowed("merge", "narrow").lines
    assert note(narrowed) == "the work of a colleague\n"


def test_a_fast_forward_leaves_them(narrowed: Project) -> None:
    narrowed("switch", "-c", "old", "main~1")
    assert SAID in narrowed("merge", "narrow").out.replace(", notes/b.md", "")
    assert note(narrowed) == "the work of a colleague\n"


def test_a_merge_without_working_files_leaves_them(narrowed: Project) -> None:
    narrowed.repo.merge("narrow", into="main")
    assert note(narrowed) == "the work of a colleague\n"
    assert narrowed.repo.status().clean


def test_restoring_everything_from_a_commit_that_does_not_track_them_leaves_them(narrowed: Project) -> None:
    narrowed("restore", "-s", "narrow", ".")
    assert note(narrowed) == "the work of a colleague\n"


def test_a_merge_that_changes_nothing_says_nothing_of_them(narrowed: Project) -> None:
    assert "no longer tracked" not in narrowed("merge", "main").out


def test_a_file_that_was_removed_is_removed(narrowed: Project) -> None:
    """That a file is gone is said by whoever removed it, also where the settings changed in the same commit."""
    narrowed("switch", "-c", "fewer")
    (narrowed.root / "prompts/a.md").unlink()
    narrowed.write("prompts/b.md", "another\n")
    narrowed.write("promptvc.toml", NARROW)
    narrowed("commit", "-m", "Another prompt")
    narrowed("switch", "main")
    told = narrowed("merge", "fewer")
    assert SAID in told.lines
    assert not (narrowed.root / "prompts/a.md").exists()


def test_a_pull_leaves_the_files_of_a_colleague(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "hub.git")], check=True)
    mine = Shell(tmp_path / "mine")
    mine.run("init")
    mine.write("promptvc.toml", WIDE)
    mine.write(NOTE, "notes\n")
    mine.run("commit", "-m", "one")
    mine.run("remote", "add", "origin", "../hub.git")
    mine.run("push", "-u", "origin", "main")
    Shell(tmp_path).run("clone", "hub.git", "theirs")
    theirs = Shell(tmp_path / "theirs")
    mine.write("promptvc.toml", NARROW)
    mine.run("commit", "-m", "two")
    mine.run("push")
    assert SAID in theirs.out("pull")
    assert theirs.read(NOTE) == "notes\n"
    assert theirs.json("pull")[-1]["untracked"] == []
