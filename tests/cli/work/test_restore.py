"""restore: what is not there cannot be restored, and what is removed is called so."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project


@pytest.fixture
def grown(project: Project) -> Project:
    """A tag v1 with one prompt; HEAD has another one, and an example set."""
    project.write("prompts/a.md", "one\n")
    project("commit", "-m", "First")
    project("tag", "v1")
    project.write("prompts/a.md", "two\n")
    project.write("prompts/b.md", "b\n")
    project.write("examples/t.jsonl", [{"id": 1}])
    project("commit", "-m", "Second")
    return project


@pytest.mark.parametrize("path", ["prompts/b.md", "examples", "examples/t.jsonl"])
def test_a_path_that_the_source_lacks_is_refused_and_stays(grown: Project, path: str) -> None:
    told = grown("restore", "-s", "v1", path, code=2)
    assert told.err.startswith(f"error: {path} is not in v1\nhint: ")
    assert grown.repo.status().clean


def test_nothing_is_restored_where_one_of_the_paths_is_not_there(grown: Project) -> None:
    grown("restore", "-s", "v1", "prompts/a.md", "prompts/b.md", code=2)
    assert grown.repo.status().clean


def test_a_new_file_is_not_in_head(grown: Project) -> None:
    grown.write("prompts/new.md", "new\n")
    assert "prompts/new.md is not in HEAD" in grown("restore", "prompts/new.md", code=2).err
    assert (grown.root / "prompts/new.md").exists()


def test_settings_that_the_source_lacks_are_not_removed_by_force(grown: Project) -> None:
    (grown.root / "promptvc.toml").unlink()
    grown("commit", "-m", "No settings")
    grown.write("promptvc.toml", "broken = [\n")
    assert "promptvc.toml is not in HEAD" in grown("restore", "-f", "promptvc.toml", code=2).err
    assert (grown.root / "promptvc.toml").exists()


def test_what_a_restored_folder_lacked_is_said_to_be_removed(grown: Project) -> None:
    told = grown("restore", "-s", "v1", "prompts")
    assert told.lines[0] == "1 file restored, 1 removed, as in v1"
    assert told.lines[1:] == ["  prompts/a.md", "  prompts/b.md  removed"]
    assert not (grown.root / "prompts/b.md").exists()


def test_programs_are_told_what_was_removed(grown: Project) -> None:
    [value] = grown.json("restore", "-s", "v1", ".")
    assert value == {
        "restored": ["prompts/a.md"],
        "removed": ["examples/t.jsonl", "prompts/b.md"],
        "untracked": [],
    }


def test_without_removals_the_words_are_the_same_as_ever(grown: Project) -> None:
    grown.write("prompts/a.md", "work\n")
    assert grown("restore", "-f", "prompts/a.md").lines == ["1 file restored from HEAD", "  prompts/a.md"]


def test_a_time_before_the_log_restores_nothing(grown: Project) -> None:
    """Else the oldest commit would stand for yesterday, and the file, which it lacks, would be removed."""
    told = grown("restore", "-s", "main@{yesterday}", "prompts/b.md", code=2)
    assert "the log of main begins at " in told.err
    assert grown.repo.status().clean
