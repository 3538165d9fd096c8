"""Files of other tools, read into rows: promptfoo, Inspect, JSON Lines, CSV and JSON arrays."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.cli.hints import hint_of
from promptvc.content.formats.missing import MISSING
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import PathMissing, PromptvcError, Usage
from promptvc.runs.record.importers.base import Foreign
from promptvc.runs.record.importers.detect import open_foreign

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "runs"


def rows_of(foreign: Foreign) -> list[dict[str, Any]]:
    return list(foreign.rows)


def archive(path: Path, header: str = "header.json", **more: str) -> Path:
    """The log of the fixtures as Inspect's archives have it."""
    log = json.loads((FIXTURES / "inspect.json").read_bytes())
    samples = log.pop("samples")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for sample in samples:
            made.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        made.writestr(header, json.dumps(log))
        for name, text in more.items():
            made.writestr(name, text)
    return path


# --- promptfoo


def test_promptfoo_version_3() -> None:
    found = open_foreign(FIXTURES / "promptfoo_v3.json")
    assert (found.source, found.provider, found.key_folder) == (
        "promptfoo_v3.json (promptfoo)",
        "openai:gpt-4o-mini",
        "vars",
    )
    right, wrong, failed = rows_of(found)
    assert right == {
        "vars": {"question": "2+2?", "level": "easy"},
        "description": None,
        "output": "4",
        "finish_reason": "stop",
        "input_tokens": 10,
        "output_tokens": 2,
        "latency_ms": 412,
        "cost_usd": 0.0001,
        "error": None,
        "scores": {"pass": True, "score": 1, "brevity": 0.9},
    }
    assert wrong["output"] == '{"answer": 6}'
    assert wrong["scores"] == {"pass": False, "score": 0, "brevity": 0.5}
    assert (failed["output"], failed["error"], failed["scores"]) == (None, "429 Too Many Requests", {})


def test_an_assertion_that_failed_in_promptfoo_is_no_error() -> None:
    assert [row["error"] for row in rows_of(open_foreign(FIXTURES / "promptfoo_v3.json"))[:2]] == [None, None]


def test_promptfoo_version_2_with_a_table_only() -> None:
    found = open_foreign(FIXTURES / "promptfoo_v2.json", prompt_label="long")
    assert found.provider == "openai:gpt-4"
    assert [(r["vars"]["question"], r["output"], r["latency_ms"]) for r in rows_of(found)] == [
        ("2+2?", "It is 4", 200),
        ("3*3?", "It is 9", 210),
    ]


def test_several_prompts_or_providers_of_promptfoo_must_be_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="several prompts") as caught:
        open_foreign(FIXTURES / "promptfoo_v2.json")
    assert hint_of(caught.value) == "--prompt-label chooses: there are short, long"
    value = json.loads((FIXTURES / "promptfoo_v3.json").read_bytes())
    value["results"]["results"][0]["provider"] = {"id": "file://other.py"}
    (tmp_path / "two.json").write_text(json.dumps(value))
    with pytest.raises(Usage, match="several providers") as caught:
        open_foreign(tmp_path / "two.json")
    assert hint_of(caught.value) == "--provider chooses: there are file://other.py, mini"
    assert len(rows_of(open_foreign(tmp_path / "two.json", provider="mini"))) == 2
    assert len(rows_of(open_foreign(tmp_path / "two.json", provider="openai:gpt-4o-mini"))) == 2
    assert len(rows_of(open_foreign(tmp_path / "two.json", provider="file://other.py"))) == 1
    with pytest.raises(Usage, match="no outputs of the provider 'nobody'"):
        open_foreign(tmp_path / "two.json", provider="nobody")
    with pytest.raises(Usage, match="no outputs of the prompt 'none'"):
        open_foreign(FIXTURES / "promptfoo_v2.json", prompt_label="none")


