"""Reading prompts: every syntax by its own fixture, and what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.prompt.prompt import Message, Prompt, is_prompt_path, looks_like_messages, read_prompt
from promptvc.errors import NotAPrompt

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures/prompts"
SUFFIXES = (
    ".md",
    ".txt",
    "",
    ".prompt.md",
    ".prompt",
    ".prompty",
    ".j2",
    ".yml",
    ".json",
    ".prompt.yaml",
    ".csv",
)


def fixture(name: str) -> Prompt:
    return read_prompt(f"prompts/{name}", (FIXTURES / name).read_bytes())


def read(path: str, text: str) -> Prompt:
    return read_prompt(path, text.encode())


def roles(prompt: Prompt) -> list[str]:
    return [message.role for message in prompt.messages]


# --- what each syntax gives -----------------------------------------------------------------------------


def test_markdown_has_settings_from_front_matter_and_messages_from_role_lines() -> None:
    prompt = fixture("support.md")
    assert prompt.messages == (
        Message("system", "You answer support tickets in a {{ tone }} tone. Never promise a refund."),
        Message("user", "{{ ticket.subject }}\n\n{{ ticket.body }}"),
    )
    assert prompt.variables == ("tone", "ticket")
    assert prompt.config == {"model": "small-1", "temperature": 0.7, "stop": ["END"]}
    assert prompt.model == "small-1"
    assert prompt.parameters == {"temperature": 0.7, "stop": ["END"]}
    assert prompt.syntax == "text"


def test_plain_text_takes_only_names_in_braces_for_variables() -> None:
    prompt = fixture("braces.txt")
    assert prompt.variables == ("count",)
    assert roles(prompt) == ["user"]


def test_jinja_finds_free_variables_in_order_of_first_use() -> None:
    prompt = fixture("classify.j2")
    assert prompt.syntax == "jinja"
    assert prompt.variables == ("labels", "examples", "input")
    assert roles(prompt) == ["system", "{{ example.role }}", "user"]


def test_names_that_a_template_sets_itself_are_no_variables() -> None:
    loop = "{% set a = b %}{% for c in range(a) %}{{ c }}{{ loop.index }}{% endfor %}"
    macro = "{% macro m(d) %}{{ d }}{% endmacro %}{{ m(e) }}"
    assert read("x.jinja2", loop + macro).variables == ("b", "e")


def test_dotprompt_declares_inputs_and_marks_roles_with_tags() -> None:
    prompt = fixture("triage.prompt")
    assert prompt.syntax == "dotprompt"
    assert roles(prompt) == ["system", "user", "assistant"]
    assert prompt.variables == ("team", "urgent", "ticket", "tags", "history")
    assert prompt.model == "vendor/small-1"
    assert prompt.parameters == {"temperature": 0}
    assert prompt.messages[2].content == "Queue:"


def test_dotprompt_may_begin_with_comment_lines() -> None:
    prompt = read("x.prompt", "# A licence\n#\n\n---\nmodel: m\n---\nHi")
    assert (prompt.model, prompt.messages[0].content) == ("m", "Hi")


def test_prompty_in_the_current_layout() -> None:
    prompt = fixture("chat.prompty")
    assert prompt.variables == ("tone", "past", "question")
    assert prompt.model == "small-1"
    assert prompt.parameters == {"temperature": 0.3, "maxOutputTokens": 100}


def test_prompty_in_the_old_layout_gives_text_before_the_roles_to_the_system() -> None:
    prompt = fixture("old-layout.prompty")
    assert prompt.model == "small-0"
    assert prompt.parameters == {"max_tokens": 50}
    assert prompt.messages == (Message("system", "Write about {{topic}}."), Message("user", "In one line."))


def test_prompty_without_roles_is_one_message_of_the_user() -> None:
    assert roles(read("x.prompty", "---\nmodel: m\n---\nHi {{ name }}")) == ["user"]


def test_vscode_prompt_files_have_input_variables() -> None:
    prompt = fixture("review.prompt.md")
    assert prompt.syntax == "vscode"
    assert prompt.variables == ("file-name", "concern")
    assert prompt.model == "Small One"


def test_github_models_keeps_everything_but_messages_as_config() -> None:
    prompt = fixture("summary.prompt.yml")
    assert prompt.syntax == "messages"
    assert prompt.variables == ("text",)
    assert prompt.model == "vendor/small-1"
    assert prompt.parameters == {"temperature": 0.5}
    assert list(prompt.config) == ["name", "model", "modelParameters", "testData"]


def test_json_messages_keep_parts_and_tool_calls() -> None:
    prompt = fixture("tools.json")
    assert prompt.variables == ("picture",)
    assert prompt.config == {"model": "small-1", "seed": 7}
    assert isinstance(prompt.messages[0].content, tuple)
    assert prompt.messages[1].content is None
    assert prompt.messages[1].extra["tool_calls"][0]["id"] == "call_1"
    assert prompt.messages[2].extra == {"tool_call_id": "call_1"}


def test_a_json_list_of_messages_is_a_prompt_without_config() -> None:
    prompt = read("x.json", '[{"role": "user", "content": "{{ a }}"}]')
    assert (prompt.variables, prompt.config) == (("a",), {})


def test_byte_order_mark_and_line_ends_of_windows_change_no_message() -> None:
    prompt = fixture("crlf.txt")
    assert prompt.messages == (Message("system", "Be brief."), Message("user", "{{ input }}"))
    assert prompt.text == "system:\r\nBe brief.\r\n\r\nuser:\r\n{{ input }}\r\n"


def test_role_lines_in_code_blocks_are_examples() -> None:
    assert roles(fixture("fenced.md")) == ["system", "user"]


def test_role_lines_count_only_in_texts_that_begin_with_one() -> None:
    assert roles(read("x.md", "A dialogue:\nuser:\nhi")) == ["user"]
    assert roles(read("x.md", "\nuser:\nhi\nassistant:\nho")) == ["user", "assistant"]
    assert roles(read("x.md", "User:\nhi")) == ["user"]


def test_a_rule_above_ordinary_text_is_no_front_matter() -> None:
    for text in ("---\nA title\n---\nbody", "---\nbody", "---\n- a\n- b\n---\n"):
        assert read("x.md", text).messages[0].content == text.rstrip("\n")


def test_text_of_other_suffixes_has_no_front_matter() -> None:
    assert read("x.xml", "---\na: 1\n---\n").config == {}


def test_an_empty_file_is_one_empty_message() -> None:
    for suffix in (".md", ".txt", "", ".prompt", ".prompty", ".j2"):
        assert read("x" + suffix, "").messages == (Message("user", ""),)


def test_dates_in_settings_stay_text() -> None:
    assert read("x.md", "---\nsince: 2024-05-01\n---\n").config == {"since": "2024-05-01"}


def test_keys_of_settings_become_text() -> None:
    assert read("x.md", "---\n2: a\ntrue: b\nnull: c\n---\n").config == {"2": "a", "true": "b", "null": "c"}


def test_aliases_are_written_out() -> None:
    assert read("x.md", "---\na: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n---\n").config["d"] == {"b": 1, "e": 2}


# --- the value ------------------------------------------------------------------------------------------


def test_repr_is_one_line_with_counts_and_variables() -> None:
    assert repr(fixture("support.md")) == "Prompt prompts/support.md: 2 messages, variables tone, ticket"
    assert repr(read("p.md", "hi {{ a }}")) == "Prompt p.md: 1 message, variable a"
    assert repr(read("p.md", "hi")) == "Prompt p.md: 1 message, no variables"


def test_html_is_escaped() -> None:
    shown = read("p.md", "system:\n<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_equal_files_are_equal_prompts_and_travel_through_pickle() -> None:
    prompt = fixture("chat.prompty")
    again = pickle.loads(pickle.dumps(prompt))
    assert (again, hash(again)) == (prompt, hash(prompt))
    assert again.render(tone="")[0]["role"] == "system"
    assert prompt != read("prompts/chat.prompty", prompt.text + "\n")


def test_importing_and_reading_plain_text_loads_neither_yaml_nor_jinja() -> None:
    code = (
        "import sys; from promptvc.content.prompt.prompt import read_prompt; "
        "read_prompt('a.md', b'system:\\nhi {{ x }}');"
        "print([name for name in ('yaml', 'jinja2', 'orjson') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["prompts/a.md", "x/prompts/y/a", "a.prompt", "a.prompty", "b/a.prompt.md", "a.prompt.yml", "a.prompt.yaml",
     "a.j2", "a.md.jinja", "A.JINJA2"],
)  # fmt: skip
def test_prompt_paths(path: str) -> None:
    assert is_prompt_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "a.md", "prompts.md", "prompts", "myprompts/a.md", "prompts/a.jsonl", "prompts/a.csv", "prompts/a.TSV",
     "prompts/a.ndjson", "prompts/a.json", "prompts/.gitkeep", "a.yml"],
)  # fmt: skip
def test_paths_of_other_files(path: str) -> None:
    assert not is_prompt_path(path)


def test_messages_are_told_from_other_json() -> None:
    assert looks_like_messages((FIXTURES / "tools.json").read_bytes())
    assert looks_like_messages(b'[{"content": "a", "role": "user"}]')
    for other in (
        b"",
        b"[]",
        b"{}",
        b'[{"id": 1}]',
        b'{"messages": 1}',
        b'[{"role": "user"}]',
        b"\xff",
        b"[" * 5000,
    ):
        assert not looks_like_messages(other)


def test_the_first_bytes_of_messages_are_enough() -> None:
    assert looks_like_messages((FIXTURES / "tools.json").read_bytes()[:100])
    assert looks_like_messages(b' [\n {"role":"user","content":"aaaa')


# --- what is refused --------------------------------------------------------------------------------------

DEEP_JSON = b'{"a":' + b"[" * 500 + b"]" * 500 + b',"messages":[{"role":"a","content":""}]}'
REFUSED = {
    "not UTF-8": ("x.md", b"a\nb \xff", "line 2, column 3: byte 0xff is not UTF-8"),
    "UTF-16": ("x.md", "hi".encode("utf-16"), "the text is UTF-16"),
    "binary": ("x.md", b"PK\x03\x04\x00", "it is binary: it holds a zero byte"),
    "too large": ("x.md", b"a" * (4 << 20) + b"b", "larger than 4 MiB"),
    "rows": ("x.jsonl", b"{}", "a file of rows, not a prompt"),
    "invalid YAML": ("x.md", b"---\na: 1\nb: c: d\n---\n", "line 3, column 5: invalid YAML: mapping values"),
    "a tag": ("x.yml", b"messages: !function f.g\n", "line 1, column 11: invalid YAML: the tag !function is"),
    "a Python tag": ("x.yml", b"- !!python/object/apply:os.system [ls]", "line 1, column 3: invalid YAML: the tag"),
    "no messages": ("x.yaml", b"a: 1", "no list of messages in it"),
    "empty messages": ("x.json", b"[]", "its list of messages is empty"),
    "invalid JSON": ("x.json", b'[\n {"role" 1}]', "line 2, column 10: invalid JSON"),
    "no role": ("x.json", b'[{"role": "user", "content": ""}, {"content": ""}]', "message 2 has no role"),
    "no content": ("x.json", b'[{"role": "user"}]', "message 1 has no content"),
    "content": ("x.json", b'[{"role": "user", "content": 1}]', "message 1 has a content that is neither"),
    "deep JSON": ("x.json", DEEP_JSON, "nested too deeply"),
    "open front matter": ("x.prompty", b"---\na: 1\n", "line 1, column 1: the front matter that begins here has no"),
    "list as front matter": ("x.prompt", b"---\n- a\n---\n", "line 2, column 1: the front matter is not a YAML"),
    "mustache": ("x.prompty", b"---\ntemplate: mustache\n---\n", "the template format 'mustache' is not read"),
    "template syntax": ("x.prompty", b"---\na: 1\n---\n\n{% if %}", "line 5: template error: Expected an expr"),
    "unknown tag": ("x.j2", b"\n{% shell 'ls' %}", "line 2: template error: Encountered unknown tag 'shell'."),
    "deep template": ("x.j2", b"{{ " + b"(" * 3000 + b")" * 3000, "line 1: template error: nested too deeply"),
    "long number": ("x.j2", b"{{ " + b"9" * 5000 + b" }}", "line 1: template error: Exceeds the limit"),
    "partial": ("x.prompt", b"---\na: 1\n---\nhi {{>foot}}", "line 4, column 4: {{>foot}} is beyond the simple"),
    "expression": ("x.prompt", b"{{#if age >= 18}}{{/if}}", "line 1, column 1: {{#if age >= 18}} is beyond"),
    "open block": ("x.prompt", b"\n{{#if a}}", "line 2: {{#if}} is never closed"),
    "closed block": ("x.prompt", b"{{/if}}", "line 1, column 1: {{/if}} closes a block that is not open"),
    "crossed blocks": ("x.prompt", b"{{#if a}}{{#each b}}{{/if}}{{/each}}", "line 1, column 21: {{/if}} closes"),
    "open braces": ("x.prompt", b"a\n  {{ b", "line 2, column 3: {{ without a matching }}"),
    "stray else": ("x.prompt", b"{{else}}", "line 1, column 1: {{else}} outside a block"),
    "deep blocks": ("x.prompt", b"{{#if a}}" * 20 + b"{{/if}}" * 20, "line 1, column 109: blocks are nested too"),
    "too many tags": ("x.prompt", b"{{a}}" * 10_001, "line 1, column 50001: more than 10000 tags"),
    "too much code": ("x.j2", b"{{a}}" * 10_001, "more than 10000 tags, or 200000 characters in them"),
    "a long list": ("x.j2", b"{{ [" + b"1," * 100_000 + b"] }}", "more than 10000 tags, or 200000 characters"),
    "control character": ("x.yml", b"a: 1\nb: \x07", "line 2, column 4: invalid YAML: the character U+0007"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "data", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_reason(path: str, data: bytes, message: str) -> None:
    with pytest.raises(NotAPrompt) as caught:
        read_prompt(path, data)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


BOMBS = {
    "aliases": "a: &a [1,2,3,4,5,6,7,8,9]\n"
    + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "depth": "a: " + "[" * 5000,
    "blocks": "\n".join(" " * i + "a:" for i in range(2000)),
    "chain": "a0: &a0 []\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(300)),
    "itself": "a: &a [*a]",
    "itself again": "b: &a x\na: &a [*a]",
    "number": "a: " + "9" * 100_000,
    "base sixty": "a: " + "1:" * 50_000 + "1",
    "merge": "a: &a {x: 1}\nb: &b {<<: [" + "*a," * 200_000 + "]}",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("form", ["---\n{}\n---\n", "{}"], ids=["front matter", "yaml"])
def test_yaml_bombs_are_refused(bomb: str, form: str) -> None:
    with pytest.raises(NotAPrompt):
        read("x.md" if form.startswith("---") else "x.yml", form.format(bomb))


# --- laws -------------------------------------------------------------------------------------------------

SNIPPETS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", "---\n", "\n", " ", "a", "a.b", "system:\n", "user:\n", "model: m\n",
     "#if a", "/if", "#each a", "/each", "else", 'role "user"', "!--", "--", "!", "> p", "this", "~", "{", "}",
     "\\", "[", "]", '"', ":", "- ", "&x ", "*x ", "!t ", "messages:\n", "- role: user\n  content: hi\n",
     '[{"role":"user","content":"{{a}}"}]', "for x in a", "endfor", "if a", "endif", "set x = 1", "|", "upper",
     "${input:a}", "```\n", "\r\n", "\t", "é", "漢", "0", "'", "raw", "endraw", "history", "# c\n"]
)  # fmt: skip
TEXTS = st.lists(SNIPPETS, max_size=25).map("".join) | st.text(max_size=60)


@settings(max_examples=250)
@given(suffix=st.sampled_from(SUFFIXES), data=TEXTS.map(str.encode) | st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(suffix: str, data: bytes) -> None:
    try:
        prompt = read_prompt("prompts/x" + suffix, data)
    except NotAPrompt:
        return
    assert all(isinstance(name, str) for name in prompt.variables)
    assert prompt.messages
    assert "\n" not in repr(prompt)
    prompt._repr_html_()
    assert prompt.model is None or isinstance(prompt.model, str)
    assert isinstance(prompt.parameters, dict)


NAMES = ["id", "name", "kind", "default", "schema", "properties", "type", "parameters", "a?"]
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["a", "name", "x", "thread", "object"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
SETTINGS = st.sampled_from(["model", "inputs", "input", "config", "template", "stop", "parameters"])


@settings(max_examples=100)
@given(
    config=st.dictionaries(SETTINGS, VALUES, max_size=4),
    suffix=st.sampled_from([".md", ".prompt", ".prompty", ".prompt.md"]),
)
def test_settings_of_any_shape_are_kept_and_never_fail(config: dict[str, Any], suffix: str) -> None:
    text = f"---\n{json.dumps(config)}\n---\nhi {{{{ x }}}}"
    try:
        prompt = read("x" + suffix, text)
    except NotAPrompt:
        assert suffix == ".prompty"
        assert "template" in config
        return
    assert prompt.config == config
    assert "x" in prompt.variables
    assert prompt.model is None or isinstance(prompt.model, str)
    assert isinstance(prompt.parameters, dict)
    assert prompt.render(**{name: [] for name in prompt.variables})
