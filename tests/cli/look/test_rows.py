"""``promptvc rows``: rows of tables, chosen and shown."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from promptvc.cli.show.chars import columns
from tests.cli.conftest import Project

TABLE = "examples/t.jsonl"
ROWS: list[dict[str, Any]] = [
    {
        "id": f"t-{n}",
        "input": f"question {n} " * 5,
        "score": n % 3,
        "tags": ["a"] if n % 2 else [],
        "meta": {"lang": "en" if n < 5 else "de"},
    }
    for n in range(30)
]


@pytest.fixture
def table(project: Project) -> Project:
    """Thirty rows, committed, and a row less among the working files."""
    project.write(TABLE, ROWS)
    project.commit()
    project.write(TABLE, ROWS[:-1])
    return project


def test_json_has_the_rows_as_they_are(table: Project) -> None:
    assert table.json("rows", TABLE) == ROWS[:-1]
    assert table.json("rows", TABLE, "--rev", "HEAD") == ROWS
    assert table.json("rows", f"HEAD:{TABLE}") == ROWS


def test_limit_and_offset_choose_a_part(table: Project) -> None:
    assert table.json("rows", TABLE, "--limit", "2", "--offset", "3") == ROWS[3:5]
    assert table.json("rows", TABLE, "--rev", "HEAD", "--offset", "29") == ROWS[29:]
    assert table.json("rows", TABLE, "--offset", "500") == []
    assert table("rows", TABLE, "--limit", "2").err == "27 more: --limit 0\n"
    assert table("rows", TABLE, "--limit", "29").err == ""


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        (["id=t-3"], [3]),
        (["score=1", "meta.lang=en"], [1, 4]),
        (["score=1.0", "meta.lang=en"], [1, 4]),
        (['tags=["a"]', "meta.lang=en"], [1, 3]),
        (["tags.0=a", "meta.lang=en"], [1, 3]),
        (['meta={"lang": "en"}', "score=0"], [0, 3]),
        (["score=t-1"], []),
    ],
)
def test_conditions_compare_text_as_text_and_the_rest_as_json(
    table: Project, conditions: list[str], numbers: list[int]
) -> None:
    options = [word for condition in conditions for word in ("--where", condition)]
    assert table.json("rows", TABLE, *options) == [ROWS[n] for n in numbers]


def test_limit_and_offset_count_the_rows_that_meet_the_conditions(table: Project) -> None:
    found = table.json("rows", TABLE, "--where", "score=1", "--offset", "1", "--limit", "2")
    assert [row["id"] for row in found] == ["t-4", "t-7"]


def test_a_field_that_no_row_has_is_told(table: Project) -> None:
    told = table("rows", TABLE, "--where", "socre=1")
    assert told.raw == b""
    assert "no row that was read has a field socre" in told.err
    assert "has a field socre" in table("rows", TABLE, "--columns", "id,socre").err


def test_columns_choose_fields_and_their_order(table: Project) -> None:
    assert table.json("rows", TABLE, "--columns", "score,meta.lang,nothing", "--limit", "1") == [
        {"score": 0, "meta.lang": "en"}
    ]


def test_in_a_pipe_a_row_is_a_line(table: Project) -> None:
    lines = table("rows", TABLE).lines
    assert len(lines) == 29
    assert lines[3].startswith("t-3  input: question 3 question")
    assert "score: 0  tags: " in lines[3]
    assert all(columns(line) <= 80 for line in lines)


def test_a_table_is_fitted_to_the_width(table: Project) -> None:
    lines = table("rows", TABLE, "--table", "--limit", "3").lines
    assert lines[0].split() == ["id", "input", "score", "tags", "meta"]
    assert len(lines) == 5
    assert all(columns(line) <= 80 for line in lines)


def test_columns_without_room_are_named_below_the_table(project: Project) -> None:
    project.write(TABLE, [{"id": 1} | {f"field_{n}": "word " * 9 for n in range(12)}])
    lines = project("rows", TABLE, "--table").lines
    assert all(columns(line) <= 80 for line in lines)
    assert lines[-1].startswith("… 6 more columns: field_6, field_7")


def test_wide_letters_and_emoji_keep_the_columns_straight(project: Project) -> None:
    texts = [
        "漢字かな交じり文の長いテキストです。" * 3,
        "نص عربي طويل",
        "👩‍👩‍👧 family 🏳️‍🌈",
        "e\u0301te\u0301",
        "plain",
    ]
    project.write(TABLE, [{"id": n, "text": text, "end": "|"} for n, text in enumerate(texts)])
    lines = project("rows", TABLE, "--table").lines
    assert {columns(line.rpartition("|")[0]) for line in lines[2:]} == {
        columns(lines[0].rpartition("end")[0])
    }


def test_a_key_shows_one_row_in_full(table: Project) -> None:
    lines = table("rows", TABLE, "--key", "t-4").lines
    assert lines[0] == "t-4  (row 5)"
    assert lines[1:4] == [
        "  id     t-4",
        "  input  question 4 question 4 question 4 question 4 question 4",
        "  score  1",
    ]
    assert table.json("rows", TABLE, "--key", "t-4", "--rev", "HEAD") == [ROWS[4]]


def test_long_nested_values_are_opened_up(project: Project) -> None:
    value = {"messages": [{"role": "user", "content": "word " * 12}, {"role": "x"}], "n": 1}
    project.write(TABLE, [{"id": 1, "value": value, "text": "two\nlines"}])
    lines = project("rows", TABLE, "--key", "1").lines
    assert '             {"role": "x"}' in lines
    assert lines[-2:] == ["  text   two", "         lines"]


def test_keys_written_with_escapes_are_found(project: Project) -> None:
    project.write(TABLE, '{"id": "caf\\u00e9"}\n{"id": "other"}\n')
    assert project.json("rows", TABLE, "--key", "café") == [{"id": "café"}]


def test_a_key_of_several_fields_takes_their_values(project: Project) -> None:
    project.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = ["lang", "n"]\n')
    rows = [{"lang": lang, "n": n} for lang in ("de", "en") for n in (1, 2)]
    project.write(TABLE, rows)
    assert project.json("rows", TABLE, "--key", "en,2") == [rows[3]]
    assert project.json("rows", TABLE, "--key", '["en", 2]') == [rows[3]]
    assert "the key has 2 fields" in project("rows", TABLE, "--key", "en", code=2).err


def test_all_rows_that_share_a_key_are_shown(project: Project) -> None:
    project.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = "id"\n')
    project.write(TABLE, [{"id": 1, "a": 1}, {"id": 2}, {"id": 1, "a": 2}])
    assert project.json("rows", TABLE, "--key", "1") == [{"id": 1, "a": 1}, {"id": 1, "a": 2}]


def test_malformed_rows_are_told_with_line_and_column(project: Project) -> None:
    project.write(TABLE, b'{"id": 1}\n\n{"id": 2, }\r\n[3]\n{"id": 4}\n')
    lines = project("rows", TABLE).lines
    assert lines[0] == "1"
    assert lines[1].startswith("row 2  line 3, column ")
    assert lines[1].endswith('{"id": 2, }')
    told = project("rows", TABLE, "--malformed")
    assert told.lines[2:] == [f"{TABLE}:4:1: valid JSON, but not an object", "  [3]"]
    assert told.err == f"2 rows of {TABLE} cannot be read\n"
    values = project.json("rows", TABLE, "--malformed")
    assert [(value["row"], value["line"]) for value in values] == [(1, 3), (2, 4)]
    assert project.json("rows", TABLE)[1] == {"$malformed": '{"id": 2, }'}


def test_csv_and_json_arrays_have_rows_too(project: Project) -> None:
    project.write("examples/a.csv", 'id;text\n1;"two\nlines"\n2;x\n')
    project.write("examples/b.json", json.dumps(ROWS[:3], indent=2))
    assert project.json("rows", "examples/a.csv") == [
        {"id": "1", "text": "two\nlines"},
        {"id": "2", "text": "x"},
    ]
    assert project.json("rows", "examples/b.json") == ROWS[:3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["examples/no.jsonl"], "examples/no.jsonl: no such file"),
        (["examples"], "examples is a folder"),
        (["promptvc.toml"], "promptvc.toml is not a table"),
        ([TABLE, "--rev", "nosuch"], "unknown revision 'nosuch'"),
        (["examples/no.jsonl", "--rev", "HEAD"], "examples/no.jsonl is not in"),
        ([TABLE, "--key", "t-99"], "has no row with id t-99"),
        ([TABLE, "--where", "score"], "--where takes FIELD=VALUE"),
        (["../t.jsonl"], "is outside the project"),
    ],
)
def test_what_cannot_be_shown_is_refused(table: Project, arguments: list[str], message: str) -> None:
    assert message in table("rows", *arguments, code=2).err


def test_without_a_key_a_row_cannot_be_asked_for(project: Project) -> None:
    project.write(TABLE, [{"a": 1}])
    assert "has no key" in project("rows", TABLE, "--key", "1", code=2).err


def test_a_few_rows_of_a_large_file_come_at_once(project: Project) -> None:
    line = json.dumps({"id": 0, "text": "x" * 400})
    project.write(TABLE, (line + "\n") * 100_000)
    start = time.perf_counter()
    assert len(project.json("rows", TABLE, "--limit", "5")) == 5
    few = time.perf_counter() - start
    start = time.perf_counter()
    assert len(project.json("rows", TABLE)) == 100_000
    assert few < (time.perf_counter() - start) / 2