def test_a_list_of_results_that_stands_alone(tmp_path: Path) -> None:
    value = json.loads((FIXTURES / "promptfoo_v3.json").read_bytes())["results"]
    (tmp_path / "old.json").write_text(json.dumps({**value, "version": 1}))
    assert len(rows_of(open_foreign(tmp_path / "old.json"))) == 3


# --- Inspect


def test_a_log_of_inspect() -> None:
    found = open_foreign(FIXTURES / "inspect.json")
    assert (found.provider, found.model, found.key) == ("openai", "gpt-4o-mini", "id")
    assert (found.started, found.ended) == (1746093600, 1746093660)
    first, second, again, failed = rows_of(found)
    assert (first["id"], first["sample"], first["input"], first["output"]) == (1, 0, "2+2?", "4")
    assert (first["input_tokens"], first["output_tokens"], first["latency_ms"]) == (10, 2, 500)
    assert first["scores"] == {"match": True, "judge.tone": 3, "judge.style": 0.5}
    assert (first["response_model"], first["finish_reason"]) == ("gpt-4o-mini-2024-07-18", "stop")
    assert (second["input"], second["output"], second["cost_usd"]) == ("3*3?", "a long way to 6", 0.001)
    assert second["scores"]["match"] is False
    assert (again["id"], again["sample"], again["output"], again["scores"]) == (1, 1, "four", {"match": 0.5})
    assert (failed["output"], failed["error"]) == ("", "RateLimitError: 429")


@pytest.mark.parametrize("header", ["header.json", "_journal/start.json", "start.json"])
def test_an_archive_of_inspect_is_read_as_its_json(tmp_path: Path, header: str) -> None:
    found = open_foreign(archive(tmp_path / "log.eval", header))
    whole = open_foreign(FIXTURES / "inspect.json")
    assert rows_of(found) == rows_of(whole)
    assert (found.model, found.started, found.source) == (whole.model, whole.started, "log.eval (inspect)")


def test_an_archive_of_another_name(tmp_path: Path) -> None:
    assert len(rows_of(open_foreign(archive(tmp_path / "log.bin"), "inspect"))) == 4


def test_a_log_that_did_not_end_well_says_so(tmp_path: Path) -> None:
    value = json.loads((FIXTURES / "inspect.json").read_bytes())
    (tmp_path / "log.json").write_text(json.dumps({**value, "status": "cancelled"}))
    assert open_foreign(tmp_path / "log.json").notes == (
        "the log's status is 'cancelled': it may not be complete",
    )


def test_archives_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.eval").write_text("no archive")
    with pytest.raises(Usage, match="no log of Inspect"):
        open_foreign(tmp_path / "text.eval")
    with zipfile.ZipFile(tmp_path / "other.eval", "w") as made:
        made.writestr("readme.txt", "hello")
    with pytest.raises(Usage, match="no log of Inspect"):
        open_foreign(tmp_path / "other.eval")
    whole = archive(tmp_path / "log.eval").read_bytes()
    (tmp_path / "cut.eval").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Usage, match="no log of Inspect"):
        open_foreign(tmp_path / "cut.eval")
    archive(tmp_path / "broken.eval", **{"samples/3_epoch_1.json": '{\n"id": }'})
    with pytest.raises(Usage, match=r"samples/3_epoch_1\.json line 2 is not JSON"):
        open_foreign(tmp_path / "broken.eval")


# --- rows


def test_the_same_rows_from_json_lines_csv_tsv_and_an_array(tmp_path: Path) -> None:
    rows = [{"q": "one, two", "a": "1"}, {"q": 'say "hi"\nthere', "a": "2"}]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.ndjson").write_bytes((tmp_path / "r.jsonl").read_bytes())
    (tmp_path / "r.csv").write_text('q,a\n"one, two",1\n"say ""hi""\nthere",2\n')
    (tmp_path / "r.tsv").write_text('q\ta\none, two\t1\n"say ""hi""\nthere"\t2\n')
    (tmp_path / "r.json").write_text(json.dumps(rows, indent=2))
    for name in ("r.jsonl", "r.ndjson", "r.csv", "r.tsv", "r.json"):
        assert rows_of(open_foreign(tmp_path / name)) == rows, name
    (tmp_path / "r.txt").write_bytes((tmp_path / "r.csv").read_bytes())
    assert rows_of(open_foreign(tmp_path / "r.txt", "csv")) == rows
    with pytest.raises(Usage, match="does not tell by its name"):
        open_foreign(tmp_path / "r.txt")


