"""fetch and pull: tags that the remote has moved are named, and taken when asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell

REASON = "the tag is here already, for something else"
HINT = "hint: promptvc fetch origin --tags --force takes the tags as they are there"


@pytest.fixture
def sh(tmp_path: Path) -> Shell:
    """A clone with the tag v1 at the first commit, which the remote has moved to its second one since."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "hub.git")], check=True)
    theirs = Shell(tmp_path / "theirs")
    theirs.run("init")
    theirs.write("prompts/a.md", "one\n")
    theirs.run("commit", "-m", "one")
    theirs.run("tag", "v1")
    theirs.run("remote", "add", "origin", "../hub.git")
    theirs.run("push", "-u", "origin", "main", "--tags")
    Shell(tmp_path).run("clone", "hub.git", "mine")
    theirs.write("prompts/a.md", "two\n")
    theirs.run("commit", "-m", "two")
    theirs.run("push")
    subprocess.run(["git", f"--git-dir={tmp_path}/hub.git", "tag", "-f", "v1", "main"], check=True)
    return Shell(tmp_path / "mine")


def tag(sh: Shell) -> str:
    return str(sh.json("tag")[0]["id"])


def tip(sh: Shell, revision: str) -> str:
    return str(sh.json("log", "-n", "1", revision)[0]["id"])


@pytest.mark.parametrize("command", ["fetch", "pull"])
def test_a_moved_tag_is_named_as_refused_each_time(sh: Shell, command: str) -> None:
    before = tag(sh)
    for _ in range(2):
        done = sh.run(command)
        assert f"v1 → v1  ({REASON})" in done.stdout
        assert HINT in done.stderr.splitlines()
    assert tag(sh) == before


def test_programs_are_told_too(sh: Shell) -> None:
    sh.run("fetch")
    [change, end] = sh.json("fetch")
    assert (change["ref"], change["outcome"], change["reason"]) == ("refs/tags/v1", "refused", REASON)
    assert (change["before"], change["after"]) == (tag(sh), tip(sh, "origin/main"))
    assert end["changed"] == 1


@pytest.mark.parametrize("words", [["--tags", "--force"], ["--force"], ["-f"]])
def test_by_force_the_tag_is_taken_and_undo_brings_it_back(sh: Shell, words: list[str]) -> None:
    before = tag(sh)
    assert "forced v1 → v1" in " ".join(sh.out("fetch", *words).split())
    assert tag(sh) == tip(sh, "origin/main") != before
    assert "v1" not in sh.out("fetch")
    sh.run("undo")
    assert tag(sh) == before


def test_asked_for_all_tags_a_refused_one_is_a_refusal(sh: Shell) -> None:
    before = tag(sh)
    assert REASON in sh.run("fetch", "--tags", code=3).stdout
    assert tag(sh) == before


def test_a_tag_of_our_own_is_not_spoken_of(sh: Shell) -> None:
    sh.run("fetch", "--force")
    sh.run("tag", "mine")
    assert sh.out("fetch") == ""
