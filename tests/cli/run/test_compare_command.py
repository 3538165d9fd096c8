"""``promptvc compare``: what its words mean, and what it prints."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from promptvc.content.runs.run import OutputRow
from tests.cli.conftest import Project
from tests.runs.runfiles import EXAMPLES, PROMPT, answer, write_run

SLICES = ("billing", "auth")
LONG = "Thank you for writing to us about this, we have looked into it and the amount will be"
TICKETS = [
    {"id": f"t-{n:03}", "input": f"question {n}", "expected": "refund", "slice": SLICES[n % 2]}
    for n in range(41)
]


def rows(passed: Any, text: str, first: int = 0, last: int = 40, **fields: Any) -> list[OutputRow]:
    return [
        answer(f"t-{n:03}", f"{LONG} {text} {n}", exact=passed(n), output_tokens=len(text), **fields)
        for n in range(first, last)
    ]


def without_interval(line: str) -> str:
    """The line without the numbers that depend on how numpy draws."""
    return re.sub(r"\[[+−].*\]", "[…]", line)


@pytest.fixture
def support(project: Project) -> Project:
    """Two commits of a run; a branch ``terse`` at the second, and a second run of that name only there."""
    project.write(EXAMPLES, TICKETS)
    project.write(PROMPT, "Answer {{ input }}\n")
    project.commit("inputs")
    write_run(project.repo, "support", rows(lambda n: n % 4 > 0, "returned"), slices=("slice",))
    project.commit("baseline")
    project.write(PROMPT, "Answer {{ input }} calmly\n")
    project.commit("prompt")
    write_run(
        project.repo, "support", rows(lambda n: n != 7, "kept", 1, 41, cost_usd=0.001), slices=("slice",)
    )
    project.commit("calmer")
    return project


def test_the_text_counts_first_then_says_why_then_scores_slices_and_rows(support: Project) -> None:
    told = support("compare", "HEAD~2", "HEAD", "support").lines
    told[5] = without_interval(told[5])
    assert told[:11] == [
        "support HEAD~2 → HEAD   39 rows in both, 1 only new, 1 only old",
        "  only new          t-040",
        "  only old          t-000",
        "  changed because   prompts/support.md",
        "  outputs           39 of 39 changed",
        "  exact             0.769 → 0.974   +0.205  95% […]  p = 0.021",
        "                    fixed 9, broken 1",
        "  slice auth        1.000 → 0.950   −0.050  fixed 0, broken 1",
        "  slice billing     0.526 → 1.000   +0.474  fixed 9, broken 0",
        "  output characters mean 97 → 93   −4 %",
        "  output tokens     mean 8.0 → 4.0   −50 %",
    ]
    assert told[11:] == [
        "  cost              not known → 0.039 USD",
        "broken",
        '  t-007  auth  expected "refund"',
        "      question 7",
        "      …looked into it and the amount will be [-returned-]{+kept+} 7",
        "fixed",
        '  t-004  billing  expected "refund"',
        "      question 4",
        "      …looked into it and the amount will be [-returned-]{+kept+} 4",
        '  t-008  billing  expected "refund"',
        "      question 8",
        "      …looked into it and the amount will be [-returned-]{+kept+} 8",
        "  … 7 more: promptvc compare HEAD~2 HEAD support --fixed",
    ]
    assert all(len(line) <= 80 for line in told)


def test_colour_stands_for_the_brackets(support: Project) -> None:
    told = support("--color", "always", "compare", "HEAD~2", "HEAD").out
    assert "\x1b[31mreturned\x1b[0m" in told
    assert "[-" not in re.sub(r"\x1b\[[0-9;]*m", "", told)


# --- what the words mean ----------------------------------------------------------------------------------


def test_one_revision_is_compared_with_the_working_files(support: Project) -> None:
    write_run(support.repo, "support", rows(lambda n: True, "new"), slices=("slice",))
    for words in (["HEAD"], ["HEAD", "--"], ["HEAD", "support"], ["HEAD", "--", "support"], ["support"], []):
        assert (
            support("compare", *words).lines[0].startswith("support HEAD → working files   39 rows in both")
        )


@pytest.mark.parametrize(
    "words",
    [
        ["HEAD~2..HEAD"],
        ["HEAD~2", "HEAD"],
        ["HEAD~2", "HEAD", "outputs/support.jsonl"],
        ["HEAD~2..", "support"],
    ],
)
def test_two_revisions_are_compared_with_each_other(support: Project, words: list[str]) -> None:
    assert support("compare", *words).lines[0].startswith("support HEAD~2 → HEAD ")


def test_every_run_in_common_is_compared_unless_one_is_named(support: Project) -> None:
    write_run(support.repo, "other", [answer("a")])
    support.commit("another run")
    support("tag", "first")
    write_run(support.repo, "other", [answer("a", "changed")])
    support.commit("changed")
    heads = [
        line
        for line in support("compare", "first", "HEAD").lines
        if "rows in both" in line or "row in" in line
    ]
    assert [head.split()[0] for head in heads] == ["other", "support"]
    assert (
        len([v for v in support.json("compare", "first", "HEAD", "other") if v["type"] == "comparison"]) == 1
    )
    assert support.json("compare", "first", "HEAD", "--", "other", "support")[0]["after"]["name"] == "other"


def test_two_runs_are_compared_among_the_working_files_or_at_a_revision(support: Project) -> None:
    for name in ("plain", "verbose"):
        write_run(support.repo, name, [answer("t-001", name, exact=True)])
    told = support("compare", "plain", "verbose").lines[0]
    assert told == "plain → verbose (working files)   1 row in both"
    support.commit("two runs")
    for words in (["HEAD", "plain", "verbose"], ["HEAD", "--", "plain", "verbose"]):
        assert support("compare", *words).lines[0] == "plain → verbose (HEAD)   1 row in both"


def test_two_files_are_compared_wherever_they_are(support: Project) -> None:
    write_run(support.repo, "plain", [answer("t-001", "a", exact=True)])
    outside = support.root.parent / "elsewhere.jsonl"
    outside.write_bytes((support.root / "outputs/plain.jsonl").read_bytes())
    told = support("compare", "outputs/plain.jsonl", outside).lines
    assert told[0] == f"outputs/plain.jsonl → {outside}   1 row in both" or told[1] == "  1 row in both"
    assert "  changed because   not known: there is no record" in told
    told = support("compare", "HEAD~2:outputs/support.jsonl", "support.jsonl", folder="outputs").lines
    assert told[:2] == [
        "HEAD~2:outputs/support.jsonl → support.jsonl",
        "  39 rows in both, 1 only new, 1 only old",
    ]
    assert "  changed because   prompts/support.md" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["outputs/support.jsonl"], "is a file, so the other side has to be one"),
        (["outputs/support.jsonl", "HEAD"], "is a file, so the other side has to be one"),
        (["outputs/support.jsonl", "gone.jsonl"], "gone.jsonl: no such file"),
        (["HEAD", "nope"], "'nope' is neither a revision nor a run"),
        (["nope"], "'nope' is neither a revision nor a run"),
        (["HEAD~2", "HEAD", "nope"], "there is no run 'nope' at HEAD~2 or HEAD"),
        (["nope", "--", "support"], "unknown revision 'nope'"),
        (["HEAD", "HEAD", "HEAD", "--"], "HEAD is one revision too many"),
        (["--", "support", "support", "support"], "two runs are compared at a time"),
        (["HEAD~3", "HEAD"], "have no run in common"),
        (["HEAD", "--", "support", "nope"], "there are no outputs of a run 'nope'"),
        (["HEAD", "--", "support", "--markdown"], "--markdown is after --, where runs are"),
        (["HEAD~1...HEAD"], "compare takes A..B"),
        (["HEAD", "HEAD~1..HEAD"], "give A..B, or A and B, not both"),
        (["HEAD", "--score", "f1"], "there is no score 'f1'"),
        (["HEAD", "--slice", "colour"], "no example has a field 'colour'"),
        (["HEAD", "--markdown", "--json"], "give --json or --markdown, not both"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_else(
    support: Project, words: list[str], message: str
) -> None:
    told = support("compare", *words, code=2)
    assert message in told.err
    assert told.out == ""


def test_a_word_that_may_be_a_revision_or_a_run_is_asked_about(support: Project) -> None:
    for name in ("terse", "verbose"):
        write_run(support.repo, name, [answer("t-001", name, exact=True)])
    support.commit("two runs")
    support("branch", "terse")
    told = support("compare", "terse", "verbose", code=2)
    assert "terse is a revision and a run" in told.err
    assert "promptvc compare -- terse verbose compares the runs" in told.err
    assert support("compare", "--", "terse", "verbose").lines[0].startswith("terse → verbose")
    assert support("compare", "terse", "--", "verbose").lines[0].startswith("verbose terse → working files")


# --- what it prints ---------------------------------------------------------------------------------------


def test_the_command_for_more_rows_can_be_pasted(support: Project) -> None:
    write_run(support.repo, "other", [answer("a")])
    support.commit("another run")
    [more] = [line for line in support("compare", "HEAD~3..", "--", "support").lines if "more:" in line]
    assert more == "  … 7 more: promptvc compare HEAD~3.. --fixed -- support"
    found = support("compare", *shlex.split(more.partition("promptvc compare ")[2])).lines
    assert "fixed 9" in found
    told = support("compare", "HEAD~3", "HEAD", "support", "--score", "exact", "--slice", "slice").lines
    assert "  … 7 more: promptvc compare HEAD~3 HEAD support --fixed --score exact --slice" not in told
    assert "  … 7 more: --fixed lists them all" in told


def test_words_that_a_shell_would_read_are_quoted(support: Project) -> None:
    told = support("compare", "HEAD^^", "HEAD").out
    assert "more: promptvc compare 'HEAD^^' HEAD --fixed\n" in told


def test_comparisons_are_set_apart_and_none_ends_in_a_blank_line(support: Project) -> None:
    write_run(support.repo, "other", [answer("a")])
    support.commit("another run")
    lines = support("compare", "HEAD").lines
    assert lines.count("") == 1
    assert lines[lines.index("") + 1].startswith("support HEAD → working files")
    assert lines[-1] != ""


def test_numbers_are_written_one_way(project: Project) -> None:
    for name, times in (("old", 1), ("new", 6)):
        fields = {"cost_usd": 0.000033 * times, "latency_ms": 120.0 * times, "length": 20011.273 * times}
        write_run(project.repo, name, [answer("a", "x" * 20011, exact=True, **fields)])
    told = project("compare", "old", "new", "--changed").lines
    assert "  cost              0.000033 USD → 0.0002 USD   +500 %" in told
    assert "  latency           median 120 ms, p95 120 ms → 720 ms, p95 720 ms   +500 %" in told
    assert any(line.startswith("  length            20,011 → 120,068   +100,056") for line in told)
    assert "      length 20,011 → 120,068" in told
    assert all(len(line) <= 80 for line in told)


def test_times_under_a_millisecond_are_not_compared(project: Project) -> None:
    for name, time in (("old", 0.02), ("new", 0.0)):
        write_run(project.repo, name, [answer("a", exact=True, latency_ms=time)])
    told = project("compare", "old", "new").lines
    assert told[-1] == "  latency           median under 1 ms → under 1 ms"


def test_what_only_some_rows_know_is_compared_over_those(project: Project) -> None:
    write_run(project.repo, "old", [answer(f"e{n}", cost_usd=0.01, output_tokens=4) for n in range(5)])
    new = [answer("e0", cost_usd=0.02), answer("e1", latency_ms=90.0), *(answer(f"e{n}") for n in (2, 3, 4))]
    write_run(project.repo, "new", new)
    told = project("compare", "old", "new").lines
    assert "  cost              0.01 USD → 0.02 USD   +100 %   over 1 of 5 rows" in told
    assert "  latency           not known → median 90 ms, p95 90 ms over 1 of 5 rows" in told
    assert "  output tokens     mean 4.0 → not known" in told
    told = project("compare", "old", "new", "--markdown").lines
    assert "| cost, total, over 1 of 5 rows | 0.01 USD | 0.02 USD | +100 % |" in told
    assert "| latency, median |  | 90 ms over 1 of 5 rows |  |" in told


def test_where_only_what_is_expected_was_edited_both_are_shown(project: Project) -> None:
    for name, expected in (("old", "bug"), ("new", "other")):
        project.write(EXAMPLES, [{"id": "a", "input": "it broke", "expected": expected}])
        project.commit(name)
        write_run(project.repo, name, [answer("a", "bug", exact=expected == "bug")])
    told = project("compare", "old", "new").lines
    assert '  a  expected "bug" → "other"' in told
    assert "| <code>a</code> | <code>bug</code> → <code>other</code> |" in "".join(
        project("compare", "old", "new", "--markdown").lines
    )
    [row] = project.json("compare", "old", "new")[1:]
    assert (row["expected_before"], row["expected"]) == ("bug", "other")


def test_slices_can_be_fields_inside_fields(project: Project) -> None:
    rows = [{"id": f"e{n}", "meta": {"lang": lang}} for n, lang in enumerate(("de", "fr", "de"))]
    project.write(EXAMPLES, rows)
    project.commit()
    made = [answer(row["id"], exact=True) for row in rows]
    for name in ("old", "new"):
        write_run(project.repo, name, made, slices=("meta.lang",))
    told = project("compare", "old", "new").lines
    assert [line.split()[:2] for line in told if "slice" in line] == [["slice", "de"], ["slice", "fr"]]
    assert project("compare", "old", "new", "--slice", "meta.lang").lines == told
    told = project("compare", "old", "new", "--slice", "meta.land", code=2).err
    assert "no example has a field 'meta.land'" in told
    assert "they have id, meta.lang" in told


def test_kinds_of_rows_are_listed_in_full_when_asked_for(support: Project) -> None:
    told = support("compare", "HEAD~2", "HEAD", "--fixed").out
    assert "fixed 9\n" in told
    assert told.count('expected "refund"') == 9
    assert "broken\n" not in told
    told = support("compare", "HEAD~2", "HEAD", "--fixed", "--changed", "--limit", "2").out
    assert told.count('expected "refund"') == 4
    assert "… 7 more" in told
    assert "… 27 more" in told
    assert support("compare", "HEAD", "--broken").lines[-1] == "no row broken"


def test_json_has_the_comparison_then_the_rows_that_differ(support: Project) -> None:
    head, *listed = support.json("compare", "HEAD~2", "HEAD")
    assert head["type"] == "comparison"
    assert (head["pairs"], head["fixed"], head["broken"], head["changed"]) == (39, 9, 1, 29)
    assert "rows" not in head
    assert [row["status"] for row in listed] == ["fixed"] * 9 + ["broken"] + ["changed"] * 29 + [
        "only_before",
        "only_after",
    ]
    [broken] = support.json("compare", "HEAD~2", "HEAD", "--broken")[1:]
    assert (broken["type"], broken["run"], broken["example_id"]) == ("row", "support", "t-007")


def test_markdown_is_one_comment(support: Project) -> None:
    told = support("compare", "HEAD~2", "HEAD", "--markdown").lines
    assert told[0] == "### support HEAD&#126;2 → HEAD"
    assert "| exact | 39 | 0.769 | 0.974 | 🟢 +0.205 | […] | 0.021 | 9 | 1 |" in map(without_interval, told)


def test_the_page_is_written_for_one_run(support: Project) -> None:
    support("branch", "a-branch-with-a-rather-long-name", "HEAD~2")
    told = support("compare", "a-branch-with-a-rather-long-name", "HEAD", "--html", "page.html")
    assert told.lines[-1] == "Written to page.html"
    assert max(map(len, told.lines)) <= 80
    assert (support.root / "page.html").read_text(encoding="utf-8").startswith("<!")
    write_run(support.repo, "other", [answer("a")])
    support.commit("another run")
    assert "2" in support("compare", "HEAD", "--html", "page.html", code=2).err


def test_failed_rows_labels_and_noise_are_told(project: Project) -> None:
    sides = [
        [answer("a", "hi", sample=s, exact=s < passed, tone=tone) for s in range(3)]
        + [answer("b", "hi", sample=s, exact=True, tone="calm") for s in range(3)]
        for passed, tone in ((1, "calm"), (2, "rude"))
    ]
    write_run(project.repo, "old", [*sides[0], answer("c", "hi", exact=True)], samples=3)
    write_run(project.repo, "new", [*sides[1], answer("c", None, error="HTTP 500\nbusy")], samples=3)
    told = project("compare", "old", "new", "--changed").lines
    assert "  without output    1 failed after" in told
    assert "    noise within    samples differ by 0.408 → 0.408" in told
    assert "  tone              3 of 6 labels changed" in told
    assert "                        3  calm → rude" in told
    assert '      "hi" → "error: HTTP 500\\nbusy"' in told


def test_outputs_with_little_in_common_show_how_they_begin_and_end(project: Project) -> None:
    project.write(EXAMPLES, [{"id": "a", "input": "how many?", "expected": f"Count: {'one, two ' * 30}= 18"}])
    write_run(project.repo, "old", [answer("a", "First we add. " * 40 + "A: 18", exact=True)])
    write_run(project.repo, "new", [answer("a", "Sorry! " * 80 + "A: 17", exact=False)])
    told = project("compare", "old", "new").lines
    listed = told[told.index("broken") + 1 :]
    assert re.fullmatch(r'  a  expected "Count: one, two .* … .* = 18"', listed[0])
    assert listed[2].startswith("      − First we add. First")
    assert [line[-5:] for line in listed if "A:" in line] == ["A: 18", "A: 17"]
    assert all(len(line) <= 80 for line in told)


def test_texts_of_models_cannot_move_the_cursor(project: Project) -> None:
    attack = "\x1b[2J\x1b]0;owned\x07" + "\u202e" + "x" * 200
    write_run(project.repo, "old", [answer(attack, attack, exact=False)])
    write_run(project.repo, "new", [answer(attack, "fine", exact=True)])
    out = project("compare", "old", "new").out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
