"""repo.blame: lines, rows and cells as values."""

from __future__ import annotations

import json

import pytest

from promptvc.errors import NotATable, PathMissing, RowMissing, Usage
from promptvc.repo import Repo
from tests.repo.branch.test_repo_switching import write


@pytest.fixture
def repo(repo: Repo) -> Repo:
    rows = [{"id": "a", "n": 1, "tag": "x"}, {"id": "b", "n": 2, "tag": "y"}]
    for message in ("first", "second"):
        write(repo, "prompts/a.md", f"same\n{message}\n")
        write(repo, "examples/t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        repo.commit(message)
        rows[1]["n"] = 3
    write(repo, "prompts/bytes.md", "\0")
    repo.commit("bytes")
    return repo


def test_lines(repo: Repo) -> None:
    lines = repo.blame("prompts/a.md")
    assert [(line.commit.subject, line.value.strip()) for line in lines] == [
        ("first", "same"),
        ("second", "second"),
    ]
    assert lines[0].id == lines[0].commit.id
    assert lines[0].author.name == "Me"
    assert [line.number for line in repo.blame("prompts/a.md", start=1)] == [1]
    assert [line.commit.subject for line in repo.blame("prompts/a.md", revision="HEAD~2")] == ["first"] * 2


def test_lines_of_the_record_of_a_run(repo: Repo) -> None:
    assert repo.root is not None
    record = repo.root / "outputs/mini.run.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text('{"version":1,\n"name":"mini"}\n')
    done = repo.commit("a record")
    found = repo.blame("outputs/mini.run.json")
    assert [(line.number, line.id) for line in found] == [(0, done.id), (1, done.id)]


def test_rows(repo: Repo) -> None:
    rows = repo.blame("examples/t.jsonl")
    assert [(row.commit.subject, row.key) for row in rows] == [
        ("first", {"id": "a"}),
        ("second", {"id": "b"}),
    ]
    assert [row.value["n"] for row in repo.blame("examples/t.jsonl", start=1, stop=5)] == [3]


def test_cells(repo: Repo) -> None:
    cells = repo.blame("examples/t.jsonl", key="b")
    assert [(cell.field, cell.value, cell.commit.subject) for cell in cells] == [
        ("n", 3, "second"),
        ("tag", "y", "first"),
    ]


def test_what_cannot_be_blamed(repo: Repo) -> None:
    for path, error in (
        ("prompts/none.md", PathMissing),
        ("prompts", PathMissing),
        ("prompts/bytes.md", Usage),
    ):
        with pytest.raises(error):
            repo.blame(path)
    with pytest.raises(NotATable):
        repo.blame("prompts/a.md", key="a")
    with pytest.raises(RowMissing, match="id='c'"):
        repo.blame("examples/t.jsonl", key="c")
    with pytest.raises(Usage, match="the key id"):
        repo.blame("examples/t.jsonl", key=("a", "b"))
