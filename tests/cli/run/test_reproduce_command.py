"""``promptvc reproduce``: what it says, what it names, and how it leaves."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import Project

MODEL = """
def answer(messages, model, params):
    return {"output": messages[-1]["content"].upper() + "END", "cost_usd": 0.25}
"""
RUN = """
[runs.mini]
prompt = "prompts/sum.md"
examples = "examples/sums.jsonl"
provider = "python:reproduce_cli_model:answer"
model = "m-1"
"""


@pytest.fixture
def sums(project: Project) -> Project:
    """A run of twelve rows, committed."""
    project.write("examples/sums.jsonl", [{"id": f"s-{n}", "text": f"two and {n}"} for n in range(12)])
    project.write("prompts/sum.md", "Answer: {{text}}\n")
    project.write("promptvc.toml", RUN)
    project.write("reproduce_cli_model.py", MODEL)
    sys.modules.pop("reproduce_cli_model", None)
    project("run")
    project.commit()
    return project


def test_a_run_that_follows_is_verified(sums: Project) -> None:
    assert sums("reproduce").lines == ["mini   12 rows: all verified"]
    assert sums("reproduce", "HEAD", "mini").lines == ["mini at HEAD   12 rows: all verified"]
    assert sums("reproduce", "mini").err == ""


def test_a_changed_byte_of_the_prompt_names_the_rows(sums: Project) -> None:
    sums.write("prompts/sum.md", "Answer; {{text}}\n")
    told = sums("reproduce", code=1)
    assert told.lines == [
        "mini   12 rows: 0 verified",
        "  12 rows do not follow from the working files: s-0, s-1, s-2, s-3, s-4, s-5, s-6, s-7, s-8, s-9 and 2 more",
    ]
    assert told.err.splitlines() == [
        "note: prompts/sum.md is not the version that the record pins; promptvc reproduce HEAD mini takes those"
    ]
    (value,) = sums("reproduce", "--json", code=1).values
    assert [place["example_id"] for place in value["astray"]] == [f"s-{n}" for n in range(12)]
    assert value["is_verified"] is False


def test_outputs_that_were_stale_when_committed_are_noted(sums: Project) -> None:
    sums.write("prompts/sum.md", "Answer; {{text}}\n")
    sums.commit()
    told = sums("reproduce", "HEAD")
    assert told.lines == ["mini at HEAD   12 rows: all verified"]
    first, second = told.err.splitlines()
    assert "stale when committed" in first
    assert "s-0, s-1" in second


def test_edited_rows_are_named(sums: Project) -> None:
    rows = [json.loads(line) for line in (sums.root / "outputs/mini.jsonl").read_text().splitlines()]
    rows[1]["request_hash"] = "f" * 64
    rows[2]["example_id"] = "gone"
    sums.write("outputs/mini.jsonl", rows)
    sums.commit()
    assert sums("reproduce", "HEAD", code=1).lines == [
        "mini at HEAD   12 rows: 10 verified",
        "  1 row does not follow from what is pinned: s-1",
        "  1 row of no example: gone",
        "  1 request without its row: s-2",
        "  edited since: outputs/mini.jsonl is not what the record names",
    ]


def test_recorded_outputs_cannot_be_verified(sums: Project) -> None:
    sums.write("made/answers.jsonl", [{"id": "s-1", "a": "4"}])
    sums(
        "record",
        "theirs",
        "--from",
        "made/answers.jsonl",
        "--output",
        "a",
        "--examples",
        "examples/sums.jsonl",
    )
    told = sums("reproduce", "theirs", code=1)
    assert told.lines[0] == "theirs   1 row: cannot be verified"
    assert "recorded" in told.lines[1]
    assert sums("reproduce", "theirs", "--call", code=1).lines == told.lines


def test_call_tells_what_changed_and_what_it_cost(sums: Project) -> None:
    assert sums("reproduce", "--call").lines == [
        "mini   12 rows: all verified",
        "  asked again with 12 calls for 3.00 USD: 12 of 12 outputs equal",
    ]
    sums.write("reproduce_cli_model.py", MODEL.replace('"END"', '" NO"'))
    sys.modules.pop("reproduce_cli_model", None)
    told = sums("reproduce", "HEAD", "--call", "--limit", 2, "-j", 1)
    assert told.lines[1] == "  asked again with 2 calls for 0.50 USD: 0 of 2 outputs equal, 2 different"
    assert told.lines[2].startswith("    s-0   ")
    assert "% alike" in told.lines[2]
    _, value = sums("reproduce", "--call", "--limit", 1, "--json").values
    assert (value["type"], value["asked"], value["calls"]) == ("drift", 1, 1)
    assert value["rows"][0]["before"]["output"].endswith("END")
    assert value["rows"][0]["after"]["output"].endswith(" NO")
    assert sums.repo.status().clean


def test_what_is_neither_a_revision_nor_a_run_is_refused(sums: Project) -> None:
    assert "'nothing' is neither a revision nor a run" in sums("reproduce", "nothing", code=2).err
    assert "HEAD has no outputs of a run 'nothing'" in sums("reproduce", "HEAD", "nothing", code=2).err
    assert "--call" in sums("reproduce", "--limit", 3, code=2).err


def test_a_run_that_is_called_like_a_branch_comes_after_two_dashes(sums: Project) -> None:
    sums("branch", "mini")
    assert sums("reproduce", "mini").lines == ["mini at mini   12 rows: all verified"]
    assert sums("reproduce", "--", "mini").lines == ["mini   12 rows: all verified"]
