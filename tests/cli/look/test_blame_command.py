"""``promptvc blame``: what it shows of lines, rows and cells, and how it fails."""

from __future__ import annotations

from typing import Any

import pytest

from promptvc.ids import ObjectId
from tests.cli.conftest import Project

ROWS: list[dict[str, Any]] = [
    {"id": "t-1", "input": "I was charged for a seat that I never ordered in this year", "tags": ["billing"]},
    {"id": "t-2", "input": "hello", "tags": []},
]
CHANGED = [ROWS[0], {**ROWS[1], "tags": ["greeting", "short"]}]
TABLE = "examples/t.jsonl"


@pytest.fixture
def two(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two commits of a table and a prompt by two authors on two days; gives their short ids."""
    ids = []
    for who, day, rows, text in (("Me", 2, ROWS, "one\ntwo\n"), ("Colleague", 3, CHANGED, "one\n2\n\n")):
        monkeypatch.setenv("GIT_AUTHOR_NAME", who)
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"2026-11-0{day}T23:30:00 -0500")
        project.write(TABLE, rows)
        project.write("prompts/a.md", text)
        project("commit", "-m", who)
        ids.append(project("log", "-n", "1", "--oneline").lines[0][:7])
    return ids


def test_lines_stand_beside_commit_date_and_author(project: Project, two: list[str]) -> None:
    first, second = two
    day = project("log", "-n", "1", "HEAD~1").lines[1].split()[0]
    later = project("log", "-n", "1").lines[1].split()[0]
    assert project("blame", "prompts/a.md").lines == [
        f"{first}  {day}  Me         1  one",
        f"{second}  {later}  Colleague  2  2",
        f"{second}  {later}  Colleague  3",
    ]


def test_rows_stand_under_their_key(project: Project, two: list[str]) -> None:
    lines = project("blame", TABLE).lines
    assert [(line[:7], line.split()[-1]) for line in lines] == [(two[0], "t-1"), (two[1], "t-2")]
    assert [line.split()[2:4] for line in lines] == [["Me", "1"], ["Colleague", "2"]]


def test_cells_of_one_row(project: Project, two: list[str]) -> None:
    head, text, tags = project("blame", TABLE, "--key", "t-2").lines
    assert head == "t-2"
    assert [text.split()[0], text.split()[1], text.split()[-1]] == ["input", two[0], '"hello"']
    assert tags.split()[:2] == ["tags", two[1]]
    assert tags.endswith('["greeting", "short"]')
    assert text.index('"hello"') == tags.index("[")


def test_long_values_are_cut_to_the_width(project: Project, two: list[str]) -> None:
    project.write("examples/long.txt", "word " * 60 + "\nshort\n")
    project.commit()
    told = project("blame", TABLE, "--key", "t-1").lines + project("blame", "examples/long.txt").lines
    assert all(len(line) <= 80 for line in told)
    assert told[1].endswith('…"')
    assert told[-2].endswith("…")


def test_json_has_exactly_what_is_promised(project: Project, two: list[str]) -> None:
    commit, before = project.json("log")
    who = {"commit": commit["id"], "author": commit["author"], "time": commit["time"]}
    assert project.json("blame", "prompts/a.md")[1] == {"line": 2, **who, "text": "2\n"}
    assert project.json("blame", TABLE)[1] == {"row": 1, **who, "key": {"id": "t-2"}, "value": CHANGED[1]}
    first, last = project.json("blame", TABLE, "--key", "t-2")
    assert last == {"row": 1, "field": "tags", **who, "key": {"id": "t-2"}, "value": CHANGED[1]["tags"]}
    assert first["commit"] == before["id"]
    assert who["author"]["name"] == "Colleague"


def test_a_range_of_lines_or_rows(project: Project, two: list[str]) -> None:
    def lines(*arguments: str) -> list[int]:
        return [value["line"] for value in project.json("blame", "prompts/a.md", "-L", *arguments)]

    assert lines("2,3") == [2, 3]
    assert lines("2,") == [2, 3]
    assert lines(",2") == [1, 2]
    assert lines("3,99") == [3]
    assert [value["row"] for value in project.json("blame", TABLE, "-L", "2,2")] == [1]


def test_revisions(project: Project, two: list[str]) -> None:
    old = project("blame", "HEAD~1:prompts/a.md").out
    assert old == project("blame", "prompts/a.md", "--rev", "HEAD~1").out
    assert [line[:7] for line in old.splitlines()] == [two[0]] * 2
    assert project("blame", "./a.md", folder="prompts").out == project("blame", "HEAD:prompts/a.md").out


def test_what_is_not_committed_has_no_part_in_it(project: Project, two: list[str]) -> None:
    before = project("blame", "prompts/a.md").out
    project.write("prompts/a.md", "changed\n")
    assert project("blame", "prompts/a.md").out == before


def test_a_key_of_two_fields(project: Project) -> None:
    project.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = ["lang", "n"]\n')
    project.write(
        TABLE, [{"lang": lang, "n": n, "text": f"{lang}{n}"} for lang in ("en", "de") for n in (1, 2)]
    )
    project.commit()
    told = [
        project("blame", TABLE, *words).lines
        for words in (["--key", "de,2"], ["--key", '["de", 2]'], ["--key", "de", "--key", "2"])
    ]
    assert told[0] == told[1] == told[2]
    assert told[0][0] == "de, 2"
    assert told[0][1].endswith('"de2"')
    assert "has 2 fields" in project("blame", TABLE, "--key", "de", code=2).err
    assert "has no row with lang, n fr, 1" in project("blame", TABLE, "--key", "fr,1", code=2).err


def test_each_of_the_rows_that_share_a_key(project: Project) -> None:
    rows = [{"id": 1, "a": "x"}, {"id": 2, "a": "y"}, {"id": 1, "a": "z"}]
    project.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = ["id"]\n')
    project.write(TABLE, rows)
    first = project.commit()
    project.write(TABLE, [*rows[:2], {"id": 1, "a": "changed"}])
    second = project.commit()
    values = project.json("blame", TABLE, "--key", "1")
    assert [(value["row"], value["commit"]) for value in values] == [(0, first), (2, second)]
    assert project("blame", TABLE, "--key", "1").lines[::2] == ["1  (row 1)", "1  (row 3)"]


def test_rows_without_a_key_and_rows_that_cannot_be_read(project: Project) -> None:
    project.write(TABLE, b'{"text": "one"}\nnot a row\n{"id": null, "text": "three"}\n')
    project.commit()
    lines = project("blame", TABLE).lines
    assert [line.split("  ", 4)[4] for line in lines] == [
        '{"text": "one"}',
        "not a row",
        '{"id": null, "text": "three"}',
    ]
    assert [value["key"] for value in project.json("blame", TABLE)] == [None] * 3
    assert project.json("blame", TABLE)[1]["value"] == {"$malformed": "not a row"}
    assert "has no key" in project("blame", TABLE, "--key", "1", code=2).err


def test_a_row_that_is_only_its_key_and_a_field_of_null(project: Project) -> None:
    project.write(TABLE, [{"id": 1}, {"id": 2, "a": None}])
    project.commit()
    assert [value["field"] for value in project.json("blame", TABLE, "--key", "1")] == ["id"]
    assert [value["value"] for value in project.json("blame", TABLE, "--key", "2")] == [None]


def test_empty_files_have_nobody_to_blame(project: Project) -> None:
    project.write("prompts/a.md", "")
    project.write(TABLE, "")
    project.commit()
    for path in ("prompts/a.md", TABLE):
        assert project("blame", path).raw == b""
        assert project("blame", path, "--json").raw == b""


def test_odd_names_and_dates_do_no_harm(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "\x1b[31mA very long name of somebody")
    project.write("prompts/a.md", "a\x1b[2J\tb\r\n\xff\n")
    project("commit", "-m", "odd")
    lines = project("blame", "prompts/a.md").lines
    assert all(len(line) <= 80 and "\x1b" not in line for line in lines)
    assert lines[0].endswith("  1  a\\x1b[2J    b")
    assert lines[0][21:36] == "\\x1b[31mA very…"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.md"], "gone.md is not in"),
        (["prompts"], "prompts is a folder"),
        (["nowhere:prompts/a.md"], "unknown revision 'nowhere'"),
        (["--rev", "nowhere", "prompts/a.md"], "unknown revision 'nowhere'"),
        ([TABLE, "--key", "t-9"], "examples/t.jsonl has no row with id t-9"),
        (["prompts/a.md", "--key", "t-1"], "prompts/a.md is not a table"),
        (["prompts/a.md", "-L", "4,"], "prompts/a.md has only 3 lines"),
        (["prompts/a.md", "-L", "0,2"], "counted from 1"),
        (["prompts/a.md", "-L", "3,2"], "END comes after START"),
        (["prompts/a.md", "-L", "two"], "-L takes START,END"),
        ([TABLE, "-L", "1,", "--key", "t-1"], "not both"),
        (["outputs/x.bin"], "outputs/x.bin is a binary file"),
    ],
)
def test_what_cannot_be_blamed_is_said(
    project: Project, two: list[str], arguments: list[str], said: str
) -> None:
    project.write("outputs/x.bin", b"\0\1")
    project.commit()
    told = project("blame", *arguments, code=2)
    assert said in told.err
    assert told.raw == b""


def test_ids_in_json_are_whole(project: Project, two: list[str]) -> None:
    assert all(len(ObjectId(value["commit"])) == 40 for value in project.json("blame", TABLE))