def test_a_large_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "text": "x" * 500}) for n in range(5000)]
    (tmp_path / "large.jsonl").write_text("\n".join(lines) + "\n")
    assert [row["n"] for row in rows_of(open_foreign(tmp_path / "large.jsonl"))] == list(range(5000))
    (tmp_path / "large.json").write_text("[" + ",\n".join(lines) + "]")
    assert [row["n"] for row in rows_of(open_foreign(tmp_path / "large.json"))] == list(range(5000))


def test_a_row_that_cannot_be_read_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"a": 1}\n\n{"a": \n{"a": 3\n')
    with pytest.raises(Usage, match=r"r\.jsonl line 3 cannot be read: .* \(2 rows"):
        rows_of(open_foreign(tmp_path / "r.jsonl"))


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.json", '{"a": 1}', None),
        ("a.json", "[1, 2]", None),
        ("a.json", "[1, 2]", "json"),
        ("a.json", '{"a": 1}', "json"),
        ("a.json", '{"a": 1}', "promptfoo"),
        ("a.json", '{"a": 1}', "inspect"),
        ("a.json", '{"a": \n', None),
        ("a.json", "", None),
        ("a.json", '{"results": []}', None),
        ("a.json", '{"results": {"results": [1, "two"]}}', None),
        ("a.json", '{"eval": {}, "samples": []}', None),
        ("a.json", "[" * 100_000, "promptfoo"),
        ("a.eval", "{}", None),
    ],
)
def test_what_is_of_no_format_is_one_clear_error(
    tmp_path: Path, name: str, content: str, format: str | None
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Usage) as caught:
        rows_of(open_foreign(tmp_path / name, format))
    assert "\n" not in caught.value.message
    assert hint_of(caught.value)


def test_files_that_are_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PathMissing):
        open_foreign(tmp_path / "none.jsonl")
    with pytest.raises(PathMissing):
        open_foreign(tmp_path)


NAMES = """
    results version table head body vars outputs response output prompt provider error scores eval samples
    id epoch input choices message content usage completion status stats model attachments value text
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(JSON, st.sampled_from(["promptfoo", "inspect", None]))
def test_any_json_is_read_or_refused_never_worse(
    tmp_path_factory: pytest.TempPathFactory, value: Any, format: str | None
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    wrapped = {"results": {"results": [value]}, "eval": {}, "samples": [value]}
    table = {"table": {"head": value, "body": [value, {"vars": value, "outputs": [value]}]}}
    for each in (value, wrapped, table):
        file.write_text(json.dumps(each))
        with contextlib.suppress(PromptvcError):
            assert all(isinstance(row, dict) for row in open_foreign(file, format).rows)


# --- dotted paths


def test_a_path_leads_into_fields_arrays_and_names_with_dots() -> None:
    row = {"a.b": 1, "a": {"b": 2, "c.d": {"e": 3}}, "list": [{"x": 4}, None], "null": None}
    assert [pick(row, p) for p in ("a.b", "a.c.d.e", "list.0.x", "list.1", "null")] == [1, 3, 4, None, None]
    for path in ("b", "a.x", "list.2", "list.x", "null.x", "", "a."):
        assert pick(row, path) is MISSING


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=3),
        max_leaves=6,
    ).filter(lambda value: isinstance(value, dict))
)
def test_every_path_that_is_told_leads_somewhere(row: dict[str, Any]) -> None:
    for path in paths_of([row]):
        assert pick(row, path) is not MISSING
