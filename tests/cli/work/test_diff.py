"""``promptvc diff``: which versions are compared, and how their differences are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Project

TABLE = "examples/t.jsonl"


def ticket(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"t-{number:04}", "input": f"question {number}", "expected": "refund", **fields}


@pytest.fixture
def tickets(project: Project) -> Project:
    """A committed table of ten rows."""
    project.write(TABLE, [ticket(n) for n in range(1, 11)])
    project.commit("ten tickets")
    return project


# --- which versions ---------------------------------------------------------------------------------------


def test_nothing_changed_prints_nothing(tickets: Project) -> None:
    told = tickets("diff")
    assert told.raw == b""
    assert told.err == ""


def test_without_revision_it_compares_head_with_the_working_files(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n) for n in range(1, 10)])
    assert "− t-0010" in tickets("diff").out


def test_one_revision_is_compared_with_the_working_files(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n) for n in range(1, 12)])
    tickets.commit()
    tickets.write(TABLE, [ticket(n) for n in range(1, 13)])
    assert tickets.json("diff", "HEAD~1")[-1]["added"] == 2
    assert tickets.json("diff", "HEAD")[-1]["added"] == 1


@pytest.mark.parametrize("words", [["HEAD~1", "HEAD"], ["HEAD~1..HEAD"], ["HEAD~1.."]])
def test_two_revisions_are_compared_with_each_other(tickets: Project, words: list[str]) -> None:
    tickets.write(TABLE, [ticket(n) for n in range(1, 12)])
    tickets.commit()
    tickets.write(TABLE, [])
    assert tickets.json("diff", *words)[-1] == {
        "type": "summary", "files": 1, "added": 1, "removed": 0, "changed": 0,
    }  # fmt: skip


def test_three_dots_compare_from_where_the_branches_parted(tickets: Project) -> None:
    tickets("branch", "side")
    tickets.write("prompts/main.md", "one thing")
    tickets.commit()
    tickets("switch", "side")
    tickets.write("prompts/side.md", "quite another text")
    tickets.commit()
    assert tickets("diff", "main...side", "--name-only").lines == ["prompts/side.md"]
    assert tickets("diff", "main..side", "--name-only").lines == ["prompts/main.md", "prompts/side.md"]


def test_a_word_that_is_branch_and_folder_is_the_branch(tickets: Project) -> None:
    tickets("branch", "prompts")
    tickets.write("prompts/a.md", "a")
    tickets.write("examples/b.md", "b")
    assert len(tickets("diff", "prompts", "--name-only").lines) == 2
    assert tickets("diff", "--name-only", "--", "prompts").lines == ["prompts/a.md"]


def test_paths_limit_what_is_compared(tickets: Project) -> None:
    tickets.write("prompts/a.md", "a")
    tickets.write(TABLE, [])
    assert tickets("diff", "--name-only", "prompts").lines == ["prompts/a.md"]
    assert tickets("diff", "--name-only", TABLE).lines == [TABLE]
    assert tickets("diff", "--name-only", "a.md", folder="prompts").lines == ["prompts/a.md"]


def test_the_path_of_a_removed_file_is_a_path(tickets: Project) -> None:
    (tickets.root / TABLE).unlink()
    assert tickets("diff", "--name-only", TABLE).lines == [TABLE]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["mian"], "'mian' is neither a revision nor a file here", "did you mean main?"),
        (["HEAD..mian"], "unknown revision 'mian'", "did you mean main?"),
        (["prompts/no.md"], "prompts/no.md is neither a revision nor a file here", "promptvc show HEAD:"),
        (["../elsewhere"], "../elsewhere is outside the project", ""),
        (["HEAD", "HEAD", "HEAD"], "HEAD is one revision too many", "-- HEAD"),
        (["mian", "--", "prompts"], "unknown revision 'mian'", "did you mean main?"),
        (["HEAD..HEAD", "HEAD"], "give A..B, or A and B, not both", ""),
    ],
)
def test_words_that_mean_nothing_are_refused(
    tickets: Project, words: list[str], message: str, hint: str
) -> None:
    told = tickets("diff", *words, code=2)
    assert message in told.err
    assert hint in told.err
    assert told.raw == b""


def test_exit_code_tells_whether_there_are_differences(tickets: Project) -> None:
    assert tickets("diff", "--exit-code").raw == b""
    tickets.write("prompts/a.md", "a")
    assert tickets("diff", "--exit-code", code=1).raw
    assert tickets("diff", "--quiet", code=1).raw == b""
    assert tickets("diff", "--quiet", TABLE).code == 0


def test_before_the_first_commit_everything_is_new(project: Project) -> None:
    project.write(TABLE, [ticket(n) for n in range(1, 501)])
    assert project("diff", TABLE).lines == [
        "examples/t.jsonl                                     new table, 500 rows, key id",
        '  + t-0001       {"input": "question 1", "expected": "refund"}',
        '  + t-0002       {"input": "question 2", "expected": "refund"}',
        '  + t-0003       {"input": "question 3", "expected": "refund"}',
        "  … 497 more",
        "",
        "1 table; 500 rows added",
    ]  # fmt: skip


# --- tables -----------------------------------------------------------------------------------------------


def test_rows_are_told_by_key_with_only_the_cells_that_changed(tickets: Project) -> None:
    rows = [ticket(n) for n in range(1, 11) if n != 3]
    rows[1] |= {"expected": "refund_partial"}
    tickets.write(TABLE, [*rows, ticket(11)])
    assert tickets("diff").lines == [
        "examples/t.jsonl                                  table, key id   +1  −1  ~1  =8",
        "  ~ t-0002",
        '      expected   "refund" → "refund_partial"',
        '  − t-0003       {"input": "question 3", "expected": "refund"}',
        '  + t-0011       {"input": "question 11", "expected": "refund"}',
        "",
        "1 table; 1 row added, 1 removed, 1 changed",
    ]


def changed(project: Project, before: dict[str, Any], after: dict[str, Any], *options: str) -> list[str]:
    """The lines of one changed row."""
    project.write(TABLE, [{"id": 1, **before}])
    project.commit()
    project.write(TABLE, [{"id": 1, **after}])
    return project("diff", *options).lines[2:-2]


def test_long_texts_show_their_changed_words_and_leave_out_the_rest(project: Project) -> None:
    text = "I was charged twice for march, and the second one is a problem. " * 3
    assert changed(project, {"input": text}, {"input": text.replace("march", "April", 1)}) == [
        "      input      I was charged twice for [-march-]{+April+}, and the second one",
        "                 is a problem. I was…",
    ]


def test_texts_with_nothing_in_common_are_shown_one_below_the_other(project: Project) -> None:
    before, after = "alpha beta " * 40, "gamma delta " * 40
    lines = changed(project, {"out": before}, {"out": after})
    assert [line[17:19] for line in lines if line[17] != " "] == ["− ", "+ "]
    assert sum("more characters" in line for line in lines) == 2
    assert "more characters" not in project("diff", "--full").out


def test_nested_values_show_the_place_inside(project: Project) -> None:
    before = {"meta": {"score": 1, "by": {"name": "x"}}, "messages": [{"role": "user", "content": "a b"}]}
    after = {"meta": {"score": 2, "by": {"name": "x"}}, "messages": [{"role": "user", "content": "a c"}]}
    assert changed(project, before, after) == [
        "      meta.score           1 → 2",
        '      messages[0].content  "a b" → "a c"',
    ]


def test_list_items_are_added_and_removed_at_their_places(project: Project) -> None:
    long = [{"role": "user", "content": f"message {n} of a longer conversation"} for n in range(4)]
    lines = changed(project, {"messages": long}, {"messages": [*long[:1], *long[2:], {"role": "x"}]})
    assert lines == [
        '      messages[1]  [-{"role": "user", "content": "message 1 of a longer con…"}-]',
        '      messages[3]  {+{"role": "x"}+}',
    ]


def test_absent_and_null_differ(project: Project) -> None:
    assert changed(project, {"a": None, "b": 1}, {"b": None, "c": None}) == [
        "      a          [-null-]",
        "      b          1 → null",
        "      c          {+null+}",
    ]


def test_one_and_one_point_nought_and_true_differ(project: Project) -> None:
    assert changed(project, {"a": 1, "b": 1}, {"a": 1.0, "b": True}) == [
        "      a          1 → 1.0",
        "      b          1 → true",
    ]


def test_a_column_added_to_many_rows_is_told_once(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n, for_devs=n % 2 == 0) for n in range(1, 11)])
    lines = tickets("diff").lines
    assert lines[-3] == "  … 7 more rows: only for_devs added"
    assert sum("for_devs" in line for line in lines) == 4
    assert sum("for_devs" in line for line in tickets("diff", "--full").lines) == 10


def test_the_same_change_in_many_rows_is_told_once(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n) | {"expected": "auth"} for n in range(1, 11)])
    assert '  … 7 more rows: only expected "refund" → "auth"' in tickets("diff").lines


def test_a_change_that_many_changed_rows_share_is_left_out_of_them(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n, model="m-2", output=f"answer {n}") for n in range(1, 11)])
    lines = tickets("diff").lines
    assert sum("model" in line for line in lines) == 4
    assert "  … 7 rows above also: model added" not in lines  # and so is the output: no row has anything else
    assert "  … 7 more rows: only model added, output added" in lines
    tickets.write(TABLE, [ticket(n, model="m-2") | {"input": f"other {n}"} for n in range(1, 11)])
    assert "  … 7 rows above also: model added" in tickets("diff").lines


def test_rows_without_a_key_are_named_by_their_number(project: Project) -> None:
    project.write("examples/t.csv", "act,prompt\r\nA,alpha\r\nB,beta\r\n")
    project.commit()
    project.write("examples/t.csv", "act,prompt,dev\r\nA,alpha,1\r\nX,new,2\r\nB,beta,3\r\n")
    assert project("diff").lines[:-2] == [
        "examples/t.csv                                                    table   +1  ~2",
        "  columns  + dev",
        "  ~ row 1",
        '      dev        {+"1"+}',
        '  + row 2        {"act": "X", "prompt": "new", "dev": "2"}',
        "  ~ row 3  (was 2)",
        '      dev        {+"3"+}',
    ]


def test_rows_that_only_moved_or_were_written_differently_are_counted(tickets: Project) -> None:
    rows = [json.dumps(ticket(n)) for n in (2, 1, *range(3, 11))]
    tickets.write(TABLE, "\n".join(rows).replace('"t-0010", ', '"t-0010",') + "\n")
    assert tickets("diff").lines[1:] == [
        "  1 row moved, 1 row written differently, with equal values",
        "",
        "1 table",
    ]


def test_a_change_between_the_rows_is_not_silent(tickets: Project) -> None:
    tickets.write(TABLE, (tickets.root / TABLE).read_bytes() + b"\n\n")
    assert "no row changed: only line ends, blank lines" in tickets("diff").out


def test_malformed_rows_are_shown_raw(tickets: Project) -> None:
    tickets.write(TABLE, (tickets.root / TABLE).read_bytes() + b'{"id": "t-0011", "input: \xff\n')
    [line] = [line for line in tickets("diff").lines if "malformed" in line]
    assert line.startswith("  + row 11       malformed (")
    assert '{"id": "t-0011", "input:' in line


# --- prompts, texts, binary files ---------------------------------------------------------------------------


PROMPT = "---\ntemperature: 0.7\n---\nsystem:\nYou answer in a friendly tone.\nNever promise.\n\nuser:\n{{ ticket }}\n"


def test_prompts_show_words_by_message_settings_and_variables(project: Project) -> None:
    project.write("prompts/s.md", PROMPT)
    project.commit()
    after = (
        PROMPT.replace("friendly", "calm, brief")
        .replace("0.7", "0.2")
        .replace("ticket }}", "ticket }} {{ limit }}")
    )
    project.write("prompts/s.md", after)
    assert project("diff").lines == [
        "prompts/s.md                                               prompt, 2 word groups",
        "  @@ system",
        "  You answer in a [-friendly-]{+calm, brief+} tone.",
        "  Never promise.",
        "  @@ user  (message 2)",
        "  {{ ticket }}{+ {{ limit }}+}",
        "  settings   temperature 0.7 → 0.2",
        "  variables  + limit",
        "",
        "1 prompt",
    ]


def test_whole_lines_that_came_into_a_prompt_stand_on_their_own(project: Project) -> None:
    project.write("prompts/s.md", "one\ntwo\nthree\nfour\nfive\n")
    project.commit()
    project.write("prompts/s.md", "one\ntwo\nthree\nnew line\nfour\nfive\n\nlast words\n")
    assert project("diff").lines[2:-2] == [
        "  …",
        "  three",
        "  {+new line+}",
        "  four",
        "  five",
        "  {+↵+}",
        "  {+last words+}",
    ]


def test_a_prompt_whose_layout_alone_changed_says_so_and_shows_the_lines(project: Project) -> None:
    project.write("prompts/s.md", PROMPT)
    project.commit()
    project.write("prompts/s.md", PROMPT.replace("temperature: 0.7", "temperature:   0.7"))
    out = project("diff").out
    assert "only the layout changed" in out
    assert "  + temperature:{+   +}0.7" in out


def test_a_prompt_that_cannot_be_read_is_compared_as_text_with_the_reason(project: Project) -> None:
    project.write("prompts/s.j2", "{{ a }}\n")
    project.commit()
    project.write("prompts/s.j2", "{{ a\n")
    out = project("diff").out
    assert "  compared as text: line 1: " in out
    assert "  − {{ a[- }}-]" in out


def test_texts_show_hunks_with_the_changed_words_marked(project: Project) -> None:
    lines = [f"line {n} of the notes" for n in range(1, 30)]
    project.write("examples/notes.txt", "\n".join(lines) + "\n")
    project.commit()
    lines[19] = "line 20 of some notes"
    project.write("examples/notes.txt", "\n".join(lines))
    assert project("diff").lines == [
        "examples/notes.txt                                                 text   +2  −2",
        "  @@ line 17",
        "    line 17 of the notes",
        "    line 18 of the notes",
        "    line 19 of the notes",
        "  − line 20 of [-the-] notes",
        "  + line 20 of {+some+} notes",
        "    line 21 of the notes",
        "    line 22 of the notes",
        "    line 23 of the notes",
        "  @@ line 26",
        "    line 26 of the notes",
        "    line 27 of the notes",
        "    line 28 of the notes",
        "  − line 29 of the notes",
        "  + line 29 of the notes  (no line end)",
        "",
        "1 text file",
    ]


def test_binary_renamed_and_executable_files_are_told_in_a_line(project: Project) -> None:
    project.write("examples/b.dat", b"a\0b")
    project.write("prompts/old.md", "some words\nthat stay\n")
    project.write("prompts/x.md", "x")
    project.commit()
    project.write("examples/b.dat", b"a\0bcd")
    (project.root / "prompts/old.md").rename(project.root / "prompts/new.md")
    (project.root / "prompts/x.md").chmod(0o755)
    out = project("diff").out
    assert "binary, 3 B → 5 B" in out
    assert "prompts/old.md → prompts/new.md" in out
    assert "  mode       plain file (100644) → executable (100755)" in out
    assert "3 files: 2 prompts, 1 binary file" in out
    [renamed] = [value for value in project.json("diff") if value.get("status") == "renamed"]
    assert renamed["old_path"] == "prompts/old.md"


def test_new_and_removed_texts_show_their_lines(project: Project) -> None:
    project.write("examples/a.txt", "gone\n")
    project.commit()
    (project.root / "examples/a.txt").unlink()
    project.write("prompts/b.md", "new\nwords")
    lines = project("diff").lines
    assert "  − gone" in lines
    assert lines[-5:-2] == ["prompts/b.md                                                     new prompt   +2",
                            "  + new", "  + words"]  # fmt: skip


# --- other forms --------------------------------------------------------------------------------------------


def test_stat_is_a_line_a_file_and_the_sum(tickets: Project) -> None:
    tickets.write(TABLE, [ticket(n) for n in range(2, 12)])
    tickets.write("prompts/a.md", "a\nb\n")
    assert tickets("diff", "--stat").lines == [
        "  examples/t.jsonl  +1 −1         +−",
        "  prompts/a.md      new, 2 lines  ++",
        "2 files: 1 prompt, 1 table; 1 row added, 1 removed",
    ]


def test_json_has_a_line_a_file_a_line_a_row_and_a_summary(tickets: Project) -> None:
    rows = [ticket(n) for n in range(2, 11)]
    rows[0] = {"id": "t-0002", "input": "question 2", "extra": None}
    tickets.write(TABLE, [*rows, ticket(11)])
    file, *rows, summary = tickets.json("diff")
    assert file == {
        "type": "file",
        "path": TABLE,
        "kind": "table",
        "status": "modified",
        "key": ["id"],
        "rows": {"added": 1, "removed": 1, "changed": 1, "moved": 0, "reformatted": 0},
        "columns": {"added": [], "removed": []},
    }
    assert [row["op"] for row in rows] == ["removed", "changed", "added"]
    assert rows[0] == {
        "type": "row", "path": TABLE, "op": "removed", "key": {"id": "t-0001"}, "at": [0, None],
        "before": ticket(1), "after": None,
    }  # fmt: skip
    assert rows[1]["cells"] == {"expected": ["refund", None], "extra": [None, None]}
    assert rows[1]["absent"] == {"expected": "after", "extra": "before"}
    assert rows[2]["at"] == [None, 9]
    assert summary == {"type": "summary", "files": 1, "added": 1, "removed": 1, "changed": 1}


def test_json_of_a_new_table_has_every_row(project: Project) -> None:
    project.write(TABLE, [ticket(n) for n in range(1, 41)])
    file, *rows, summary = project.json("diff", TABLE)
    assert file["rows"]["added"] == len(rows) == summary["added"] == 40
    assert rows[0]["key"] == {"id": "t-0001"}
    assert project.json("diff", TABLE, "--stat") == [file, summary]


def test_json_of_nothing_is_the_summary(tickets: Project) -> None:
    assert tickets.json("diff") == [{"type": "summary", "files": 0, "added": 0, "removed": 0, "changed": 0}]


def test_colour_takes_the_place_of_brackets(tickets: Project) -> None:
    text = "a question that is long enough to be compared by its words"
    tickets.write(TABLE, [ticket(1, input=text)])
    tickets.commit()
    tickets.write(TABLE, [ticket(1, input=text.replace("long", "short"))])
    out = tickets("--color", "always", "diff").out
    assert "\x1b[31mlong\x1b[0m\x1b[32mshort\x1b[0m" in out
    assert "[-" not in out


def test_no_escape_sequence_or_direction_mark_of_a_file_reaches_the_terminal(tickets: Project) -> None:
    nasty = "\x1b[31mred\x1b]0;title\x07 \u202egnp.exe \u200b"
    tickets.write(TABLE, [ticket(1, **{nasty: nasty, "long": nasty * 9}), ticket(2, input=nasty * 20)])
    tickets.write("prompts/a.md", nasty)
    for options in (
        ["diff"],
        ["diff", "HEAD"],
        ["diff", "--stat"],
        ["rows", TABLE],
        ["rows", TABLE, "--table"],
    ):
        out = tickets(*options).out
        assert not {"\x1b", "\x07", "\u202e", "\u200b"} & set(out)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "a", "b", "é"]), VALUES, max_size=4), max_size=6)


@given(before=ROWS, after=ROWS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_are_told_within_the_width_and_agree_with_json(
    project: Project, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    from promptvc.cli.show.chars import columns

    project.write(TABLE, before)
    project.repo.commit("rows", allow_empty=True)
    project.write(TABLE, after)
    told = project("diff")
    assert all(columns(line) <= 80 for line in told.lines)
    rows = [value for value in project.json("diff") if value["type"] == "row"]
    shown = [line for line in told.lines if line[:4] in ("  ~ ", "  + ", "  − ")]
    folded = any("more" in line for line in told.lines if line.startswith("  …"))
    assert folded or len(shown) == len(rows)
