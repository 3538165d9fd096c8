"""Tables whose trees claim more than there is: refused before any of it is made."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import promptvc
from promptvc.errors import InvalidName, ObjectDamaged, PromptvcError
from promptvc.ids import ObjectId
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.versioning.ropes.marker import MARKER, MARKER_ID
from promptvc.versioning.ropes.rope import DEEPEST, MOST_CHUNKS, all_chunks, count_chunks, rope_size
from promptvc.versioning.tree import DEEPEST as DEEPEST_FOLDER
from tests.confined import confined
from tests.hostile.stores import HostileStore

READERS: dict[str, Callable[[Repo], Any]] = {
    "three rows": lambda repo: list(islice(repo.snapshot("main").table("examples/t.jsonl"), 3)),
    "bytes": lambda repo: repo.snapshot("main").read("examples/t.jsonl"),
    "working files": lambda repo: repo.restore(["examples/t.jsonl"]),
    "size": lambda repo: repo.snapshot("main").file("examples/t.jsonl").size(),
}


@pytest.fixture
def store(tmp_path: Path) -> HostileStore:
    return HostileStore(tmp_path / "project")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("levels", [5, 10, 20])
def test_a_table_that_claims_any_number_of_chunks_is_refused(
    store: HostileStore, levels: int, reader: str
) -> None:
    store.rope(levels, 64)
    with pytest.raises(ObjectDamaged, match=r"pieces|levels"):
        confined(lambda: READERS[reader](store.open()))
    assert not (store.root / "examples/t.jsonl").exists()


def test_a_clone_of_one_writes_nothing(store: HostileStore, tmp_path: Path) -> None:
    store.rope(10, 64)
    with pytest.raises(ObjectDamaged):
        confined(lambda: promptvc.clone(str(store.root), tmp_path / "clone"))
    assert not list((tmp_path / "clone").rglob("t.jsonl"))


@pytest.mark.parametrize("reader", [name for name in READERS if name != "size"])
def test_a_chunk_larger_than_any_is_refused_uninflated(store: HostileStore, reader: str) -> None:
    store.put(Kind.BLOB, MARKER)
    chunk = store.put(Kind.BLOB, b'{"id": "' + b"a" * (60 << 20) + b'"}\n')
    names = ((b"100644", b"%03d" % n, chunk) for n in range(2))
    store.table(store.tree((b"100644", b".rope", MARKER_ID), *names))
    with pytest.raises(ObjectDamaged, match=r"claims 62914571 bytes"):
        confined(lambda: READERS[reader](store.open()), memory=50 << 20)


def test_a_table_as_large_as_one_may_be_is_counted_and_measured_at_once(store: HostileStore) -> None:
    chunk = b'{"id": 1}\n' * 900
    store.rope(3, 128, chunk)
    objects = store.open().parts.store
    id = next(e.id for e in objects.load_tree(_examples(store)) if e.name == "t.jsonl")
    assert count_chunks(objects, id) == MOST_CHUNKS
    assert rope_size(objects, id) == MOST_CHUNKS * len(chunk)
    assert next(all_chunks(objects, id)).broken is False


def _examples(store: HostileStore) -> ObjectId:
    repo = store.open()
    tree = repo.parts.store.load_commit(ObjectId(repo.snapshot("main").id)).tree
    return repo.parts.store.load_tree(tree)[0].id


def test_a_rope_that_leads_to_itself_many_levels_down_is_refused(store: HostileStore) -> None:
    store.rope(DEEPEST + 1, 1)
    with pytest.raises(ObjectDamaged, match="levels"):
        store.open().snapshot("main").read("examples/t.jsonl")


def test_folders_in_folders_are_followed_so_far(store: HostileStore, tmp_path: Path) -> None:
    tree = store.tree((b"100644", b"a", store.put(Kind.BLOB, b"x")))
    for _ in range(2_000):
        tree = store.tree((b"40000", b"d", tree))
    store.commit(tree)
    for read in (Repo.status, lambda repo: repo.snapshot("main").files, lambda repo: repo.restore(["d"])):
        with pytest.raises(ObjectDamaged, match=f"{DEEPEST_FOLDER} folders"):
            read(store.open())
    assert store.open().verify() == []
    with pytest.raises(PromptvcError, match="folders deep"):
        promptvc.clone(str(store.root), tmp_path / "clone")


def test_a_name_given_twice_is_refused(store: HostileStore) -> None:
    one, two = store.put(Kind.BLOB, b"x"), store.put(Kind.BLOB, b"y")
    store.commit(store.tree((b"100644", b"a", one), (b"100644", b"a", two)))
    for read in (Repo.status, lambda repo: repo.snapshot("main").files, lambda repo: repo.restore(["a"])):
        with pytest.raises(ObjectDamaged, match="twice"):
            read(store.open())


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.md", b"a" * 100_000, b"a/a"], ids=["not UTF-8", "too long", "a path"]
)
def test_names_that_no_disk_takes_are_refused_before_anything_is_written(
    store: HostileStore, tmp_path: Path, name: bytes
) -> None:
    inside = store.tree((b"100644", name, store.put(Kind.BLOB, b"x")))
    store.commit(store.tree((b"40000", b"prompts", inside)))
    store.open().status()
    with pytest.raises(PromptvcError, match=r"not UTF-8|too long|named|no file"):
        promptvc.clone(str(store.root), tmp_path / "clone")
    if b"/" not in name:
        with pytest.raises(InvalidName):
            store.open().restore(["prompts"])
