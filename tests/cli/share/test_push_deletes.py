"""push: what an empty left side and --delete do, with real git telling what the remote has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def sh(tmp_path: Path) -> Shell:
    """On main, which is at the remote with the branches x and both, and the tags v1, both and (annotated) v2."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "hub.git")], check=True)
    shell = Shell(tmp_path / "mine")
    shell.run("init")
    shell.write("prompts/a.md", "one\n")
    shell.run("commit", "-m", "one")
    shell.run("remote", "add", "origin", "../hub.git")
    for words in (
        ["branch", "x"],
        ["branch", "both"],
        ["tag", "v1"],
        ["tag", "both"],
        ["tag", "v2", "-m", "two"],
    ):
        shell.run(*words)
    shell.run("push", "origin", "--all", "--tags")
    return shell


def at_remote(sh: Shell) -> set[str]:
    """The refs that git finds at the remote."""
    done = subprocess.run(
        ["git", "ls-remote", "--refs", str(sh.folder.parent / "hub.git")],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split("\t")[1].removeprefix("refs/") for line in done.stdout.splitlines()}


ALL = {"heads/main", "heads/x", "heads/both", "tags/v1", "tags/both", "tags/v2"}


def test_every_branch_and_tag_is_sent_though_two_have_one_name(sh: Shell) -> None:
    assert at_remote(sh) == ALL


@pytest.mark.parametrize("name", ["x", "v1", "v2", "refs/heads/x", "refs/tags/both", "tags/both"])
def test_an_empty_left_side_deletes(sh: Shell, name: str) -> None:
    gone = next(ref for ref in ALL if ref in (f"heads/{name}", f"tags/{name}", name.removeprefix("refs/")))
    [change, _] = sh.json("push", "origin", f":{name}")
    assert (change["ref"], change["after"], change["outcome"]) == (f"refs/{gone}", None, "deleted")
    assert at_remote(sh) == ALL - {gone}


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["x"], {"heads/x"}),
        (["v1"], {"tags/v1"}),
        (["x", "v2"], {"heads/x", "tags/v2"}),
        (["tag", "both"], {"tags/both"}),
        (["refs/heads/both"], {"heads/both"}),
    ],
)
def test_delete_takes_branches_and_tags(sh: Shell, words: list[str], gone: set[str]) -> None:
    sh.run("push", "-d", "origin", *words)
    assert at_remote(sh) == ALL - gone


@pytest.mark.parametrize(
    "words", [[":nothing"], ["-d", "nothing"], ["-d", "x", "nothing"], [":nothing", "main"]]
)
def test_deleting_what_is_not_there_is_refused_and_nothing_is_changed(sh: Shell, words: list[str]) -> None:
    options = [word for word in words if word == "-d"]
    said = sh.run("push", *options, "origin", *(word for word in words if word != "-d"), code=3).stderr
    assert "has no branch or tag 'nothing' to delete" in said
    assert "hint: " in said
    assert at_remote(sh) == ALL


def test_a_name_of_both_a_branch_and_a_tag_is_refused(sh: Shell) -> None:
    said = sh.run("push", "-d", "origin", "both", code=2).stderr
    assert "refs/heads/both, refs/tags/both" in said
    assert at_remote(sh) == ALL


@pytest.mark.parametrize("words", [[":"], ["main:"], ["-d", ":x"], ["-d", "main:x"]])
def test_half_a_pair_is_a_wrong_call(sh: Shell, words: list[str]) -> None:
    options = [word for word in words if word == "-d"]
    sh.run("push", *options, "origin", *(word for word in words if word != "-d"), code=2)
    assert at_remote(sh) == ALL


def test_a_lease_protects_a_branch_from_being_deleted(sh: Shell, tmp_path: Path) -> None:
    git = ["git", f"--git-dir={tmp_path}/hub.git"]
    tree = subprocess.run([*git, "rev-parse", "x^{tree}"], capture_output=True, text=True, check=True)
    other = subprocess.run(
        [*git, "commit-tree", "-p", "x", "-m", "theirs", tree.stdout.strip()],
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run([*git, "update-ref", "refs/heads/x", other.stdout.strip()], check=True)
    sh.run("push", "--force-with-lease", "origin", ":x", code=3)
    assert at_remote(sh) == ALL
    sh.run("push", "origin", ":x")
    assert at_remote(sh) == ALL - {"heads/x"}


def test_the_current_branch_is_meant_by_default_though_a_tag_has_its_name(sh: Shell) -> None:
    sh.run("switch", "both")
    sh.write("prompts/a.md", "two\n")
    sh.run("commit", "-m", "two")
    [change, _] = sh.json("push")
    assert (change["ref"], change["outcome"]) == ("refs/heads/both", "forward")


def test_the_branch_that_was_sent_follows_though_another_one_is_current(sh: Shell) -> None:
    sh.run("push", "-u", "origin", "x:far")
    upstreams = {each["name"]: each["upstream"] for each in sh.json("branch")}
    assert upstreams == {"main": None, "both": None, "x": "origin/far"}
