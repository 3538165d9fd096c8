"""``promptvc log``: which commits, in which order, and the lines between them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.cli.show.graph import Graph
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.storage.objects import Kind, Signature
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import FileEntry, write_tree
from tests.cli.conftest import Project
from tests.drawing import draw

SPLIT = """
    a──b──d──e   main
     └─c─┘
"""


def subjects(project: Project, *arguments: str) -> list[str]:
    return [value["message"].strip() for value in project.json("log", *arguments)]


@pytest.fixture
def merged(project: Project) -> Project:
    """Commits a, b and c, d that merges these two, and e."""
    draw(project.repo, SPLIT)
    return project


def test_newest_first_and_children_before_parents(merged: Project) -> None:
    assert subjects(merged) == ["e", "d", "c", "b", "a"]


def test_without_a_commit_there_is_nothing_to_tell(project: Project) -> None:
    assert project("log").raw == b""
    assert project("log", "--json").raw == b""


def test_a_commit_is_a_line_of_what_and_a_line_of_when_and_who(merged: Project) -> None:
    merged("tag", "v1", "main~1")
    id = merged.repo.parts.revisions.resolve("main")
    assert merged("log", "-n", "2").lines == [
        f"{id.short} (HEAD → main) e",
        "        2023-11-14 22:17  Me",
        f"{merged.repo.parts.history.parents(id)[0].short} (tag: v1) d",
        "        2023-11-14 22:16  Me",
    ]


def test_the_rest_of_the_message_is_shown_below(project: Project) -> None:
    project.write("prompts/a.md", "x")
    project.commit("Subject\n\nWhy it was done.\n- so\n")
    assert project("log").lines[2:] == ["        Why it was done.", "        - so"]
    assert len(project("log", "--oneline").lines) == 1


def test_a_range_leaves_out_what_the_first_revision_has(merged: Project) -> None:
    assert subjects(merged, "main~2..main") == ["e", "d", "c"]
    assert subjects(merged, "main~1^2") == ["c", "a"]
    assert subjects(merged, "-n", "1", "main~1") == ["d"]


def test_both_sides_of_three_dots(project: Project) -> None:
    draw(
        project.repo,
        """
        a──b   main
         └─c   side
        """,
    )
    assert subjects(project, "main...side") == ["c", "b"]
    assert subjects(project, "main", "side") == ["c", "b", "a"]
    assert subjects(project) == ["b", "a"]
    assert subjects(project, "--all") == ["c", "b", "a"]


def test_paths_leave_only_the_commits_that_changed_them(merged: Project) -> None:
    assert subjects(merged, "prompts/c.md") == ["c"]
    assert subjects(merged, "prompts") == ["e", "d", "c", "b", "a"]
    assert subjects(merged, "main", "--", "prompts/c.md", "prompts/a.md") == ["c", "a"]


def test_a_large_table_is_one_path(project: Project) -> None:
    for text in ("one", "two", "two"):
        project.write("examples/big.jsonl", [{"id": n, "text": text * 20} for n in range(2000)])
        project.write(f"prompts/{text}.md", text + str(len(subjects(project))))
        project.commit(text)
    assert subjects(project, "examples/big.jsonl") == ["two", "one"]
    assert subjects(project, "examples") == ["two", "one"]


def test_json_has_exactly_what_is_promised(merged: Project) -> None:
    first, *_, last = merged.json("log")
    id = merged.repo.parts.revisions.resolve("main")
    assert first == {
        "id": id,
        "parents": list(merged.repo.parts.history.parents(id)),
        "author": {"name": "Me", "email": "me@example.com"},
        "time": 1_700_000_240,
        "message": "e\n",
    }
    assert last["parents"] == []


def test_stat_tells_what_each_commit_changed_since_its_first_parent(merged: Project) -> None:
    lines = merged("log", "--oneline", "--stat", "-n", "2").lines
    assert lines[1:3] == ["  prompts/e.md  new, 1 line  +", "  1 prompt"]
    assert [line.split()[0] for line in lines[4:6]] == ["prompts/c.md", "prompts/d.md"]
    [value] = merged.json("log", "--stat", "-n", "1")
    assert [(file["path"], file["status"]) for file in value["files"]] == [("prompts/e.md", "added")]


def test_strange_dates_and_names_are_shown_as_they_can_be(project: Project) -> None:
    who = Signature("x\x1b[31m", "", 10**17, 5999)
    with project.repo.parts.store.begin() as writer:
        from promptvc.versioning.commit import write_commit
        from promptvc.versioning.tree import write_tree

        id = write_commit(writer, write_tree(writer, {}), (), "odd\u202e", who, who)
        writer.finish()
    from promptvc.ids import RefName

    project.repo.parts.refs.move(RefName.branch("main"), None, id, who, "test")
    out = project("log").out
    assert "second 100000000000000000 of 1970  x\\x1b[31m" in out
    assert "odd\\u202e" in out


# --- the graph --------------------------------------------------------------------------------------------


def drawing(project: Project, *arguments: str) -> list[str]:
    """The graph without ids and refs."""
    lines = project("log", "--graph", "--oneline", *arguments).lines
    shorts = {
        id[:7]
        for id in project.repo.parts.history.ancestors(project.repo.parts.refs.find("refs/heads/").values())
    }
    return [
        " ".join(w for w in _words(line) if w not in shorts and w[:1] != "(" and w[-1:] != ")")
        for line in lines
    ]


def _words(line: str) -> list[str]:
    return line.replace("HEAD → ", "").split(" ")


def test_a_merge_and_a_fork_are_drawn(merged: Project) -> None:
    assert drawing(merged) == ["* e", "*   d", "|\\", "| * c", "* | b", "|/", "* a"]


def test_a_line_past_other_lines_is_drawn_below_them() -> None:
    graph = Graph()
    history = {"q": ["m", "o"], "r": ["l"], "m": ["l"], "o": ["l"], "l": []}
    lines = []
    for id, parents in history.items():
        part = graph.add(id, parents)
        lines += [f"{part.head} {id}", *part.edges]
    assert lines == [
        "* q",
        "|\\",
        "| | * r",
        "* | | m",
        "|_|/",
        "| * o",
        "|/",
        "* l",
    ]


def test_lines_to_several_parents_are_drawn() -> None:
    graph = Graph()
    part = graph.add("octopus", ["a", "b", "c"])
    assert (part.head, part.edges, part.rest) == ("*", ("|\\", "|\\ \\"), "| | |")
    part = graph.add("b", [])
    assert (part.head, part.edges, part.rest) == ("| * |", ("|  /",), "| |")


def test_paths_draw_lines_to_the_next_commit_that_is_shown(merged: Project) -> None:
    assert drawing(merged, "prompts/e.md", "prompts/a.md") == ["* e", "* a"]


def test_text_beside_a_graph_is_aligned(merged: Project) -> None:
    lines = merged("log", "--graph").lines
    assert lines[2].startswith("*   ")
    assert lines[3].startswith("|\\          2023")


@st.composite
def histories(draw: st.DrawFn) -> list[list[int]]:
    """Parents, by number, of commits that are numbered from the newest on."""
    count = draw(st.integers(1, 14))
    return [
        draw(st.lists(st.integers(at + 1, count - 1), max_size=3, unique=True)) if at < count - 1 else []
        for at in range(count)
    ]


@given(histories())
@settings(max_examples=200)
def test_every_commit_is_drawn_once_and_every_line_ends(history: list[list[int]]) -> None:
    graph = Graph()
    rests = [""]
    for id, parents in enumerate(history):
        part = graph.add(str(id), [str(parent) for parent in parents])
        assert part.head.count("*") == 1
        lanes = [part.head, *part.edges, part.rest]
        assert all(set(line) <= set("*|/\\_ ") for line in lanes)
        assert part.head.replace("*", "|").startswith(rests[-1])  # a new tip stands to the right of all lanes
        rests.append(part.rest)
    below = {parent for parents in history for parent in parents}
    assert all(len(rest) <= 2 * len(below) for rest in rests)
    assert rests[-1] == ""
    assert all(len(a) - len(b) <= 4 for a, b in pairwise(rests))


# --- one row ----------------------------------------------------------------------------------------------

TICKETS = "examples/t.jsonl"
LONG = "I was charged for a seat that I never ordered, and nobody answers my mails about it."


@pytest.fixture
def tickets(project: Project) -> Project:
    """A row that is added, changed twice, and removed, among commits that change another one."""
    versions = [
        [{"id": 1, "a": "x"}],
        [{"id": 1, "a": "x"}, {"id": 2, "text": LONG, "n": 1}],
        [{"id": 1, "a": "y"}, {"id": 2, "text": LONG, "n": 1}],
        [{"id": 2, "text": LONG.replace("mails", "letters"), "n": 2}, {"id": 1, "a": "y"}],
        [{"id": 1, "a": "y"}, {"n": 2, "id": 2, "text": LONG.replace("mails", "letters")}],
        [{"id": 1, "a": "y"}],
    ]
    for number, rows in enumerate(versions):
        project.write(TICKETS, rows)
        project.commit(str(number))
    return project


def test_a_key_leaves_only_the_commits_that_changed_that_row(tickets: Project) -> None:
    assert subjects(tickets, TICKETS, "--key", "2") == ["5", "3", "1"]
    assert subjects(tickets, TICKETS, "--key", "1") == ["2", "0"]
    assert subjects(tickets, TICKETS, "--key", "2", "-n", "2") == ["5", "3"]
    assert subjects(tickets, "HEAD~2", TICKETS, "--key", "2") == ["3", "1"]
    assert subjects(tickets, "HEAD~4..HEAD~1", TICKETS, "--key", "2") == ["3"]


def test_below_each_commit_stands_what_it_changed_of_the_row(tickets: Project) -> None:
    lines = tickets("log", TICKETS, "--key", "2", "--oneline").lines
    text = " ".join(line.strip() for line in lines)
    assert [line.split()[:2] for line in lines if line[:4] in ("  − ", "  + ", "  ~ ")] == [
        ["−", "2"],
        ["~", "2"],
        ["+", "2"],
    ]
    assert "nobody answers my [-mails-]{+letters+} about it." in text
    assert "n          1 → 2" in text
    assert all(len(line) <= 80 for line in lines)


def test_json_has_the_change_of_the_row(tickets: Project) -> None:
    removed, changed, added = tickets.json("log", TICKETS, "--key", "2")
    plain = {value["id"]: value for value in tickets.json("log")}
    assert {name: value for name, value in changed.items() if name != "rows"} == plain[changed["id"]]
    assert [[row["op"] for row in value["rows"]] for value in (removed, changed, added)] == [
        ["removed"],
        ["changed"],
        ["added"],
    ]
    [row] = changed["rows"]
    assert row["cells"]["n"] == [1, 2]
    assert (row["path"], row["key"], row["at"]) == (TICKETS, {"id": 2}, [1, 0])


def test_a_row_is_followed_through_a_rename_and_a_removal_of_the_file(tickets: Project) -> None:
    rows = [{"id": n, "text": f"the text of row {n}"} for n in range(20)]
    tickets.write("examples/old.jsonl", rows)
    tickets.commit("made")
    (tickets.root / "examples/old.jsonl").unlink()
    tickets.write("examples/new.jsonl", [*rows[:7], {"id": 7, "text": "other"}, *rows[8:]])
    tickets.commit("renamed")
    (tickets.root / "examples/new.jsonl").unlink()
    tickets.commit("gone")
    assert subjects(tickets, "--key", "7", "--", "examples/new.jsonl") == ["gone", "renamed", "made"]
    assert subjects(tickets, "--key", "8", "--", "examples/new.jsonl") == ["gone", "made"]


def test_a_merge_that_only_joins_two_changes_of_a_row_is_left_out(project: Project) -> None:
    def commit(subject: str, row: dict[str, object], *parents: ObjectId) -> ObjectId:
        who = Signature("Me", "me@example.com", 1_700_000_000 + 60 * len(made))
        data = (json.dumps(row) + "\n").encode()
        with project.repo.parts.store.begin() as writer:
            entry = FileEntry(writer.add(Kind.BLOB, data))
            tree = write_tree(writer, {RepoPath(TICKETS): entry})
            made.append(write_commit(writer, tree, parents, subject, who, who))
            writer.finish()
        return made[-1]

    made: list[ObjectId] = []
    base = commit("base", {"id": 1, "a": 0, "b": 0})
    left, right = (
        commit("left", {"id": 1, "a": 1, "b": 0}, base),
        commit("right", {"id": 1, "a": 0, "b": 1}, base),
    )
    joined = commit("joined", {"id": 1, "a": 1, "b": 1}, left, right)
    mixed = commit("mixed", {"id": 1, "a": 9, "b": 1}, left, right)
    for branch, id in (("main", joined), ("other", mixed)):
        project.repo.parts.refs.move(RefName.branch(branch), None, id, project.repo.parts.who(), "test")
    assert subjects(project, "main", "--key", "1", "--", TICKETS) == ["right", "left", "base"]
    assert subjects(project, "other", "--key", "1", "--", TICKETS) == ["mixed", "right", "left", "base"]
    [value, *_] = project.json("log", "other", "--key", "1", "--", TICKETS)
    assert value["rows"][0]["cells"] == {"a": [1, 9]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([TICKETS, "--key", "9"], "examples/t.jsonl has no row with id 9"),
        (["--key", "9"], "--key takes the path of one table"),
        (["--key", "9", "--", TICKETS, "prompts"], "--key takes the path of one table"),
        ([TICKETS, "--key", "2", "--graph"], "leave out --graph"),
        ([TICKETS, "--key", "2", "--stat"], "leave out --stat"),
        (["prompts/a.md", "--key", "2"], "prompts/a.md is not a table"),
        (["--key", "2", "--", "examples/never.jsonl"], "examples/never.jsonl is in none of these commits"),
    ],
)
def test_what_has_no_row_to_tell_of_is_said(tickets: Project, arguments: list[str], said: str) -> None:
    tickets.write("prompts/a.md", "text")
    tickets.commit()
    assert said in tickets("log", *arguments, code=2).err


def test_a_row_that_did_not_change_in_a_range_gives_nothing(tickets: Project) -> None:
    assert tickets("log", "HEAD~1..", TICKETS, "--key", "1").raw == b""
    assert tickets("log", TICKETS, "--key", "nothing", "-n", "0").raw == b""


# --- which commits ------------------------------------------------------------------------------------------


def test_times_authors_and_words_choose_commits(merged: Project) -> None:
    assert subjects(merged, "--since", "2023-11-14 22:16") == ["e", "d"]
    assert subjects(merged, "--until", "2023-11-14 22:15", "-n", "1") == ["b"]
    assert subjects(merged, "--grep", "^[ab]") == ["b", "a"]
    assert subjects(merged, "--author", "Me") == ["e", "d", "c", "b", "a"]
    assert subjects(merged, "--author", "Nobody") == []


def test_the_graph_joins_the_commits_that_were_chosen(merged: Project) -> None:
    lines = merged("log", "--graph", "--oneline", "--grep", "^[abe]").lines
    assert [line.split()[-1] for line in lines if line[-1].isalpha()] == ["e", "b", "a"]


@pytest.mark.parametrize("words", [["--since", "soon"], ["--grep", "("], ["--author", "["]])
def test_a_time_or_a_pattern_that_cannot_be_read_is_an_error(merged: Project, words: list[str]) -> None:
    assert words[1] in merged("log", *words, code=2).err
