"""What built-in scorers and functions say of outputs, and that nothing they do stops a run."""

from __future__ import annotations

import hashlib
import json
import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.formats.base import Row
from promptvc.content.runs.run import OutputRow, Score
from promptvc.content.runs.spec import ScorerSpec
from promptvc.errors import ConfigInvalid, PathMissing
from promptvc.runs.scoring.kinds import KINDS, last_number
from promptvc.runs.scoring.scorers import Scorer, scorers_of, scores_of


def no_code(name: str) -> Callable[..., object]:
    raise AssertionError(f"{name} was loaded")


def scorer(text: str, function: Callable[..., object] | None = None, **files: bytes) -> Scorer:
    def read(path: str) -> bytes:
        if path not in files:
            raise PathMissing(f"{path}: there is no such file")
        return files[path]

    load = no_code if function is None else lambda name: function
    return scorers_of([ScorerSpec.parse(text)], load, read)[0]


def score(text: str, output: str | None, **example: Any) -> Score:
    return scorer(text).score(output, example, OutputRow(example_id="e", output=output))


TEXT = st.text()


# --- exact, contains, similarity


def test_exact_passes_for_the_text_of_the_field_whatever_blank_space_is_around_it() -> None:
    assert score("exact:expected", " refund\n", expected="refund ") is True
    assert score("exact:expected", "Refund", expected="refund") is False
    assert score("exact:expected", "a  b", expected="a b") is False


def test_a_field_that_is_no_text_is_compared_as_its_json() -> None:
    assert score("exact:n", "42", n=42) is True
    assert score("exact:b", "true", b=True) is True


def test_an_array_holds_answers_of_which_any_counts() -> None:
    assert score("exact:expected", "two", expected=["2", "two"]) is True
    assert score("contains:expected", "it is two", expected=["2", "two"]) is True
    assert score("similarity:expected", "two", expected=["xyz", "two"]) == 1.0
    assert score("numeric:expected", "it is 2", expected=["1", 2]) is True


def test_a_field_inside_a_field_is_named_by_a_dotted_path() -> None:
    assert score("exact:answer.text", "yes", answer={"text": "yes"}) is True
    assert score("exact:answer.text", "yes", **{"answer.text": "yes"}) is True
    assert score("exact:answers.1", "b", answers=["a", "b"]) is True


def test_contains_is_given_no_score_where_there_is_nothing_to_look_for() -> None:
    made = scorer("contains:expected")
    assert made.score("anything", {"expected": " "}, OutputRow(example_id="e", output="anything")) is None
    assert made.problems == ["contains, example e: the field 'expected' is empty, which any output contains"]


def test_an_output_of_none_is_empty_text() -> None:
    assert score("exact:expected", None, expected="a") is False
    assert score("similarity:expected", None, expected="a") == 0.0
    assert score("regex:^$", None) is True


@given(TEXT)
def test_any_text_is_exactly_itself_contained_in_itself_and_wholly_like_itself(text: str) -> None:
    assert score("exact:f", text, f=text) is True
    assert score("similarity:f", text, f=text) == 1.0
    assert score("contains:f", f"a {text} b", f=text) in (True, None)


@given(TEXT, TEXT)
def test_similarity_is_between_0_and_1_and_the_same_from_both_sides(one: str, two: str) -> None:
    found = score("similarity:f", one, f=two)
    assert isinstance(found, float)
    assert 0 <= found <= 1
    assert found == score("similarity:f", two, f=one)


# --- regex


def test_regex_searches_the_output() -> None:
    assert score("regex:(?i)refund(ed)?\\b", "We REFUNDED it") is True
    assert score("regex:^a:b$", "a:b") is True
    assert score("regex:\\@here", "@here") is True
    assert score("regex:x", "y") is False


def test_regex_of_a_field() -> None:
    assert score("regex:@pattern", "id 17", pattern="id \\d+") is True
    made = scorer("regex:@pattern")
    assert made.score("x", {"pattern": "("}, OutputRow(example_id="e", output="x")) is None
    assert made.failures == 1


