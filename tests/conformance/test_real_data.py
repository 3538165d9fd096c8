"""Real files, real histories: byte for byte, with row counts that agree with the rows."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from itertools import pairwise
from pathlib import Path

from promptvc.repo import Repo, Surroundings
from promptvc.repo.clone import clone_into
from promptvc.session.files.views import FileView


def digests(root: Path) -> dict[str, str]:
    """Path -> sha256 of every file below a folder, stores left out."""
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and ".promptvc" not in p.parts)
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_everything_goes_through_a_commit_and_a_clone_unchanged(
    repo: Repo, data: Path, tmp_path: Path, world: Surroundings
) -> None:
    assert repo.root is not None
    shutil.copytree(data, repo.root / "examples")
    shutil.copytree(data / "prompt_files", repo.root / "prompts")
    before = digests(repo.root)
    repo.commit("everything")
    copy = clone_into(str(repo.path), tmp_path / "copy", world)
    assert copy.root is not None
    assert digests(copy.root) == before
    assert copy.status().clean
    assert copy.verify() == []


def test_every_version_of_real_histories_comes_back(repo: Repo, data: Path) -> None:
    histories = [
        (data / "prompts_history", "act"),
        (data / "dataset_history" / "leaderboard", ""),
        (data / "dataset_history" / "bfcl_multi_turn_base_answers", "id"),
    ]
    gzipped = sum(_replay(repo, folder, key) for folder, key in histories)
    assert _store_size(repo) < gzipped


def _replay(repo: Repo, folder: Path, key: str) -> int:
    """Commit the versions one after another, read each back, count the rows of each step.

    Gives the size of the versions, each gzipped by itself.
    """
    assert repo.root is not None
    versions = sorted(path for path in folder.iterdir() if path.name[1:3].isdigit())
    path = f"examples/{folder.name}{versions[0].suffix}"
    target = repo.root / path
    target.parent.mkdir(exist_ok=True)
    with (repo.root / "promptvc.toml").open("a") as toml:
        toml.write(f'[tables."{path}"]\nkey = {json.dumps([key])}\n')
    ids = []
    for version in versions:
        shutil.copyfile(version, target)
        ids.append(repo.commit(version.name).id)
    for id, version in zip(ids, versions, strict=True):
        assert repo.snapshot(id).read(path) == version.read_bytes()
    for old, new in pairwise(ids):
        _check_step(repo, old, new, path)
    return sum(len(gzip.compress(version.read_bytes(), 9)) for version in versions)


def _check_step(repo: Repo, old: str, new: str, path: str) -> None:
    """The counts of a diff agree with the rows of both versions, counted one by one."""
    [file] = [file for file in repo.diff(old, new) if file.path == path] or [None]
    before, after = (repo.snapshot(revision).file(path) for revision in (old, new))
    if file is None:
        assert before.read() == after.read()
        return
    detail = file.detail
    assert (detail.before_rows, detail.after_rows) == (_count(before), _count(after))
    assert detail.before_rows - detail.removed + detail.added == detail.after_rows
    assert detail.unchanged + detail.changed + detail.reformatted + detail.removed == detail.before_rows
    assert len(detail.rows) == detail.added + detail.removed + detail.changed


def _count(file: FileView) -> int:
    format = file.format
    assert format is not None
    return len(format.bodies(file.read(), True))


def _store_size(repo: Repo) -> int:
    return sum(p.stat().st_size for p in (repo.path / "objects").rglob("*") if p.is_file())
