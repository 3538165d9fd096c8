"""A kind of scorer is one entry of `KINDS`: run, compare and check know it by its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptvc.content.runs.spec import ScorerSpec
from promptvc.content.values.dotted import pick
from promptvc.runs.check.check import check_run
from promptvc.runs.scoring.expected import COMMON, expected_field, expected_fields
from promptvc.runs.scoring.kinds import KINDS, Made, ScorerKind
from tests.runs.projects import SETTINGS, Project

CHECK = """
[checks.gold]
run = "mini"
min = { backwards = 1 }
"""


def backwards(field: str, read: object) -> Made:
    """Whether the output, read backwards, is the field."""
    return Made(lambda output, example, row: (output or "")[::-1] == pick(example, field.removesuffix("!")))


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = ScorerKind(
        "backwards:FIELD!", "backwards-1", backwards, lambda argument: argument.removesuffix("!")
    )
    monkeypatch.setitem(KINDS, "backwards", kind)


@pytest.mark.usefixtures("plugged")
def test_a_kind_that_is_plugged_in_is_known_everywhere(tmp_path: Path) -> None:
    rows = [
        {"id": id, "input": text, "turned": turned}
        for id, text, turned in (("a", "ab", "ba"), ("b", "cd", "cd"))
    ]
    settings = SETTINGS.replace("exact:expected", "backwards:turned!") + CHECK
    project = Project(tmp_path / "p", rows, settings)
    ran = project.run()
    assert ran.record.totals["scores"] == {"backwards": {"count": 2, "mean": 0.5}}
    project.commit("outputs")

    assert [row.expected for row in project.repo.compare("HEAD", run="mini").rows] == ["ba", "cd"]
    repo = project.repo
    source = repo.parts.runs.source()
    result = check_run(
        source.project.checks["gold"], source, repo.parts.contents, repo.parts.store, lambda text: source
    )
    [gate] = result.failed
    assert [(row.example_id, row.expected) for row in gate.rows] == [("b", "cd")]


@pytest.mark.parametrize("name", COMMON)
def test_check_and_compare_name_the_same_expected_output(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, Any]] = [{"id": "a", "input": "x", name: "gold"}]
    settings = SETTINGS.replace("exact:expected", "passes=regex:y") + CHECK.replace("backwards", "passes")
    project = Project(tmp_path / "p", rows, settings)
    project.run()
    project.commit("outputs")
    repo = project.repo
    source = repo.parts.runs.source()
    result = check_run(
        source.project.checks["gold"], source, repo.parts.contents, repo.parts.store, lambda text: source
    )
    [[row]] = [gate.rows for gate in result.failed]
    [compared] = repo.compare("HEAD", run="mini").rows
    assert row.expected == compared.expected == "gold"
    assert row.to_value()["expected"] == "gold"


@pytest.mark.parametrize(
    ("scorer", "field"),
    [
        ("exact:answer", "answer"),
        ("near=numeric:meta.value,tolerance=0.1", "meta.value"),
        ("similarity:a:b", "a:b"),
        ("regex:@pattern", None),
        ("json_schema:@schema", None),
        ("python:m:answer", None),
        ("newer:answer", None),
    ],
)
def test_the_field_is_the_one_that_the_scorer_reads(scorer: str, field: str | None) -> None:
    assert expected_fields([ScorerSpec.parse(scorer)]) == ([] if field is None else [field])


def test_a_field_that_a_scorer_names_comes_before_those_with_a_common_name() -> None:
    assert expected_field({"expected": 1, "gold": 2}, ["gone", "gold"]) == "gold"
    assert expected_field({"label": 1, "answer": 2}, []) == "answer"
    assert expected_field({"text": 1}, ["gone"]) is None
