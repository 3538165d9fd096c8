"""repo.log: which commits, in which order, as values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from promptvc.errors import UnknownRevision, Usage
from promptvc.repo import Repo
from tests.drawing import draw

PICTURE = """
    a──b──d   main
     └─c─┘
       └─e    side
"""
START = 1_700_000_000


@pytest.fixture
def ids(repo: Repo) -> dict[str, str]:
    return {id: name for name, id in draw(repo, PICTURE).items()}


def test_there_is_none_before_the_first_commit(repo: Repo) -> None:
    assert list(repo.log()) == []
    with pytest.raises(UnknownRevision):
        repo.log(revision="main")


def test_commits_come_newest_first(repo: Repo, ids: dict[str, str]) -> None:
    commits = list(repo.log())
    assert [commit.subject for commit in commits] == ["d", "c", "b", "a"]
    assert [ids[parent] for parent in commits[0].parents] == ["b", "c"]
    assert commits[-1].parents == ()


def test_a_commit_is_a_value(repo: Repo, ids: dict[str, str]) -> None:
    [commit] = repo.log(limit=1, revision="main~1")
    assert ids[commit.id] == "b"
    assert commit.date == datetime.fromtimestamp(START + 60, UTC)
    assert commit.author == commit.committer
    assert commit.author.name == "Me"
    assert commit.message.strip() == commit.subject == "b"
    assert repr(commit) == f"LogCommit {commit.id.short} 2023-11-14 Me: b"


def names(repo: Repo, *arguments: object, **options: object) -> str:
    return "".join(commit.subject for commit in repo.log(*arguments, **options))  # type: ignore[arg-type]


@pytest.mark.usefixtures("ids")
def test_revisions_and_ranges(repo: Repo) -> None:
    assert names(repo, revision="side") == "eca"
    assert names(repo, revision="side..main") == "db"
    assert sorted(names(repo, revision="side...main")) == ["b", "d", "e"]
    assert names(repo, revision=["main~1", "side"]) == "ecba"
    assert names(repo, all=True) == "decba"
    assert names(repo, limit=2) == "dc"
    assert names(repo, limit=0) == ""


@pytest.mark.usefixtures("ids")
def test_paths(repo: Repo) -> None:
    assert names(repo, "prompts/b.md") == "b"
    assert names(repo, ["prompts/b.md", "prompts/a.md"]) == "ba"
    assert names(repo, "prompts/b.md", limit=1) == "b"
    assert names(repo, "prompts/") == names(repo, ".") == "dcba"
    assert names(repo, "prompts/none.md") == ""


@pytest.mark.usefixtures("ids")
def test_times(repo: Repo) -> None:
    assert names(repo, since=START + 120) == "dc"
    assert names(repo, until=datetime.fromtimestamp(START + 60, UTC)) == "ba"
    assert names(repo, since="yesterday") == ""
    assert names(repo, until="2023-11-01") == ""
    with pytest.raises(Usage, match="not a time"):
        repo.log(since="someday")


@pytest.mark.usefixtures("ids")
def test_words(repo: Repo) -> None:
    assert names(repo, author="example") == "dcba"
    assert names(repo, author="^Me <me@") == "dcba"
    assert names(repo, author="Ada") == ""
    assert names(repo, grep="[bc]") == "cb"
    with pytest.raises(Usage, match="regular expression"):
        repo.log(grep="(")
    with pytest.raises(Usage):
        repo.log(limit=-1)


def test_a_log_is_walked_as_often_as_it_is_read(repo: Repo, ids: dict[str, str]) -> None:
    log = repo.log()
    assert [each.id for each in log] == [each.id for each in log]


def test_a_notebook_shows_a_log_as_a_table(repo: Repo, ids: dict[str, str]) -> None:
    repo.commit("<b>bold</b>", allow_empty=True)
    text = repo.log(limit=2)._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert next(iter(repo.log())).id.short in text
    assert "left out" not in text
    assert "no commits" in repo.log(limit=0)._repr_html_()
