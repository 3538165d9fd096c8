"""merge, resolve, cherry-pick and revert as a user meets them: what they print, JSON, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from promptvc.cli.main import run
from tests.cli.conftest import Project

TICKETS = "examples/tickets.jsonl"
PROMPT = "prompts/support.md"
ROWS = [{"id": f"t-{n:04}", "input": f"ticket {n}", "expected": "billing", "tags": ["a"]} for n in range(6)]
TEXT = "---\nmodel: m\ntemperature: 0.7\n---\nsystem:\nOne line.\nAnother line.\nA third line.\n"


def rows(**cells: dict[str, object]) -> list[dict[str, object]]:
    return [{**row, **cells.get(f"r{n}", {})} for n, row in enumerate(ROWS)]


@pytest.fixture
def diverged(project: Project) -> Project:
    """``feature`` and ``main``, both with edits of one table and one prompt; one cell conflicts."""
    project.write(TICKETS, ROWS)
    project.write(PROMPT, TEXT)
    project.commit("base")
    project("switch", "-c", "feature")
    project.write(TICKETS, [*rows(r1={"tags": ["a", "b"]}, r2={"expected": "escalate"}), {"id": "t-0100"}])
    project.write(PROMPT, TEXT.replace("0.7", "0.2").replace("A third", "The third"))
    project.commit("theirs")
    project("switch", "main")
    project.write(TICKETS, rows(r1={"expected": "refund"}, r2={"expected": "refund"}))
    project.write(PROMPT, TEXT.replace("One line", "Some line"))
    project.commit("ours")
    return project


def test_what_comes_together_is_told_file_by_file(diverged: Project) -> None:
    diverged("resolve", code=3)
    told = diverged("merge", "feature", code=1)
    assert told.lines == [
        "Merging feature into main",
        "  examples/tickets.jsonl    1 conflict",
        "                            t-0001: expected by ours, tags by theirs",
        '    t-0002  expected      base "billing"  ours "refund"  theirs "escalate"',
        "  prompts/support.md        both changed: merged (lines 3 and 8)",
    ]
    assert told.err == "hint: promptvc resolve examples/tickets.jsonl --key t-0002 --take theirs\n"
    assert all(len(line) <= 80 for line in told.lines)


def test_a_conflict_from_start_to_end(diverged: Project) -> None:
    diverged("merge", "feature", code=1)
    assert diverged("status").lines[-3:] == [
        "Merging feature into main, 1 conflict to resolve: promptvc resolve",
        "  examples/tickets.jsonl   1 conflict",
        '    t-0002  expected      base "billing"  ours "refund"  theirs "escalate"',
    ]
    refused = diverged("commit", code=3)
    assert refused.err.startswith(
        "error: the merge has 1 conflict to resolve, the first in examples/tickets.jsonl\n"
    )
    assert diverged("switch", "feature", code=3).err.startswith(
        "error: a merge is under way, 1 conflict to resolve\n"
    )
    assert diverged("resolve", TICKETS, "--key", "t-0002", "--take", "theirs").lines == [
        "All conflicts resolved: promptvc commit"
    ]
    assert diverged("resolve").lines == ["All conflicts resolved: promptvc commit"]
    assert (
        diverged("status").lines[-1] == "Merging feature into main, all conflicts resolved: promptvc commit"
    )
    assert diverged("commit").lines[0].endswith("] Merge feature")
    table = [json.loads(line) for line in (diverged.root / TICKETS).read_text().splitlines()]
    assert table == [
        *rows(r1={"expected": "refund", "tags": ["a", "b"]}, r2={"expected": "escalate"}),
        {"id": "t-0100"},
    ]
    assert (diverged.root / PROMPT).read_text() == TEXT.replace("0.7", "0.2").replace(
        "A third", "The third"
    ).replace("One line", "Some line")


def test_json_has_the_same_facts(diverged: Project) -> None:
    [told] = diverged("merge", "feature", "--json", code=1).values
    conflict = {
        "path": TICKETS, "kind": "both-changed", "key": {"id": "t-0002"}, "row": 2, "field": "expected", "at": [],
        "base": "billing", "ours": "refund", "theirs": "escalate",
    }  # fmt: skip
    assert told["outcome"] == "conflicts"
    assert told["conflicts"] == [conflict]
    assert told["files"][0] == {
        "path": TICKETS,
        "kind": "table",
        "by": "both",
        "rows": {
            "ours": {"added": 0, "removed": 0, "changed": 2},
            "theirs": {"added": 1, "removed": 0, "changed": 2},
        },
        "merged": [
            {"key": {"id": "t-0001"}, "row": 1, "ours": ["expected"], "theirs": ["tags"]},
            {"key": {"id": "t-0002"}, "row": 2, "ours": ["expected"], "theirs": ["expected"]},
        ],
    }
    assert diverged("resolve", "--json", code=1).values == [conflict]
    assert diverged("status", "--json").values[0]["merge"]["conflicts"] == [conflict]
    [done] = diverged("resolve", ".", "--value", '{"any": ["json"]}', "--json").values
    assert done == {"resolved": 1, "left": 0}


def test_a_dry_run_answers_by_its_exit_code(diverged: Project) -> None:
    told = diverged("merge", "feature", "--dry-run", code=1)
    assert told.lines[0] == "Would merge feature into main"
    assert diverged("status").lines == ["On main", "nothing to commit"]
    diverged("resolve", code=3)
    assert "is up to date with" in diverged("merge", "main~1", "--dry-run").out


def test_a_dry_run_tells_of_work_in_the_way_as_the_merge_does(diverged: Project) -> None:
    diverged.write(TICKETS, rows(r4={"expected": "not committed"}))
    work = (diverged.root / TICKETS).read_text()
    told = [diverged(*words, code=3) for words in (["merge", "feature", "--dry-run"], ["merge", "feature"])]
    assert told[0].err.startswith(
        f"error: {TICKETS} has changes that are not committed\nhint: commit them first"
    )
    assert told[0] == told[1]
    assert (diverged.root / TICKETS).read_text() == work
    diverged("cherry-pick", "feature", "--dry-run", code=3)


def test_abort_and_wrong_calls(diverged: Project) -> None:
    assert "no merge is under way" in diverged("merge", "--abort", code=3).err
    diverged("merge", code=2)
    diverged("merge", "nowhere", code=2)
    diverged("merge", "feature", "--no-ff", "--ff-only", code=2)
    diverged("merge", "feature", "--ff-only", code=3)
    diverged("merge", "feature", code=1)
    diverged("merge", "feature", code=3)
    diverged("resolve", "--take", "ours", code=2)
    diverged("resolve", TICKETS, "--take", "ours", "--value", "1", code=2)
    diverged("resolve", TICKETS, "--key", "t-0005", "--take", "ours", code=2)
    diverged("resolve", TICKETS, "--take", "nobody", code=2)
    assert diverged("merge", "--abort").lines == ["Gave up the merge of feature: 2 files as before"]
    assert diverged("status").lines == ["On main", "nothing to commit"]


def test_abort_goes_alone(diverged: Project) -> None:
    diverged("merge", "feature", code=1)
    for words in (["feature"], ["--dry-run"], ["-m", "text"], ["--into", "main"], ["--no-ff"]):
        assert "--abort takes no other arguments" in diverged("merge", "--abort", *words, code=2).err
    assert diverged.repo.open_merge is not None
    diverged("merge", "--abort")


def test_an_abort_says_that_the_branch_moved_meanwhile(diverged: Project) -> None:
    diverged("merge", "feature", code=1)
    with diverged.repo.transaction("main", message="a service") as tx:
        tx.write("prompts/new.md", "new\n")
    moved = diverged.repo.parts.revisions.resolve("main")
    told = diverged("merge", "--abort")
    assert (
        told.err == f"note: main moved meanwhile: files without work of their own are as in {moved.short}\n"
    )
    assert diverged("status").lines == ["On main", "nothing to commit"]


def test_into_no_branch_is_a_wrong_call(diverged: Project) -> None:
    before = diverged.repo.parts.refs.find()
    assert "--into which branch?" in diverged("merge", "feature", "--into", "", code=2).err
    assert diverged.repo.parts.refs.find() == before


def test_into_another_branch_leaves_the_working_files(diverged: Project) -> None:
    diverged("switch", "-c", "elsewhere", "feature~1")
    before = (diverged.root / TICKETS).read_text()
    told = diverged("merge", "feature", "--into", "main", code=1)
    assert told.err.endswith(
        "hint: promptvc switch main, then merge there to resolve them; nothing was changed\n"
    )
    assert diverged("merge", "feature", "--into", "elsewhere").lines[0].startswith("elsewhere: ")
    diverged("switch", "main")
    diverged.write(TICKETS, ROWS)
    diverged.commit("back")
    diverged("switch", "elsewhere")
    here = (diverged.root / TICKETS).read_text()
    assert diverged("merge", "feature", "--into", "main").lines[-1].endswith("] Merge feature")
    assert (diverged.root / TICKETS).read_text() == here
    assert before != here


def test_one_cell_in_the_editor(diverged: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    diverged("merge", "feature", code=1)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsleep 1.1\nprintf 'by hand\\n' > \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("GIT_EDITOR", str(editor))
    diverged("resolve", TICKETS, "--edit")
    assert '"t-0002", "input": "ticket 2", "expected": "by hand"' in (diverged.root / TICKETS).read_text()


def test_text_conflicts_stand_between_markers_and_are_settled_by_hand(project: Project) -> None:
    project.write(PROMPT, "One.\nTwo.\nThree.\n")
    project.commit("base")
    project("switch", "-c", "feature")
    project.write(PROMPT, "One.\nTwo by them.\nThree.\n")
    project.commit("theirs")
    project("switch", "main")
    project.write(PROMPT, "One.\nTwo by us.\nThree.\n")
    project.commit("ours")
    told = project("merge", "feature", code=1)
    assert "1 conflict" in told.out
    assert told.err == "hint: promptvc resolve prompts/support.md --take theirs\n"
    assert (project.root / PROMPT).read_text() == (
        "One.\n<<<<<<< main\nTwo by us.\n||||||| base\nTwo.\n=======\nTwo by them.\n>>>>>>> feature\nThree.\n"
    )
    project("commit", code=3)
    project.write(PROMPT, "One.\nTwo by both.\nThree.\n")
    assert project("resolve").lines == ["All conflicts resolved: promptvc commit"]
    project("commit")
    assert project.repo.snapshot().read(PROMPT) == b"One.\nTwo by both.\nThree.\n"


def test_text_taken_from_a_side(project: Project) -> None:
    test_text_conflicts_stand_between_markers_and_are_settled_by_hand(project)
    project("switch", "-c", "other", "main~1")
    project.write(PROMPT, "One.\nTwo by others.\nThree.\n")
    project.commit("others")
    project("merge", "main", code=1)
    project("resolve", PROMPT, "--take", "theirs")
    assert (project.root / PROMPT).read_text() == "One.\nTwo by both.\nThree.\n"


def test_pull_merges(project: Project, tmp_path: Path) -> None:
    project.write(TICKETS, ROWS)
    project.commit("base")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "hub.git")], check=True)
    project("remote", "add", "origin", tmp_path / "hub.git")
    project("push", "-u", "origin", "main")
    assert run(["clone", str(tmp_path / "hub.git"), str(tmp_path / "copy")]) == 0
    copy = tmp_path / "copy" / TICKETS
    copy.write_text(copy.read_text().replace('"ticket 4"', '"theirs"'))
    assert run(["-C", str(tmp_path / "copy"), "commit", "-m", "theirs"]) == 0
    assert run(["-C", str(tmp_path / "copy"), "push"]) == 0
    project.write(TICKETS, rows(r4={"tags": []}))
    project.commit("ours")
    project("pull", "--ff-only", code=3)
    assert project("pull").lines[-1].endswith("] Merge origin/main")
    assert '"theirs", "expected": "billing", "tags": []' in (project.root / TICKETS).read_text()
    project("push")


def test_cherry_pick_and_revert(diverged: Project) -> None:
    picked = diverged("cherry-pick", "feature", code=1)
    assert picked.lines[0] == "Picking feature into main"
    diverged("resolve", ".", "--take", "ours")
    assert diverged("commit").lines[0].endswith("] theirs")
    reverted = diverged("revert", "HEAD")
    assert reverted.lines[0].startswith("Reverting ")
    assert reverted.lines[-1].endswith('] Revert "theirs"')
    assert (diverged.root / PROMPT).read_text() == TEXT.replace("One line", "Some line")
    diverged("revert", code=2)
    diverged("cherry-pick", "--abort", code=3)


def test_a_merge_is_reverted_against_a_parent(diverged: Project) -> None:
    diverged("merge", "feature", code=1)
    diverged("resolve", ".", "--take", "theirs")
    diverged("commit")
    assert "is a merge" in diverged("revert", "HEAD", code=2).err
    diverged("revert", "-m", "1", "HEAD")
    assert diverged.repo.snapshot().read(TICKETS) == diverged.repo.snapshot("main~2").read(TICKETS)


def test_restore_does_not_throw_away_what_came_together(diverged: Project) -> None:
    diverged("merge", "feature", code=1)
    merged = (diverged.root / TICKETS).read_text()
    assert "--source HEAD takes this file back" in diverged("restore", "--force", TICKETS, code=3).err
    assert (diverged.root / TICKETS).read_text() == merged
    diverged("restore", "--force", "--source", "HEAD", TICKETS)
    assert (diverged.root / TICKETS).read_text() != merged


def test_a_number_given_for_a_cell_of_csv_stays_as_typed(project: Project) -> None:
    for message, cell in (("base", "1"), ("theirs", "2"), ("ours", "3")):
        if message != "base":
            project("switch", *(["-c", "feature"] if message == "theirs" else ["main"]))
        project.write("examples/t.csv", f"id,x\na,{cell}\n")
        project.commit(message)
    project("merge", "feature", code=1)
    project("resolve", ".", "--value", "1.10")
    assert (project.root / "examples/t.csv").read_text() == "id,x\na,1.10\n"


def test_commits_that_were_not_picked_any_more_are_named(diverged: Project) -> None:
    told = diverged("cherry-pick", "feature", "feature~1", code=1)
    assert "note: not done yet: promptvc cherry-pick feature~1" in told.err
    assert diverged("status").lines[0] == "On main"


def test_undo_takes_a_merge_back_in_one_step(diverged: Project) -> None:
    before = (diverged.root / TICKETS).read_text()
    diverged("merge", "feature", code=1)
    diverged("undo")
    assert (diverged.root / TICKETS).read_text() == before
    assert diverged("status").lines == ["On main", "nothing to commit"]
    diverged("undo")
    diverged("resolve", ".", "--take", "theirs")
    diverged("commit")
    head = diverged.repo.parts.revisions.resolve("HEAD")
    assert "main was" in diverged("undo").out
    assert diverged("status").lines[-1].endswith("all conflicts resolved: promptvc commit")
    diverged("undo")
    assert diverged.repo.parts.revisions.resolve("HEAD") == head
