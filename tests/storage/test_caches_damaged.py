"""A damaged cache is made anew in silence; a damaged line of the call journal is named, and its neighbours are kept."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from promptvc.api import open as open_repo
from promptvc.storage.cache import Cache
from tests.runs.projects import Project, tickets
from tests.stopping import flip, new_project, pvc

DRAWS = 24
LARGE = 3000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large table, committed, and changed since."""
    root = new_project(tmp_path_factory.mktemp("caches") / "project")
    (root / "examples").mkdir()
    (root / "examples/large.jsonl").write_text(table(0))
    (root / "examples/small.csv").write_text("id,word\n1,one\n")
    pvc(root, "commit", "-m", "one")
    (root / "examples/large.jsonl").write_text(table(7))
    return root


def table(changed: int) -> str:
    rows = [{"id": n, "text": f"row {n} " + "x" * 60, "n": -n if n == changed else n} for n in range(LARGE)]
    return "".join(json.dumps(row) + "\n" for row in rows)


def copied(template: Path, folder: Path) -> Path:
    root = folder / "project"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(template, root)
    return root


@pytest.mark.parametrize("name", ["stat", "chunks", "seed"])
def test_any_flipped_bit_of_a_cache_changes_nothing(template: Path, tmp_path: Path, name: str) -> None:
    draw = random.Random(name)
    right = pvc(copied(template, tmp_path), "status").out
    for _ in range(DRAWS):
        root = copied(template, tmp_path)
        place = root / ".promptvc/promptvc" / name
        path = next(iter(place.iterdir())) if place.is_dir() else place
        bit = draw.randrange(8 * path.stat().st_size)
        flip(path, bit)
        assert pvc(root, "status").out == right, bit
        pvc(root, "commit", "-m", "two")
        assert pvc(root, "cat", "HEAD:examples/large.jsonl").out == table(7), bit
        assert "all well" in pvc(root, "fsck").out, bit


def test_a_chunk_list_that_names_a_missing_object_is_never_published(template: Path, tmp_path: Path) -> None:
    root = copied(template, tmp_path)
    cache, [name] = (
        Cache(root / ".promptvc/promptvc"),
        [path.name for path in (root / ".promptvc/promptvc/chunks").iterdir()],
    )
    value = cache.load(f"chunks/{name}")
    assert isinstance(value, dict)
    middle = len(value["ids"]) // 40 * 20  # of a chunk that is taken over: the change is in the first
    value["ids"] = value["ids"][:middle] + b"\x42" * 20 + value["ids"][middle + 20 :]
    cache.save(f"chunks/{name}", value)
    before = pvc(root, "log", "--json").out
    assert "4242424242" in pvc(root, "commit", "-m", "two", code=3).err
    assert pvc(root, "log", "--json").out == before
    pvc(root, "fsck")
    shutil.rmtree(root / ".promptvc/promptvc/chunks")
    pvc(root, "commit", "-m", "two")
    assert pvc(root, "cat", "HEAD:examples/large.jsonl").out == table(7)


def test_row_counts_do_not_come_from_a_damaged_cache(template: Path, tmp_path: Path) -> None:
    root = copied(template, tmp_path)
    [path] = (root / ".promptvc/promptvc/chunks").iterdir()
    data = bytearray(path.read_bytes())
    at = data.index(b"rows")
    for place in range(at + 6, at + 14):
        data[place] ^= 0x11
    path.write_bytes(data)
    assert len(open_repo(root).snapshot("HEAD").table("examples/large.jsonl")) == LARGE
    assert f"{LARGE:,} rows" in pvc(root, "show", "HEAD").out


# --- calls ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A run that was answered and not committed: only the journal has the answers."""
    project = Project(tmp_path / "project", tickets(12))
    project.commit("base")
    project.run()
    shutil.rmtree(project.root / "outputs")
    return project


def folder(project: Project) -> Path:
    return project.root / ".promptvc/promptvc/calls"


def journal(project: Project) -> Path:
    [path] = folder(project).glob("*.jsonl")
    return path


def test_any_flipped_bit_of_the_call_index_gives_the_same_answers(project: Project) -> None:
    draw = random.Random(1)
    rows = None
    for _ in range(DRAWS):
        path = folder(project) / "index.sqlite"
        flip(path, draw.randrange(8 * path.stat().st_size))
        project.run(offline=True)
        found = project.rows()
        assert rows in (None, found)
        rows = found
        shutil.rmtree(project.root / "outputs")
    assert project.calls() == 12


def test_any_flipped_bit_of_the_journal_costs_at_most_its_own_line_and_never_gives_another_answer(
    project: Project,
) -> None:
    draw = random.Random(2)
    good = journal(project).read_bytes()
    project.run(offline=True)
    right = {row["example_id"]: row["output"] for row in project.rows()}
    for _ in range(DRAWS):
        shutil.rmtree(project.root / "outputs")
        journal(project).write_bytes(good)
        flip(journal(project), draw.randrange(8 * len(good)))
        for path in folder(project).glob("index*"):
            path.unlink()
        known = project.repo.runs.plan("mini").known
        assert known >= 11
        before = project.calls()
        others = set(folder(project).glob("*.jsonl"))
        project.run()
        assert project.calls() - before == 12 - known
        assert {row["example_id"]: row["output"] for row in project.rows()} == right
        for path in set(folder(project).glob("*.jsonl")) - others:
            path.unlink()


def test_fsck_names_a_damaged_journal_line_and_repair_keeps_its_neighbours(project: Project) -> None:
    path = journal(project)
    lines = path.read_bytes().splitlines(keepends=True)
    flip(path, 8 * (len(lines[0]) + len(lines[1]) // 2) + 1)
    said = pvc(project.root, "fsck", code=1)
    assert f"{path}: line 2 is damaged" in said.out
    assert project.repo.runs.plan("mini").known == 11
    pvc(project.root, "fsck", "--repair", "--yes")
    pvc(project.root, "fsck")
    assert project.repo.runs.plan("mini").known == 11


@pytest.mark.parametrize("bit", range(8))
def test_two_lines_whose_end_between_them_was_flipped_are_both_kept(project: Project, bit: int) -> None:
    path = journal(project)
    first = path.read_bytes().index(b"\n")
    flip(path, 8 * first + bit)
    for index in folder(project).glob("index*"):
        index.unlink()
    assert project.repo.runs.plan("mini").known == 12
    pvc(project.root, "fsck", code=1)
    pvc(project.root, "fsck", "--repair", "--yes")
    pvc(project.root, "fsck")
    assert project.repo.runs.plan("mini").known == 12


def test_git_finds_nothing_wrong_after_a_commit_beside_a_damaged_cache(
    template: Path, tmp_path: Path
) -> None:
    root = copied(template, tmp_path)
    for path in (root / ".promptvc/promptvc/chunks").iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    pvc(root, "commit", "-m", "two")
    subprocess.run(
        ["git", f"--git-dir={root / '.promptvc'}", "fsck", "--strict", "--full"],
        check=True,
        capture_output=True,
    )
