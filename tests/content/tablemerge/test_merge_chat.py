"""Merging rows that hold conversations: messages, tool calls, tags, nested metadata."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats.missing import MISSING
from promptvc.content.tablemerge.merge import RowMerge
from tests.content.tablefiles import jsonl
from tests.merging.tables import merge

Row = dict[str, Any]

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find_order", "arguments": '{"order": "A-17", "deep": true}'},
}
CHAT: Row = {
    "id": "c-1",
    "messages": [
        {"role": "system", "content": "You help customers of a shop.\nBe brief.\nNever promise refunds."},
        {"role": "user", "content": "Where is my order A-17?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"status": "sent"}'},
        {"role": "assistant", "content": "It is on its way."},
    ],
    "tags": ["order", "shipping"],
    "score": 0.5,
    "meta": {"source": {"name": "export", "at": [2024, 5]}, "reviewed": False, "notes": None},
}
THANKS = {"role": "user", "content": "Thanks!"}
WHEN = {"role": "user", "content": "When will it arrive?"}


def chat(**fields: Any) -> Row:
    return {**copy.deepcopy(CHAT), **fields}


def messages(edit: dict[int, Row] | None = None, more: list[Row] | None = None) -> list[Row]:
    """The messages of CHAT, some with other fields, and more at the end."""
    return [{**copy.deepcopy(m), **(edit or {}).get(n, {})} for n, m in enumerate(CHAT["messages"])] + (
        more or []
    )


def merged(ours: Row, theirs: Row, base: Row | None = None) -> RowMerge:
    """The merge of one row among others; the same with the sides swapped is checked for the same bytes of rows."""
    before, after = [{"id": "c-0", "messages": []}], [{"id": "c-2", "messages": []}]
    versions = [jsonl([*before, row, *after]) for row in (base or CHAT, ours, theirs)]
    return merge("a.jsonl", *versions)


def clean(ours: Row, theirs: Row, base: Row | None = None) -> Row:
    """The merged row, which must be the same whichever side is ours, without a conflict."""
    rows = []
    for pair in ((ours, theirs), (theirs, ours)):
        found = merged(*pair, base)
        assert found.conflicts == ()
        before, row, after = map(json.loads, found.data.splitlines())
        assert (before["id"], after["id"]) == ("c-0", "c-2")
        rows.append(row)
    assert rows[0] == rows[1]
    return rows[0]


def test_one_side_edits_the_system_message_and_the_other_appends_a_turn() -> None:
    ours = chat(messages=messages({0: {"content": "You help customers. Be kind."}}))
    theirs = chat(messages=messages(more=[THANKS]))
    assert clean(ours, theirs) == chat(
        messages=messages({0: {"content": "You help customers. Be kind."}}, [THANKS])
    )


def test_lines_of_one_message_are_edited_by_both_sides() -> None:
    first, second, third = CHAT["messages"][0]["content"].split("\n")
    ours = chat(messages=messages({0: {"content": f"You help everybody.\n{second}\n{third}"}}))
    theirs = chat(messages=messages({0: {"content": f"{first}\n{second}\nNever promise anything."}}))
    assert clean(ours, theirs)["messages"][0]["content"] == (
        f"You help everybody.\n{second}\nNever promise anything."
    )


def test_one_side_changes_the_tags_and_the_other_the_score() -> None:
    ours, theirs = chat(tags=["order", "shipping", "late"]), chat(score=0.9)
    assert clean(ours, theirs) == chat(tags=["order", "shipping", "late"], score=0.9)


def test_two_appended_turns_are_both_kept_in_an_order_that_does_not_depend_on_the_side() -> None:
    row = clean(chat(messages=messages(more=[THANKS])), chat(messages=messages(more=[WHEN])))
    assert row["messages"][:5] == CHAT["messages"]
    assert sorted(row["messages"][5:], key=json.dumps) == sorted([THANKS, WHEN], key=json.dumps)


def test_turns_appended_together_stay_together() -> None:
    answer = {"role": "assistant", "content": "You are welcome."}
    row = clean(chat(messages=messages(more=[THANKS, answer])), chat(messages=messages(more=[WHEN])))
    assert row["messages"][5:] in ([THANKS, answer, WHEN], [WHEN, THANKS, answer])


def test_the_same_turn_appended_by_both_is_there_once() -> None:
    both = chat(messages=messages(more=[THANKS]))
    ours = {**both, "score": 1}
    assert clean(ours, both) == ours


def test_a_turn_put_in_the_middle_and_an_edit_of_the_last_one() -> None:
    base = messages()
    middle = {"role": "assistant", "content": "Let me look."}
    ours = chat(messages=[*base[:2], middle, *base[2:]])
    theirs = chat(messages=messages({4: {"content": "It arrives on Monday."}}))
    wanted = messages({4: {"content": "It arrives on Monday."}})
    assert clean(ours, theirs)["messages"] == [*wanted[:2], middle, *wanted[2:]]


def test_a_turn_taken_out_and_another_one_edited() -> None:
    ours = chat(messages=messages()[:4])
    theirs = chat(messages=messages({1: {"content": "Where is A-17?"}}))
    assert clean(ours, theirs)["messages"] == messages({1: {"content": "Where is A-17?"}})[:4]


def test_fields_of_one_message_are_edited_by_both_sides() -> None:
    ours = chat(messages=messages({4: {"content": "It arrives on Monday."}}))
    theirs = chat(messages=messages({4: {"name": "bot"}}))
    assert clean(ours, theirs)["messages"] == messages(
        {4: {"content": "It arrives on Monday.", "name": "bot"}}
    )


def test_a_tool_call_is_edited_within() -> None:
    def called(**fields: Any) -> Row:
        call = {**CALL, **fields}
        return chat(messages=messages({2: {"tool_calls": [call]}}))

    function = {**CALL["function"], "name": "look_up"}
    row = clean(called(id="call_9"), called(function=function))
    assert row["messages"][2]["tool_calls"] == [{**CALL, "id": "call_9", "function": function}]


def test_neighbouring_messages_are_edited_by_different_sides() -> None:
    ours = chat(messages=messages({0: {"content": "Be kind."}, 2: {"content": "Looking."}}))
    theirs = chat(messages=messages({1: {"content": "Hello?"}, 3: {"content": "{}"}}))
    assert clean(ours, theirs)["messages"] == messages(
        {
            0: {"content": "Be kind."},
            1: {"content": "Hello?"},
            2: {"content": "Looking."},
            3: {"content": "{}"},
        }
    )


def test_nested_metadata_merges_by_name() -> None:
    def with_meta(**fields: Any) -> Row:
        return chat(meta={**copy.deepcopy(CHAT["meta"]), **fields})

    ours = with_meta(reviewed=True, source={"name": "import", "at": [2024, 5]})
    theirs = with_meta(by="second", source={"name": "export", "at": [2024, 5, 1]})
    assert clean(ours, theirs)["meta"] == {
        **CHAT["meta"],
        "reviewed": True,
        "by": "second",
        "source": {"name": "import", "at": [2024, 5, 1]},
    }


def test_one_message_edited_differently_is_a_conflict_of_the_messages() -> None:
    ours = chat(messages=messages({1: {"content": "Where is it?"}}, [THANKS]))
    theirs = chat(messages=messages({1: {"content": "Where is my parcel?"}}), score=1)
    found = merged(ours, theirs)
    [conflict] = found.conflicts
    assert (conflict.kind, conflict.key, conflict.field, conflict.row) == (
        "both-changed",
        {"id": "c-1"},
        "messages",
        1,
    )
    row = json.loads(found.data.splitlines()[1])
    assert row["score"] == 1
    assert row["messages"] == conflict.ours == ours["messages"]
    assert conflict.theirs == messages({1: {"content": "Where is my parcel?"}}, [THANKS])
    assert conflict.base == messages(more=[THANKS])


def test_a_nested_conflict_names_its_place() -> None:
    ours = chat(meta={**CHAT["meta"], "source": {"name": "a", "at": [2024, 5]}})
    theirs = chat(meta={**CHAT["meta"], "source": {"name": "b", "at": [2024, 5]}, "notes": "n"})
    found = merged(ours, theirs)
    [conflict] = found.conflicts
    assert (conflict.field, conflict.at) == ("meta", ("source", "name"))
    assert (conflict.base, conflict.ours, conflict.theirs) == ("export", "a", "b")
    assert json.loads(found.data.splitlines()[1])["meta"] == {
        **ours["meta"],
        "notes": "n",
    }


def test_a_field_removed_and_edited_is_a_conflict_of_the_field() -> None:
    ours = {name: value for name, value in chat().items() if name != "tags"}
    found = merged(ours, chat(tags=["order"], score=1))
    [conflict] = found.conflicts
    assert (conflict.kind, conflict.field, conflict.ours, conflict.theirs) == (
        "edit-delete",
        "tags",
        MISSING,
        ["order"],
    )
    assert json.loads(found.data.splitlines()[1]) == {**ours, "score": 1}


# --- rows of the real world -------------------------------------------------------------------------------


def awkward(data: Path) -> list[bytes]:
    return (data / "awkward.jsonl").read_bytes().split(b"\n")[:-1]


def test_awkward_rows_without_a_key_take_a_field_from_each_side(data: Path) -> None:
    lines = [line.strip() for line in awkward(data)]
    base = b"\n".join(lines) + b"\n"
    ours = b"\n".join(line[:-1] + b', "ours": 1}' if n % 2 else line for n, line in enumerate(lines)) + b"\n"
    theirs = (
        b"\n".join(line[:-1] + b', "theirs": 2}' if n % 3 else line for n, line in enumerate(lines)) + b"\n"
    )
    found = merge("awkward.jsonl", base, ours, theirs)
    assert found.conflicts == ()
    merged = found.data.split(b"\n")[:-1]
    assert len(merged) == len(lines)
    for n, (line, result) in enumerate(zip(lines, merged, strict=True)):
        # Whatever is in the row (numbers beyond 2**53, NUL, escapes) keeps its bytes.
        assert result.startswith(line[:-1])
        added = ({"ours": 1} if n % 2 else {}) | ({"theirs": 2} if n % 3 else {})
        assert json.loads(result) == {**json.loads(line), **added}
        assert added or result == line


def _lists(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the lists of at least two objects are."""
    found = []
    if isinstance(value, list) and len(value) > 1 and all(isinstance(item, dict) for item in value):
        found.append(way)
    if isinstance(value, dict):
        for name, inner in value.items():
            found += _lists(inner, (*way, name))
    return found


