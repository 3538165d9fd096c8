"""``promptvc check``: what it says, its exit codes, and its reports for CI."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from promptvc.cli.show.chars import columns
from tests.cli.conftest import Project

EXAMPLES = [
    {"id": f"t-{n:02}", "input": f"question {n}", "expected": "yes", "slice": "even" if n % 2 == 0 else "odd",
     "tags": ["gold"] if n < 4 else []}
    for n in range(20)
]  # fmt: skip
CHECK = """\
[checks.gold]
run = "mini"
min = { exact = 0.9 }
must_pass = { tags = "gold" }
"""


def record(project: Project, wrong: tuple[int, ...] = (), output: str = "no", **fields: Any) -> None:
    rows = [
        {"id": row["id"], "output": output if n in wrong else "yes", "exact": n not in wrong} | fields
        for n, row in enumerate(EXAMPLES)
    ]
    project.write("examples/t.jsonl", EXAMPLES)
    project.repo.record_run(
        "mini", rows, example_key="id", output="output", score="exact", examples="examples/t.jsonl",
        **{name: name for name in fields},
    )  # fmt: skip


@pytest.fixture
def checked(project: Project) -> Project:
    project.write("promptvc.toml", CHECK)
    record(project)
    return project


def test_what_passes_is_told_in_a_line_a_gate(checked: Project) -> None:
    told = checked("check")
    assert told.lines == [
        "gold   mini: 3 gates passed",
        "  ✓ fresh                up to date",
        "  ✓ min exact            1.000 over 20 rows",
        "  ✓ must_pass tags=gold  4 rows, all pass",
    ]
    assert told.err == ""


def test_what_fails_is_told_with_its_rows(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7))
    told = checked("check", code=1)
    assert told.lines == [
        "gold   mini: 2 of 3 gates failed",
        "  ✓ fresh                up to date",
        "  ✗ min exact            0.850 over 20 rows, wanted at least 0.9",
        "      t-01  exact false  expected yes, got no",
        "      t-02  exact false  expected yes, got no",
        "      t-07  exact false  expected yes, got no",
        "  ✗ must_pass tags=gold  2 of 4 rows fail",
        "      above: t-01, t-02",
    ]
    assert told.err == "hint: promptvc rows outputs/mini.jsonl --where scores.exact=false\n"
    assert len(checked("rows", "outputs/mini.jsonl", "--where", "scores.exact=false").lines) == 3


def test_rows_are_limited(checked: Project) -> None:
    record(checked, wrong=tuple(range(15)))
    assert "      … 5 more" in checked("check", code=1).lines
    lines = checked("check", "--limit", 2, code=1).lines
    assert lines[-5:] == [
        "      t-01  exact false  expected yes, got no",
        "      … 13 more",
        "  ✗ must_pass tags=gold  4 of 4 rows fail",
        "      above: t-00, t-01",
        "      … 2 more",
    ]


def test_every_line_fits(checked: Project) -> None:
    settings = (
        CHECK.replace("0.9", "0.99") + 'no_worse_than = "main"\nno_broken = true\nper_slice = "slice"\n'
    )
    checked.write("promptvc.toml", settings)
    checked.commit()
    record(checked, wrong=(0, 3, 8), output="長い\x1b[2J answer\n" * 50)
    lines = checked("check", code=1).lines
    assert max(map(columns, lines)) <= 80
    assert not any("\x1b" in line for line in lines)
    start = "exact false (was true)  expected yes, got 長い\\x1b[2J ans"
    assert any(line.startswith(f"      t-00  even  {start}") for line in lines)
    assert any(line.startswith(f"      t-03  odd   {start}") for line in lines)


def test_names_and_words_are_in_two_columns(checked: Project) -> None:
    checked.commit()
    checked("branch", "a-branch-with-a-long-name")
    settings = CHECK + 'no_worse_than = "a-branch-with-a-long-name"\nmax = { errors = 0, rows = 20 }\n'
    checked.write("promptvc.toml", settings)
    record(checked, cost=0.000033, latency=1500)
    lines = checked("check").lines
    assert lines[1:] == [
        "  ✓ fresh                up to date",
        "  ✓ min exact            1.000 over 20 rows",
        "  ✓ max errors           0 of 20 rows",
        "  ✓ max rows             20 rows",
        "  ✓ no_worse_than a-branch-with-a-long-name exact",
        "                         1.000 → 1.000 over 20 rows in both",
        "  ✓ must_pass tags=gold  4 rows, all pass",
    ]
    checked.write("promptvc.toml", CHECK + "max = { cost_usd = 3e-5, latency_ms = 1e3 }\n")
    lines = checked("check", code=1).lines
    assert "  ✗ max cost_usd         0.00066 USD over 20 rows, wanted at most 0.00003 USD" in lines
    assert "  ✗ max latency_ms       mean 1.50 s over 20 rows, wanted at most 1,000 ms" in lines


def test_a_field_inside_another_has_to_be_there(checked: Project) -> None:
    for settings in (
        'per_slice = "meta.land"\n',
        '[checks.gold.slices."meta.land"]\nde = { min = { exact = 1 } }\n',
    ):
        checked.write("promptvc.toml", CHECK + settings)
        checked.write("examples/t.jsonl", [{**row, "meta": {"lang": "de"}} for row in EXAMPLES])
        told = checked("check", code=3).err
        assert "no example has a field 'meta.land'" in told
        assert "did you mean meta.lang?" in told
        checked.write(
            "promptvc.toml",
            CHECK.replace("[checks.gold]", "[checks.gold]\nfresh = false") + settings.replace("land", "lang"),
        )
        checked("check")


def test_the_hint_names_the_version_that_was_checked(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7))
    checked.commit()
    told = checked("check", "--at", "main", code=1)
    assert told.err == "hint: promptvc rows main:outputs/mini.jsonl --where scores.exact=false\n"
    assert len(checked(*told.err.split()[2:]).lines) == 3


def test_slices_that_pass_are_counted(checked: Project) -> None:
    checked.write("promptvc.toml", CHECK + 'per_slice = "slice"\n')
    assert checked("check").lines[-1] == "  ✓ 2 gates of slices"


def test_what_is_compared_with_leads_to_compare(checked: Project) -> None:
    checked.write("promptvc.toml", CHECK + 'no_worse_than = "main"\n')
    checked.commit()
    record(checked, wrong=(5,))
    told = checked("check", code=1)
    assert "  ✗ no_worse_than main exact  1.000 → 0.950 over 20 rows in both, 1 worse" in told.lines
    assert told.err == "hint: promptvc compare main mini --broken\n"
    assert "  t-05  expected" in checked("compare", "main", "mini", "--broken").out


def test_stale_outputs_fail_and_say_what_to_run(project: Project) -> None:
    project.write("check_model.py", "def answer(messages, model, params):\n    return 'yes'\n")
    project.write("examples/t.jsonl", EXAMPLES)
    project.write("prompts/p.md", "Answer {{ input }}")
    project.write(
        "promptvc.toml",
        '[runs.mini]\nprompt = "prompts/p.md"\nexamples = "examples/t.jsonl"\nmodel = "m"\n'
        'provider = "python:check_model:answer"\nscorers = ["exact:expected"]\n' + CHECK,
    )
    told = project("check", code=1)
    assert told.lines[1].split() == ["✗", "fresh", "there", "are", "no", "outputs"]
    assert told.err == "hint: promptvc run mini\n"
    project("run")
    project("check")
    project.write("prompts/p.md", "Reply to {{ input }}")
    told = project("check", code=1)
    assert "✗ fresh                20 of 20 " in told.out
    assert told.err == "hint: promptvc run mini\n"


def test_a_commit_is_checked(checked: Project) -> None:
    checked.commit()
    record(checked, wrong=(0, 1, 2))
    checked("check", code=1)
    assert checked("check", "--at", "main").lines[0] == "gold   mini at main: 3 gates passed"
    assert "unknown revision" in checked("check", "--at", "mian", code=2).err


def test_checks_are_named(checked: Project) -> None:
    checked.write("promptvc.toml", CHECK + '[checks.cheap]\nrun = "mini"\nmax = { rows = 10 }\n')
    assert len(checked("check", "gold").lines) == 4
    assert checked("check", "cheap", code=1).lines[0] == "cheap   mini: 1 of 2 gates failed"
    assert checked("check", code=1).lines[4] == "cheap   mini: 1 of 2 gates failed"
    told = checked("check", "gould", code=2)
    assert told.err == ("error: promptvc.toml declares no check 'gould'\nhint: it declares gold, cheap\n")


def test_a_project_without_checks_says_how_to_declare_one(project: Project) -> None:
    told = project("check", code=2)
    assert told.err.startswith("error: promptvc.toml declares no check\nhint: [checks.NAME] with run")


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        (CHECK + "mins = 1\n", 3, "promptvc.toml: checks.gold has no setting 'mins'"),
        (CHECK.replace('"mini"', '"minni"'), 3, "promptvc.toml: checks.gold.run: there is no run 'minni'"),
        (CHECK.replace("exact", "exakt"), 3, "promptvc.toml: checks.gold.min: mini has no score 'exakt'"),
        (CHECK + 'no_worse_than = "x"\n', 2, "promptvc.toml: checks.gold.no_worse_than: unknown revision"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_hint(
    checked: Project, settings: str, code: int, message: str
) -> None:
    checked.write("promptvc.toml", settings)
    told = checked("check", code=code)
    error, hint = told.err.splitlines()
    assert error.startswith(f"error: {message}")
    assert hint.startswith("hint: ")


# --- for programs -----------------------------------------------------------------------------------------


def test_json_has_a_value_a_gate(checked: Project) -> None:
    record(checked, wrong=(1, 9, 12), error=None)
    values = checked("check", "--json", code=1).values
    assert [(v["name"], v["check"], v["passed"], v["wanted"], v["found"]) for v in values] == [
        ("fresh", "gold", True, True, True),
        ("min exact", "gold", False, 0.9, 0.85),
        ("must_pass tags=gold", "gold", False, 0, 1),
    ]
    assert values[1]["failing"] == 3
    assert values[2]["rows"] == [
        {
            "example_id": "t-01",
            "sample_index": 0,
            "slices": {},
            "expected": "yes",
            "output": "no",
            "error": None,
            "scores": {"exact": False},
            "before": {},
        }
    ]
    assert len(checked("check", "--json", "--limit", 1, code=1).values[1]["rows"]) == 1


def junit(project: Project, code: int) -> ET.Element:
    project("check", "--junit", "report.xml", code=code)
    return ET.fromstring((project.root / "report.xml").read_bytes())


def test_junit_has_a_suite_a_check_and_a_case_a_gate_and_row(checked: Project) -> None:
    root = junit(checked, 0)
    [suite] = root
    assert (root.tag, suite.tag, suite.get("name")) == ("testsuites", "testsuite", "gold")
    assert [case.get("name") for case in suite] == [
        "fresh",
        "min exact",
        "must_pass tags=gold",
        *(f"must_pass tags=gold: t-{n:02}" for n in range(4)),
    ]
    assert {case.get("classname") for case in suite} == {"mini.gold"}
    assert suite.attrib == {**suite.attrib, "tests": "7", "failures": "0", "errors": "0", "skipped": "0"}


def test_junit_counts_failures_as_they_are(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7))
    root = junit(checked, 1)
    failing = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failing == [
        "min exact",
        "must_pass tags=gold",
        "must_pass tags=gold: t-01",
        "must_pass tags=gold: t-02",
    ]
    assert root.get("failures") == root[0].get("failures") == "4"
    failure = root[0][1].find("failure")
    assert failure is not None
    assert failure.get("message") == "0.850 over 20 rows, wanted at least 0.9"
    assert "t-07: exact false, expected yes, got no" in str(failure.text)


def test_junit_can_be_read_whatever_an_output_holds(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7), output="a\x00b\x1b[31m\x0c]]> <&\"' \ud800 \ufffe \U0001f600 é")
    root = junit(checked, 1)
    text = "".join(root.itertext())
    assert "a\ufffdb\ufffd[31m" in text
    assert "]]> <&\"'" in text
    assert "\U0001f600 é" in text


def test_markdown_has_a_table_of_gates_and_one_of_rows(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7), output="a | b `c` <b>@someone</b>\nnext")
    checked("check", "--markdown", "summary.md", code=1)
    text = (checked.root / "summary.md").read_text()
    assert text.startswith("### ❌ gold: mini, 2 of 3 gates failed\n\n| | gate | found |\n|---|---|---|\n")
    assert "| ❌ | `min exact` | 0.850 over 20 rows, wanted at least 0.9 |\n" in text
    row = "| `t-01` |  | `exact false` | `yes` | `` a \\| b `c` <b>@someone</b> ↵ next `` |"
    assert text.split("\n").count(row) == 2
    assert "- Next: `promptvc rows outputs/mini.jsonl --where scores.exact=false`" in text


def test_every_row_of_a_markdown_table_has_as_many_cells(checked: Project) -> None:
    record(checked, wrong=(1, 2, 7), output="|`|``|\\|" * 40)
    lines = checked("check", "--markdown", "-", code=1).lines
    tables = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) - 1 for line in tables} == {3, 5}


def test_markdown_goes_to_stdout_instead_of_text(checked: Project) -> None:
    told = checked("check", "--markdown", "-")
    assert told.lines[0] == "### ✅ gold: mini, 3 gates passed"
    assert "gold   mini" not in told.out
    assert "not both" in checked("check", "--markdown", "-", "--json", code=2).err


def test_all_reports_are_written_at_once(checked: Project) -> None:
    told = checked("check", "--json", "--junit", "j.xml", "--markdown", "m.md")
    assert [json.loads(line)["passed"] for line in told.lines] == [True, True, True]
    assert (checked.root / "j.xml").read_bytes().startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    assert (checked.root / "m.md").read_text().endswith("\n")


def test_a_report_that_cannot_be_written_is_told(checked: Project) -> None:
    told = checked("check", "--junit", "no/such/folder.xml", code=3)
    assert told.err.startswith("error: ")
    assert "No such file or directory" in told.err
