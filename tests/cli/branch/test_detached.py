"""Commits on no branch: said when they are made, and when they are left."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project


@pytest.fixture
def detached(project: Project) -> Project:
    """Two commits on a detached HEAD, on top of main."""
    project.write("prompts/a.md", "one\n")
    project("commit", "-m", "First")
    project("switch", "--detach", "main")
    for text in ("two", "three"):
        project.write("prompts/a.md", f"{text}\n")
        project("commit", "-m", f"Say {text}")
    return project


def test_a_commit_on_no_branch_says_so(detached: Project) -> None:
    detached.write("prompts/a.md", "four\n")
    told = detached("commit", "-m", "Say four")
    assert "hint: this commit is on no branch: promptvc switch -c NAME keeps it" in told.err.splitlines()


def test_a_commit_on_a_branch_says_nothing_of_it(project: Project) -> None:
    project.write("prompts/a.md", "one\n")
    assert project("commit", "-m", "First").err == ""


@pytest.mark.parametrize("way", [["main"], ["--detach", "main"], ["-c", "other", "main"]])
def test_leaving_them_names_them_and_the_command_that_keeps_them(detached: Project, way: list[str]) -> None:
    tip = detached.repo.parts.revisions.resolve("HEAD")
    told = detached("switch", *way)
    lines = told.err.splitlines()
    assert f"warning: leaving 2 commits behind: {tip.short} Say three" in lines
    assert lines[-1] == f"hint: promptvc branch NAME {tip.short} keeps them"
    detached("branch", "kept", tip.short)
    assert detached.repo.parts.revisions.resolve("kept") == tip


def test_programs_are_told_which(detached: Project) -> None:
    tip, before = (
        detached.repo.parts.revisions.resolve("HEAD"),
        detached.repo.parts.revisions.resolve("HEAD~1"),
    )
    [value] = detached.json("switch", "main")
    assert value["left_behind"] == [tip, before]


@pytest.mark.parametrize("keep", [["tag", "v1"], ["branch", "kept"], ["switch", "-c", "kept"]])
def test_commits_that_a_ref_leads_to_are_not_left(detached: Project, keep: list[str]) -> None:
    detached(*keep)
    told = detached("switch", "main")
    assert "behind" not in told.err
    assert detached.json("switch", "--detach", "main")[0]["left_behind"] == []
