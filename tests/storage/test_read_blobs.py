"""Many blobs at once are what each is alone: in packs, as deltas, loose, too large, damaged, absent."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promptvc.api import init
from promptvc.errors import ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.storage.packs import PackReader
from promptvc.storage.store import ObjectStore
from tests.stopping import flip

MOST = 1 << 20


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return init(tmp_path / "project")


def pack(repo: Repo, kind: Kind, *data: bytes) -> list[ObjectId]:
    with repo.parts.store.begin() as writer:
        ids = [writer.add(kind, some) for some in data]
        writer.finish()
    return ids


def loose(repo: Repo, data: bytes) -> ObjectId:
    words = ["git", f"--git-dir={repo.parts.store.folder.parent}", "hash-object", "-w", "--stdin"]
    return ObjectId(subprocess.check_output(words, input=data).decode().strip())


def read(repo: Repo, *ids: ObjectId, most: int = MOST) -> list[bytes]:
    return list(repo.parts.store.read_blobs([id.raw for id in ids], most))


def test_blobs_of_packs_and_loose_ones_come_in_order(repo: Repo) -> None:
    blobs = [b"%d " % n * 1000 for n in range(20)]
    ids = [*pack(repo, Kind.BLOB, *blobs[:10]), *(loose(repo, blob) for blob in blobs[10:])]
    assert read(repo, *reversed(ids), ids[0]) == [*reversed(blobs), blobs[0]]


def test_deltas_are_read(repo: Repo) -> None:
    lines = [b"line %d of a text\n" % n for n in range(2000)]
    versions = [b"".join([*lines[:n], b"changed\n", *lines[n:]]) for n in range(10)]
    ids = [loose(repo, data) for data in versions]
    folder = repo.parts.store.folder
    words = ["git", f"--git-dir={folder.parent}", "pack-objects", "-q", str(folder / "pack" / "pack")]
    subprocess.run(words, input="\n".join(ids).encode(), check=True, stdout=subprocess.DEVNULL)
    for id in ids:
        (folder / id[:2] / id[2:]).unlink()
    [index] = (folder / "pack").glob("*.idx")
    found = PackReader(index)
    whole = [found.whole_blob(offset, MOST) for _, offset in found.entries()]
    assert None in whole
    assert any(whole)
    assert read(repo, *ids) == versions


def test_a_blob_that_is_too_large_and_one_that_is_none_are_refused(repo: Repo) -> None:
    [blob], [tree] = pack(repo, Kind.BLOB, b"x" * 100), pack(repo, Kind.TREE, b"")
    assert read(repo, blob, most=100) == [b"x" * 100]
    for id, most in ((blob, 99), (tree, MOST)):
        with pytest.raises(ObjectDamaged):
            read(repo, id, most=most)
    with pytest.raises(ObjectMissing):
        read(repo, ObjectId("1" * 40))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damage_is_never_read(repo: Repo, share: float) -> None:
    [id] = pack(repo, Kind.BLOB, bytes(range(256)) * 50)
    [path] = (repo.parts.store.folder / "pack").glob("*.pack")
    path.chmod(0o644)
    flip(path, 8 * (12 + int((path.stat().st_size - 32) * share)))
    with pytest.raises(ObjectDamaged):
        list(ObjectStore(repo.parts.store.folder).read_blobs([id.raw], MOST))
