"""A table is read into Arrow from the working file while that is the same, and from the store whenever it is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import promptvc
from promptvc.repo import Repo
from promptvc.session.files.views import WorkingFile
from promptvc.storage.files import signature

TABLE = "examples/t.jsonl"


@pytest.fixture
def rows(repo: Repo) -> list[dict[str, Any]]:
    made = [{"id": n, "text": f"row {n} " + "x" * (n % 90), "score": n / 8} for n in range(3000)]
    path = Path(repo.root) / TABLE
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    os.utime(path, (1_700_000_000.123, 1_700_000_000.123))
    repo.commit("one")
    repo.status()
    return made


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often bytes of a working file were loaded."""
    loaded: list[int] = []
    plain = WorkingFile._load_span

    def load(file: WorkingFile, *given: Any) -> bytes:
        loaded.append(1)
        return plain(file, *given)

    monkeypatch.setattr(WorkingFile, "_load_span", load)
    return loaded


def read(repo: Repo, revision: str = "HEAD") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        promptvc.open(repo.root).snapshot(revision).table(TABLE).to_arrow().to_pylist()
    )
    return found


def test_an_unchanged_working_file_is_read(repo: Repo, rows: list[dict[str, Any]], spans: list[int]) -> None:
    assert read(repo) == rows
    assert spans


def test_a_changed_working_file_is_not(repo: Repo, rows: list[dict[str, Any]], spans: list[int]) -> None:
    with (Path(repo.root) / TABLE).open("a") as file:
        file.write('{"id": -1, "text": "new", "score": 0}\n')
    assert read(repo) == rows
    assert not spans


def test_bytes_that_changed_unseen_are_not_taken(
    repo: Repo, rows: list[dict[str, Any]], spans: list[int]
) -> None:
    path = Path(repo.root) / TABLE
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(data.index(b"row 1500 "))
        file.write(b"ROW")
    stat = repo.parts.cache.load("stat")
    assert isinstance(stat, dict)
    stat[TABLE][:5] = signature(path.stat())  # as if its times had not changed
    repo.parts.cache.save("stat", stat)
    assert read(repo) == rows
    assert spans, "the file was tried"