# --- numeric


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("#### 24", 24),
        ("A: 1,319", 1319),
        ("16-3=13", 13),
        ("it was 16-3", 3),
        ("minus: -3", -3),
        ("a loss of $-1,234.50.", -1234.5),
        ("\u22127", -7),
        ("1, 2,3", 3),
        ("1.5e3 J", 1500),
        (".5", 0.5),
        ("12,34", 34),
        ("2 of 3 (66%)", 66),
        ("none", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


@given(st.integers(-(10**15), 10**15))
def test_an_integer_is_found_with_thousands_separated_or_not(number: int) -> None:
    for text in (f"{number}", f"{number:,}"):
        assert last_number(f"3 and then {text} dollars.") == number
        assert score("numeric:f", f"so {text}", f=number) is True


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_itself_however_it_is_written(number: float) -> None:
    assert last_number(f"x = {number!r}") == number


def test_numeric_takes_numbers_within_a_tolerance() -> None:
    assert score("numeric:n", "3.14", n=3.14159) is False
    assert score("numeric:n,tolerance=0.01", "3.14", n=3.14159) is True
    assert score("numeric:n,relative=0.01", "1,005", n=1000) is True
    assert score("numeric:n, tolerance=0, relative=0.001", "1,005", n=1000) is False
    assert score("numeric:n", "no number", n=1) is False
    assert score("numeric:n", "1", n="no number") is None
    assert score("numeric:n", "1", n=True) is None


@pytest.mark.parametrize(
    "text", ["numeric:n,tol=1", "numeric:n,tolerance=x", "numeric:n,relative=-1", "numeric:,"]
)
def test_numeric_refuses_what_is_no_tolerance(text: str) -> None:
    with pytest.raises(ConfigInvalid):
        scorer(text)


def test_the_answers_of_gsm8k_are_read_as_their_makers_read_them(data: Path) -> None:
    tests, solutions = (
        [json.loads(line) for line in (data / "gsm8k" / name).read_bytes().splitlines()]
        for name in ("test.jsonl", "example_model_solutions.jsonl")
    )
    answers = {row["question"]: row for row in tests}
    made = scorer("numeric:answer")
    for system, right in {"175b_finetuning": 458, "175b_verification": 742}.items():
        found = [
            made.score(r[system]["solution"], answers[r["question"]], OutputRow(example_id="e"))
            for r in solutions
        ]
        assert sum(map(bool, found)) == right
        assert made.failures == 0


# --- json_schema

SCHEMA = '{"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b"]}}}'


def test_json_schema_inline_of_a_file_and_of_a_field() -> None:
    for made, example in (
        (scorer(f"json_schema:{SCHEMA}"), {}),
        (scorer("json_schema:schema", schema=SCHEMA.encode()), {}),
        (scorer("json_schema:@schema"), {"schema": SCHEMA}),
        (scorer("json_schema:@schema"), {"schema": json.loads(SCHEMA)}),
    ):
        outputs = [
            '{"label": "a"}',
            '{"label": "c"}',
            "{}",
            "not JSON",
            '```json\n{"label": "a"}\n```',
            "NaN",
            None,
        ]
        found = [made.score(text, example, OutputRow(example_id="e", output=text)) for text in outputs]
        assert found == [True, False, False, False, False, False, False]


def test_the_code_of_json_schema_changes_with_the_file() -> None:
    one, two = (scorer("json_schema:schema", schema=data) for data in (b"{}", b'{"type": "object"}'))
    assert one.code != two.code


@pytest.mark.parametrize(
    "text", ["json_schema:{", 'json_schema:{"type": "nonsense"}', "json_schema:broken", "json_schema:@"]
)
def test_a_schema_that_is_none_is_refused_at_once(text: str) -> None:
    with pytest.raises(ConfigInvalid):
        scorer(text, broken=b"{,}")


def test_a_schema_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(PathMissing):
        scorer("json_schema:missing.json")


def test_no_schema_is_fetched() -> None:
    made = scorer('json_schema:{"$ref": "http://127.0.0.1:1/schema.json"}')
    assert made.score("{}", {}, OutputRow(example_id="e", output="{}")) is None
    assert made.failures == 1


# --- functions


def test_a_function_gives_numbers_booleans_and_labels() -> None:
    for value in (1, 0.5, True, "good", None):
        made = scorer("python:m:f", lambda output, example, value=value: value)
        assert made.score("x", {}, OutputRow(example_id="e")) is value
        assert made.failures == 0


def test_a_function_gets_the_row_if_it_takes_one() -> None:
    def three(output: str, example: Row, row: OutputRow) -> str:
        return row.example_id

    def two(output: str, example: Row, threshold: float = 0.5) -> float:
        return threshold

    def optional(output: str, example: Row, row: OutputRow | None = None) -> bool:
        return row is not None

    assert scorer("python:m:f", three).score("x", {}, OutputRow(example_id="e-1")) == "e-1"
    assert scorer("python:m:f", two).score("x", {}, OutputRow(example_id="e-1")) == 0.5
    assert scorer("python:m:f", optional).score("x", {}, OutputRow(example_id="e-1")) is True


@pytest.mark.parametrize("value", [math.nan, math.inf, [], {}, object(), 1j])
def test_what_is_no_score_is_none_and_a_problem(value: object) -> None:
    made = scorer("python:m:f", lambda output, example: value)
    assert made.score("x", {}, OutputRow(example_id="e")) is None
    assert made.failures == 1


def test_a_number_of_numpy_is_a_number() -> None:
    import numpy as np

    assert (
        scorer("python:m:f", lambda output, example: np.float32(0.5)).score(
            "x", {}, OutputRow(example_id="e")
        )
        == 0.5
    )
    assert (
        scorer("python:m:f", lambda output, example: np.bool_(True)).score("x", {}, OutputRow(example_id="e"))
        is True
    )


@pytest.mark.parametrize("error", [ValueError("two\nlines"), SystemExit(3), RecursionError(), KeyError("x")])
def test_whatever_a_function_raises_is_a_problem_and_no_more(error: BaseException) -> None:
    def fail(output: str, example: Row) -> None:
        raise error

    made = scorer("python:m:f", fail)
    for number in range(30):
        assert made.score("x", {}, OutputRow(example_id=f"e-{number}")) is None
    assert made.failures == 30
    assert len(made.problems) == 10
    assert made.problems[0].startswith(f"f, example e-0: {type(error).__name__}")
    assert "\n" not in made.problems[0]


def test_a_row_with_an_error_is_not_scored() -> None:
    row = OutputRow(example_id="e", error="timeout")
    for made in (scorer("exact:f"), scorer("python:m:f", lambda output, example: 1)):
        assert made.score(None, {"f": ""}, row) is None
        assert made.failures == 0


def test_the_code_of_a_function_is_that_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = textwrap.dedent("""
        def f(output, example):
            return 1
    """).encode()
    (tmp_path / "scorers_of_a_test.py").write_bytes(source)
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    module = importlib.import_module("scorers_of_a_test")
    pin = scorer("python:scorers_of_a_test:f", module.f).pin()
    assert (pin.name, pin.spec) == ("f", "python:scorers_of_a_test:f")
    assert pin.code == hashlib.sha256(source).hexdigest()


def test_a_callable_without_a_file_is_pinned_by_its_name() -> None:
    assert len(scorer("python:builtins:max", max).code) == 64


# --- declared


def test_an_unknown_kind_is_refused_and_the_kinds_are_named() -> None:
    with pytest.raises(ConfigInvalid, match="no scorer 'exakt'") as caught:
        scorer("exakt:expected")
    assert all(f"{kind}:" in (caught.value.hint or "") for kind in (*KINDS, "python"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_its_argument_is_refused(kind: str) -> None:
    with pytest.raises(ConfigInvalid, match="needs an argument"):
        scorer(kind)


@pytest.mark.parametrize("text", ["python:module", "python:", "python::f", "regex:(", "regex:@"])
def test_an_argument_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(ConfigInvalid):
        scorer(text)


def test_a_missing_field_is_a_problem_that_names_it() -> None:
    made = scorer("right=exact:expected")
    assert made.score("x", {"other": 1}, OutputRow(example_id="e")) is None
    assert made.problems == ["right, example e: the example has no field 'expected'"]


def test_pins_say_how_a_scorer_was_declared_and_differ_by_kind() -> None:
    texts = ["exact:a", "contains:a", "regex:a", "numeric:a", "similarity:a", 'json_schema:{"a": 1}']
    pins = [scorer(text).pin() for text in texts]
    assert [pin.spec for pin in pins] == texts
    assert len({pin.code for pin in pins}) == len(texts)
    assert pins[0].code == hashlib.sha256(b"exact-1").hexdigest()


def test_all_scores_of_a_row_by_name() -> None:
    specs = [ScorerSpec.parse(text) for text in ("exact:a", "near=similarity:a")]
    found = scores_of(scorers_of(specs, no_code), {"a": "x"}, OutputRow(example_id="e", output="x"))
    assert found == {"exact": True, "near": 1.0}


@given(
    st.sampled_from(
        [f"{kind}:f" for kind in ("exact", "contains", "regex", "numeric", "similarity")]
        + ["regex:@f", "json_schema:@f"]
    ),
    st.none() | TEXT,
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | TEXT, st.lists, max_leaves=4),
)
def test_no_output_and_no_field_makes_a_built_in_scorer_raise(
    text: str, output: str | None, value: Any
) -> None:
    found = score(text, output, f=value)
    assert found is None or isinstance(found, bool | float)
