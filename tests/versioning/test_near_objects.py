"""What stands in each other's place in two versions, and what gc and push make of it."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from promptvc.ids import ObjectId
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.versioning.near import near_objects
from promptvc.versioning.upkeep.upkeep import collect

ROWS = 6000


def lines(seed: int = 1) -> list[str]:
    drawn = random.Random(seed)
    return [json.dumps({"id": n, "text": drawn.randbytes(80).hex()}) + "\n" for n in range(ROWS)]


def commit_edits(repo: Repo, commits: int, rows: int, seed: int = 5) -> list[ObjectId]:
    """A table of many chunks, and commits that edit some rows each, at places of their own."""
    drawn, table = random.Random(seed), lines()
    assert repo.root is not None
    path = repo.root / "examples/t.jsonl"
    path.parent.mkdir(exist_ok=True)
    made = []
    for number in range(commits + 1):
        path.write_text("".join(table))
        (repo.root / "prompts").mkdir(exist_ok=True)
        (repo.root / "prompts/p.md").write_text("Answer.\n" * 200 + str(number))
        made.append(repo.commit(str(number)).id)
        for place in drawn.sample(range(ROWS), rows):
            table[place] = table[place].replace('"text": "', f'"text": "{number} ')
    return made


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def git(repo: Repo, *words: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", *words], check=True, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_chunks_and_nodes_of_a_rope_are_paired_with_those_in_their_place(repo: Repo) -> None:
    old, new = commit_edits(repo, 1, 5)
    store = repo.parts.store
    trees = [store.load_commit(id).tree for id in (old, new)]
    pairs = list(near_objects(store, *trees))
    blobs = [near for near in pairs if near.kind is Kind.BLOB]
    assert 5 <= len(blobs) <= 7  # the chunks of five rows, and the prompt
    for near in blobs:
        before, after = store.read_blob(near.old), store.read_blob(near.new)
        assert before[:20] == after[:20]
        assert abs(len(before) - len(after)) < 100
    assert {store.kind(id) for near in pairs if near.kind is Kind.TREE for id in near[:2]} == {Kind.TREE}


def test_versions_of_other_heights_are_paired_level_by_level(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptvc.versioning.ropes import rope

    assert repo.root is not None
    path = repo.root / "examples/t.jsonl"
    path.parent.mkdir()
    table = lines()
    path.write_text("".join(table))
    low = repo.commit("low").id
    table[3000] = table[3000].replace('"text": "', '"text": "edited ')
    path.write_text("".join(table * 4).replace("}\n", ' , "n": 1}\n', 0) + "".join(lines(2)) * 12)
    high = repo.commit("high").id
    store = repo.parts.store
    heights = [
        rope.RopeNodes(store).height(repo.snapshot(str(id)).files["examples/t.jsonl"].id)  # type: ignore[index]
        for id in (low, high)
    ]
    assert heights[0] < heights[1]
    pairs = near_objects(store, store.load_commit(low).tree, store.load_commit(high).tree)
    assert [near for near in pairs if near.kind is Kind.BLOB]


def test_gc_keeps_old_versions_as_deltas_that_git_reads(repo: Repo, tmp_path: Path) -> None:
    made = commit_edits(repo, 20, 10)
    contents = [repo.snapshot(str(id)).read("examples/t.jsonl") for id in made]
    collect(repo.parts.store, repo.parts.refs)
    first = size(repo.path / "objects")
    assert first < 1.1 * len(contents[-1])
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    assert [fresh.snapshot(str(id)).read("examples/t.jsonl") for id in made] == contents
    assert git(repo, "fsck", "--strict", "--full") == ""
    chains = [int(line.split()[5]) for line in git(repo, "verify-pack", "-v", *_indexes(repo)).splitlines()
              if len(line.split()) == 7]  # fmt: skip
    assert len(chains) > 100
    assert max(chains) <= 10
    git(repo, "clone", "-q", str(repo.path), str(tmp_path / "clone"))

    collect(fresh.parts.store, fresh.parts.refs)  # what is a delta stays one
    assert abs(size(repo.path / "objects") - first) < first / 100
    assert [fresh.snapshot(str(id)).read("examples/t.jsonl") for id in made] == contents


def _indexes(repo: Repo) -> list[str]:
    return [str(path) for path in (repo.path / "objects/pack").glob("*.idx")]


def test_deltas_that_git_made_stay_deltas(repo: Repo) -> None:
    made = commit_edits(repo, 20, 10)
    git(repo, "repack", "-adf", "--depth=40")
    before = size(repo.path / "objects")
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    contents = [fresh.snapshot(str(id)).read("examples/t.jsonl") for id in made]
    collect(fresh.parts.store, fresh.parts.refs)
    assert size(repo.path / "objects") < 1.15 * before
    assert [fresh.snapshot(str(id)).read("examples/t.jsonl") for id in made] == contents
    assert git(repo, "fsck", "--strict", "--full") == ""


def test_what_came_back_is_no_delta_on_what_is_one_on_it(repo: Repo) -> None:
    """A row edited, and edited back, and so on: no chain leads back to itself."""
    table = lines()
    assert repo.root is not None
    path = repo.root / "examples/t.jsonl"
    path.parent.mkdir()
    made = []
    for number in range(12):
        changed = [*table]
        changed[100 * (number % 3)] = '{"id": -1}\n'
        path.write_text("".join(changed))
        made.append((repo.commit(str(number)).id, "".join(changed).encode()))
    collect(repo.parts.store, repo.parts.refs)
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    assert all(fresh.snapshot(str(id)).read("examples/t.jsonl") == data for id, data in made)
    assert git(repo, "fsck", "--strict", "--full") == ""


def test_a_push_of_edited_rows_sends_what_changed(repo: Repo, tmp_path: Path) -> None:
    hub = tmp_path / "hub.git"
    subprocess.run(["git", "init", "-q", "--bare", str(hub)], check=True)
    made = commit_edits(repo, 0, 0)
    repo.remotes.add("origin", str(hub))
    repo.remotes.push("origin", ["main"])
    table = lines()
    for place in range(0, ROWS, 60):
        table[place] = table[place].replace('"text": "', '"text": "edited ')
    assert repo.root is not None
    (repo.root / "examples/t.jsonl").write_text("".join(table))
    made.append(repo.commit("100 rows").id)
    sent = repo.remotes.push("origin", ["main"])
    assert sent.size < 30_000
    assert (
        subprocess.run(["git", "-C", str(hub), "fsck", "--strict"], check=True, capture_output=True).stdout
        == b""
    )
    fresh = subprocess.run(
        ["git", "-C", str(hub), "rev-parse", "main"], check=True, capture_output=True, text=True
    )
    assert fresh.stdout.strip() == made[-1]
