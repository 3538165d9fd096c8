"""Prompt diffs: words by message, variables, settings."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.prompt.diff import PromptDiff, diff_prompts
from promptvc.content.prompt.prompt import Prompt, read_prompt
from promptvc.content.text.diff import Span


def read(text: str, path: str = "prompts/p.md") -> Prompt:
    return read_prompt(path, text.encode())


def diff(before: str, after: str, path: str = "prompts/p.md") -> PromptDiff:
    return diff_prompts(read(before, path), read(after, path))


def ops(found: PromptDiff) -> list[tuple[str, str, int | None, int | None]]:
    return [(message.op, message.role, message.before, message.after) for message in found.messages]


BEFORE = """---
model: small-1
temperature: 0.7
---
system:
You answer in a friendly tone. Never promise a refund.
user:
{{ ticket }}
"""
AFTER = """---
model: small-1
temperature: 0.2
---
system:
You answer in a calm, brief tone. Never promise a refund above {{ limit }} EUR.
user:
{{ ticket }}
"""


def test_words_variables_and_settings_are_told_apart() -> None:
    found = diff(BEFORE, AFTER)
    assert ops(found) == [("changed", "system", 0, 0)]
    assert found.messages[0].spans == (
        Span("=", "You answer in a "),
        Span("-", "friendly"),
        Span("+", "calm, brief"),
        Span("=", " tone. Never promise a refund"),
        Span("+", " above {{ limit }} EUR"),
        Span("=", "."),
    )
    assert (found.variables_added, found.variables_removed) == (("limit",), ())
    assert found.settings == {"temperature": (0.7, 0.2)}
    assert found.word_groups == 2
    assert not found.layout


def test_the_json_says_the_same() -> None:
    told = diff(BEFORE, AFTER).to_json()
    assert json.loads(json.dumps(told)) == told
    assert told["variables"] == {"added": ["limit"], "removed": []}
    assert told["settings"] == {"temperature": [0.7, 0.2]}
    assert told["word_groups"] == 2
    message = told["messages"][0]
    assert (message["op"], message["role"], message["at"]) == ("changed", "system", [0, 0])
    assert message["spans"][1] == ["-", "friendly"]


def test_the_other_way_swaps_before_and_after() -> None:
    found = diff(AFTER, BEFORE)
    assert found.variables_removed == ("limit",)
    assert found.settings == {"temperature": (0.2, 0.7)}


def test_a_prompt_against_itself_has_no_difference() -> None:
    found = diff(BEFORE, BEFORE)
    assert not found
    assert found.to_json()["messages"] == []


def test_line_ends_and_blank_lines_are_layout() -> None:
    for other in (BEFORE.replace("\n", "\r\n"), BEFORE + "\n\n", BEFORE.replace("user:\n", "\nuser:\n\n")):
        found = diff(BEFORE, other)
        assert found.layout
        assert found
        assert (found.messages, found.settings, found.word_groups) == ((), {}, 0)


def test_messages_are_aligned_by_role_and_similarity() -> None:
    before = "system:\nBe brief.\nuser:\nWhat is two and two?\nassistant:\nFour.\nuser:\n{{ question }}"
    after = before.replace("user:\nWhat", "user:\nHow far is the moon?\nassistant:\nFar.\nuser:\nNow, what")
    assert ops(diff(before, after)) == [
        ("added", "user", None, 1),
        ("added", "assistant", None, 2),
        ("changed", "user", 1, 3),
    ]
    assert ops(diff(after, before)) == [
        ("removed", "user", 1, None),
        ("removed", "assistant", 2, None),
        ("changed", "user", 3, 1),
    ]


def test_messages_of_different_roles_are_never_versions_of_each_other() -> None:
    assert ops(diff("system:\nBe brief.", "user:\nBe brief.")) == [
        ("removed", "system", 0, None),
        ("added", "user", None, 0),
    ]


def test_settings_are_named_by_dotted_keys() -> None:
    before = "---\nmodel:\n  id: a\n  options: {stop: [x], top_p: 1}\n---\n"
    after = "---\nmodel:\n  id: a\n  options: {stop: [x, y], top_k: 3}\n  a.b: true\n---\n"
    assert diff(before, after).settings == {
        "model.options.stop": (["x"], ["x", "y"]),
        "model.options.top_k": (None, 3),
        "model.options.top_p": (1, None),
        'model."a.b"': (None, True),
    }


def test_inputs_with_names_are_compared_by_name() -> None:
    before = "---\ninputs:\n- {name: a, default: 1}\n- {name: b}\n---\n"
    after = "---\ninputs:\n- {name: b}\n- {name: a, default: 2}\n---\n"
    found = diff(before, after)
    assert found.settings == {"inputs.a.default": (1, 2)}


def test_values_of_another_type_differ() -> None:
    assert diff("---\na: 1\n---\n", "---\na: true\n---\n").settings == {"a": (1, True)}
    assert diff("---\na: 1\n---\n", "---\na: '1'\n---\n").settings == {"a": (1, "1")}
    assert not diff("---\na: .nan\n---\n", "---\na: .nan\n---\n")


def test_fields_beside_the_content_are_compared() -> None:
    call = '[{"role": "assistant", "content": null, "tool_calls": [{"id": "%s"}]}]'
    (message,) = diff(call % "a", call % "b", "p.json").messages
    assert message.fields == {"tool_calls": ([{"id": "a"}], [{"id": "b"}])}
    assert message.spans == ()
    assert diff(call % "a", call % "b", "p.json").to_json()["messages"][0]["fields"]


def test_parts_that_are_no_text_are_compared_as_values() -> None:
    image = '{"type": "image_url", "image_url": {"url": "u"}}'
    parts = '[{"role": "user", "content": [{"type": "text", "text": "%s"}, ' + image + "]}]"
    (message,) = diff(parts % "look here", parts % "look there", "p.json").messages
    assert message.fields == {}
    (message,) = diff(parts % "look", (parts % "look").replace('"u"', '"v"'), "p.json").messages
    assert "content" in message.fields


def test_text_as_a_string_and_as_a_part_differ() -> None:
    message = '[{"role": "user", "content": %s}]'
    found = diff(message % '"a"', message % '[{"type": "text", "text": "a"}]', "p.json")
    assert found.messages[0].fields["content"] == ("a", ({"type": "text", "text": "a"},))


def test_prompts_of_two_syntaxes_can_be_compared() -> None:
    found = diff_prompts(read("Hi {{ a }}", "p.md"), read("Hi {{ a }} and {{ b | upper }}", "p.j2"))
    assert found.variables_added == ("b",)
    assert ops(found) == [("changed", "user", 0, 0)]


def test_many_messages_are_compared_in_time() -> None:
    before = json.dumps([{"role": "user", "content": f"question {n}"} for n in range(400)])
    after = json.dumps([{"role": "user", "content": f"query {n}"} for n in range(401)])
    found = diff(before, after, "p.json")
    assert [message.op for message in found.messages] == ["changed"] * 400 + ["added"]


TEXTS = st.sampled_from(["", "a b c", "a b d", "x y z", "x y"])
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": TEXTS},
    optional={"name": st.sampled_from("pq")},
)
MESSAGES = st.lists(MESSAGE, min_size=1, max_size=6)


@settings(max_examples=200)
@given(MESSAGES, MESSAGES)
def test_every_message_is_the_same_or_accounted_for(
    before: list[dict[str, str]], after: list[dict[str, str]]
) -> None:
    found = diff(json.dumps(before), json.dumps(after), "p.json")
    gone = {message.before for message in found.messages}
    come = {message.after for message in found.messages}
    kept = [message for place, message in enumerate(before) if place not in gone]
    assert kept == [message for place, message in enumerate(after) if place not in come]
    for message in found.messages:
        old = before[message.before]["content"] if message.before is not None else ""
        new = after[message.after]["content"] if message.after is not None else ""
        assert "".join(span.text for span in message.spans if span.op != "+") == old
        assert "".join(span.text for span in message.spans if span.op != "-") == new
    assert bool(found) == (json.dumps(before) != json.dumps(after))
