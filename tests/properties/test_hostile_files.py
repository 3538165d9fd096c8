"""Files and texts of any bytes: every reader gives a value or an error of ours, within seconds."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import Malformed
from promptvc.content.formats.jsonrow import parse_json
from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.run import read_record
from promptvc.content.yaml.load import YamlInvalid, load_yaml
from promptvc.errors import PromptvcError
from promptvc.runs.record.importers.detect import open_foreign
from promptvc.secrets.redact import redact_url
from promptvc.session.files.patterns import read_patterns
from promptvc.session.files.project import read_project
from promptvc.session.intent import _decode
from promptvc.storage.cache import Cache
from promptvc.transports.urls import parse_url, rewrite
from promptvc.versioning.revision import _split, parse_time
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.sync.refspec import Refspec
from tests.amounts import examples

ANY = settings(max_examples=examples(300), deadline=5000, suppress_health_check=list(HealthCheck))
DISK = settings(max_examples=examples(120), deadline=5000, suppress_health_check=list(HealthCheck))


def repeated(parts: list[str], most: int = 2000) -> st.SearchStrategy[str]:
    """Texts in which a few parts come again and again: what backtracking and recursion like."""
    one = st.builds(lambda part, count: part * count, st.sampled_from(parts), st.integers(1, most))
    return st.lists(st.one_of(one, st.sampled_from(parts), st.text(max_size=8)), max_size=6).map("".join)


TABLES = [
    '{"a":1}\n',
    '{"a":',
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    ",",
    "\n",
    "\r",
    "a,b\n",
    '"a""',
    ";",
    "\t",
    "1e999",
    "9" * 50,
    "NaN",
    "null",
    " ",
    "\x00",
    "\ufeff",
    "[{",
    "},",
    '{"a":[',
    "\ud7ff",
]


@ANY
@given(repeated(TABLES) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")), st.booleans())
@example("[{" * 10_000, True)
@example('"' * 20_001 + "\n", True)
@example('{"a":' * 5000 + "1" + "}" * 5000, True)
@example("\r" * 20_000, True)
@example("[" + "\n" * 20_000 + "{", True)
def test_a_table_of_every_format(text: str, first: bool) -> None:
    data = text.encode("utf-8", "replace")
    for suffix in (".jsonl", ".csv", ".tsv", ".json"):
        format = row_format(f"t{suffix}", data[:HEAD_SIZE])
        if format is None:
            continue
        segments = format.segments(data, first)
        assert b"".join(segment.data for segment in segments) == data
        bodies = format.bodies(data, first)
        assert format.count(data, first) == len(bodies)
        for body in bodies[:20]:
            row = format.parse(body)
            assert isinstance(row, Malformed) or row is not None


@ANY
@given(
    repeated(['{"a":', "[", "]", "}", '"', "\\u", "d800", "9", "-", ".", "e", ",", "true", '"b"', "\\"], 6000)
)
@example('{"a":' + "9" * 5000 + "}")
@example('{"a":' + "[" * 100_000)
@example('{"a":"' + "\\" * 100_001)
def test_a_json_row_is_read_or_malformed(text: str) -> None:
    row = parse_json(text.encode("utf-8", "replace"))
    assert isinstance(row, (dict, Malformed))


YAML = [
    "&a ",
    "*a ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "? ",
    "\n",
    "  ",
    "!!python/object:x ",
    "|\n",
    "'",
    '"',
    "#",
    "<<: *a\n",
    "%YAML 1.1\n",
    "---\n",
    "a: &a [*a]\n",
    "9" * 60,
    "0x",
    "1:",
    "2026-01-01",
    "\t",
]
BOMB = "a: &a [x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{(f'*{chr(97 + n)},') * 9}]\n" for n in range(9)
)


@ANY
@given(repeated(YAML, 500))
@example(BOMB)
@example("[" * 5000)
@example("? " * 3000)
@example("- " * 3000)
@example("a: " + "1:" * 3000)
@example("&a " * 2000)
def test_yaml_is_data_or_refused(text: str) -> None:
    with suppress(YamlInvalid):
        json.dumps(load_yaml(text))


PROMPTS = [
    "---\n",
    "model: x\n",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "system:\n",
    "user:\n",
    "{{#each a}}",
    "{{/each}}",
    "{% for a in b %}",
    "a.",
    "(",
    ")",
    "|",
    "~",
    "'",
    "\n",
    "{{{",
    "role: ",
    "<",
    ">",
    '{{role "x"}}',
    "- ",
]


@ANY
@given(repeated(PROMPTS, 800), st.sampled_from([".md", ".j2", ".prompty", ".prompt", ".prompt.yml", ".json"]))
@example("---\n" * 3000, ".md")
@example("{{ a" + ".a" * 5000 + " }}", ".md")
@example("{{ " + "(" * 3000 + ")" * 3000 + " }}", ".j2")
@example("{% if a %}" * 1500, ".j2")
@example("{{#if a}}" * 3000, ".prompt")
@example("[" * 3000, ".json")
def test_a_prompt_is_read_or_refused(text: str, suffix: str) -> None:
    with suppress(PromptvcError):
        prompt = read_prompt(f"prompts/a{suffix}", text.encode("utf-8", "replace"))
        repr(prompt)
        prompt.render(**dict.fromkeys(prompt.variables, "x"))


TOML = [
    "[track]\n",
    "include = ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "a.",
    "a = 1\n",
    "[runs.x]\n",
    "\n",
    ",",
    "=",
    "**/",
    "*",
    "scorers = ",
    '"regex:',
    "(",
    "a+",
    "key = ",
    "[[a]]\n",
    "1979-05-27T",
    "\\",
    "9",
    "_",
    "#",
]


@ANY
@given(repeated(TOML, 1500))
@example("[track]\ninclude = [" + '"' + "**/" * 300 + '"]\n')
@example("a." * 5000 + "a = 1")
@example('x = "' + "\\" * 5001)
def test_promptvc_toml_is_read_or_refused(text: str) -> None:
    with suppress(PromptvcError):
        project = read_project(text.encode("utf-8", "replace"))
        for path in ("a/b/c.jsonl", "a" * 200, "a/" * 100 + "b"):
            project.tracks(path)
            project.table(path)
        project.roots  # noqa: B018


@ANY
@given(
    st.lists(repeated(["**/", "*", "a", "?", "[", "]", "!", "\\", "/", "[a-", "[!", " "], 60), max_size=4),
    repeated(["a", "/", "b/", "*"], 300),
)
@example(["*" * 300 + "b"], "a" * 300)
@example(["**/a/" * 100 + "b"], "a/" * 300)
def test_patterns_are_matched_or_refused(patterns: list[str], path: str) -> None:
    with suppress(PromptvcError):
        read_patterns("x", patterns, patterns).match_file(path)


REVISION = [
    "HEAD",
    "main",
    "~",
    "^",
    "@{",
    "}",
    "{",
    "1",
    "9" * 20,
    "^{commit}",
    "..",
    "...",
    ":",
    "/",
    "yesterday",
    " ago",
    "3 days",
    "@",
    "\0",
    "2026-01-01",
    "-",
    "u",
]


@ANY
@given(repeated(REVISION, 400))
@example("HEAD" + "^{" * 4000)
@example("@{" * 4000)
def test_a_revision_is_taken_apart_or_unknown(text: str) -> None:
    with suppress(PromptvcError):
        _split(text)
    assert parse_time(text, 0) is None or isinstance(parse_time(text, 0), (int, float))
    with suppress(PromptvcError):
        Refspec.parse(text)


URL = [
    "https://",
    "ssh://",
    "git@",
    "host",
    ":",
    "/",
    "@",
    "[",
    "]",
    "?",
    "#",
    "%41",
    "%",
    "::",
    "file://",
    "ext::",
    "-",
    "22",
    "\\",
    " ",
    "\n",
    "é",
    "²",
    "9" * 30,
]


@ANY
@given(repeated(URL, 3000))
@example("[h:" + "9" * 5000 + "]:x")
@example("[h:²]:x")
@example("https://h:²/x")
def test_a_url_is_an_address_or_refused(text: str) -> None:
    redact_url(text)
    rewrite(text, [("a", "b")])
    with suppress(PromptvcError):
        parse_url(text)


FIELDS = [
    "eval",
    "samples",
    "plan",
    "results",
    "table",
    "head",
    "body",
    "outputs",
    "prompts",
    "provider",
    "prompt",
    "raw",
    "label",
    "id",
    "vars",
    "response",
    "output",
    "error",
    "gradingResult",
    "score",
    "scores",
    "value",
    "input",
    "target",
    "choices",
    "message",
    "content",
    "model",
    "usage",
    "attachments",
    "completion",
    "version",
    "stats",
    "input_tokens",
    "epoch",
    "model_usage",
    "tokenUsage",
    "latencyMs",
    "cost",
    "started_at",
    "type",
    "text",
    "testIdx",
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["attachment://" + "a" * 32, "C", "2026-01-01", "9" * 30, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=20,
)


def outputs_of(file: Path, provider: str | None) -> None:
    """Read a file of outputs as anything that it may be."""
    for format in (None, "promptfoo", "inspect", "jsonl", "csv", "json"):
        with suppress(PromptvcError):
            found = open_foreign(file, format, provider)
            for row in found.rows:
                repr(row)


@DISK
@given(
    st.one_of(
        values.map(lambda value: json.dumps(value).encode()),
        repeated(TABLES, 300).map(lambda text: text.encode("utf-8", "replace")),
        st.binary(max_size=60),
    ),
    st.sampled_from(["a.json", "a.jsonl", "a.csv", "a.eval", "a.txt"]),
)
@example(b'{"a": ' + b"9" * 5000 + b"}", "a.json")
@example(b"[" * 100_000, "a.json")
def test_outputs_of_another_tool_are_read_or_refused(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        outputs_of(Path(folder) / name, None)


@DISK
@given(
    st.dictionaries(
        st.sampled_from(
            ["header.json", "_journal/start.json", "start.json", "results.json", "samples/a.json"]
        ),
        values.map(json.dumps),
        max_size=4,
    ),
    st.integers(0, 400),
    st.binary(max_size=4),
    st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
def test_an_archive_with_some_bytes_wrong_is_read_or_refused(
    members: dict[str, str], at: int, bad: bytes, method: int
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    data = made.getvalue()
    at %= len(data) + 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.eval"
        file.write_bytes(data[:at] + bad + data[at + len(bad) :])
        with suppress(PromptvcError):
            open_foreign(file)


@ANY
@given(values, st.binary(max_size=30))
def test_what_was_kept_of_an_operation_or_a_table_is_read_or_nothing(value: Any, data: bytes) -> None:
    text = json.dumps(value, default=str).encode()
    for each in (text, data, b"[" * 50_000, b'{"n": ' + b"9" * 5000 + b"}"):
        _decode(each)
        with suppress(PromptvcError):
            read_record(each, "outputs/x.run.json")
    ChunkList.from_value(value, 0)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        for each in (data, msgpack.packb([1, repr(value)]), b"\x91" * 5000, b"\xdd\xff\xff\xff\xff"):
            (Path(folder) / "x").write_bytes(each)
            cache.load("x")


@pytest.mark.parametrize("read", [load_yaml, lambda text: parse_json(text.encode())])
def test_deep_nesting_ends_in_an_error(read: Callable[[str], object]) -> None:
    for text in ("[" * 200_000, '{"a":' * 100_000, "{a: " * 50_000):
        with suppress(YamlInvalid):
            read(text)
