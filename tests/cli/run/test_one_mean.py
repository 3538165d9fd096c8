"""One definition of a mean: rows count, whichever command tells it, also where examples have uneven samples."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Project

MODEL = """
def answer(messages, model, params, sample_index):
    text = messages[-1]["content"]
    if "once" in text and sample_index:
        raise ValueError("answers once")
    return "yes"
"""
SETTINGS = """\
[runs.mini]
prompt = "prompts/p.txt"
examples = "examples/t.jsonl"
provider = "python:uneven:answer"
model = "m"
samples = 2
scorers = ["exact:expected"]
slices = ["slice"]
[checks.gold]
run = "mini"
fresh = false
min = { exact = 0.9 }
no_worse_than = "HEAD"
per_slice = ["slice"]
"""
EXAMPLES = [
    {"id": "a", "text": "twice", "expected": "yes", "slice": "s"},
    {"id": "b", "text": "once", "expected": "no", "slice": "s"},
]
MEAN = 2 / 3
"""Two of three rows are right; of examples it would be one of two."""


@pytest.fixture
def uneven(project: Project) -> Project:
    """Two samples of one example are right; of the other one sample is wrong, and one failed."""
    project.write("promptvc.toml", SETTINGS)
    project.write("uneven.py", MODEL)
    project.write("prompts/p.txt", "{{ text }}")
    project.write("examples/t.jsonl", EXAMPLES)
    return project


def json_lines(project: Project, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in project(*words, "--json", code=None).lines]


def test_all_commands_tell_the_same_mean(uneven: Project) -> None:
    [ran] = json_lines(uneven, "run")
    assert ran["totals"]["scores"]["exact"] == {"count": 3, "mean": MEAN}
    assert "exact             0.667" in uneven("run", code=1).out
    uneven.commit("outputs")

    compared = next(each for each in json_lines(uneven, "compare") if each["type"] == "comparison")
    [score] = compared["scores"]
    assert (score["pairs"], score["before"], score["after"], score["difference"]) == (3, MEAN, MEAN, 0)
    [sliced] = compared["slices"]
    assert (sliced["scores"][0]["before"], sliced["scores"][0]["after"]) == (MEAN, MEAN)
    assert "0.667 → 0.667" in uneven("compare").out
    assert "0.667" in uneven("compare", "--markdown").out

    gates = {gate["name"]: gate for gate in json_lines(uneven, "check")}
    names = (
        "min exact",
        "no_worse_than HEAD exact",
        "min exact [slice=s]",
        "no_worse_than HEAD exact [slice=s]",
    )
    assert [gates[name]["found"] for name in names] == [MEAN] * 4
    assert gates["min exact"]["words"].startswith("0.667 over 3 of 4 rows")


def test_reports_tell_it_too(uneven: Project) -> None:
    uneven("run", code=1)
    uneven.commit("outputs")
    assert "0.667 over 3 of 4 rows" in uneven("check", "--markdown", "-", code=1).out
    uneven("check", "--junit", "report.xml", code=1)
    failures = [each.get("message") or "" for each in ET.parse(uneven.root / "report.xml").iter("failure")]
    assert any(message.startswith("0.667 over 3 of 4 rows") for message in failures)
    assert "exact 0.667" in repr(uneven.repo.compare("HEAD", run="mini"))
    assert "0.667" in uneven.repo.snapshot("HEAD").run("mini").__repr__()


def test_recorded_outputs_have_the_same_mean(uneven: Project) -> None:
    rows = [("a", 0, True), ("a", 1, True), ("b", 0, False)]
    given = [{"id": id, "output": "x", "n": sample, "exact": score} for id, sample, score in rows]
    done = uneven.repo.record_run("mini", given, example_key="id", sample="n", score="exact")
    assert done.record.totals["scores"] == {"exact": {"count": 3, "mean": MEAN}}
    uneven.commit("recorded")
    found = uneven.repo.compare("HEAD", run="mini").score("exact")
    assert found is not None
    assert (found.before, found.after) == (MEAN, MEAN)
    [gate] = [each for each in json_lines(uneven, "check") if each["name"] == "min exact"]
    assert gate["found"] == MEAN
