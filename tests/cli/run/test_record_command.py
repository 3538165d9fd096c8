"""``promptvc record``: what it says, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Project

EXAMPLES = [
    {"id": "t-1", "question": "2+2?"},
    {"id": "t-2", "question": "3*3?"},
    {"id": "t-3", "question": "?"},
]
ANSWERS = [
    {"question": "2+2?", "a": {"text": "4", "ok": True, "mark": 1}},
    {"question": "3*3?", "a": {"text": "6", "ok": False, "mark": 0.25}},
    {"question": "nobody asked", "a": {"text": "7", "ok": None, "mark": None}},
]
HOW = ("--example-key", "question", "--output", "a.text", "--examples", "examples/sums.jsonl")


@pytest.fixture
def sums(project: Project) -> Project:
    project.write("examples/sums.jsonl", EXAMPLES)
    project.write("prompts/sum.md", "Answer: {{question}}\n")
    project.write("made/answers.jsonl", ANSWERS)
    return project


def test_it_says_what_was_taken_in_and_warns_of_what_does_not_fit(sums: Project) -> None:
    told = sums(
        "record", "mini", "--from", "made/answers.jsonl", *HOW, "--score", "a.ok", "--score", "points=a.mark",
        "--prompt", "prompts/sum.md", "--model", "m-1", "--provider", "them",
    )  # fmt: skip
    assert told.lines == [
        "mini: 3 outputs recorded from answers.jsonl (jsonl)",
        "  examples  examples/sums.jsonl, 2 of 3 have an output",
        "  prompt    prompts/sum.md",
        "  model     them m-1",
        "  ok        1 of 2",
        "  points    mean 0.625 of 2",
    ]
    assert told.err.splitlines() == [
        "warning: 1 output of no example, kept under its own key: nobody asked",
        "warning: 1 example without an output: t-3",
    ]
    rows = [json.loads(line) for line in (sums.root / "outputs/mini.jsonl").read_text().splitlines()]
    assert [row["example_id"] for row in rows] == ["t-1", "t-2", "nobody asked"]
    assert rows[0]["scores"] == {"ok": True, "points": 1}


def test_json_has_the_same_facts(sums: Project) -> None:
    (value,) = sums("record", "mini", "--from", "made/answers.jsonl", *HOW, "--json").values
    record = json.loads((sums.root / "outputs/mini.run.json").read_text())
    assert value == {
        "name": "mini",
        "rows": 3,
        "examples": 3,
        "unmatched": ["nobody asked"],
        "missing": ["t-3"],
        "notes": [],
        "written": ["outputs/mini.jsonl", "outputs/mini.run.json"],
        "record": record,
    }
    assert record["recorded"] is True


def test_a_dry_run_writes_nothing(sums: Project) -> None:
    told = sums("record", "mini", "--from", "made/answers.jsonl", *HOW, "-n")
    assert told.lines[0] == "mini: 3 outputs would be recorded from answers.jsonl (jsonl)"
    assert not (sums.root / "outputs").exists()


def test_undo_takes_it_back(sums: Project) -> None:
    sums("record", "mini", "--from", "made/answers.jsonl", *HOW)
    assert sums("undo").lines[0] == "Undid: record mini"
    assert not (sums.root / "outputs/mini.jsonl").exists()


def test_paths_are_seen_from_where_the_user_stands(sums: Project) -> None:
    how = ("--example-key", "question", "--output", "a.text", "--examples", "../examples/sums.jsonl")
    sums("record", "mini", "--from", "answers.jsonl", *how, folder="made")
    assert (sums.root / "outputs/mini.jsonl").exists()


def test_fields_of_other_names_lead_to_the_examples(sums: Project) -> None:
    sums.write("made/other.csv", "q,out\n2+2?,4\n3*3?,9\n")
    told = sums("record", "mini", "--from", "made/other.csv", "--example-key", "question=q", "--output", "out",
                "--examples", "examples/sums.jsonl")  # fmt: skip
    assert told.lines[:2] == [
        "mini: 2 outputs recorded from other.csv (csv)",
        "  examples  examples/sums.jsonl, 2 of 3 have an output",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["--from", "none.jsonl"], 2, "none.jsonl: no such file", "--from names the file"),
        (
            ["--from", "made/answers.jsonl", *HOW, "--score", "a.nope"],
            2,
            "answers.jsonl (jsonl): no row has a field 'a.nope'",
            "there are question, a.text, a.ok, a.mark",
        ),
        (
            ["--from", "made/answers.jsonl", *HOW, "--score", "a.ok", "--score", "b.ok"],
            2,
            "two scores",
            "--help",
        ),
        (
            ["--from", "made/answers.jsonl", "--output", "a.text"],
            2,
            "identifies the examples",
            "--example-key FIELD",
        ),
        (
            ["--from", "made/answers.jsonl", *HOW, "--examples", "/etc/passwd"],
            2,
            "is outside the project",
            "",
        ),
        (["--from", "prompts/sum.md"], 2, "sum.md does not tell by its name", "--format is one of"),
        ([], 2, "Missing option '--from'", "promptvc record --help"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_hint(
    sums: Project, arguments: list[Any], code: int, message: str, hint: str
) -> None:
    told = sums("record", "mini", *arguments, code=code)
    lines = told.err.splitlines()
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert hint in "".join(lines[1:])
    assert len(lines) <= 2
    assert not (sums.root / "outputs").exists()


def test_a_bad_line_is_named(sums: Project) -> None:
    sums.write("made/bad.jsonl", '{"question": "a"}\n{"question": \n')
    told = sums("record", "mini", "--from", "made/bad.jsonl", *HOW, code=2)
    assert told.err.splitlines()[0] == "error: bad.jsonl line 2 cannot be read: expecting value"
