"""``promptvc log``: which commits, in which order, and the lines between them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.cli.render_graph import Graph
from promptvc.storage.objects import Signature
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
    id = merged.repo.revisions.resolve("main")
    assert merged("log", "-n", "2").lines == [
        f"{id.short} (HEAD → main) e",
        "        2023-11-14 22:17  Me",
        f"{merged.repo.history.parents(id)[0].short} (tag: v1) d",
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
    id = merged.repo.revisions.resolve("main")
    assert first == {
        "id": id,
        "parents": list(merged.repo.history.parents(id)),
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
    with project.repo.store.begin() as writer:
        from promptvc.versioning.commit import write_commit
        from promptvc.versioning.tree import write_tree

        id = write_commit(writer, write_tree(writer, {}), (), "odd\u202e", who, who)
        writer.finish()
    from promptvc.ids import RefName

    project.repo.refs.move(RefName.branch("main"), None, id, who, "test")
    out = project("log").out
    assert "second 100000000000000000 of 1970  x\\x1b[31m" in out
    assert "odd\\u202e" in out


# --- the graph --------------------------------------------------------------------------------------------


def drawing(project: Project, *arguments: str) -> list[str]:
    """The graph without ids and refs."""
    lines = project("log", "--graph", "--oneline", *arguments).lines
    shorts = {id[:7] for id in project.repo.history.ancestors(project.repo.refs.find("refs/heads/").values())}
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
