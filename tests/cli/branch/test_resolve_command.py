"""resolve on its own: what it writes into tables, prompts and texts, what it lists, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess

import pytest

from tests.cli.conftest import Project, Told

TABLE = "examples/t.csv"
MESSAGES = [
    ("prompts/t.md", "---\nname: n\n@---\nsystem:\nHi.\n"),
    ("prompts/t.prompt.yml", "messages:\n- role: system\n  content: Hi.\n@"),
]
WORDS = ("apple", "river", "stone", "cloud")


def diverge(
    project: Project, path: str, base: str | bytes, ours: str | bytes, theirs: str | bytes, code: int = 1
) -> Told:
    """Three versions of one file: base, ``feature`` with theirs, and ``main`` with ours; then the merge."""
    project.write(path, base)
    project.commit("base")
    project("switch", "-c", "feature")
    project.write(path, theirs)
    project.commit("theirs")
    project("switch", "main")
    project.write(path, ours)
    project.commit("ours")
    return project("merge", "feature", code=code)


def read(project: Project, path: str) -> str:
    return (project.root / path).read_bytes().decode()


# --- rows of tables with a header ---------------------------------------------------------------------


def table(columns: str, keyed: bool, edited: str | None = None, gone: bool = False) -> str:
    """A table of four rows with these columns of ``abcd``; the third row edited, or gone."""
    rows = [{"id": w, **{c: f"{w} {c} {c}{c}" for c in columns}} for w in WORDS]
    if edited is not None:
        rows[2]["b"] += edited
    if gone:
        del rows[2]
    names = ["id", *columns] if keyed else list(columns)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("take", ["ours", "theirs", "base"])
@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize(
    ("columns", "merged"),
    [(("abc", "ab"), "ab"), (("ab", "abc"), "ab"), (("abcd", "abc"), "abcd"), (("abc", "abcd"), "abcd")],
)
@pytest.mark.parametrize("ours_edits", [True, False])
def test_a_row_is_taken_under_the_header_of_the_merged_table(
    project: Project, ours_edits: bool, columns: tuple[str, str], merged: str, keyed: bool, take: str
) -> None:
    ours, theirs = columns
    diverge(
        project,
        TABLE,
        table("abc", keyed),
        table(ours, keyed, " by ours" if ours_edits else None, gone=not ours_edits),
        table(theirs, keyed, None if ours_edits else " by theirs", gone=ours_edits),
    )
    project("resolve", TABLE, "--key", "stone" if keyed else "3", "--take", take)
    gone = take != "base" and (take == "ours") is not ours_edits
    edited = None if gone or take == "base" else f" by {take}"
    expected = table(merged, keyed, edited, gone)
    if take == "base" or "d" not in (ours if take == "ours" else theirs):
        expected = expected.replace("stone d dd", "")
    assert read(project, TABLE) == expected


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_cell_beyond_the_header_stays_beyond_it(project: Project, side: str) -> None:
    ragged, wider = "id,a\nk1,x\nk2,x,more\n", "id,a,g\nk1,x,1\n"
    versions = (ragged, wider) if side == "ours" else (wider, ragged)
    diverge(project, TABLE, "id,a\nk1,x\nk2,x\n", *versions)
    project("resolve", TABLE, "--take", side)
    assert read(project, TABLE) == "id,a,g\nk1,x,1\nk2,x,,more\n"


def test_a_field_given_by_hand_must_be_in_the_header(project: Project) -> None:
    diverge(project, TABLE, table("abc", True), table("ab", True, "ours"), table("abc", True, gone=True))
    told = project("resolve", ".", "--value", '{"id": "stone", "c": "1"}', code=2)
    assert told.err.startswith("error: examples/t.csv: field c is not in the header\nhint: add the column")


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("date: 2026-01-01\n", "date: 2026-01-02\n", "date: 2026-01-03\n"),
        ("date: 2026-01-01\n", "date: 2026-01-02  # ours\n", "date: '2026-01-03'\n"),
        ("date: 2026-01-01\n", "date: 7\n", "date: 2026-01-03 10:00:00\n"),
        ("date: 2026-01-01\n", "", "date: 2026-01-03\n"),
        ("of:\n  date: 2026-01-01\n", "of:\n  date: 2026-01-02\n", "of:\n  date: 2026-01-03\n"),
        ("temperature: 0.5\n", "temperature: 0.6\n", "temperature: 0.70\n"),
        ("on: [2026-01-01]\n", "on: [2026-01-02]\n", "on: [2026-01-03]\n"),
        ("on:\n- 2026-01-01\n", "on:\n- 2026-01-02\n", "on:\n- 2026-01-03\n"),
        ("text: >\n  one\n", "text: >\n  two\n", "text: >\n  three\n  words\n"),
    ],
)
@pytest.mark.parametrize(("path", "rest"), MESSAGES)
def test_a_setting_taken_from_a_side_is_written_as_it_is_there(
    project: Project, path: str, rest: str, base: str, ours: str, theirs: str
) -> None:
    diverge(project, path, *(rest.replace("@", settings) for settings in (base, ours, theirs)))
    project("resolve", path, "--take", "theirs")
    expected = theirs.replace("\n", "  # ours\n") if "# ours" in ours else theirs
    assert project.root.joinpath(path).read_text() == rest.replace("@", expected)


def test_messages_taken_where_ours_has_none_are_written_as_they_are_there(project: Project) -> None:
    path, rest = MESSAGES[1]
    theirs = rest.replace("@", "").replace("Hi.", "|\n    Hi.\n    You.") + "- role: user\n  content: Q\n"
    diverge(project, path, rest.replace("@", ""), "messages: []\n", theirs)
    project("resolve", path, "--take", "theirs")
    assert read(project, path) == theirs


def test_a_date_given_by_hand_or_taken_from_before_has_no_quotes_where_none_are(project: Project) -> None:
    path, rest = MESSAGES[0]
    versions = (rest.replace("@", f"date: 2026-01-0{day}\nmodel: m\n") for day in (1, 2, 3))
    diverge(project, path, *versions)
    project("resolve", path, "--take", "base")
    assert read(project, path) == rest.replace("@", "date: 2026-01-01\nmodel: m\n")
    project("undo")
    project("resolve", path, "--value", "2026-01-04")
    assert read(project, path) == rest.replace("@", "date: 2026-01-04\nmodel: m\n")


@pytest.mark.parametrize(("take", "date"), [("theirs", "2026-01-01"), ("base", "2026-01-02"), ("ours", "7")])
def test_a_setting_that_a_revert_brings_back_is_written_as_it_was(
    project: Project, take: str, date: str
) -> None:
    path, rest = MESSAGES[0]
    for found in ("2026-01-01", "2026-01-02", "7"):
        project.write(path, rest.replace("@", f"date: {found}\n"))
        project.commit(found)
    project("revert", "HEAD~1", code=1)
    project("resolve", ".", "--take", take)
    assert read(project, path) == rest.replace("@", f"date: {date}\n")


# --- lines between markers ----------------------------------------------------------------------------

PROMPT = "prompts/notes.md"
NOTES = ("one{0}\nkeep\ntwo{0}\nkeep too\nthree{0}\n", "", " ours", " theirs")


def block(word: str) -> str:
    return f"<<<<<<< main\n{word} ours\n||||||| base\n{word}\n=======\n{word} theirs\n>>>>>>> feature\n"


@pytest.fixture
def three_blocks(project: Project) -> Project:
    """A text with three blocks of lines that conflict."""
    text, *ends = NOTES
    diverge(project, PROMPT, *(text.format(end) for end in ends))
    assert read(project, PROMPT) == f"{block('one')}keep\n{block('two')}keep too\n{block('three')}"
    return project


def test_the_listing_says_on_which_lines_each_block_is(three_blocks: Project) -> None:
    listed = three_blocks("resolve", code=1)
    assert [line for line in listed.lines if "lines" in line] == [
        "    lines 1-7",
        "    lines 9-15",
        "    lines 17-23",
    ]
    values = three_blocks("resolve", "--json", code=1).values
    assert [each["lines"] for each in values] == [[1, 7], [9, 15], [17, 23]]


def test_a_block_settled_by_hand_stays_while_the_others_are_taken(three_blocks: Project) -> None:
    by_hand = read(three_blocks, PROMPT).replace(block("two"), "two by hand\n")
    three_blocks.write(PROMPT, by_hand)
    assert [each["base"] for each in three_blocks("resolve", "--json", code=1).values] == ["one\n", "three\n"]
    assert "2 conflicts to resolve" in three_blocks("status").out
    three_blocks("resolve", PROMPT, "--take", "theirs")
    assert read(three_blocks, PROMPT) == "one theirs\nkeep\ntwo by hand\nkeep too\nthree theirs\n"
    three_blocks("commit")


def test_one_block_alone_is_settled_by_a_line_in_it(three_blocks: Project) -> None:
    told = three_blocks("resolve", PROMPT, "--line", "15", "--take", "theirs")
    assert told.lines == ["1 conflict resolved, 2 left: promptvc resolve"]
    assert read(three_blocks, PROMPT) == f"{block('one')}keep\ntwo theirs\nkeep too\n{block('three')}"
    missing = three_blocks("resolve", PROMPT, "--line", "8", "--take", "ours", code=2)
    assert missing.err.startswith("error: no conflict in prompts/notes.md, line 8\n")


def test_of_equal_blocks_the_one_with_the_line_is_settled(project: Project) -> None:
    texts = [f"same{end}\nkeep\nsame{end}\n" for end in ("", " ours", " theirs")]
    diverge(project, PROMPT, *texts)
    project("resolve", PROMPT, "--line", "9", "--take", "theirs")
    assert read(project, PROMPT) == f"{block('same')}keep\nsame theirs\n"
    project("resolve", PROMPT, "--take", "base")
    assert read(project, PROMPT) == "same\nkeep\nsame theirs\n"


def test_a_block_that_was_edited_between_its_markers_is_left_to_the_editor(three_blocks: Project) -> None:
    edited = read(three_blocks, PROMPT).replace("two ours", "two of ours")
    three_blocks.write(PROMPT, edited)
    assert len(three_blocks("resolve", "--json", code=1).values) == 3
    told = three_blocks("resolve", PROMPT, "--take", "theirs", code=3)
    assert "the lines between the markers were edited" in told.err
    assert read(three_blocks, PROMPT) == edited
    three_blocks("resolve", PROMPT, "--line", "1", "--take", "ours")


# --- what is printed to be typed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "typed"),
    [
        ("", "'examples/my rows.jsonl'"),
        ("examples", "'my rows.jsonl'"),
        ("prompts", "'../examples/my rows.jsonl'"),
    ],
)
def test_hints_name_the_path_as_it_is_typed_in_the_folder(project: Project, folder: str, typed: str) -> None:
    path = "examples/my rows.jsonl"
    (project.root / "prompts").mkdir()
    versions = [[{"id": f"t {n}", "a": end} for n in range(12)] for end in ("", "ours", "theirs")]
    texts = ["".join(f"{json.dumps(row)}\n" for row in rows) for rows in versions]
    diverge(project, path, *texts)
    project("merge", "--abort")
    merged = project("merge", "feature", code=1, folder=folder)
    assert merged.lines[-1] == f"    … 2 more: promptvc resolve {typed}"
    hint = f"hint: promptvc resolve {typed} --key 't 0' --take theirs\n"
    assert merged.err == hint
    assert project("resolve", code=1, folder=folder).err == hint
    assert project("status", folder=folder).lines[-1] == "    … 9 more: promptvc resolve"
    words = shlex.split(hint.removeprefix("hint: promptvc "))
    assert project(*words, folder=folder).lines == ["1 conflict resolved, 11 left: promptvc resolve"]


def test_a_key_with_control_characters_is_told_as_a_shell_takes_it(project: Project) -> None:
    key = "a\nb\x1b[31m'\\é\u00a0"
    rows = [f"{json.dumps({'id': key, 'a': end})}\n" for end in ("", "ours", "theirs")]
    told = diverge(project, "examples/t.jsonl", *rows).err
    assert told == (
        "hint: promptvc resolve examples/t.jsonl --key $'a\\x0ab\\x1b[31m\\x27\\x5cé\\xc2\\xa0' --take theirs\n"
    )
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {told.removeprefix('hint: promptvc ')}"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    project(*words.rstrip("\n\0").split("\0"))
    assert json.loads(read(project, "examples/t.jsonl"))["a"] == "theirs"


def test_a_path_that_begins_like_an_option_is_told_so_that_it_is_none(project: Project) -> None:
    diverge(project, "prompts/-x.md", "a\n", "b\n", "c\n")
    project("merge", "--abort")
    told = project("merge", "feature", code=1, folder="prompts")
    assert told.err == "hint: promptvc resolve ./-x.md --take theirs\n"


# --- what is refused ----------------------------------------------------------------------------------


def test_nothing_left_to_resolve_is_said_in_words(project: Project) -> None:
    diverge(project, PROMPT, "a\n", "b\n", "c\n")
    project("resolve", ".", "--take", "ours")
    told = project("resolve", ".", "--take", "ours", code=2)
    assert told.err == "error: no conflict is left\nhint: promptvc commit concludes the merge\n"
    assert project("resolve", ".", "--edit", code=2).err == told.err


def test_a_conflict_that_is_not_there_is_named(project: Project) -> None:
    diverge(project, TABLE, table("ab", True), table("ab", True, "o"), table("ab", True, "t"))
    told = project("resolve", TABLE, "--key", "x", "--field", "b", "--take", "ours", code=2)
    assert told.err.startswith(
        "error: no conflict in examples/t.csv, key x, field b\nhint: promptvc resolve "
    )
    assert project("resolve", TABLE, "--key", "x").lines == [
        "No conflict there; 1 elsewhere: promptvc resolve"
    ]


def test_a_row_that_is_gone_is_called_by_its_number_from_1(project: Project) -> None:
    versions = [f"a,b\none two three four five,x{end}\nsix seven eight nine,y\n" for end in ("", " o", " t")]
    diverge(project, TABLE, *versions)
    project.write(TABLE, "a,b\n")
    told = project("resolve", ".", "--take", "theirs", code=3)
    assert told.err == (
        "error: examples/t.csv: row 1 is not there any more\n"
        "hint: edit the file, then promptvc resolve PATH --as-is\n"
    )


@pytest.mark.parametrize("editor", ["false", "no-such-editor"])
def test_an_editor_that_fails_is_one_line_and_a_hint(
    project: Project, monkeypatch: pytest.MonkeyPatch, editor: str
) -> None:
    diverge(project, PROMPT, "a\n", "b\n", "c\n")
    before = read(project, PROMPT)
    monkeypatch.setenv("GIT_EDITOR", editor)
    told = project("resolve", ".", "--edit", code=2)
    assert told.err.startswith(f"error: the editor failed: {editor}: ")
    assert [line.partition(":")[0] for line in told.err.splitlines()] == ["error", "hint"]
    assert read(project, PROMPT) == before


def test_a_parent_that_is_not_there_is_told_in_the_singular(project: Project) -> None:
    for text in ("a\n", "b\n"):
        project.write(PROMPT, text)
        project.commit(text)
    told = project("revert", "-m", "2", "HEAD", code=2)
    assert told.err.startswith("error: ")
    assert " has 1 parent\n" in told.err


def test_what_is_still_to_be_picked_is_told_with_its_parent(project: Project) -> None:
    diverge(project, PROMPT, "a\n", "b\n", "c\n")
    project("merge", "--abort")
    told = project("cherry-pick", "-m", "1", "feature", "feature~1", code=1)
    assert "note: not done yet: promptvc cherry-pick -m 1 feature~1, once" in told.err


# --- numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["12345678901234567890.123", "1.10", "1E5", "-0", "1e400", "7"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("examples/t.jsonl", '{"id": "a", "n": @}\n{"id": "b"}\n'),
        ("examples/t.json", '[\n  {\n    "id": "a",\n    "n": @\n  }\n]\n'),
        ("prompts/t.json", '{"messages": [{"role": "user", "content": "é"}], "n": @}\n'),
    ],
)
def test_a_number_given_for_a_json_file_keeps_its_digits(
    project: Project, path: str, text: str, number: str
) -> None:
    diverge(project, path, *(text.replace("@", value) for value in ("1", "2", "3")))
    project("resolve", ".", "--value", f'{{"a": [{number}]}}')
    made = read(project, path)
    assert f"[{number}]" in "".join(made.split())
    project("undo")
    project("resolve", ".", "--value", number)
    assert read(project, path) == text.replace("@", number)
