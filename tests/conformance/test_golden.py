"""Repositories of earlier releases: every file of every commit is read as it was, and written again as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo import Repo, Surroundings
from promptvc.session.files.contents import Source
from promptvc.storage.objects import LINK
from promptvc.versioning.commit import CODE_TRAILER, FORMAT, HEADER, trailer
from promptvc.versioning.tree import FileEntry, write_tree
from tests.conformance import specification as spec

GOLDEN = Path(__file__).resolve().parent.parent.parent / "fixtures" / "golden"
FORMATS = sorted(GOLDEN.iterdir())

Manifest = dict[str, Any]


@pytest.fixture(params=FORMATS, ids=lambda folder: folder.name)
def golden(
    request: pytest.FixtureRequest, tmp_path: Path, world: Surroundings
) -> Iterator[tuple[Repo, Manifest]]:
    """A copy of a golden store, so that nothing is ever written into it, and what it holds."""
    folder: Path = request.param
    store = tmp_path / "store"
    shutil.copytree(folder / "store", store)
    repo = Repo.open(store, world)
    yield repo, json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    repo.close()


def test_there_is_one_for_every_format() -> None:
    assert [folder.name for folder in FORMATS] == [f"format-{number}" for number in range(1, FORMAT + 1)]


def test_refs_and_tags_are_read(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    refs = dict(manifest["refs"])
    assert repo.parts.refs.head() == refs.pop("HEAD")
    assert repo.parts.refs.find() == refs
    tag = repo.parts.store.load_tag(ObjectId(refs["refs/tags/v1"]))
    assert repo.parts.revisions.resolve("v1") == tag.target != refs["refs/tags/v1"]
    assert tag.message == "An annotated tag\n"


def test_history_is_read(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    tips = repo.parts.refs.find("refs/heads/").values()
    assert list(repo.parts.history.in_order(tips)) == [
        commit["id"] for commit in reversed(manifest["commits"])
    ]
    for told in manifest["commits"]:
        commit = repo.snapshot(told["id"]).commit
        assert (commit.tree, list(commit.parents), commit.message) == (
            told["tree"],
            told["parents"],
            told["message"],
        )
        assert (commit.header(HEADER) is not None) == told["ours"]
    assert (
        trailer(repo.snapshot("v1").commit.message, CODE_TRAILER)
        == "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
    )


def test_every_file_is_read_byte_for_byte(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    for commit in manifest["commits"]:
        snapshot = repo.snapshot(commit["id"])
        assert snapshot.paths == list(commit["files"])
        for path, told in commit["files"].items():
            file, data = snapshot.file(path), snapshot.read(path)
            assert hashlib.sha256(data).hexdigest() == told["sha256"], path
            assert (file.size(), f"{file.entry.mode:o}", file.entry.id) == (
                told["size"],
                told["mode"],
                told["id"],
            )
            assert file.entry.is_rope == told["rope"]
            if "rows" in told:
                assert file.count_rows() == len(snapshot.table(path)) == told["rows"]


def test_it_holds_everything_that_the_format_has(golden: tuple[Repo, Manifest]) -> None:
    _, manifest = golden
    files = [(path, file) for commit in manifest["commits"] for path, file in commit["files"].items()]
    ropes = {(path.rpartition(".")[2], file["mode"]) for path, file in files if file["rope"]}
    assert {
        ("jsonl", "100644"),
        ("jsonl", "100755"),
        ("csv", "100644"),
        ("tsv", "100644"),
        ("json", "100644"),
    } <= ropes
    assert {file["mode"] for _, file in files} == {"100644", "100755", "120000"}
    assert any(len(commit["parents"]) == 2 for commit in manifest["commits"])


def test_the_same_bytes_are_written_as_the_same_objects(
    golden: tuple[Repo, Manifest], tmp_path: Path, world: Surroundings
) -> None:
    """Where files are cut is frozen. Each version is written on top of the one before, as commits are."""
    repo, manifest = golden
    fresh = Repo.init(tmp_path / "fresh", world)
    last: dict[str, FileEntry] = {}
    for commit in (commit for commit in manifest["commits"] if commit["ours"]):
        made: dict[RepoPath, FileEntry] = {}
        with fresh.parts.store.begin() as writer:
            for path, told in commit["files"].items():
                data = repo.snapshot(commit["id"]).read(path)
                source = Source([data], int(told["mode"], 8))
                made[RepoPath(path)] = fresh.parts.contents.write(path, source, writer, last.get(path))
                assert made[RepoPath(path)].id == told["id"], path
            assert write_tree(writer, made) == commit["tree"]
            writer.finish()
        last = {str(path): entry for path, entry in made.items()}


def test_the_specification_gives_the_same_objects(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    if manifest["format"] != FORMAT:
        pytest.skip("the specification is that of the newest format")
    for commit in (commit for commit in manifest["commits"] if commit["ours"]):
        for path, told in commit["files"].items():
            if int(told["mode"], 8) != LINK:
                data = repo.snapshot(commit["id"]).read(path)
                assert spec.file_id(path, data, told["mode"] == "100755") == (told["id"], told["rope"]), path


def test_what_git_cut_otherwise_is_read_all_the_same(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    by_hand = next(commit for commit in manifest["commits"] if not commit["ours"])
    [(path, told)] = by_hand["files"].items()
    above = repo.snapshot(by_hand["parents"][0])
    assert above.read(path) == repo.snapshot("by-hand").read(path)
    assert above.file(path).entry.id != told["id"]
    assert [list(diff.detail.rows) for diff in repo.diff(by_hand["parents"][0], by_hand["id"], [path])] == [
        []
    ]


def test_git_finds_nothing_wrong_and_reads_the_same(golden: tuple[Repo, Manifest]) -> None:
    repo, manifest = golden
    assert repo.verify() == []
    assert _git(repo, "fsck", "--strict", "--no-dangling").strip() == b""
    commit = repo.parts.revisions.resolve("v1")
    told = next(found for found in manifest["commits"] if found["id"] == commit)["files"][
        "examples/rows.jsonl"
    ]
    listed = _git(repo, "ls-tree", "-r", f"{commit}:examples/rows.jsonl").splitlines()
    joined = b"".join(_git(repo, "cat-file", "blob", line.split()[2].decode()) for line in listed[1:])
    assert hashlib.sha256(joined).hexdigest() == told["sha256"]


def test_it_can_be_worked_on(golden: tuple[Repo, Manifest]) -> None:
    repo, _ = golden
    with repo.transaction("main", message="One more") as tx:
        tx.append("examples/rows.jsonl", [{"id": "more"}])
    assert tx.commit_id == repo.parts.refs.read(RefName.branch("main"))
    [diff] = repo.diff("main~1", "main")
    assert (diff.path, diff.detail.added) == ("examples/rows.jsonl", 1)
    assert repo.verify() == []


def _git(repo: Repo, *words: str) -> bytes:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", f"--git-dir={repo.path}", *words], check=True, capture_output=True, env=environment
    ).stdout
