"""Merging prompts: settings by name, messages one by one, text by line; and settings put to a value."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.prompt.merge import PromptMerge, merge_prompts, set_setting
from promptvc.content.prompt.prompt import Message, read_prompt
from promptvc.content.text.merge import TextConflict, resolve_block
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.merge import merge_value, put
from tests.amounts import examples

MD = """\
---
# how it answers
model: small-1
temperature: 0.5  # warm
max_tokens: 100

# where it stops
stop: [END]
---
system:
Be kind.
user:
{{ question }}
"""

YML = """\
# for support
messages:
  - role: system
    content: Be kind.
  # the ticket
  - role: user
    content: |
      Subject: {{ subject }}

      {{ body }}
modelParameters:
  temperature: 0.5
  top_p: 1
model: small-1
"""

JSON = """\
{
  "model": "small-1",
  "messages": [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "{{ question }}"}
  ],
  "temperature":0.5
}
"""


def merge(path: str, base: str, ours: str, theirs: str) -> PromptMerge:
    return merge_prompts(path, base.encode(), ours.encode(), theirs.encode())


def merged(path: str, base: str, ours: str, theirs: str) -> str:
    """The text of a merge that must be clean, and the same whichever side is ours."""
    found = merge(path, base, ours, theirs)
    assert found.conflicts == ()
    assert merge(path, base, theirs, ours).data == found.data
    return found.data.decode()


def edited(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


# --- settings in front matter -------------------------------------------------------------------------


def test_settings_on_neighbouring_lines_are_both_taken() -> None:
    found = merged("a.md", MD, edited(MD, ("0.5", "0.7")), edited(MD, ("100", "200")))
    assert found == edited(MD, ("0.5", "0.7"), ("100", "200"))


def test_settings_added_at_one_place_are_both_taken() -> None:
    one, other = edited(MD, (": 100\n", ": 100\nseed: 1\n")), edited(MD, (": 100\n", ": 100\n# why\nn: 2\n"))
    assert merged("a.md", MD, one, other) == edited(MD, (": 100\n", ": 100\n# why\nn: 2\nseed: 1\n"))


def test_settings_added_in_a_nested_mapping_at_one_place_are_both_taken() -> None:
    base = "---\nmodel:\n  id: x\n  options: # of a call\n    top_p: 1\n---\nhi"
    one, other = edited(base, ("p: 1\n", "p: 1\n    a: 1\n")), edited(base, ("p: 1\n", "p: 2\n    b: 1\n"))
    found = merged("a.prompty", base, one, other)
    assert found == "---\nmodel:\n  id: x\n  options: # of a call\n    top_p: 2\n    b: 1\n    a: 1\n---\nhi"


def test_a_setting_that_both_changed_conflicts_with_ours_in_place() -> None:
    one = edited(MD, ("0.5", "0.7"))
    other = edited(MD, ("0.5", "0.9"), ("# warm", "# hot"), ("100", "200"))
    found = merge("a.md", MD, one, other)
    assert found.conflicts == (
        MergeConflict(kind="both-changed", field="temperature", base=0.5, ours=0.7, theirs=0.9),
    )
    assert found.data.decode() == edited(MD, ("0.5", "0.7"), ("# warm", "# hot"), ("100", "200"))
    assert found.marked("ours", "theirs") == found.data


def test_a_conflict_inside_a_nested_mapping_names_its_place() -> None:
    base = "---\nmodel:\n  options:\n    top_p: 1\n---\n"
    [found] = merge("a.prompty", base, edited(base, ("1", "2")), edited(base, ("1", "3"))).conflicts
    assert (found.field, found.at) == ("model", ("options", "top_p"))
    assert (found.base, found.ours, found.theirs) == (1, 2, 3)


def test_a_setting_removed_and_changed_conflicts() -> None:
    gone, changed = edited(MD, ("max_tokens: 100\n", "")), edited(MD, ("100", "200"))
    found = merge("a.md", MD, gone, changed)
    [conflict] = found.conflicts
    assert (conflict.kind, conflict.field) == ("edit-delete", "max_tokens")
    assert (conflict.base, conflict.ours, conflict.theirs) == (100, MISSING, 200)
    assert found.data.decode() == gone
    assert merge("a.md", MD, changed, gone).data.decode() == changed


def test_comments_that_both_wrote_at_one_place_are_both_kept() -> None:
    one = edited(MD, ("# where it stops", "# a"), ("[END]", "[X]"))
    other = edited(MD, ("# where it stops", "# b"), ("0.5", "1"))
    found = merged("a.md", MD, one, other)
    assert "\n# a\n# b\nstop: [X]\n" in found


def test_front_matter_that_one_version_has_broken_is_merged_as_text() -> None:
    broken = edited(MD, ("temperature: 0.5", "temperature: ["))
    found = merge("a.md", MD, broken, edited(MD, ("0.5", "0.7")))
    assert [each.kind for each in found.conflicts] == ["text"]
    assert b"<<<<<<< ours\ntemperature: [" in found.marked("ours", "theirs")


def test_line_ends_and_byte_order_mark_stay() -> None:
    base = "\ufeff" + MD.replace("\n", "\r\n")
    one, other = (
        edited(base, (": 100\r\n", ": 100\r\nseed: 1\r\n")),
        edited(base, (": 100\r\n", ": 100\r\nn: 2\r\n")),
    )
    found = merged("a.md", base, one, other)
    assert found == edited(base, (": 100\r\n", ": 100\r\nn: 2\r\nseed: 1\r\n"))


def test_a_byte_order_mark_that_one_side_added_does_not_conflict() -> None:
    assert merged("a.j2", "a\nb\n", "\ufeffa\nb\n", "A\nb\n") == "\ufeffA\nb\n"


def test_front_matter_that_both_sides_added_is_merged_by_setting() -> None:
    found = merge("a.md", "", "---\na: 1\nb: 1\n---\nhi\n", "---\na: 1\nb: 2\nc: 3\n---\nhi\n")
    assert found.conflicts == (MergeConflict(kind="both-added", field="b", base=MISSING, ours=1, theirs=2),)
    assert found.data == b"---\na: 1\nb: 1\nc: 3\n---\nhi\n"


def test_a_setting_that_both_added_differently_beside_a_changed_one_does_not_stand_there_twice() -> None:
    base = "---\na: 0\n---\n"
    found = merge("a.md", base, "---\na: 0\nb: 1\n---\n", "---\na: 1\nb: 0\n---\n")
    assert found.conflicts == (MergeConflict(kind="both-added", field="b", base=MISSING, ours=1, theirs=0),)
    assert found.data == b"---\na: 1\nb: 1\n---\n"


# --- the text below -----------------------------------------------------------------------------------


def test_lines_of_the_body_conflict_between_markers() -> None:
    found = merge("a.md", MD, edited(MD, ("kind", "brief")), edited(MD, ("kind", "polite"), ("100", "200")))
    assert found.conflicts == (
        MergeConflict(kind="text", base="Be kind.\n", ours="Be brief.\n", theirs="Be polite.\n"),
    )
    shown = "<<<<<<< O\nBe brief.\n||||||| base\nBe kind.\n=======\nBe polite.\n>>>>>>> T\n"
    assert found.marked("O", "T").decode() == edited(MD, ("Be kind.\n", shown), ("100", "200"))


def test_the_lines_told_are_those_of_the_file_with_markers() -> None:
    other = edited(MD, ("kind", "polite"), ("100", "200"), ("{{ question }}", "{{ question }}?"))
    found = merge("a.md", MD, edited(MD, ("kind", "brief")), other)
    rows = found.marked("O", "T").decode().splitlines()
    assert [rows[number - 1] for number in found.lines] == ["max_tokens: 200", "{{ question }}?"]


def test_markers_are_longer_than_what_looks_like_one_in_the_front_matter() -> None:
    base = edited(MD, ("# how it answers", "========="))
    found = merge("a.j2", base, edited(base, ("kind", "brief")), edited(base, ("kind", "polite")))
    assert found.marker_size == 10


@pytest.mark.parametrize("path", ["a.md", "a.prompty", "a.yml", "a.json", "a.j2", "a.jsonl", "a"])
def test_bytes_that_are_no_text_are_merged_by_line(path: str) -> None:
    found = merge_prompts(path, b"\xff\x00a\nb\n", b"\xff\x00A\nb\n", b"\xff\x00a\nb\xfe\n")
    assert (found.data, found.conflicts) == (b"\xff\x00A\nb\xfe\n", ())


# --- messages -----------------------------------------------------------------------------------------


def test_messages_that_both_appended_are_both_kept_in_json() -> None:
    def with_message(name: str) -> str:
        return edited(JSON, ('}}"}\n', f'}}}}"}},\n    {{"role": "assistant", "content": "{name}"}}\n'))

    added = ',\n    {"role": "assistant", "content": "1"},\n    {"role": "assistant", "content": "2"}\n'
    assert merged("a.json", JSON, with_message("1"), with_message("2")) == edited(
        JSON, ('}}"}\n', '}}"}' + added)
    )


def test_a_message_edited_and_one_appended_and_a_setting_changed_in_json() -> None:
    one = edited(JSON, ("kind", "brief"))
    other = edited(JSON, ('}}"}\n', '}}"},\n    {"role": "user", "content": "?"}\n'), (":0.5", ":0.7"))
    assert merged("a.json", JSON, one, other) == edited(other, ("kind", "brief"))


def test_a_bare_list_of_messages() -> None:
    base = '[{"role": "user", "content": "a"}, {"role":"user","content":"b"}]'
    found = merged("a.json", base, edited(base, ('"a"', '"A"')), edited(base, ('"b"', '"B"')))
    assert found == edited(base, ('"a"', '"A"'), ('"b"', '"B"'))


def test_a_message_that_both_changed_conflicts_as_the_whole_list() -> None:
    found = merge(
        "a.json", JSON, edited(JSON, ("kind", "brief")), edited(JSON, ("kind", "polite"), ("0.5", "1"))
    )
    [conflict] = found.conflicts
    assert (conflict.kind, conflict.field, conflict.at) == ("both-changed", "messages", ())
    contents = [
        [message["content"] for message in value] for value in (conflict.base, conflict.ours, conflict.theirs)
    ]  # type: ignore[union-attr]
    assert contents == [[f"Be {word}.", "{{ question }}"] for word in ("kind", "brief", "polite")]
    assert found.data.decode() == edited(JSON, ("kind", "brief"), ("0.5", "1"))


def test_messages_that_both_appended_are_both_kept_in_yaml() -> None:
    one = edited(YML, ("modelP", "  - role: user\n    content: >-\n      folded\n      text\nmodelP"))
    other = edited(
        YML, ("modelP", "  # why\n  - role: user\n    content: 'one'\nmodelP"), ("Be kind", "Be brief")
    )
    found = merged("a.prompt.yml", YML, one, other)
    assert "  - role: user\n    content: >-\n      folded\n      text\n" in found
    assert "  # why\n  - role: user\n    content: 'one'\n" in found
    assert read_prompt("a.prompt.yml", found.encode()).messages[0] == Message("system", "Be brief.")
    for line in YML.splitlines():
        assert line.replace("kind", "brief") in found.splitlines()


def test_two_fields_of_one_message_and_settings_at_one_place_in_yaml() -> None:
    one = edited(
        YML, ("    content: Be kind.", "    content: Be kind.\n    name: a"), ("p: 1\n", "p: 1\n  a: 1\n")
    )
    other = edited(YML, ("Be kind", "Be brief"), ("p: 1\n", "p: 1\n  b: 1\n"))
    found = merged("a.yml", YML, one, other)
    assert found == edited(YML, ("Be kind.", "Be brief.\n    name: a"), ("p: 1\n", "p: 1\n  a: 1\n  b: 1\n"))


def test_a_text_of_several_lines_in_a_message_is_merged_by_line() -> None:
    one, other = edited(YML, ("Subject:", "About:")), edited(YML, ("{{ body }}", "{{ body }}\n      Thanks"))
    assert merged("a.yml", YML, one, other) == edited(other, ("Subject:", "About:"))


def test_yaml_that_is_written_as_json_falls_back_to_text_and_stays_whole() -> None:
    base = '{"messages": [{"role": "user", "content": "a"}], "n": 1}\n'
    found = merge("a.yml", base, edited(base, ('"a"', '"b"')), edited(base, (": 1", ": 2")))
    assert [each.kind for each in found.conflicts] == ["text"]
    assert found.marked("O", "T").count(b'"messages"') == 3


# --- setting a setting --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["a.yml", "a.json"])
def test_messages_that_one_side_emptied_and_the_other_edited_conflict_as_a_list(path: str) -> None:
    text = YML if path == "a.yml" else JSON
    value = yaml.safe_load(text)
    empty = (yaml.safe_dump if path == "a.yml" else json.dumps)({**value, "messages": []})
    found = merge(path, text, empty, edited(text, ("Be kind.", "Be brief.")))
    assert [(each.kind, each.field, each.ours) for each in found.conflicts] == [
        ("both-changed", "messages", [])
    ]
    assert yaml.safe_load(found.data)["messages"] == []


def test_messages_that_are_all_gone_once_merged_conflict() -> None:
    one, two = "- role: system\n  content: a\n", "- role: user\n  content: b\n"
    found = merge("a.yml", f"messages:\n{one}{two}", f"messages:\n{one}", f"messages:\n{two}")
    assert [each.kind for each in found.conflicts] == ["text"]


@pytest.mark.parametrize(
    "versions",
    [
        ("messages:\n- {role: user, content: a}\n", "messages: []\n", "- role: user\n  content: b\n"),
        ("a: |\n x\nb: 1\n", "a: |\n x\n y\nb: 1\n", "a: x\nb: 1\n"),
    ],
)
def test_yaml_never_merges_to_what_cannot_be_read(versions: tuple[str, str, str]) -> None:
    for ours, theirs in (versions[1:], versions[:0:-1]):
        found = merge("a.yml", versions[0], ours, theirs)
        assert found.conflicts or yaml.safe_load(found.data)


@pytest.mark.parametrize("depth", [70, 500, 3000])
def test_what_is_nested_deeply_is_merged_by_line(depth: int) -> None:
    base, ours, theirs = (f'{{"messages": [],\n"deep":\n{"[" * depth}{n}{"]" * depth}}}' for n in range(3))
    assert len(merge("a.json", base, ours, theirs).conflicts) == 1


@pytest.mark.parametrize(
    ("field", "at", "value", "old", "new"),
    [
        ("temperature", (), 0.9, "temperature: 0.5", "temperature: 0.9"),
        ("temperature", (), MISSING, "temperature: 0.5  # warm\n", ""),
        ("model", (), "on", "model: small-1", "model: 'on'"),
        ("stop", (), ["A", "B"], "[END]", "[A, B]"),
        ("model", (), {"id": "x"}, "model: small-1\n", "model:\n  id: x\n"),
        ("seed", (), 1, "stop: [END]\n", "stop: [END]\nseed: 1\n"),
        ("a", ("b",), "x\ny", "stop: [END]\n", "stop: [END]\na:\n  b: |-\n    x\n    y\n"),
    ],
)
def test_a_setting_of_front_matter(field: str, at: tuple[str, ...], value: Any, old: str, new: str) -> None:
    assert set_setting("a.md", MD.encode(), field, at, value) == edited(MD, (old, new)).encode()


def test_a_setting_is_put_while_the_body_has_markers() -> None:
    found = merge(
        "a.md", MD, edited(MD, ("kind", "brief"), ("0.5", "1")), edited(MD, ("kind", "polite"), ("0.5", "2"))
    )
    text = found.marked("O", "T")
    assert set_setting("a.md", text, "temperature", (), 2) == text.replace(
        b"temperature: 1", b"temperature: 2"
    )


@pytest.mark.parametrize(
    ("path", "text", "old", "new"),
    [
        ("a.json", JSON, '"temperature":0.5', '"temperature":2'),
        ("a.yml", YML, "temperature: 0.5", "temperature: 2"),
    ],
)
def test_a_setting_of_a_file_of_messages(path: str, text: str, old: str, new: str) -> None:
    at = ("temperature",) if path == "a.yml" else ()
    field = "modelParameters" if at else "temperature"
    assert set_setting(path, text.encode(), field, at, 2) == edited(text, (old, new)).encode()


@pytest.mark.parametrize(("path", "text"), [("a.json", JSON), ("a.yml", YML)])
def test_messages_put_to_another_list_keep_the_bytes_of_those_that_stay(path: str, text: str) -> None:
    value = json.loads(text)["messages"] if path == "a.json" else yaml.safe_load(text)["messages"]
    made = set_setting(path, text.encode(), "messages", (), [{**value[0], "content": "Hi"}, value[1]])
    assert made == edited(text, ("Be kind.", "Hi")).encode()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.j2", b"hi"),
        ("a.md", b"no front matter"),
        ("a.json", b"{"),
        ("a.yml", b"a: ["),
        ("a.md", b"---\na: [\n---\n"),
    ],
)
def test_what_has_no_settings_is_left_alone(path: str, data: bytes) -> None:
    assert set_setting(path, data, "temperature", (), 1) is None


# --- laws, on generated prompts -----------------------------------------------------------------------

PATHS = ("p.md", "p.prompt.md", "p.prompty", "p.prompt", "p.yml", "p.json", "list.json", "list.yml")
scalars = st.one_of(
    st.integers(0, 3),
    st.sampled_from([0.5, True, None, "x", "on", "a: b", "# c", "", "two\nlines\n", "é\n\n  in"]),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.sampled_from("abc"), scalars, max_size=3)
)
configs = st.dictionaries(
    st.sampled_from(["model", "temperature", "max_tokens", "stop", "config"]), values, max_size=4
)
messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user"]),
            "content": st.sampled_from(["a", "b", "a\nb\n", "a\nc\n"]),
        }
    ),
    min_size=1,
    max_size=4,
)
bodies = st.lists(st.sampled_from(["a", "b", "", "user:", "{{ x }}"]), max_size=5).map("\n".join)


@st.composite
def versions(draw: st.DrawFn, path: str) -> tuple[bytes, bytes, bytes]:
    """A prompt and two edited ones, in which much stays as it was."""
    base = (draw(configs), draw(messages), draw(bodies))

    def side() -> tuple[Any, Any, Any]:
        config = dict(base[0])
        for name, value in draw(
            st.lists(st.tuples(st.sampled_from([*base[0], "seed", "n"]), values), max_size=2)
        ):
            config[name] = value
        for name in draw(st.lists(st.sampled_from([*base[0], "seed"]), max_size=1)):
            config.pop(name, None)
        listed = list(base[1])
        for new in draw(st.lists(messages, max_size=1)):
            at = draw(st.integers(0, len(listed)))
            listed[at : at + draw(st.integers(0, 1))] = new
        body = draw(st.sampled_from([base[2], base[2] + "\nz", "z\n" + base[2], draw(bodies)]))
        return config, listed, body

    style = draw(st.sampled_from(["", "comments", "flow", "crlf"]))
    return tuple(written(path, style, *made) for made in (base, side(), side()))  # type: ignore[return-value]


def written(path: str, style: str, config: dict[str, Any], listed: list[Any], body: str) -> bytes:
    whole = listed if path.startswith("list") else {**config, "messages": listed}
    if path.endswith(".json"):
        text = json.dumps(whole, indent=None if style == "flow" else 2)
    elif path.endswith(".yml"):
        text = in_yaml(whole, style)
    else:
        text = "---\n" + (in_yaml(config, style) if config else "") + "---\n" + body
    return (text.replace("\n", "\r\n") if style == "crlf" else text).encode()


def in_yaml(value: Any, style: str) -> str:
    flow = None if style == "flow" else False
    if style != "comments" or not isinstance(value, dict):
        return yaml.safe_dump(value, default_flow_style=flow, sort_keys=False, allow_unicode=True)
    return "".join(
        f"# about {name}\n" + yaml.safe_dump({name: item}, default_flow_style=flow, sort_keys=False) + "\n"
        for name, item in value.items()
    )


def settings_of(path: str, data: bytes) -> Any:
    """What the prompt holds as one value, without its text."""
    prompt = read_prompt(path, data)
    if prompt.syntax != "messages":
        return dict(prompt.config)
    listed = [{"role": each.role, "content": each.content, **each.extra} for each in prompt.messages]
    return {**prompt.config, "messages": listed}


paths_and_versions = st.sampled_from(PATHS).flatmap(lambda path: st.tuples(st.just(path), versions(path)))


@given(paths_and_versions)
@settings(max_examples=examples(200))
def test_with_an_unchanged_side_or_equal_sides_the_merge_is_the_other(drawn: Any) -> None:
    path, (base, one, other) = drawn
    for found, expected in [
        (merge_prompts(path, base, base, other), other),
        (merge_prompts(path, base, one, base), one),
        (merge_prompts(path, base, one, one), one),
    ]:
        assert found.conflicts == ()
        assert found.data == expected


def as_text(conflict: MergeConflict) -> str:
    """A conflict, with the fields of objects in one order, whatever that of the side in front."""
    values = {name: getattr(conflict, name) for name in conflict.__struct_fields__}
    return json.dumps(values, sort_keys=True, default=repr)


@given(paths_and_versions)
@settings(max_examples=examples(600))
def test_the_merged_file_holds_the_merged_values_and_swaps_with_its_sides(drawn: Any) -> None:
    path, (base, one, other) = drawn
    found, back = merge_prompts(path, base, one, other), merge_prompts(path, base, other, one)
    assert set(map(as_text, map(swapped, found.conflicts))) == set(map(as_text, back.conflicts))
    expected = merge_value(*(settings_of(path, data) for data in (base, one, other)))
    if is_by_value(path, found):
        assert [(each.field, *each.at) for each in found.settings] == [each.at for each in expected.conflicts]
        assert same(settings_of(path, found.data), expected.value)
        if not found.conflicts:
            assert same(settings_of(path, back.data), expected.value)


def swapped(conflict: MergeConflict) -> MergeConflict:
    return replace(conflict, ours=conflict.theirs, theirs=conflict.ours)


def is_by_value(path: str, found: PromptMerge) -> bool:
    """Whether settings were merged as values, and not as lines: what conflicts as lines is below the settings then."""
    if not found.text.conflicts:
        return True
    first = found.text.parts[0]
    return not path.endswith((".yml", ".json")) and isinstance(first, str) and first.count("---") == 2


@given(paths_and_versions)
@settings(max_examples=examples(300))
def test_every_conflict_can_be_resolved_with_either_side(drawn: Any) -> None:
    path, (base, one, other) = drawn
    found = merge_prompts(path, base, one, other)
    for side in ("ours", "theirs"):
        data = found.marked("O", "T")
        for conflict in found.settings:
            before = data
            place = (conflict.field or "", conflict.at, getattr(conflict, side))
            made = set_setting(path, data, *place, one if side == "ours" else other)
            assert made is not None
            plain = set_setting(path, data, *place)
            assert plain is not None
            assert found.text.conflicts or same(settings_of(path, made), settings_of(path, plain))
            assert side == "theirs" or made == before
            data = made
        text = data.decode()
        for conflict in found.text.conflicts:
            resolved = resolve_block(text, conflict, found.marker_size, "O", "T", getattr(conflict, side))
            assert resolved is not None
            text = resolved
        if side == "theirs" and found.settings:
            wanted = settings_of(path, found.data)
            for conflict in found.settings:
                wanted = put(wanted, (conflict.field or "", *conflict.at), conflict.theirs)
            assert same(settings_of(path, text.encode()), wanted)


@given(st.sampled_from(PATHS[:6]), st.data())
@settings(max_examples=examples(300))
def test_edits_of_different_settings_never_conflict_and_none_is_lost(path: str, data: st.DataObject) -> None:
    config = data.draw(configs)
    style = data.draw(st.sampled_from(["", "comments", "crlf"]))
    listed, names = [{"role": "user", "content": "a"}], sorted({*config, "seed", "n"})
    cut = data.draw(st.integers(0, len(names)))
    one, other = dict(config), dict(config)
    for side, own in ((one, names[:cut]), (other, names[cut:])):
        for name in data.draw(st.lists(st.sampled_from(own), unique=True)) if own else []:
            side[name] = data.draw(values)
    texts = [written(path, style, made, listed, "hi\n") for made in (config, one, other)]
    found = merge_prompts(path, *texts)
    expected = {name: (one if name in names[:cut] else other)[name] for name in {**one, **other}}
    assert found.conflicts == ()
    if path.endswith((".yml", ".json")):
        assert same(settings_of(path, found.data), {**expected, "messages": listed})
    else:
        assert same(settings_of(path, found.data), expected)


@given(
    st.sampled_from([*PATHS, "p.j2", "p.txt", "p"]),
    st.tuples(
        *[
            st.one_of(
                st.binary(max_size=30),
                st.text("-ab:\n\r #[]{}\"'&*!|>\ufeff\x85", max_size=40).map(str.encode),
            )
        ]
        * 3
    ),
)
@settings(max_examples=examples(600))
def test_nothing_in_a_file_makes_a_merge_raise(path: str, drawn: tuple[bytes, bytes, bytes]) -> None:
    base, one, other = drawn
    assert merge_prompts(path, base, base, other).data == other
    assert merge_prompts(path, base, one, base).data == one
    assert merge_prompts(path, base, one, one).data == one
    found = merge_prompts(path, base, one, other)
    assert found.conflicts or found.data == found.marked("O", "T")
    set_setting(path, one, "a", (), 1)


# --- real histories -----------------------------------------------------------------------------------


def test_versions_of_real_prompts_merge_by_the_laws(data: Path) -> None:
    folders = sorted(each for each in (data / "prompt_files/history").iterdir() if each.is_dir())
    assert folders
    for folder in folders:
        files = [file.read_bytes() for file in sorted(folder.iterdir())]
        for base, one, other in itertools.combinations(files, 3):
            found, back = (
                merge_prompts("prompts/a.md", base, *sides) for sides in ((one, other), (other, one))
            )
            assert [swapped(each) for each in found.conflicts] == list(back.conflicts)
            assert merge_prompts("prompts/a.md", base, base, other).data == other
            assert merge_prompts("prompts/a.md", base, other, other).data == other
            text = found.marked("O", "T").decode()
            for conflict in found.text.conflicts:
                block = TextConflict(conflict.base, conflict.ours, conflict.theirs)
                made = resolve_block(text, block, found.marker_size, "O", "T", conflict.ours)
                assert made is not None
                text = made
            assert text.encode().rstrip() == found.data.rstrip()
