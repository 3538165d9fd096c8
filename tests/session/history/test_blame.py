"""Blame: lines as git sees them, rows and cells as a slow walk sees them, and real histories."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.tablediff.blame import ALL, Fields, split_lines
from promptvc.errors import ObjectMissing
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo import Repo, Surroundings
from promptvc.session.files.contents import Source
from promptvc.session.history.blame import blame_cells, blame_lines, blame_rows
from promptvc.session.history.lineage import Lineage
from promptvc.storage.objects import Commit, Kind, Signature, encode_commit, object_id
from promptvc.storage.packs import PackedObject
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import write_tree
from tests.amounts import examples

TABLE = "examples/t.jsonl"
Versions = Sequence[tuple[Mapping[str, bytes], Sequence[int]]]
"""The files of each commit, and its parents by number."""


def lineage(repo: Repo) -> Lineage:
    return Lineage(repo.parts.store, repo.parts.contents, repo.parts.history)


def write_history(repo: Repo, versions: Versions) -> list[ObjectId]:
    """One commit a version, each a minute after the one before; main is the last."""
    ids: list[ObjectId] = []
    for number, (files, parents) in enumerate(versions):
        who = Signature("Me", "me@example.com", 1_700_000_000 + 60 * number)
        with repo.parts.store.begin() as writer:
            entries = {
                RepoPath(path): repo.parts.contents.write(path, Source([data]), writer)
                for path, data in files.items()
            }
            tree = write_tree(writer, entries)
            ids.append(write_commit(writer, tree, tuple(ids[p] for p in parents), f"{number}", who, who))
            writer.finish()
    repo.parts.refs.move(RefName.branch("main"), None, ids[-1], repo.parts.who(), "written")
    return ids


def straight(versions: Sequence[bytes], path: str = TABLE) -> Versions:
    return [({path: data}, [number - 1] if number else []) for number, data in enumerate(versions)]


def jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row_numbers(
    repo: Repo, ids: Sequence[ObjectId], path: str = TABLE, key: Sequence[str] = ("id",)
) -> list[int]:
    """The commit of every row at the last commit, by number."""
    count = repo.parts.snapshot_of(ids[-1]).file(path).count_rows()
    return [ids.index(id) for id in blame_rows(lineage(repo), ids[-1], path, range(count), key)]


def line_numbers(repo: Repo, ids: Sequence[ObjectId], path: str) -> list[int]:
    count = len(split_lines(repo.parts.snapshot_of(ids[-1]).read(path)))
    return [ids.index(id) for id in blame_lines(lineage(repo), ids[-1], path, range(count))]


def git_blame(repo: Repo, id: ObjectId, path: str) -> list[ObjectId]:
    command = ["git", f"--git-dir={repo.path}", "blame", "-l", "--line-porcelain", id, "--", path]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = done.stdout.decode().split("\n")
    return [
        ObjectId(line.split()[0])
        for place, line in enumerate(lines)
        if line and (place == 0 or lines[place - 1].startswith("\t"))
    ]


# --- git's opinion ----------------------------------------------------------------------------------------


def random_ranks(rng: random.Random, count: int) -> list[tuple[dict[int, int], list[int]]]:
    """Commits as {rank: text} and their parents. A text is used once, and ranks order lines: one alignment fits."""
    made: list[tuple[dict[int, int], list[int]]] = [({rank: rank for rank in range(0, 400, 40)}, [])]
    for number in range(1, count):
        near = range(max(0, number - 4), number)
        parents = rng.sample(near, min(len(near), rng.choice([1, 1, 2, 2, 3])))
        pool = [made[parent][0] for parent in parents]
        ranks = sorted({rank for version in pool for rank in version})
        version = {}
        for rank in ranks:
            texts = [found[rank] for found in pool if rank in found]
            if rng.random() < 0.93 or len(texts) == len(pool):
                version[rank] = rng.choice(texts)
        for _ in range(rng.choice([0, 1, 2] if len(parents) > 1 else [1, 2, 3])):
            version[rng.randrange(400)] = 1000 * number + rng.randrange(1000)
        made.append((version, parents))
    return made


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("path", ["notes/a.txt", "prompts/a.md", TABLE])
def test_random_histories_with_merges_are_blamed_as_git_does(repo: Repo, seed: int, path: str) -> None:
    history = random_ranks(random.Random(seed), 30)
    texts = [
        [
            {"id": rank, "text": text} if path == TABLE else f"{rank} {text}"
            for rank, text in sorted(version.items())
        ]
        for version, _ in history
    ]
    versions = [
        ({path: b"".join(f"{json.dumps(line)}\n".encode() for line in lines)}, parents)
        for lines, (_, parents) in zip(texts, history, strict=True)
    ]
    ids = write_history(repo, versions)
    for id, lines in zip(ids[-12:], texts[-12:], strict=True):
        if path == TABLE:
            found = blame_rows(lineage(repo), id, path, range(len(lines)), ["id"])
        else:
            found = blame_lines(lineage(repo), id, path, range(len(lines)))
        assert found == git_blame(repo, id, path)


def test_a_renamed_file_is_followed_as_git_does(repo: Repo) -> None:
    lines = [f"line {n} of a longer text\n" for n in range(20)]
    edited = [*lines[:5], "another\n", *lines[6:]]
    again = [*edited[:12], "one more\n", *edited[12:]]
    texts = ["".join(each).encode() for each in (lines, edited, again)]
    ids = write_history(
        repo, [({"a.txt": texts[0]}, []), ({"b.txt": texts[1]}, [0]), ({"docs/c.txt": texts[2]}, [1])]
    )
    assert blame_lines(lineage(repo), ids[-1], "docs/c.txt", range(21)) == git_blame(
        repo, ids[-1], "docs/c.txt"
    )
    assert line_numbers(repo, ids, "docs/c.txt").count(0) == 19


def test_a_file_that_another_one_took_the_place_of_is_not_followed_elsewhere(repo: Repo) -> None:
    text = b"the very same text\n" * 3
    ids = write_history(repo, [({"a.txt": text}, []), ({"a.txt": text, "b.txt": text}, [0])])
    assert line_numbers(repo, ids, "b.txt") == [1, 1, 1]
    assert git_blame(repo, ids[-1], "b.txt") == [ids[1]] * 3


# --- laws -------------------------------------------------------------------------------------------------

VALUES = st.sampled_from([1, 2, "x"])
TABLES = st.dictionaries(
    st.integers(0, 5), st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3), max_size=5
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[dict[int, dict[str, Any]], list[int], list[int]]]:
    """Commits of (rows by id, their order, parents); a commit has fields and rows of its parents, or new ones."""
    made: list[tuple[dict[int, dict[str, Any]], list[int], list[int]]] = []
    for number in range(draw(st.integers(1, 7))):
        parents = (
            draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=3, unique=True)) if number else []
        )
        rows = draw(TABLES) if not parents else {}
        for id in {id for parent in parents for id in made[parent][0]}:
            sides = [made[parent][0][id] for parent in parents if id in made[parent][0]]
            if draw(st.integers(0, 9)):
                rows[id] = {
                    name: side[name]
                    for name in ("a", "b", "c")
                    if name in (side := draw(st.sampled_from(sides)))
                }
        if parents and draw(st.booleans()):
            rows.update(draw(TABLES))
        made.append((rows, draw(st.permutations(sorted(rows))), parents))
    return made


def slow_blame(made: Sequence[Any], data: Sequence[bytes], at: int, id: int, field: str) -> int:
    """The commit of a field, or of its absence: asked of each parent in turn."""
    rows, _, parents = made[at]
    equal = [parent for parent in parents if data[parent] == data[at]]
    for parent in equal[:1] or parents:
        before = made[parent][0].get(id)
        if before is not None and before.get(field, "absent") == rows[id].get(field, "absent"):
            return slow_blame(made, data, parent, id, field)
    return at


@given(histories())
@settings(max_examples=examples(120))
def test_cells_and_rows_are_blamed_as_a_slow_walk_does(made: list[Any]) -> None:
    data = [jsonl([{"id": id, **rows[id]} for id in order]) for rows, order, _ in made]
    with TemporaryDirectory() as folder:
        repo = Repo.init(Path(folder) / "p", Surroundings())
        versions = [({TABLE: each}, parents) for each, (_, _, parents) in zip(data, made, strict=True)]
        ids = write_history(repo, versions)
        tip, (rows, order, _) = len(made) - 1, made[-1]
        newest = {ids.index(id): place for place, id in enumerate(repo.parts.history.in_order([ids[-1]]))}
        found = row_numbers(repo, ids)
        for number, id in enumerate(order):
            fields = sorted(rows[id])
            cells = blame_cells(lineage(repo), ids[-1], TABLE, number, fields, ["id"])
            assert [ids.index(cell) for cell in cells] == [slow_blame(made, data, tip, id, f) for f in fields]
            parts = [slow_blame(made, data, tip, id, field) for field in ("id", "a", "b", "c")]
            assert found[number] == min(parts, key=newest.__getitem__)
        repo.close()


@given(st.lists(st.tuples(TABLES, st.randoms(use_true_random=False)), min_size=1, max_size=6))
@settings(max_examples=examples(60))
def test_the_commit_has_the_row_and_its_parent_has_not(
    drawn: list[tuple[dict[int, Any], random.Random]],
) -> None:
    versions = []
    for rows, rng in drawn:
        order = sorted(rows)
        rng.shuffle(order)
        versions.append([{"id": id, **rows[id]} for id in order])
    with TemporaryDirectory() as folder:
        repo = Repo.init(Path(folder) / "p", Surroundings())
        ids = write_history(repo, straight([jsonl(rows) for rows in versions]))
        for row, owner in zip(versions[-1], row_numbers(repo, ids), strict=True):
            assert all(row in rows for rows in versions[owner:])
            assert owner == 0 or row not in versions[owner - 1]
        repo.close()


def test_fields_that_are_asked_about_are_taken_apart() -> None:
    a, ab = frozenset("a"), frozenset("ab")
    assert ALL.within(ab) == Fields(ab)
    assert ALL.without(a).without(frozenset("b")) == Fields(ab, True)
    assert Fields(ab, True).within(frozenset("bc")) == Fields(frozenset("c"))
    assert not Fields(a).without(ab)
    assert Fields(ab, True)


# --- rows -------------------------------------------------------------------------------------------------


def test_rows_that_moved_or_are_written_otherwise_keep_their_commit(repo: Repo) -> None:
    first = jsonl([{"id": n, "a": n} for n in range(6)])
    lines = first.splitlines(keepends=True)
    moved = b"".join([*lines[3:], *lines[:2], b'{"a":2,"id":2}\n'])
    ids = write_history(repo, straight([first, moved, moved.replace(b'"a": 4', b'"a": 5')]))
    assert row_numbers(repo, ids) == [0, 2, 0, 0, 0, 0]


def test_tables_without_a_key_are_followed_by_place_and_similarity(repo: Repo) -> None:
    head = b"question,answer\n"
    rows = [f"what is {n} plus {n * 7}?,{n * 8}\n".encode() for n in range(8)]
    edited = [rows[0], b"what is 1 plus 7?,eight\n", *rows[2:]]
    versions = [rows, edited, [edited[7], b"who are you?,me\n", *edited[:7]]]
    data = [head + b"".join(each) for each in versions]
    ids = write_history(repo, straight(data, "examples/q.csv"))
    found = blame_rows(lineage(repo), ids[-1], "examples/q.csv", range(9))
    assert [ids.index(id) for id in found] == [0, 2, 0, 1, 0, 0, 0, 0, 0]
    cells = blame_cells(lineage(repo), ids[-1], "examples/q.csv", 3, ["question", "answer"])
    assert [ids.index(id) for id in cells] == [0, 1]


def test_a_merge_is_not_blamed_for_cells_that_came_from_two_sides(repo: Repo) -> None:
    base = {"id": 1, "a": 0, "b": 0, "c": 0}
    rows = [base, {**base, "a": 1}, {**base, "b": 1}, {**base, "a": 1, "b": 1}]
    ids = write_history(
        repo,
        [({TABLE: jsonl([row])}, parents) for row, parents in zip(rows, [[], [0], [0], [1, 2]], strict=True)],
    )
    assert row_numbers(repo, ids) == [2]
    cells = blame_cells(lineage(repo), ids[-1], TABLE, 0, ["a", "b", "c"], ["id"])
    assert [ids.index(id) for id in cells] == [1, 2, 0]


def test_a_cell_that_a_merge_made_up_is_the_merge_s(repo: Repo) -> None:
    rows = [{"id": 1, "a": value, "b": 0} for value in (0, 1, 2, 3)]
    parents = [[], [0], [0], [1, 2]]
    ids = write_history(repo, [({TABLE: jsonl([row])}, p) for row, p in zip(rows, parents, strict=True)])
    assert row_numbers(repo, ids) == [3]
    cells = blame_cells(lineage(repo), ids[-1], TABLE, 0, ["a", "b"], ["id"])
    assert [ids.index(id) for id in cells] == [3, 0]


def test_a_field_that_went_is_a_change_of_its_row(repo: Repo) -> None:
    ids = write_history(repo, straight([jsonl([{"id": 1, "a": 0, "b": 0}]), jsonl([{"id": 1, "a": 0}])]))
    assert row_numbers(repo, ids) == [1]
    assert blame_cells(lineage(repo), ids[-1], TABLE, 0, ["a"], ["id"]) == [ids[0]]


def test_rows_that_share_a_key_are_told_apart_by_their_order(repo: Repo) -> None:
    versions = [
        [("x", 1), ("x", 2), ("y", 3)],
        [("x", 1), ("x", 9), ("y", 3)],
        [("x", 1), ("x", 9), ("x", 4)],
    ]
    data = [jsonl([{"id": id, "a": a} for id, a in rows]) for rows in versions]
    ids = write_history(repo, straight(data))
    assert row_numbers(repo, ids) == [0, 1, 2]


def test_rows_that_cannot_be_read_are_followed_by_their_bytes(repo: Repo) -> None:
    versions = [b'broken\n{"id": 1}\n', b'{"id": 1}\nbroken\nworse\n', b'{"id": 1}\nbroken!\nworse\n']
    ids = write_history(repo, straight(versions))
    assert row_numbers(repo, ids) == [0, 2, 1]


def test_a_file_that_was_no_table_before_begins_where_it_became_one(repo: Repo) -> None:
    versions = [b'{"id": 1}', b'[{"id": 1}]\n', b'[{"id": 1}, {"id": 2}]\n']
    ids = write_history(repo, straight(versions, "examples/a.json"))
    assert row_numbers(repo, ids, "examples/a.json") == [1, 2]


def test_a_renamed_table_is_followed(repo: Repo) -> None:
    rows = [{"id": n, "text": f"text of row {n}"} for n in range(30)]
    edited = [*rows[:3], {**rows[3], "text": "other"}, *rows[4:]]
    ids = write_history(
        repo,
        [
            ({"examples/old.jsonl": jsonl(rows)}, []),
            ({TABLE: jsonl(edited)}, [0]),
            ({TABLE: jsonl(edited)}, [1]),
        ],
    )
    assert row_numbers(repo, ids) == [0, 0, 0, 1, *[0] * 26]


def test_a_parent_that_is_missing_is_an_error_unless_the_clone_is_shallow(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "shallow", Surroundings())
    gone = ObjectId("1" * 40)
    with repo.parts.store.begin() as writer:
        data = b"one\ntwo\n"
        entry = repo.parts.contents.write("a.txt", Source([data]), writer)
        who = Signature("Me", "me@example.com", 1)
        tree = write_tree(writer, {RepoPath("a.txt"): entry})
        cut = encode_commit(Commit(tree, (gone,), who, who, "cut"))
        id = object_id(Kind.COMMIT, cut)
        writer.copy(PackedObject(Kind.COMMIT, len(cut), id, zlib.compress(cut)))
        writer.finish()
    with pytest.raises(ObjectMissing, match=gone):
        blame_lines(lineage(repo), id, "a.txt", range(2))
    (repo.path / "shallow").write_text(f"{id}\n")
    assert blame_lines(lineage(repo), id, "a.txt", range(2)) == [id, id]


# --- cost -------------------------------------------------------------------------------------------------


class Counting(Lineage):
    """Counts how often parents are asked."""

    asked = 0

    def parents(self, id: ObjectId, path: str) -> Any:
        self.asked += 1
        return super().parents(id, path)


def test_the_walk_ends_when_everything_has_its_commit(repo: Repo) -> None:
    texts = [b"".join(b"%d\n" % (n if line == 3 else 0) for line in range(8)) for n in range(20)]
    ids = write_history(repo, straight(texts, "a.txt"))
    counting = Counting(repo.parts.store, repo.parts.contents, repo.parts.history)
    assert blame_lines(counting, ids[-1], "a.txt", range(3, 4)) == [ids[-1]]
    assert counting.asked == 1
    assert blame_lines(counting, ids[-1], "a.txt", range(0)) == []
    assert counting.asked == 1


@pytest.mark.parametrize("remembered", [True, False])
def test_chunks_that_versions_share_are_not_read(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    rows = [{"id": n, "text": f"text number {n} and some more of it " * 4} for n in range(6000)]
    versions = [rows]
    for number in range(1, 6):
        changed = {number * 900: {"id": number * 900, "text": "changed"}}
        versions.append([changed.get(n, row) for n, row in enumerate(versions[-1])])
    ids = write_history(repo, straight([jsonl(each) for each in versions]))
    if not remembered:
        monkeypatch.setattr(repo.parts.contents, "chunk_list", lambda id: None)
    read: list[ObjectId] = []
    original = repo.parts.store.read_blob
    monkeypatch.setattr(
        repo.parts.store, "read_blob", lambda id, most=None: read.append(id) or original(id, most)
    )
    found = blame_rows(lineage(repo), ids[-1], TABLE, range(6000), ["id"])
    assert {n: ids.index(id) for n, id in enumerate(found) if id != ids[0]} == {
        n * 900: n for n in range(1, 6)
    }
    chunks = len(repo.parts.snapshot_of(ids[-1]).file(TABLE).chunk_runs())
    assert chunks > 25
    # Without what is remembered each chunk is counted once; a change loads a chunk or two of either side.
    assert len(read) < (50 if remembered else 50 + chunks + 30)


# --- real histories -----------------------------------------------------------------------------------------


def slow_row_blame(versions: Sequence[bytes]) -> list[int]:
    """By row of the last version, the version since which there is such a row; of equal ones the first is the first."""
    before: list[tuple[dict[str, str], tuple[str, ...], int]] = []
    for number, data in enumerate(versions):
        header, *rows = [row for row in csv.reader(io.StringIO(data.decode(), newline="")) if row]
        rest = list(before)
        here = []
        for row in rows:
            named = dict(zip(header, row, strict=False))
            extra = tuple(row[len(header) :])
            same = next((item for item in rest if item[:2] == (named, extra)), None)
            if same is not None:
                rest.remove(same)
            here.append((named, extra, same[2] if same else number))
        before = here
    return [owner for _, _, owner in before]


def test_every_row_of_a_real_history_is_blamed_as_slow_reading_does(repo: Repo, data: Path) -> None:
    files = sorted((data / "prompts_history").glob("v*.csv"))
    versions = [file.read_bytes() for file in files]
    ids = write_history(repo, straight(versions, "examples/prompts.csv"))
    assert row_numbers(repo, ids, "examples/prompts.csv", ["act"]) == slow_row_blame(versions)


@pytest.mark.parametrize("name", ["fabric_rate_value", "fabric_summarize"])
def test_every_line_of_a_real_prompt_is_blamed_as_git_does(repo: Repo, data: Path, name: str) -> None:
    versions = [file.read_bytes() for file in sorted((data / "prompt_files/history" / name).glob("v*.md"))]
    ids = write_history(repo, straight(versions, "prompts/a.md"))
    lines = split_lines(versions[-1])
    found = blame_lines(lineage(repo), ids[-1], "prompts/a.md", range(len(lines)))
    told = git_blame(repo, ids[-1], "prompts/a.md")
    # Which of several blank lines is the new one is a matter of taste.
    assert [id for id, line in zip(found, lines, strict=True) if line != b"\n"] == [
        id for id, line in zip(told, lines, strict=True) if line != b"\n"
    ]
    assert sum(a != b for a, b in zip(found, told, strict=True)) <= 1
