"""What a notebook shows: words and cells that changed, and nothing of it ever parsed as HTML."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.ids import RefName
from promptvc.repo import Repo
from tests.html.elements import elements

EVIL = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
TICKETS = "examples/tickets.jsonl"
PROMPT = "---\nmodel: m\ntemperature: 0.7\n---\nsystem:\nYou are a friendly helper.\n"


@pytest.fixture
def edited(repo: Repo) -> Repo:
    """A commit, and one that changes all kinds of files."""
    with repo.transaction("main", "start") as tx:
        tx.write("prompts/a.md", PROMPT)
        tx.append(
            TICKETS,
            [{"id": n, "input": f"Where is my invoice number {n}, please?", "n": n} for n in range(5)],
        )
        tx.write("prompts/logo.png", b"\0")
        tx.write("prompts/old.md", "Once upon a time there was a prompt that was moved.\n" * 3)
    with repo.transaction("main", f"edit {EVIL}") as tx:
        tx.write(
            "prompts/a.md", PROMPT.replace("friendly", "calm").replace("0.7", "0.2") + f"user:\n{EVIL}\n"
        )
        tx.upsert(TICKETS, [{"id": 1, "input": "Where is my receipt number 1, please?", "n": 7}])
        tx.upsert(TICKETS, [{"id": IMAGE, "input": EVIL, EVIL: {"nested": IMAGE}}])
        tx.delete(TICKETS, [3])
        tx.write("prompts/logo.png", b"\0\0")
        tx.remove("prompts/old.md")
        tx.write(f"prompts/{IMAGE}.md", "Once upon a time there was a prompt that was moved.\n" * 3 + EVIL)
    return repo


def test_a_comparison_marks_words_and_cells(edited: Repo) -> None:
    found = elements(edited.diff("main~1", "main"))
    assert "4 changed files" in found.text
    assert found.marked["del"][:4] == ["invoice", "1", "3", "Where is my invoice number 3, please?"]
    assert found.marked["ins"][:2] == ["receipt", "7"]
    assert {"friendly", "0.7"} <= set(found.marked["del"])
    assert {"calm", "0.2", EVIL, IMAGE} <= set(found.marked["ins"])
    assert "1 → 2 bytes" in found.text
    assert f"prompts/old.md → prompts/{IMAGE}.md" in found.text


def test_a_file_that_differs_shows_itself(edited: Repo) -> None:
    [diff] = [diff for diff in edited.diff("main~1", "main") if diff.path == TICKETS]
    assert elements(diff).marked["ins"][:2] == ["receipt", "7"]


def test_a_row_without_a_key_is_named_by_its_number(repo: Repo) -> None:
    for rows in ([{"a": 1}, {"a": 2}], [{"a": 3}]):
        with repo.transaction("main", "rows") as tx:
            tx.append(TICKETS, rows)
    assert "row 3" in elements(repo.diff("main~1", "main")).text


def test_what_is_left_out_is_counted(repo: Repo) -> None:
    with repo.transaction("main", "start") as tx:
        tx.append(TICKETS, [{"id": n} for n in range(3)])
    with repo.transaction("main", "more") as tx:
        tx.append(TICKETS, [{"id": n, **{f"f{field}": 1 for field in range(20)}} for n in range(3, 40)])
        for n in range(30):
            tx.write(f"prompts/{n:02}.md", "line\n" * 100)
    text = elements(repo.diff("main~1", "main")).text
    assert "31 changed files" in text
    for rest in ("17 more rows", "9 more fields", "40 more lines", "11 more files"):
        assert f"… {rest}" in text


def test_a_snapshot_its_prompts_and_its_tables_show_themselves(edited: Repo) -> None:
    snap = edited.snapshot("main")
    assert IMAGE in elements(snap).text
    assert EVIL in elements(snap).text
    assert EVIL in elements(snap.prompt("prompts/a.md")).text
    assert 'm {"temperature": 0.2}' in elements(snap.prompt("prompts/a.md")).text
    assert IMAGE in elements(snap.table(TICKETS)).text


def test_status_and_commits_show_their_files(repo: Repo) -> None:
    assert "On main, no commits yet" in elements(repo.status()).text
    assert repo.root is not None
    file = Path(repo.root) / "prompts" / f"{IMAGE}.md"
    file.parent.mkdir()
    file.write_text("x")
    assert IMAGE in elements(repo.status()).text
    done = repo.commit(f"{EVIL}\n\nbody")
    found = elements(done)
    assert f"[main {done.id.short}] {EVIL}" in found.text
    assert f"prompts/{IMAGE}.md" in found.text
    assert "nothing to commit" in elements(repo.status()).text
    undone = elements(repo.undo())
    assert EVIL in undone.text
    assert "main was" in undone.text


def test_a_merge_shows_what_it_took_and_what_conflicts(edited: Repo) -> None:
    repo = edited
    assert "Up to date" in elements(repo.merge("main~1")).text
    repo.parts.refs.move(RefName.branch("side"), None, repo.snapshot("main~1").id, repo.parts.who(), "test")
    with repo.transaction("side", "side") as tx:
        tx.upsert(TICKETS, [{"id": 1, "input": EVIL, "n": 1}, {"id": 3, "input": "kept", "n": 3}])
        tx.write(f"prompts/{IMAGE}2.md", "new")
    found = elements(repo.merge("side"))
    assert "2 conflicts" in found.text
    assert EVIL in found.text
    assert f"prompts/{IMAGE}2.md" in found.text
    assert "absent" in found.text
    repo.parts.refs.move(RefName.branch("behind"), None, repo.snapshot("main~1").id, repo.parts.who(), "test")
    assert "Fast-forward to" in elements(repo.merge("main", into="behind")).text


def test_a_page_stays_small_whatever_was_pasted_into_a_file(repo: Repo) -> None:
    huge = "word " * 40_000
    with repo.transaction("main", "start") as tx:
        tx.append(TICKETS, [{"id": 1, "a": "short", "b": huge}])
        tx.write("prompts/a.md", "system:\nHello\n")
        tx.write("notes.txt", "x\n")
    with repo.transaction("main", "paste") as tx:
        tx.upsert(TICKETS, [{"id": 1, "a": huge, "b": "x" + huge}])
        tx.write("prompts/a.md", f"system:\nHello {huge}\n")
        tx.write("notes.txt", f"x\n{huge}\ny\n")
    for value in (
        repo.diff("main~1", "main"),
        repo.snapshot("main"),
        repo.snapshot("main").prompt("prompts/a.md"),
    ):
        assert len(elements(value).text) < 30_000
