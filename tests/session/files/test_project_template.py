"""The promptvc.toml that init writes: comments, which become settings when they are taken as they are."""

from __future__ import annotations

import pytest

from promptvc.errors import ConfigInvalid
from promptvc.session.files.project import TEMPLATE, Project, read_project


def test_the_template_says_nothing() -> None:
    assert read_project(TEMPLATE.encode()) == Project()


def test_what_it_shows_can_be_read() -> None:
    first, _, rest = TEMPLATE.partition("\n")
    assert first.startswith("# What promptvc keeps")
    shown = read_project(rest.replace("# ", "", 1).replace("\n# ", "\n").replace("\n#\n", "\n\n").encode())
    assert shown.table("examples/tickets.jsonl").key == ("id",)
    assert shown.table("examples/tickets.jsonl").unique
    assert shown.runs["support"].scorers[0].text == "exact:expected"
    assert not shown.tracks("examples/scratch/a.jsonl")


def test_a_pattern_that_git_refuses_is_told_by_the_line_it_stands_in() -> None:
    project = read_project(b'[track]\ninclude = ["prompts/**", "!"]\n')
    with pytest.raises(ConfigInvalid, match="track"):
        project.tracks("prompts/a.md")


def test_outputs_and_settings_are_tracked_whatever_include_names() -> None:
    project = read_project(b'[track]\ninclude = ["texts/**"]\n')
    assert project.tracks("texts/a.md")
    assert project.tracks("outputs/support.jsonl")
    assert project.tracks("promptvc.toml")
    assert not project.tracks("prompts/a.md")
    assert {"outputs", "promptvc.toml", "texts"} <= set(project.roots)


@pytest.mark.parametrize(
    "track",
    [
        'include = ["texts/**"]\nexclude = ["outputs/scratch/**"]',
        'exclude = ["outputs/scratch/**"]',
        'include = ["texts/**", "!outputs/scratch/**"]',
    ],
)
def test_outputs_that_are_named_as_excluded_are_not_tracked(track: str) -> None:
    project = read_project(f"[track]\n{track}\n".encode())
    assert project.tracks("outputs/support.jsonl")
    assert not project.tracks("outputs/scratch/try.jsonl")
    assert project.tracks("promptvc.toml")