def test_every_conversation_among_awkward_rows_takes_an_edit_and_an_append(data: Path) -> None:
    rows = [json.loads(line) for line in awkward(data)]
    tried = 0
    for number, row in enumerate(rows):
        for way in _lists(row):
            ours, theirs, expected = (copy.deepcopy(row) for _ in range(3))
            for version in (ours, expected):
                _at(version, way)[0]["edited"] = "by ours"
            for version in (theirs, expected):
                _at(version, way).append({"role": "user", "content": "appended by theirs"})
            versions = [jsonl([*rows[:number], one, *rows[number + 1 :]]) for one in (row, ours, theirs)]
            for base, one, other in (versions, [versions[0], versions[2], versions[1]]):
                found = merge("awkward.jsonl", base, one, other)
                assert found.conflicts == ()
                assert json.loads(found.data.split(b"\n")[number]) == expected
            tried += 1
    assert tried == 9


def _at(value: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        value = value[step]
    return value


# --- any conversation -------------------------------------------------------------------------------------

_TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": st.sampled_from(["a", "b", "c", "d"])}
    ),
    max_size=5,
)


@settings(max_examples=150)
@given(_TURNS, _TURNS, _TURNS)
def test_appended_turns_are_all_kept_in_their_order_whatever_they_are(
    base: list[Row], more: list[Row], other: list[Row]
) -> None:
    """Turns may be equal to one another; those that both sides appended alike may be there once."""
    row = clean(chat(messages=base + more), chat(messages=base + other), chat(messages=base))
    appended = row["messages"][len(base) :]
    assert row["messages"][: len(base)] == base
    assert _within(more, appended)
    assert _within(other, appended)
    assert len(appended) <= len(more) + len(other)


def _within(part: list[Row], whole: list[Row]) -> bool:
    """Whether part's items are in whole, in their order."""
    rest = iter(whole)
    return all(any(item == found for found in rest) for item in part)


@pytest.mark.parametrize("path", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("key", [None, ["id"]])
def test_conversations_merge_in_every_format_of_objects(path: str, key: list[str] | None) -> None:
    def file(*rows: Row) -> bytes:
        return jsonl(rows) if path == "a.jsonl" else json.dumps(list(rows), indent=2).encode() + b"\n"

    other = {"id": "c-2", "messages": [THANKS]}
    ours = chat(messages=messages({0: {"content": "Be kind."}}))
    theirs = chat(messages=messages(more=[THANKS]))
    found = merge(path, file(CHAT, other), file(ours, other), file(theirs, other), key)
    assert found.conflicts == ()
    assert found.data == file(chat(messages=messages({0: {"content": "Be kind."}}, [THANKS])), other)
