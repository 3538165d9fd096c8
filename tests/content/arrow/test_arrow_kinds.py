"""Kinds of values: a join-semilattice, and a type for each."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.arrow.kinds import (
    NULL,
    arrow_field,
    infer,
    is_text,
    join,
    kind_from_plain,
    kind_to_plain,
)
from tests.amounts import examples
from tests.content.tablefiles import like_values, values

some_values = st.one_of(like_values, st.lists(values, max_size=5))
kinds = some_values.map(infer)


@settings(max_examples=examples(200), deadline=None)
@given(kinds, kinds, kinds)
def test_joining_does_not_depend_on_order_or_grouping(one: Any, two: Any, three: Any) -> None:
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))
    assert join(one, one) == join(one, NULL) == join(NULL, one) == one


@settings(max_examples=examples(200), deadline=None)
@given(some_values, some_values)
def test_the_kind_of_all_values_is_the_join_of_the_kinds_of_some(one: list[Any], other: list[Any]) -> None:
    assert infer([*one, *other]) == join(infer(one), infer(other))


@settings(max_examples=examples(100), deadline=None)
@given(kinds)
def test_kinds_survive_json(kind: Any) -> None:
    again = kind_from_plain(json.loads(json.dumps(kind_to_plain(kind))))
    assert again == kind
    assert arrow_field("a", again).equals(arrow_field("a", kind), check_metadata=True)


@settings(max_examples=examples(100), deadline=None)
@given(kinds, kinds)
def test_what_was_json_text_stays_json_text_unless_it_was_empty_objects(one: Any, other: Any) -> None:
    if is_text(arrow_field("a", one)) and "object" not in json.dumps(kind_to_plain(one)):
        assert is_text(arrow_field("a", join(one, other)))
