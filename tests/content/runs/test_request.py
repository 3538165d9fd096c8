"""Requests: fingerprints that tell apart what differs, and example ids that are each their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.request import Calling, calling_of, example_ids, fingerprint
from promptvc.content.runs.spec import RunSpec
from promptvc.errors import Usage
from promptvc.ids import RepoPath

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def of(value: Any) -> str:
    return fingerprint(
        Calling(provider="p", model="m", params={"x": value}), [{"role": "user", "content": "hello"}]
    )


def plain(value: Any) -> Any:
    """A value that is equal to another one exactly where JSON takes both for the same."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, int | float):
        return ("number", value)
    if isinstance(value, dict):
        return ("object", frozenset((name, plain(item)) for name, item in value.items()))
    return ("array", tuple(map(plain, value)))


@given(values, values)
def test_fingerprints_are_equal_exactly_where_values_are(one: Any, other: Any) -> None:
    assert (of(one) == of(other)) == (plain(one) == plain(other))


def test_the_order_of_keys_and_zero_after_the_point_do_not_matter() -> None:
    assert of({"a": 1, "b": 2}) == of({"b": 2.0, "a": 1.0})
    assert of(-0.0) == of(0)
    assert of(True) != of(1)
    with pytest.raises(Usage):
        of(float("inf"))


def test_a_fingerprint_never_changes() -> None:
    calling = Calling(
        provider="openai",
        model="tiny",
        params={"temperature": 0},
        tools=None,
        response_format=None,
        base_url=None,
    )
    messages = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "Ünïcode \U0001f600"}]
    assert (
        fingerprint(calling, messages, 2)
        == "8472e54cfec0a787f2931845c5de5c2dd2e12191571572ba4c5b81446070a9eb"
    )


@given(st.lists(st.sampled_from(["a", "a#2", "a#2#2", "", 1, "1", 1.5, None, "\ud800"]), max_size=12))
def test_example_ids_are_each_their_own(keys: list[Any]) -> None:
    ids = [id for id, _ in example_ids([{"k": key} for key in keys], ["k"])]
    assert len(set(ids)) == len(ids) == len(keys)
    for id in ids:
        id.encode()


def test_what_the_run_says_comes_before_what_the_prompt_says() -> None:
    text = b"---\nmodel: one\ntemperature: 1\nresponse_format: {type: text}\n---\nuser:\n{{ x }}\n"
    prompt = read_prompt("prompts/a.md", text)
    spec = RunSpec(
        name="r",
        prompt=RepoPath("prompts/a.md"),
        examples=RepoPath("e.jsonl"),
        provider="openai",
        params={"responseFormat": {"type": "json"}},
    )
    found = calling_of(spec, prompt)
    assert (found.model, found.params, found.response_format) == ("one", {"temperature": 1}, {"type": "json"})
    plain_spec = RunSpec(
        name="r",
        prompt=RepoPath("prompts/a.md"),
        examples=RepoPath("e.jsonl"),
        provider="openai",
        model="two",
    )
    assert calling_of(plain_spec, prompt).response_format == {"type": "text"}
    assert calling_of(plain_spec, prompt).model == "two"
