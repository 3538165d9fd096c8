"""What is kept of keys beside the store: fsck holds it against the rows, and forget removes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptvc.content.keys.segments import Segment, read_segment, write_segment
from promptvc.repo import Repo

ROWS = [{"id": f"row-{n:05d}", "text": "some words that fill the row " * 6} for n in range(4000)]


@pytest.fixture
def table(repo: Repo) -> Repo:
    """A table of many chunks with a declared key, committed."""
    assert repo.root is not None
    (repo.root / "examples").mkdir()
    (repo.root / "examples/t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (repo.root / "promptvc.toml").write_text('[tables."examples/t.jsonl"]\nkey = ["id"]\n')
    repo.commit("rows")
    return repo


def segments(repo: Repo) -> list[Path]:
    return sorted((repo.path / "promptvc/keys").rglob("*.keys"))


def test_a_commit_with_a_declared_key_keeps_where_keys_are(table: Repo) -> None:
    assert len(segments(table)) == 1
    assert table.snapshot().table("examples/t.jsonl")["row-03999"]["id"] == "row-03999"
    assert table.verify() == []


def test_what_does_not_fit_the_rows_is_found_and_dropped(table: Repo) -> None:
    """A segment that is whole, but says of a chunk that it has other keys."""
    path = segments(table)[0]
    found = read_segment(path)
    assert found is not None
    wrong = Segment(found.names, found.flags, found.entries[1:])
    path.write_bytes(write_segment(wrong))
    fresh = Repo.open(table.path, table.parts.surroundings)
    assert [problem.name for problem in fresh.verify()] == ["keys"]
    for repair in fresh.repairs():
        repair.do()
    assert fresh.verify() == []
    assert all(fresh.snapshot().table("examples/t.jsonl")[row["id"]] == row for row in ROWS[::97])


def test_a_damaged_segment_is_as_if_it_were_not_there(table: Repo) -> None:
    segments(table)[0].write_bytes(b"garbage")
    fresh = Repo.open(table.path, table.parts.surroundings)
    assert fresh.snapshot().table("examples/t.jsonl")["row-00007"] == ROWS[7]
    assert fresh.verify() == []


def test_keys_that_rows_share_are_told_after_an_edit_elsewhere(table: Repo) -> None:
    assert table.root is not None
    path = table.root / "examples/t.jsonl"
    path.write_text(path.read_text().replace('"id": "row-02000"', '"id": "row-00001"'))
    done = table.commit("shared")
    assert [str(warning) for warning in done.key_warnings] == [
        "examples/t.jsonl: rows 2, 2001 have the same key id=row-00001"
    ]
