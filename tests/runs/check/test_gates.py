"""Checks: which gates pass over which outputs, and what cannot be asked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from promptvc.cli.hints import hint_of
from promptvc.content.runs.checkspec import read_check
from promptvc.errors import ConfigInvalid, UnknownRevision
from promptvc.repo import Repo
from promptvc.runs.check.check import check_run
from promptvc.runs.check.results import CheckResult, GateResult
from promptvc.runs.sources import CommitSource
from promptvc.session.files.project import read_project

EXAMPLES = [
    {"id": "a", "input": "1", "expected": "x", "slice": "billing", "tags": ["gold", "new"]},
    {"id": "b", "input": "2", "expected": "x", "slice": "billing", "tags": []},
    {"id": "c", "input": "3", "expected": "y", "slice": "auth", "tags": ["gold"]},
    {"id": "d", "input": "4", "expected": "y", "slice": "auth", "meta": {"level": 3}},
]


class Bench:
    """A project with examples and recorded outputs whose scores are given."""

    def __init__(self, repo: Repo) -> None:
        assert repo.root is not None
        self.repo, self.root = repo, repo.root
        self.examples(EXAMPLES)

    def examples(self, rows: list[dict[str, Any]]) -> None:
        path = self.root / "examples" / "t.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def outputs(self, scores: dict[str, Any], *, name: str = "exact", **fields: dict[str, Any]) -> None:
        """Record an output an example, with a score; ``fields`` has other fields by example."""
        rows = [
            {"id": id, "output": f"says {id}", name: score}
            | {field: values.get(id) for field, values in fields.items()}
            for id, score in scores.items()
        ]
        options = {field: field for field in fields if field != "other"}
        measured = [name, *(["other"] if "other" in fields else [])]
        self.repo.record_run(
            "mini", rows, example_key="id", output="output", score=measured, examples="examples/t.jsonl",
            force=True, **options,  # type: ignore[arg-type]
        )  # fmt: skip

    def check(self, settings: str, at: str | None = None) -> CheckResult:
        text = f'[checks.gold]\nrun = "mini"\n{settings}\n'
        (self.root / "promptvc.toml").write_text(text)
        source = self.repo.parts.runs.source() if at is None else self.at(at)
        spec = read_project(text.encode()).checks["gold"]
        return check_run(spec, source, self.repo.parts.contents, self.repo.parts.store, self.at)

    def at(self, revision: str) -> CommitSource:
        return CommitSource(self.repo.snapshot(revision), revision)

    def gate(self, settings: str, name: str) -> GateResult:
        result = self.check(settings)
        found = {gate.name: gate for gate in result.gates}
        assert name in found, f"{name} is none of {', '.join(found)}"
        return found[name]


@pytest.fixture
def bench(repo: Repo) -> Bench:
    return Bench(repo)


def ids(gate: GateResult) -> list[str]:
    return [row.example_id for row in gate.rows]


ALL = {"a": True, "b": True, "c": True, "d": True}
ONE_WRONG = {**ALL, "b": False}


# --- min and max ------------------------------------------------------------------------------------------


def test_a_mean_at_its_limit_passes(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    gate = bench.gate("min = { exact = 0.75 }", "min exact")
    assert (gate.passed, gate.found, gate.wanted, ids(gate)) == (True, 0.75, 0.75, [])


def test_a_mean_below_fails_with_the_rows_that_are_why(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    gate = bench.gate("min = { exact = 0.8 }", "min exact")
    assert not gate.passed
    [row] = gate.rows
    assert (row.example_id, row.slices, row.expected, row.output) == ("b", {}, "x", "says b")
    assert row.scores == {"exact": False}
    assert gate.words == "0.750 over 4 rows, wanted at least 0.8"


def test_of_numbers_the_lowest_come_first(bench: Bench) -> None:
    bench.outputs({"a": 0.4, "b": 0.1, "c": 0.9, "d": 0.3}, name="near")
    assert ids(bench.gate("min = { near = 0.5 }", "min near")) == ["b", "d", "a"]
    assert ids(bench.gate("max = { near = 0.2 }", "max near")) == ["c", "a", "d"]


def test_sums_of_decimals_are_not_held_against_a_limit(bench: Bench) -> None:
    bench.outputs(ALL, cost={"a": 0.1, "b": 0.2, "c": 0.0, "d": 0.0})
    gate = bench.gate("max = { cost_usd = 0.3 }", "max cost_usd")
    assert gate.passed
    assert not bench.gate("max = { cost_usd = 0.2999 }", "max cost_usd").passed


def test_a_mean_just_below_is_told_with_digits_enough(bench: Bench) -> None:
    bench.outputs({"a": 0.89995, "b": 0.89995}, name="near")
    assert bench.gate("min = { near = 0.9 }", "min near").words.startswith("0.89995 over")


def test_totals_are_sums_and_latency_is_a_mean(bench: Bench) -> None:
    bench.outputs(
        ALL,
        input_tokens=dict.fromkeys("abcd", 10),
        output_tokens={"a": 5},
        latency={"a": 100, "b": 300},
        error={"d": "no answer"},
    )
    result = bench.check(
        "max = { input_tokens = 40, output_tokens = 5, latency_ms = 200, errors = 1, rows = 4 }"
    )
    found = {gate.subject: gate.found for gate in result.gates if gate.kind == "max"}
    assert result.passed
    assert found == {"input_tokens": 40, "output_tokens": 5, "latency_ms": 200, "errors": 1, "rows": 4}
    gate = bench.gate("max = { errors = 0 }", "max errors")
    assert ids(gate) == ["d"]
    assert gate.rows[0].error == "no answer"


def test_rows_without_a_score_are_told(bench: Bench) -> None:
    bench.outputs(ONE_WRONG, error={"b": "no answer"})
    gate = bench.gate("min = { exact = 0.9 }", "min exact")
    assert (gate.passed, gate.words) == (True, "1.000 over 3 of 4 rows")


def test_a_total_that_no_row_knows_fails(bench: Bench) -> None:
    bench.outputs(ALL)
    gate = bench.gate("max = { cost_usd = 1 }", "max cost_usd")
    assert (gate.passed, gate.found) == (False, None)
    assert gate.words == "no rows with cost_usd, wanted at most 1 USD"


# --- rows that must pass ----------------------------------------------------------------------------------


def test_the_rows_of_a_tag_must_pass(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    gate = bench.gate('must_pass = { tags = "gold" }', "must_pass tags=gold")
    assert (gate.passed, gate.found, gate.places) == (True, 0, [("a", 0), ("c", 0)])
    bench.outputs({**ALL, "c": False})
    assert ids(bench.gate('must_pass = { tags = "gold" }', "must_pass tags=gold")) == ["c"]


def test_every_row_must_pass(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    assert ids(bench.gate("must_pass = true", "must_pass")) == ["b"]


def test_fields_are_joined_by_and_values_by_or(bench: Bench) -> None:
    bench.outputs(ALL)
    gate = bench.gate('must_pass = { tags = ["gold", "new"], slice = "billing" }',
                      "must_pass tags=gold|new, slice=billing")  # fmt: skip
    assert gate.places == [("a", 0)]


def test_inner_fields_and_numbers_are_found(bench: Bench) -> None:
    bench.outputs(ALL)
    assert bench.gate("must_pass = { meta.level = 3 }", "must_pass meta.level=3").places == [("d", 0)]
    assert not bench.gate("must_pass = { meta.level = true }", "must_pass meta.level=true").places


def test_a_row_without_an_output_or_a_score_does_not_pass(bench: Bench) -> None:
    bench.outputs({**ALL, "a": None}, error={"c": "no answer"})
    assert ids(bench.gate("must_pass = true", "must_pass")) == ["a", "c"]


def test_all_boolean_scores_count_or_those_named(bench: Bench) -> None:
    bench.outputs(ALL, other={"a": True, "b": False, "c": True, "d": True})
    assert ids(bench.gate("must_pass = true", "must_pass")) == ["b"]
    assert bench.gate('must_pass = true\nscore = "exact"', "must_pass").passed


def test_a_named_number_passes_where_it_is_one(bench: Bench) -> None:
    bench.outputs({"a": 1, "b": 0.99, "c": 1.0, "d": 0}, name="near")
    assert ids(bench.gate('must_pass = true\nscore = "near"', "must_pass")) == ["b", "d"]


def test_no_row_of_the_tag_is_no_pass(bench: Bench) -> None:
    bench.outputs(ALL)
    gate = bench.gate('must_pass = { tags = "golden" }', "must_pass tags=golden")
    assert (gate.passed, gate.found, gate.words) == (False, None, "no rows")


# --- no worse than a revision -----------------------------------------------------------------------------


def test_a_mean_below_that_of_a_revision_fails(bench: Bench) -> None:
    bench.outputs(ALL)
    bench.repo.commit("before")
    bench.outputs(ONE_WRONG)
    gate = bench.gate('no_worse_than = "main"', "no_worse_than main exact")
    assert not gate.passed
    assert [(row.example_id, row.scores, row.before) for row in gate.rows] == [
        ("b", {"exact": False}, {"exact": True})
    ]
    assert bench.gate('no_worse_than = "main"\ntolerance = 0.25', "no_worse_than main exact").passed


def test_only_rows_in_both_are_compared_and_the_others_told(bench: Bench) -> None:
    bench.outputs({"a": True, "b": False, "c": True})
    bench.repo.commit("before")
    bench.outputs({"a": True, "b": False, "d": False})
    result = bench.check('no_worse_than = "main"')
    assert result.passed
    assert result.notes == ("compared with main: 2 rows in both; 1 only here, 1 only there",)


def test_a_mean_may_hold_while_a_row_breaks(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    bench.repo.commit("before")
    bench.outputs({**ALL, "c": False})
    result = bench.check('no_worse_than = "main"\nno_broken = true')
    assert [(gate.kind, gate.passed) for gate in result.gates][1:] == [
        ("no_worse_than", True),
        ("no_broken", False),
    ]
    assert ids(result.failed[0]) == ["c"]
    assert result.hint == "promptvc compare main mini --broken"


def test_a_row_that_has_an_error_now_is_broken(bench: Bench) -> None:
    bench.outputs(ALL)
    bench.repo.commit("before")
    bench.outputs(ALL, error={"d": "no answer"})
    gate = bench.gate('no_worse_than = "main"\nno_broken = true', "no_broken main")
    assert ids(gate) == ["d"]


def test_only_some_rows_may_not_break(bench: Bench) -> None:
    bench.outputs(ALL)
    bench.repo.commit("before")
    bench.outputs({**ALL, "b": False, "c": False})
    settings = 'no_worse_than = "main"\nno_broken = { tags = "gold" }'
    assert ids(bench.gate(settings, "no_broken main tags=gold")) == ["c"]


def test_a_revision_without_outputs_is_nothing_to_be_no_worse_than(bench: Bench) -> None:
    bench.repo.commit("before")
    bench.outputs(ALL)
    result = bench.check('no_worse_than = "main"')
    assert [gate.words for gate in result.failed] == ["no rows: main has no outputs of mini"]
    assert result.hint == "no_worse_than needs outputs that are committed at main"


def test_a_score_that_is_gone_is_told_and_one_that_is_named_is_missed(bench: Bench) -> None:
    bench.outputs(ALL, other=ALL)
    bench.repo.commit("before")
    bench.outputs(ALL)
    result = bench.check('no_worse_than = "main"')
    assert result.passed
    assert "not scored here any more, as it was at main: other" in result.notes
    with pytest.raises(ConfigInvalid, match=r"checks\.gold\.score: mini has no score 'other'"):
        bench.check('no_worse_than = "main"\nscore = "other"')


# --- slices -----------------------------------------------------------------------------------------------


def test_a_slice_has_limits_of_its_own(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    settings = "[checks.gold.slices.slice.billing]\nmin = { exact = 0.6 }\nmax = { errors = 0 }"
    gate = bench.gate(settings, "min exact [slice=billing]")
    assert (gate.passed, gate.found, ids(gate)) == (False, 0.5, ["b"])
    assert gate.rows[0].slices == {"slice": "billing"}


def test_each_slice_keeps_to_the_limits_of_all_but_for_its_own(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    settings = 'min = { exact = 0.75 }\nper_slice = ["slice"]\n'
    result = bench.check(settings)
    assert [gate.name for gate in result.failed] == ["min exact [slice=billing]"]
    assert bench.check(settings + "[checks.gold.slices.slice.billing]\nmin = { exact = 0.5 }").passed


def test_a_slice_may_not_get_worse_behind_a_mean_that_holds(bench: Bench) -> None:
    bench.outputs({**ALL, "d": False})
    bench.repo.commit("before")
    bench.outputs(ONE_WRONG)
    result = bench.check('no_worse_than = "main"\nper_slice = "slice"')
    assert [gate.name for gate in result.failed] == ["no_worse_than main exact [slice=billing]"]


def test_a_new_slice_is_told_and_does_not_fail(bench: Bench) -> None:
    bench.outputs({"a": True, "b": True})
    bench.repo.commit("before")
    bench.outputs(ALL)
    result = bench.check('no_worse_than = "main"\nper_slice = "slice"')
    assert result.passed
    assert result.notes[-1] == "slice=auth is new since main"


def test_a_slice_of_no_rows_fails(bench: Bench) -> None:
    bench.outputs(ALL)
    gate = bench.gate("[checks.gold.slices.slice.sales]\nmin = { exact = 0.1 }", "min exact [slice=sales]")
    assert (gate.passed, gate.found, gate.words) == (False, None, "no rows, wanted at least 0.1")


def test_rows_with_a_list_are_in_several_slices_and_others_in_none(bench: Bench) -> None:
    bench.outputs(ALL)
    result = bench.check('min = { exact = 1 }\nper_slice = "tags"')
    assert [gate.words for gate in result.gates if gate.slice] == [
        "1.000 over 2 rows",
        "1.000 over 1 row",
        "1.000 over 2 rows",
    ]
    assert [gate.slice for gate in result.gates if gate.slice] == [
        ("tags", "gold"),
        ("tags", "new"),
        ("tags", None),
    ]


# --- up to date -------------------------------------------------------------------------------------------


def test_outputs_recorded_before_the_examples_changed_are_not_fresh(bench: Bench) -> None:
    bench.outputs(ALL)
    assert bench.check("").passed
    bench.examples([*EXAMPLES[:3], {**EXAMPLES[3], "expected": "z"}])
    gate = bench.gate("", "fresh")
    assert (gate.passed, gate.words) == (False, "examples/t.jsonl changed since the outputs were recorded")
    assert bench.check("min = { exact = 1 }\nfresh = false").passed


def test_tags_are_those_of_the_examples_as_they_are_now(bench: Bench) -> None:
    bench.outputs(ONE_WRONG)
    bench.examples([{**EXAMPLES[0], "tags": []}, {**EXAMPLES[1], "tags": ["gold"]}, *EXAMPLES[2:]])
    settings = 'fresh = false\nmust_pass = { tags = "gold" }'
    assert ids(bench.gate(settings, "must_pass tags=gold")) == ["b"]


def test_a_commit_is_checked_as_it_was(bench: Bench) -> None:
    bench.outputs(ALL)
    bench.repo.commit("before")
    bench.outputs(ONE_WRONG)
    assert bench.check("min = { exact = 1 }", at="main").passed
    assert not bench.check("min = { exact = 1 }").passed


def test_the_run_of_a_model_is_stale_until_it_is_run_again(repo: Repo) -> None:
    assert repo.root is not None
    bench = Bench(repo)
    (repo.root / "gates_model.py").write_text("def answer(messages, model, params):\n    return 'x'\n")
    (repo.root / "prompts").mkdir()
    (repo.root / "prompts" / "p.md").write_text("Say {{ input }}")
    run = (
        '[runs.mini]\nprompt = "prompts/p.md"\nexamples = "examples/t.jsonl"\nmodel = "m-1"\n'
        'provider = "python:gates_model:answer"\nscorers = ["exact:expected"]\n'
    )

    def check() -> CheckResult:
        return bench.check("min = { exact = 0.5 }\n" + run)

    before = check()
    assert [gate.words for gate in before.gates] == ["there are no outputs", "no rows, wanted at least 0.5"]
    assert before.hint == "promptvc run mini"
    repo.runs.run("mini")
    assert check().passed
    (repo.root / "prompts" / "p.md").write_text("Tell {{ input }}")
    assert check().gates[0].words.startswith("4 of 4 ")
    repo.runs.run("mini")
    bench.examples([{**row, "expected": "z"} for row in EXAMPLES])
    assert not check().gates[0].passed  # the requests are the same, but the scores would not be


# --- what cannot be asked ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ("min = { exakt = 1 }", "min: mini has no score 'exakt'", "did you mean exact?"),
        ('must_pass = true\nscore = "words"', "score: mini has no score 'words'", "there is exact"),
        ('must_pass = { tag = "gold" }', "must_pass: no example has a field 'tag'", "did you mean tags?"),
        ('min = { exact = 1 }\nper_slice = "slices"', "per_slice: no example has", "did you mean slice?"),
    ],
)
def test_what_is_not_there_is_named(bench: Bench, settings: str, message: str, hint: str) -> None:
    bench.outputs(ALL)
    with pytest.raises(ConfigInvalid) as caught:
        bench.check(settings)
    assert caught.value.message.startswith(f"promptvc.toml: checks.gold.{message}")
    assert hint_of(caught.value) == hint


def test_an_unknown_run_is_named(bench: Bench) -> None:
    bench.outputs(ALL)
    spec = read_check("gold", {"run": "mnii"}, ConfigInvalid)
    with pytest.raises(ConfigInvalid, match=r"checks\.gold\.run: there is no run 'mnii'") as caught:
        check_run(
            spec, bench.repo.parts.runs.source(), bench.repo.parts.contents, bench.repo.parts.store, bench.at
        )
    assert caught.value.hint == "did you mean mini?"


def test_an_unknown_revision_says_who_names_it(bench: Bench) -> None:
    bench.outputs(ALL)
    bench.repo.commit("before")
    with pytest.raises(UnknownRevision, match=r"checks\.gold\.no_worse_than: unknown revision 'mian'"):
        bench.check('no_worse_than = "mian"')


def test_labels_have_no_mean(bench: Bench) -> None:
    bench.outputs({"a": "good", "b": "bad"}, name="judged")
    with pytest.raises(ConfigInvalid, match="gives labels, which have no mean"):
        bench.check("min = { judged = 1 }")
    with pytest.raises(ConfigInvalid, match="has no score that is true or false"):
        bench.check("must_pass = true")


def test_tags_need_examples(bench: Bench) -> None:
    bench.repo.record_run(
        "mini", [{"id": "a", "o": "x", "ok": True}], example_key="id", output="o", score="ok"
    )
    with pytest.raises(ConfigInvalid, match="which examples mini was made from is not known"):
        bench.check('must_pass = { tags = "gold" }')
    assert bench.check("must_pass = true").passed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "checks.gold.run is missing"),
        ('run = "mini"\nmins = {}', "checks.gold has no setting 'mins'; it has run, fresh, min, max, "),
        ('run = "mini"\nmin = 1', "checks.gold.min must be a table"),
        ('run = "mini"\nmin = { exact = "1" }', "checks.gold.min.exact must be a number"),
        ('run = "mini"\nmax = { exact = nan }', "checks.gold.max.exact must be a number"),
        ('run = "mini"\nfresh = 1', "checks.gold.fresh must be true or false"),
        ('run = "mini"\nfresh = false', "checks.gold checks nothing"),
        ('run = "mini"\ntolerance = 0.1', "checks.gold.tolerance needs no_worse_than"),
        ('run = "mini"\nno_worse_than = "a"\ntolerance = -1', "checks.gold.tolerance must be 0 or more"),
        ('run = "mini"\nno_broken = true', "checks.gold.no_broken needs no_worse_than"),
        ('run = "mini"\nmust_pass = {}', "checks.gold.must_pass must be true, or a table"),
        ('run = "mini"\nmust_pass = { a = [] }', "checks.gold.must_pass.a must be text, a number"),
        ('run = "mini"\nper_slice = "a"', "checks.gold.per_slice needs min of a score"),
        ('run = "mini"\nper_slice = [1]', "checks.gold.per_slice must be a name or a list"),
        ('run = "mini"\nslices.a.b = 1', "checks.gold.slices.a.b must be a table"),
        ('run = "mini"\nslices.a.b = {}', "checks.gold.slices.a.b checks nothing"),
        ('run = "mini"\nslices.a.b.must_pass = true', "checks.gold.slices.a.b has no setting 'must_pass'"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_told_when_it_is_read(settings: str, message: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_project(f"[checks.gold]\n{settings}\n".encode())
    assert caught.value.message.startswith(f"promptvc.toml: {message}")


def test_a_check_is_read_whole() -> None:
    spec = read_project(
        b'[checks.gold]\nrun = "mini"\nmin.exact = 0.9\nno_worse_than = "main"\ntolerance = 0.1\n'
        b'slices.slice.billing.no_worse_than = "v1"\n'
    ).checks["gold"]
    assert (spec.run, spec.fresh, spec.limits.min, spec.limits.tolerance) == (
        "mini",
        True,
        {"exact": 0.9},
        0.1,
    )
    [slice] = spec.slices
    assert (slice.field, slice.value) == ("slice", "billing")
    assert (slice.limits.no_worse_than, slice.limits.tolerance) == ("v1", 0.1)


# --- size -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_rows_are_checked_in_time_that_grows_with_them(repo: Repo, tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        project = Repo.init(tmp_path / str(count), repo.parts.surroundings)
        bench = Bench(project)
        bench.examples(
            [{"id": f"t{n}", "slice": f"s{n % 200}", "tags": ["gold"] * (n % 2)} for n in range(count)]
        )
        bench.outputs({f"t{n}": n % 3 > 0 for n in range(count)})
        project.commit("before")
        bench.outputs({f"t{n}": n % 5 > 0 for n in range(count)})
        start = time.perf_counter()
        result = bench.check(
            'min = { exact = 0.99 }\nno_worse_than = "main"\nno_broken = true\nper_slice = "slice"\n'
            'must_pass = { tags = "gold" }'
        )
        assert sum(len(list(gate.rows)) for gate in result.failed if not gate.slice) > count / 4
        return time.perf_counter() - start

    small, large = seconds(2_000), seconds(20_000)
    assert large < 40 * max(small, 0.05)
