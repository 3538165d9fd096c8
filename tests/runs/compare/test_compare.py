"""Two versions of a run compared: which rows are in both, why they differ, scores, slices, measures and rows."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.cli.output import Output
from promptvc.cli.show.compare.compare import comparison_lines
from promptvc.content.runs.run import OutputRow, ScorerPin, output_path
from promptvc.errors import RunMissing, RunUnreadable, Usage
from promptvc.repo import Repo
from promptvc.runs.compare.columns import Columns, Pairs
from promptvc.runs.compare.compare import RunComparison, compare_runs
from promptvc.runs.compare.measures import measure
from promptvc.runs.compare.report.markdown import markdown
from promptvc.runs.compare.report.numbers import (
    change_words,
    dollars,
    milliseconds,
    number,
    p_words,
    plain,
    signed,
)
from promptvc.runs.compare.report.texts import measure_texts, score_texts
from promptvc.runs.compare.report.words import cause_words, summary
from promptvc.runs.compare.scores import compare_score, score_kinds
from promptvc.runs.compare.slices import slice_values
from tests.html.elements import elements
from tests.runs.runfiles import EXAMPLES, PROMPT, answer, load, write, write_run

TICKETS = [
    {
        "id": "t-1",
        "input": "charged twice",
        "expected": "refund",
        "slice": "billing",
        "tags": ["gold", "new"],
    },
    {"id": "t-2", "input": "logged out", "expected": "auth", "slice": "auth", "tags": []},
    {"id": "t-3", "input": "invoice?", "expected": "billing", "slice": "billing", "tags": ["gold"]},
    {"id": "t-4", "input": "where is it", "expected": "shipping", "slice": None, "tags": "new"},
]


@pytest.fixture
def tickets(repo: Repo) -> Repo:
    """A project with four examples and a prompt, committed."""
    write(repo, EXAMPLES, TICKETS)
    write(repo, PROMPT, "Answer: {{ ticket }}\n")
    repo.commit("examples")
    return repo


def compare(repo: Repo, before: list[OutputRow], after: list[OutputRow], **how: Any) -> RunComparison:
    """Two runs of these rows, compared."""
    write_run(repo, "old", before)
    write_run(repo, "new", after)
    return compare_runs(load(repo, "old"), load(repo, "new"), **how)


# --- which rows are in both -------------------------------------------------------------------------------


def test_rows_of_one_side_are_told_apart_and_not_scored(repo: Repo) -> None:
    found = compare(
        repo,
        [answer("a", exact=True), answer("b", exact=True), answer("c", exact=False)],
        [answer("d", exact=True), answer("c", exact=True), answer("b", exact=True)],
    )
    assert found.pairs == 2
    assert found.only_before.places == [("a", 0)]
    assert found.only_after.places == [("d", 0)]
    score = found.score()
    assert score is not None
    assert (score.pairs, score.before, score.after) == (2, 0.5, 1.0)
    assert [row.status for row in found.rows] == ["only_after", "fixed", "same", "only_before"]


def test_samples_of_one_example_are_paired_by_their_number(repo: Repo) -> None:
    found = compare(repo, [answer("a", sample=0), answer("a", sample=1)], [answer("a", sample=1)])
    assert found.pairs == 1
    assert found.only_before.places == [("a", 0)]


def test_two_rows_of_one_example_and_sample_are_refused(repo: Repo) -> None:
    with pytest.raises(RunUnreadable, match="two rows of example a, sample 0"):
        compare(repo, [answer("a"), answer("a")], [answer("a")])


def test_empty_runs_have_nothing_to_compare(repo: Repo) -> None:
    found = compare(repo, [], [])
    assert (found.pairs, found.outputs_changed, found.scores, found.slices) == (0, 0, (), ())
    assert found.to_json()["rows"] == []
    assert "0 rows in both" in repr(found)


def test_failed_and_stale_rows_are_counted_apart_and_unscored(repo: Repo) -> None:
    found = compare(
        repo,
        [answer("a", exact=True), answer("b", exact=True), answer("c", exact=True)],
        [
            answer("a", None, error="HTTP 500", exact=False),
            answer("b", None, error="stale: prompt changed", stale="prompt changed"),
            answer("c", exact=True),
        ],
    )
    assert (found.after.errors, found.after.stale, found.pairs) == (1, 1, 3)
    score = found.score()
    assert score is not None
    assert (score.pairs, score.broken) == (1, 0)
    assert found.outputs_changed == 0
    assert found.changed.places == [("a", 0), ("b", 0)]


# --- why they differ --------------------------------------------------------------------------------------


def test_what_the_records_pin_differently_is_named(tickets: Repo) -> None:
    write_run(tickets, "old", [answer("t-1")], params={"temperature": 0, "top_p": 1})
    write(tickets, PROMPT, "Be calm: {{ ticket }}\n")
    write(tickets, EXAMPLES, [{**TICKETS[0], "expected": "partial"}, *TICKETS[1:3]])
    scorers = (ScorerPin("exact", "exact:expected", "new c0de"), ScorerPin("tone", "python:t:tone", "c"))
    tickets.commit("inputs")
    write_run(tickets, "new", [answer("t-1")], model="large", params={"temperature": 1}, scorers=scorers)
    found = compare_runs(load(tickets, "old"), load(tickets, "new"))
    assert found.why is not None
    assert [(cause.what, cause.name) for cause in found.why] == [
        ("prompt", PROMPT),
        ("examples", EXAMPLES),
        ("model", None),
        ("params", "temperature"),
        ("params", "top_p"),
        ("scorers", "exact"),
        ("scorers", "tone"),
    ]
    assert cause_words(found) == [
        PROMPT,
        f"{EXAMPLES} (−1 ~1)",
        "model small → large",
        "temperature 0 → 1",
        "top_p 1 → none",
        "scorer exact (its code)",
        "scorer tone none → python:t:tone",
    ]


def test_nothing_pinned_differs_when_a_run_is_drawn_anew(tickets: Repo) -> None:
    found = compare(tickets, [answer("t-1", "a")], [answer("t-1", "b")])
    assert found.why == ()
    assert cause_words(found) == []


def test_of_recorded_outputs_the_reason_is_not_known(repo: Repo) -> None:
    write_run(repo, "old", [answer("a")], recorded=True, scorers=())
    write_run(repo, "new", [answer("a")], recorded=True, scorers=())
    assert cause_words(compare_runs(load(repo, "old"), load(repo, "new"))) == [
        "not known: outputs recorded from elsewhere"
    ]


def test_requests_that_changed_are_counted(repo: Repo) -> None:
    before = [answer("a", request_hash="1"), answer("b", request_hash="2"), answer("c")]
    after = [answer("a", request_hash="1"), answer("b", request_hash="3"), answer("c")]
    assert compare(repo, before, after).requests_changed == 1
    assert compare(repo, before[2:], after[2:]).requests_changed is None


# --- scores -----------------------------------------------------------------------------------------------


def test_booleans_have_means_fixed_broken_and_an_exact_test(repo: Repo) -> None:
    before = [answer(f"e{n}", exact=n < 12) for n in range(20)]
    after = [answer(f"e{n}", exact=n >= 4) for n in range(20)]
    found = compare(repo, before, after)
    score = found.score()
    assert score is not None
    assert (score.kind, score.before, score.after, score.fixed, score.broken) == ("boolean", 0.6, 0.8, 8, 4)
    assert score.difference == pytest.approx(0.2)
    assert score.p == pytest.approx(0.387695, abs=1e-6)
    assert score.interval is not None
    assert score.interval.low < 0.2 < score.interval.high
    assert score.verdict is None
    assert found.broken.places == [(f"e{n}", 0) for n in range(4)]


def test_numbers_have_no_exact_test(repo: Repo) -> None:
    found = compare(
        repo, [answer("a", f1=0.25), answer("b", f1=1)], [answer("a", f1=0.75), answer("b", f1=1)]
    )
    score = found.score("f1")
    assert score is not None
    assert (score.kind, score.before, score.after, score.p, score.fixed) == ("number", 0.625, 0.875, None, 0)


def test_labels_have_a_table_of_changes(repo: Repo) -> None:
    before = [answer("a", tone="calm"), answer("b", tone="calm"), answer("c", tone="rude")]
    after = [answer("a", tone="rude"), answer("b", tone="rude"), answer("c", tone="rude")]
    score = compare(repo, before, after).score("tone")
    assert score is not None
    assert (score.kind, score.before, score.interval, score.p) == ("label", None, None, None)
    assert [(c.before, c.after, c.rows) for c in score.labels] == [("calm", "rude", 2), ("rude", "rude", 1)]


def test_a_score_of_one_side_has_no_pairs(repo: Repo) -> None:
    score = compare(repo, [answer("a")], [answer("a", exact=True)]).score("exact")
    assert score is not None
    assert (score.pairs, score.before, score.after, score.difference, score.interval, score.p) == (
        *(0, None, None, None, None, None),
    )


def test_the_first_boolean_score_says_what_is_broken_unless_another_is_named(repo: Repo) -> None:
    before = [answer("a", f1=1.0, exact=True, polite=True)]
    after = [answer("a", f1=0.5, exact=True, polite=False)]
    assert compare(repo, before, after).primary == "exact"
    assert not compare(repo, before, after).broken
    assert compare(repo, before, after, score="polite").broken.places == [("a", 0)]
    assert not compare(repo, before, after, score="f1").broken
    with pytest.raises(Usage, match="no score 'f2'") as raised:
        compare(repo, before, after, score="f2")
    assert raised.value.hint == "there are f1, exact, polite"


def test_with_several_samples_examples_are_the_unit(repo: Repo) -> None:
    chances = random.Random(3)
    rows = [
        [answer(f"e{n}", sample=s, exact=chances.random() < chance) for n in range(40) for s in range(5)]
        for chance in (0.4, 0.7)
    ]
    found = compare(repo, *rows)
    score = found.score()
    assert score is not None
    means = [
        [sum(r.scores["exact"] for r in side[n * 5 : n * 5 + 5]) / 5 for n in range(40)] for side in rows
    ]
    better = sum(b > a for a, b in zip(*means, strict=True))
    worse = sum(b < a for a, b in zip(*means, strict=True))
    from promptvc.runs.compare.stats import mean_interval, sign_test

    assert score.before == pytest.approx(sum(means[0]) / 40)
    assert score.p == sign_test(better, worse)
    assert score.interval == mean_interval([b - a for a, b in zip(*means, strict=True)])
    [noise] = found.noise
    assert noise.before is not None
    assert noise.before.examples == 40
    assert 0.3 < noise.before.within < 0.6


def test_one_sample_has_no_noise(repo: Repo) -> None:
    assert compare(repo, [answer("a", exact=True)], [answer("a", exact=True)]).noise == ()


SCORES = st.one_of(st.none(), st.booleans())


@given(st.lists(st.tuples(SCORES, SCORES), max_size=60))
def test_fixed_less_broken_is_the_difference_and_swapping_swaps(table: list[tuple[Any, Any]]) -> None:
    sides = []
    for at in (0, 1):
        columns = Columns()
        columns.extend([answer(f"e{number_}", exact=scores[at]) for number_, scores in enumerate(table)])
        sides.append(columns.finish())
    pairs = Pairs(range(len(table)), range(len(table)))
    kinds = score_kinds(*sides)
    if not kinds:
        return
    one = compare_score("exact", kinds["exact"], *sides, pairs)
    other = compare_score("exact", kinds["exact"], *reversed(sides), pairs)
    assert (one.fixed, one.broken, one.p, one.pairs) == (other.broken, other.fixed, other.p, other.pairs)
    if one.pairs:
        assert one.difference == pytest.approx((one.fixed - one.broken) / one.pairs)
    else:
        assert (one.difference, one.interval, one.p) == (None, None, None)


# --- slices and measures ----------------------------------------------------------------------------------


def test_slices_are_those_of_the_pinned_examples(tickets: Repo) -> None:
    rows = [
        [answer(t["id"], exact=t["id"] in passed) for t in TICKETS]
        for passed in (("t-1", "t-2"), ("t-2", "t-3"))
    ]
    for name, made in zip(("old", "new"), rows, strict=True):
        write_run(tickets, name, made, slices=("slice", "tags"))
    found = compare_runs(load(tickets, "old"), load(tickets, "new"))
    counts = [(s.field, s.value, s.pairs, s.scores[0].fixed, s.scores[0].broken) for s in found.slices]
    assert counts == [
        ("slice", "billing", 2, 1, 1),
        ("slice", None, 1, 0, 0),
        ("slice", "auth", 1, 0, 0),
        ("tags", "gold", 2, 1, 1),
        ("tags", "new", 2, 0, 1),
        ("tags", None, 1, 0, 0),
    ]


def test_a_slice_without_pairs_that_are_scored_says_so(tickets: Repo) -> None:
    for name in ("old", "new"):
        write_run(tickets, name, [answer("t-1"), answer("t-2", exact=True)], slices=("slice",))
    found = compare_runs(load(tickets, "old"), load(tickets, "new"))
    score = next(each for each in found.slices if each.value == "billing").score("exact")
    assert score is not None
    assert (score.pairs, score.before, score.interval, score.p) == (0, None, None, None)


def test_slices_can_be_asked_for(tickets: Repo) -> None:
    rows = [answer("t-1", exact=True)]
    assert [s.value for s in compare(tickets, rows, rows, slices=["expected"]).slices] == ["refund"]
    with pytest.raises(Usage, match="no example has a field 'colour'"):
        compare(tickets, rows, rows, slices=["colour"])


def test_slices_of_unknown_examples_are_refused(repo: Repo) -> None:
    with pytest.raises(Usage, match="are not known"):
        compare(repo, [answer("a")], [answer("a")], slices=["slice"])


@pytest.mark.parametrize(
    ("value", "slices"),
    [("a", ["a"]), (["a", "b", "a"], ["a", "b"]), ([], [None]), (None, [None]), (3, ["3"]), (True, ["true"])],
)
def test_a_value_puts_its_row_in_slices(value: Any, slices: list[str | None]) -> None:
    assert list(slice_values(value)) == slices


def test_measures_are_over_rows_with_an_output_on_both_sides(repo: Repo) -> None:
    found = compare(
        repo,
        [
            answer("a", "four", output_tokens=10, cost_usd=0.5, latency_ms=100.0),
            answer("b", "sixsix", output_tokens=20, latency_ms=300.0),
            answer("c", "not counted", output_tokens=1000),
        ],
        [answer("a", "ab"), answer("b", "abcd"), answer("c", None, error="HTTP 500")],
    ).measures
    assert (found.characters.before.mean, found.characters.after.mean) == (5, 3)
    assert (found.output_tokens.before.mean, found.output_tokens.before.total) == (15, 30)
    assert (found.cost_usd.before.rows, found.cost_usd.before.total) == (1, 0.5)
    assert (found.latency_ms.before.p50, found.latency_ms.before.p95) == (200, 290)
    assert found.latency_ms.after.mean is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_quantiles_are_those_of_numpy(values: list[float]) -> None:
    import numpy as np

    found = measure(values)
    assert found.p50 == pytest.approx(np.quantile(values, 0.5), abs=1e-6)
    assert found.p95 == pytest.approx(np.quantile(values, 0.95), abs=1e-6)


def test_examples_that_are_not_committed_yet_are_read_where_they_lie(repo: Repo) -> None:
    write(repo, EXAMPLES, TICKETS)
    write(repo, PROMPT, "Answer: {{ ticket }}\n")
    write_run(repo, "old", [answer("t-1", exact=True)], slices=("slice",))
    found = compare_runs(load(repo, "old"), load(repo, "old"))
    assert [each.value for each in found.slices] == ["billing"]
    write(repo, EXAMPLES, TICKETS[1:])
    assert [each.value for each in compare_runs(load(repo, "old"), load(repo, "old")).slices] == []


# --- rows -------------------------------------------------------------------------------------------------


def test_rows_say_what_was_asked_and_expected(tickets: Repo) -> None:
    for name, output in (("old", "refund"), ("new", "sorry")):
        write_run(
            tickets,
            name,
            [answer("t-1", output, exact=output == "refund")],
            inputs={"ticket": "input"},
            slices=("slice",),
        )
    [row] = compare_runs(load(tickets, "old"), load(tickets, "new")).broken
    assert row.to_value() == {
        "example_id": "t-1",
        "sample_index": 0,
        "slices": {"slice": "billing"},
        "input": "charged twice",
        "expected": "refund",
        "before": {"output": "refund", "scores": {"exact": True}, "error": None},
        "after": {"output": "sorry", "scores": {"exact": False}, "error": None},
        "status": "broken",
    }


def test_lists_read_single_rows_slices_and_all(repo: Repo) -> None:
    count = 1000  # more than are looked up one by one
    before = [answer(f"e{n}", f"was {n}", exact=True) for n in range(count)]
    after = [answer(f"e{n}", f"now {n}", exact=n % 2 == 0) for n in range(count)]
    random.Random(1).shuffle(after)
    found = compare(repo, before, after)
    assert len(found.broken) == len(found.changed) == 500
    for row in [*found.rows, *found.broken[:3], found.broken[-1]]:
        assert row.before is not None
        assert row.after is not None
        assert (row.before.output, row.after.output) == (
            f"was {row.example_id[1:]}",
            f"now {row.example_id[1:]}",
        )
    assert repr(found.broken[:1]) == f"1 broken row: {found.broken[0].example_id}"


def test_lists_become_data_frames(repo: Repo) -> None:
    pytest.importorskip("pandas")
    frame = compare(repo, [answer("a", "x", exact=True)], [answer("a", "y", exact=False)]).broken.to_pandas()
    assert frame.to_dict("records") == [
        {
            "example_id": "a",
            "sample_index": 0,
            "status": "broken",
            "input": None,
            "expected": None,
            "before": "x",
            "after": "y",
            "before_error": None,
            "before_exact": True,
            "after_error": None,
            "after_exact": False,
        }
    ]


def test_a_row_can_change_in_its_tool_calls_or_a_score_alone(repo: Repo) -> None:
    before = [answer("a", tool_calls=[{"name": "f"}]), answer("b", f1=0.5), answer("c")]
    after = [answer("a", tool_calls=[{"name": "g"}]), answer("b", f1=0.6), answer("c")]
    found = compare(repo, before, after)
    assert found.changed.places == [("a", 0), ("b", 0)]
    assert found.outputs_changed == 1


def test_all_of_it_is_json_that_says_the_same_each_time(tickets: Repo) -> None:
    rows = [answer("t-1", exact=True, f1=0.5, tone="calm"), answer("t-9", None, error="HTTP 500")]
    value = compare(tickets, rows, [*rows, answer("t-2")]).to_json()
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert list(value)[-1] == "rows"
    assert value == compare(tickets, rows, [*rows, answer("t-2")]).to_json()


# --- in words ---------------------------------------------------------------------------------------------


def test_the_summary_is_one_line(repo: Repo) -> None:
    found = compare(
        repo, [answer("a", exact=True), answer("b", exact=False)], [answer("a", exact=True), answer("c")]
    )
    assert summary(found) == (
        "old → new (working files): 1 row in both; 1 only new; 1 only old; exact 1.000 → 1.000, fixed 0, broken 0"
    )
    assert repr(found) == f"RunComparison {summary(found)}"


def test_notebooks_and_comments_show_no_markup_of_outputs(repo: Repo) -> None:
    attack = "<img src=x onerror=alert(1)> | @team [x](http://evil) `code` \n# title $x$"
    rows = (
        [answer(attack, attack, exact=False, **{attack: True})],
        [answer(attack, "ok", exact=True, **{attack: True})],
    )
    found = compare(repo, *rows)
    assert "<img" not in found._repr_html_()
    assert attack in elements(found).text
    text = markdown(found)
    assert "<img" not in text
    assert "@team" not in text
    assert "http://" not in text
    assert all(line.count("|") in (0, 5, 10) for line in text.splitlines())


def test_markdown_has_the_scores_and_the_rows_that_broke(repo: Repo) -> None:
    before = [answer(f"e{n}", "yes", exact=True) for n in range(30)]
    after = [answer(f"e{n}", "no", exact=n > 12) for n in range(30)]
    text = markdown(compare(repo, before, after), limit=2)
    assert "| exact | 30 | 1.000 | 0.567 | 🔴 −0.433 |" in text
    assert "<summary>Broken: 13 rows</summary>" in text
    assert "… 11 more" in text


def test_all_views_place_the_same_texts(repo: Repo) -> None:
    before = [answer(f"e{n}", exact=n % 3 == 0, latency_ms=20, mood="calm") for n in range(40)]
    after = [answer(f"e{n}", exact=n % 2 == 0, latency_ms=10, mood="sad") for n in range(40)]
    found = compare(repo, before, after)
    exact, mood = map(score_texts, found.scores)
    assert (mood.changed, mood.before, mood.interval) == ("40", "", "")
    [time] = [each for each in measure_texts(found.measures) if each.name == "latency"]
    views = [
        markdown(found),
        found._repr_html_(),
        "\n".join(comparison_lines(Output(color=False), found, (), 0, str)),
    ]
    for view in views:
        for text in (exact.before, exact.after, exact.difference, exact.interval, exact.fixed, exact.broken):
            assert text
            assert text in view.replace("&#91;", "[")
        assert exact.bare_p in view
    assert time.both in views[2]
    assert f"| {time.parts[0].before} | {time.parts[0].after} | {time.change} |" in views[0]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (number(0.8124), "0.812"),
        (number(-1234.6), "−1,235"),
        (number(0.5, 250), "0.5"),
        (signed(0.0341), "+0.034"),
        (signed(-0.0341), "−0.034"),
        (signed(-0.0001), "0.000"),
        (p_words(0.0109), "p = 0.011"),
        (p_words(1e-9), "p < 0.001"),
        (p_words(1.0), "p = 1"),
        (p_words(None), ""),
        (dollars(0.000033), "0.000033 USD"),
        (dollars(0.0002), "0.0002 USD"),
        (dollars(0.0996), "0.1 USD"),
        (dollars(1234.5), "1,234.50 USD"),
        (dollars(0), "0.00 USD"),
        (dollars(0.00024499999999999995), dollars(0.00024500000000000005)),
        (plain(20011.273), "20,011"),
        (plain(-0.5), "−0.5"),
        (plain(1e-9), "0.000000001"),
        (plain(1e15), "1,000,000,000,000,000"),
        (plain(True), "1"),
        (milliseconds(0.31), "under 1 ms"),
        (milliseconds(1240), "1.24 s"),
        (change_words(143, 61), "−57 %"),
        (change_words(1, 12), "× 12"),
        (change_words(0, 12), ""),
        (change_words(100, 100.1), "±0 %"),
    ],
)
def test_numbers_in_words(made: str, expected: str) -> None:
    assert made == expected


# --- from Python ------------------------------------------------------------------------------------------


def test_two_revisions_are_compared_from_python(repo: Repo) -> None:
    write_run(repo, "support", [answer("a", "one", exact=True)])
    repo.commit("one")
    write_run(repo, "support", [answer("a", "two", exact=False)])
    repo.commit("two")
    found = repo.compare("HEAD~1", "HEAD")
    assert (found.before.label, found.after.label, found.broken.places) == ("HEAD~1", "HEAD", [("a", 0)])
    assert repo.compare("HEAD", run="support").outputs_changed == 0
    write_run(repo, "other", [answer("a")])
    repo.commit("another")
    with pytest.raises(Usage, match="2 runs in common"):
        repo.compare("HEAD")
    with pytest.raises(RunMissing, match="no outputs of a run 'nope'"):
        repo.compare("HEAD", run="nope")


def test_rows_that_are_no_output_rows_are_named(repo: Repo) -> None:
    write(repo, output_path("old"), [{"id": 1}])
    write_run(repo, "new", [answer("a")])
    with pytest.raises(RunUnreadable, match="row 1"):
        compare_runs(load(repo, "old"), load(repo, "new"))
