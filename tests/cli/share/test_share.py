"""Sharing from the command line: remote, push, fetch, pull, clone, and a second person."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def sh(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path / "mine")
    shell.write("prompts/a.md", "Answer {{ ticket }}.\n")
    shell.write("examples/t.jsonl", "".join(f'{{"id": {n}}}\n' for n in range(5000)))
    shell.run("init")
    shell.run("commit", "-m", "one")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "hub.git")], check=True)
    shell.run("remote", "add", "origin", "../hub.git")
    return shell


@pytest.fixture
def other(sh: Shell, tmp_path: Path) -> Shell:
    sh.run("push", "-u", "origin", "main")
    Shell(tmp_path).run("clone", "hub.git", "theirs")
    return Shell(tmp_path / "theirs")


def test_a_clone_is_the_same_and_follows(sh: Shell, other: Shell) -> None:
    assert other.read("examples/t.jsonl") == sh.read("examples/t.jsonl")
    assert other.json("log") == sh.json("log")
    value = other.json("status")[0]
    assert (value["branch"], value["clean"], value["ahead"], value["behind"]) == ("main", True, 0, 0)
    hub = other.folder.parent / "hub.git"
    done = subprocess.run(
        ["git", f"--git-dir={hub}", "fsck", "--strict", "--full"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    git = subprocess.run(
        ["git", "clone", "-q", str(hub), str(hub.parent / "by-git")], capture_output=True, text=True
    )
    assert git.returncode == 0
    assert (hub.parent / "by-git/prompts/a.md").read_text() == sh.read("prompts/a.md")


def test_push_and_pull_go_back_and_forth(sh: Shell, other: Shell) -> None:
    other.write("prompts/a.md", "Answer {{ ticket }} briefly.\n")
    other.run("commit", "-m", "two")
    assert other.json("status")[0]["ahead"] == 1
    other.run("push")
    assert "1 file written" in sh.out("pull")
    assert sh.read("prompts/a.md") == other.read("prompts/a.md")
    assert sh.out("pull") == "main is up to date with origin/main\n"
    assert other.out("push") == "Everything is up to date\n"


def test_diverged_histories_are_refused_with_a_hint(sh: Shell, other: Shell) -> None:
    other.write("prompts/a.md", "theirs\n")
    other.run("commit", "-m", "theirs")
    other.run("push")
    sh.write("prompts/b.md", "mine\n")
    sh.run("commit", "-m", "mine")
    refused = sh.run("push", code=3).stderr
    assert "hint: promptvc pull first" in refused
    refused = sh.run("pull", "--ff-only", code=3).stderr
    assert "have diverged" in refused
    assert sh.read("prompts/a.md") == "Answer {{ ticket }}.\n"
    assert "1 ahead, 1 behind" in sh.out("status")
    sh.run("push", "--force-with-lease")
    other.run("fetch")
    assert other.json("log", "origin/main")[0]["message"] == "mine\n"


def test_a_lease_protects_what_was_not_seen(sh: Shell, other: Shell) -> None:
    other.write("prompts/a.md", "theirs\n")
    other.run("commit", "-m", "theirs")
    other.run("push")
    sh.write("prompts/b.md", "mine\n")
    sh.run("commit", "-m", "mine")
    assert "since you last fetched" in sh.run("push", "--force-with-lease", code=3).stderr


def test_pull_does_not_overwrite_uncommitted_work(sh: Shell, other: Shell) -> None:
    other.write("prompts/a.md", "theirs\n")
    other.run("commit", "-m", "theirs")
    other.run("push")
    sh.write("prompts/a.md", "work\n")
    sh.run("pull", code=3)
    assert sh.read("prompts/a.md") == "work\n"
    assert sh.json("log")[0]["message"] == "one\n"


def test_branches_and_tags_travel(sh: Shell, other: Shell) -> None:
    sh.run("switch", "-c", "x")
    sh.write("prompts/x.md", "x\n")
    sh.run("commit", "-m", "x")
    sh.run("tag", "v1", "-m", "first")
    sh.run("push", "origin", "x", "--tags")
    other.run("fetch")
    assert other.out("switch", "x").startswith("On new branch x")
    assert other.read("prompts/x.md") == "x\n"
    assert [tag["name"] for tag in other.json("tag")] == ["v1"]
    assert other.json("status")[0]["ahead"] == 0
    sh.run("push", "--delete", "origin", "x")
    other.run("fetch", "--prune")
    assert "origin/x" not in {branch["name"] for branch in other.json("branch", "-a")}


def test_what_git_edits_on_the_host_comes_back(sh: Shell, other: Shell, tmp_path: Path) -> None:
    """Somebody corrects a prompt with git, as a host's web page would."""
    subprocess.run(["git", "clone", "-q", "hub.git", "web"], cwd=tmp_path, check=True)
    (tmp_path / "web/prompts/a.md").write_text("Edited on the web: {{ ticket }}.\n")
    subprocess.run("git commit -qam web && git push -q", shell=True, cwd=tmp_path / "web", check=True)
    sh.run("pull")
    assert sh.read("prompts/a.md") == "Edited on the web: {{ ticket }}.\n"
    assert len(sh.read("examples/t.jsonl").splitlines()) == 5000


def test_remotes_are_listed_without_passwords(sh: Shell) -> None:
    sh.run("remote", "add", "web", "https://me:secret@example.com/team/prompts.git")
    for line in (sh.out("remote"), sh.out("config"), sh.out("remote", "--json")):
        assert "secret" not in line
    sh.run("remote", "set-url", "web", "https://example.com/x.git")
    sh.run("remote", "remove", "web")
    assert [remote["name"] for remote in sh.json("remote")] == ["origin"]
    assert "exists already" in sh.run("remote", "add", "origin", "x/y", code=3).stderr
    assert "no remote" in sh.run("fetch", "nowhere", code=2).stderr


def test_clone_refuses_a_folder_that_is_not_empty(sh: Shell, tmp_path: Path) -> None:
    sh.run("push", "origin", "main")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("x")
    assert "not empty" in Shell(tmp_path).run("clone", "hub.git", "full", code=3).stderr
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["file"]


def test_an_empty_remote_can_be_cloned(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "empty.git")], check=True)
    shell = Shell(tmp_path)
    assert "no commits there yet" in shell.out("clone", "empty.git", "copy")
    copy = Shell(tmp_path / "copy")
    copy.write("prompts/a.md", "first\n")
    copy.run("commit", "-m", "one")
    copy.run("push")
    assert copy.json("status")[0]["ahead"] == 0
