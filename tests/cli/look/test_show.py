"""``promptvc show``: a commit, a file at a commit, a folder at a commit."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Project
from tests.drawing import draw

PROMPT = "---\nmodel: m-1\ntemperature: 0.2\n---\nsystem:\nBe brief.\n\nuser:\n{{ ticket }}\n"


@pytest.fixture
def shown(project: Project) -> Project:
    """Two commits: a prompt and a table of seven rows, then another row."""
    project.write("prompts/s.md", PROMPT)
    rows = [{"id": n, "input": f"question {n}"} for n in range(7)]
    project.write("examples/t.jsonl", rows)
    project.commit("First")
    project.write("examples/t.jsonl", [*rows, {"id": 7, "input": "one more"}])
    project.repo.commit("Second\n\nBecause.", code_commit="c0de")
    return project


def test_a_commit_is_a_header_its_message_and_what_it_changed(shown: Project) -> None:
    lines = shown("show").lines
    id = shown.repo.parts.revisions.resolve("HEAD")
    assert lines[0] == f"commit   {id} (HEAD → main)"
    assert lines[1] == "author   Me <me@example.com>"
    assert lines[2].startswith("date     20")
    assert lines[3:9] == ["code     c0de", "", "    Second", "", "    Because.", ""]
    assert lines[-3:] == ['  + 7            {"input": "one more"}', "", "1 table; 1 row added"]


def test_the_first_commit_is_shown_against_nothing(shown: Project) -> None:
    out = shown("show", "HEAD~1", "--stat").out
    assert "new, 7 rows" in out
    assert "3 files: 1 prompt, 1 table, 1 text file; 7 rows added" in out
    assert shown("show", "HEAD~1", "--name-only", "prompts").lines[-1] == "prompts/s.md"


def test_a_merge_is_shown_against_its_first_parent(project: Project) -> None:
    drawn = draw(
        project.repo,
        """
        a──b──d   main
         └─c─┘
        """,
    )
    lines = project("show", "--name-only").lines
    assert lines[1].startswith(f"merge    {drawn['b'].short} {drawn['c'].short}")
    assert lines[-2:] == ["prompts/c.md", "prompts/d.md"]


def test_json_is_the_commit_and_then_the_diff(shown: Project) -> None:
    commit, file, row, summary = shown.json("show")
    assert commit["type"] == "commit"
    assert commit["code_commit"] == "c0de"
    assert commit["message"].startswith("Second")
    assert (file["type"], row["type"], summary["type"]) == ("file", "row", "summary")


def test_a_table_at_a_commit_is_described_with_its_first_rows(shown: Project) -> None:
    assert shown("show", "HEAD~1:examples/t.jsonl").lines == [
        "examples/t.jsonl                                    table, 7 rows, key id, 231 B",
        "  columns    id, input",
        "",
        "id  input",
        "──  ──────────",
        "0   question 0",
        "1   question 1",
        "2   question 2",
        "3   question 3",
        "4   question 4",
        "… 2 more",
    ]
    [value] = shown.json("show", "HEAD:examples/t.jsonl")
    assert (value["kind"], value["rows"], value["key"], value["columns"]) == (
        "table",
        8,
        ["id"],
        ["id", "input"],
    )
    assert value["first"][0] == {"id": 0, "input": "question 0"}


def test_a_prompt_at_a_commit_is_described_by_messages_variables_and_settings(shown: Project) -> None:
    assert shown("show", "HEAD:prompts/s.md").lines[1:] == [
        "  variables  ticket",
        "  model      m-1",
        "  parameters temperature 0.2",
        "  @@ system",
        "  Be brief.",
        "  @@ user",
        "  {{ ticket }}",
    ]
    [value] = shown.json("show", "HEAD:prompts/s.md")
    assert value["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (value["variables"], value["model"]) == (["ticket"], "m-1")


def test_a_prompt_that_cannot_be_read_is_shown_as_text_with_the_reason(project: Project) -> None:
    project.write("prompts/x.j2", "{{ broken\n")
    project.commit()
    out = project("show", "HEAD:prompts/x.j2").out
    assert "not read as a prompt: " in out
    assert out.endswith("{{ broken\n")
    assert "problem" in project.json("show", "HEAD:prompts/x.j2")[0]


def test_the_record_of_a_run_says_what_made_its_outputs(project: Project) -> None:
    row = {"example_id": "t-1", "output": "yes", "ok": True}
    project.write("made.jsonl", json.dumps(row) + "\n")
    project.write("prompts/a.md", "Hello {{ x }}\n")
    project(
        "record", "mini", "--from", "made.jsonl", "--example-key", "example_id", "--score", "ok",
        "--prompt", "prompts/a.md", "--model", "m-1", "--provider", "them",
    )  # fmt: skip
    project("commit", "-m", "outputs")
    told = project("show", "HEAD:outputs/mini.run.json")
    assert told.lines[0].startswith("outputs/mini.run.json  ")
    assert "  run, the record of mini, " in told.lines[0]
    pinned = project.repo.snapshot("HEAD").file("prompts/a.md").entry.id
    assert told.lines[1:] == [
        "  outputs    1 row, ok 1.000",
        "  taken from made.jsonl (jsonl)",
        "  model      them m-1",
        f"  prompt     prompts/a.md, object {pinned.short}",
    ]
    (value,) = project("show", "HEAD:outputs/mini.run.json", "--json").values
    assert (value["kind"], value["record"]["model"], "rows" in value) == ("run", "m-1", False)
    assert project("blame", "outputs/mini.run.json").lines[0].endswith("  1  {")
    refused = project("log", "outputs/mini.run.json", "--key", "x", code=2)
    assert "outputs/mini.run.json is not a table" in refused.err


def test_a_record_that_cannot_be_read_is_shown_as_text_with_the_reason(project: Project) -> None:
    project.write("outputs/odd.run.json", "{}\n")
    project("commit", "-m", "odd")
    told = project("show", "HEAD:outputs/odd.run.json")
    assert told.lines[1].startswith("  not read as the record of a run: outputs/odd.run.json cannot be read")
    assert told.lines[-1] == "{}"


def test_a_folder_lists_its_files(shown: Project) -> None:
    assert [line.split()[0] for line in shown("show", "HEAD:").lines] == [
        "examples/t.jsonl", "prompts/s.md", "promptvc.toml",
    ]  # fmt: skip
    assert [value["path"] for value in shown.json("show", "HEAD:prompts")] == ["prompts/s.md"]
    assert shown("show", "HEAD:./s.md", folder="prompts").lines[0].startswith("prompts/s.md")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("HEAD:nowhere.md", "nowhere.md is not in"),
        ("nowhere", "'nowhere' is neither a revision nor a file here"),
        (":prompts/s.md", ":prompts/s.md names no revision"),
        ("nowhere:prompts/s.md", "nowhere"),
    ],
)
def test_what_is_not_there_is_refused(shown: Project, word: str, message: str) -> None:
    assert message in shown("show", word, code=2).err


def test_without_a_commit_show_says_so(project: Project) -> None:
    assert "unknown revision 'HEAD'" in project("show", code=2).err
