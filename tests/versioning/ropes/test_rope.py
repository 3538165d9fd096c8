"""Ropes: the cut points depend on the bytes alone, and an edit touches a chunk or two."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.errors import ObjectDamaged
from promptvc.repo import Repo
from promptvc.session.files.contents import Source
from promptvc.session.files.cutting import cutting_of
from promptvc.storage.objects import EXECUTABLE, Kind
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import CHUNK_MAX, CHUNK_MIN, Cutting, cut
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.rope import walk_chunks, write_rows
from promptvc.versioning.tree import load_files


def table(rows: int, seed: int = 1, suffix: str = "jsonl") -> bytes:
    rng = random.Random(seed)
    words = [f"w{rng.randrange(5000)}" for _ in range(300)]
    texts = [" ".join(rng.choices(words, k=rng.randint(5, 60))) for _ in range(rows)]
    if suffix == "jsonl":
        return "".join(f'{{"id": "r{n}", "text": "{text}"}}\n' for n, text in enumerate(texts)).encode()
    if suffix == "csv":
        return ("id,text\n" + "".join(f'r{n},"{text},\n{n}"\n' for n, text in enumerate(texts))).encode()
    return (
        "[\n" + ",\n".join(f'  {{"id": "r{n}", "text": "{text}"}}' for n, text in enumerate(texts)) + "\n]\n"
    ).encode()


def cutting(path: str, data: bytes) -> Cutting:
    format = row_format(path, data[:65536])
    assert format is not None
    return cutting_of(format)


def dribble(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Give data in short pieces, as a slow file would."""
    stream = BytesIO(data)
    for size in cycle(sizes):
        if not (block := stream.read(size)):
            return
        yield block


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_how_a_file_is_read_does_not_move_its_cuts(suffix: str) -> None:
    data = table(8000, suffix=suffix)
    how = cutting(f"x.{suffix}", data)
    whole = [piece.data for piece in cut([data], how)]
    assert b"".join(whole) == data
    assert len(whole) > 10
    for sizes in ([1000], [70_001, 3], [1 << 20]):
        assert [piece.data for piece in cut(dribble(data, sizes), how)] == whole
    gaps = [block for part in dribble(data, [70_000]) for block in (b"", part)]
    assert [piece.data for piece in cut(gaps, how)] == whole


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_chunks_keep_to_their_sizes_and_end_with_rows(suffix: str) -> None:
    data = table(8000, suffix=suffix)
    pieces = list(cut([data], cutting(f"x.{suffix}", data)))
    assert all(CHUNK_MIN <= len(piece.data) <= CHUNK_MAX for piece in pieces[:-1])
    assert not any(piece.broken for piece in pieces)
    assert 20_000 < sum(len(piece.data) for piece in pieces) / len(pieces) < 50_000


def test_a_row_longer_than_a_chunk_is_broken_and_joined_again(repo: Repo) -> None:
    long = b'{"id": 1, "text": "' + b"x" * (CHUNK_MAX * 3) + b'"}\n'
    data = b'{"id": 0}\n' + long + table(500)
    source = Source([data])
    with repo.parts.store.begin() as writer:
        entry = repo.parts.contents.write("x.jsonl", source, writer)
        writer.finish()
    chunks = list(walk_chunks(repo.parts.store, entry.id))
    assert sum(chunk.broken for chunk in chunks) >= 2
    assert repo.parts.contents.read(entry) == data
    format = row_format("x.jsonl", data[:65536])
    assert format is not None
    chunk_runs = repo.parts.contents.chunk_runs(entry)
    assert (
        sum(format.count(s.load(), n == 0) for n, s in enumerate(chunk_runs))
        == 502
        == repo.parts.contents.count_rows("x.jsonl", entry)
    )


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
@settings(max_examples=25)
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=60)), max_size=6))
def test_recognising_chunks_gives_what_cutting_gives(
    suffix: str, edits: list[tuple[float, int, bytes]]
) -> None:
    before = table(1500, suffix=suffix)
    first = write_rows([before], cutting(f"x.{suffix}", before), None, seed=7)
    after = before
    for where, dropped, added in edits:
        at = int(where * len(after))
        after = after[:at] + added + after[at + dropped :]
    assume(row_format(f"x.{suffix}", after[:65536]))
    how = cutting(f"x.{suffix}", after)
    fresh = write_rows([after], how, None, seed=7)
    known = write_rows([after], how, None, first.chunks, seed=7)
    assert known.id == fresh.id
    assert known.chunks.to_value() == fresh.chunks.to_value()


def test_an_edit_touches_a_chunk_or_two(repo: Repo) -> None:
    before = table(20_000)
    after = before.replace(b'"r7777"', b'"r7777-new"')
    how = cutting("x.jsonl", before)
    with repo.parts.store.begin() as writer:
        first = write_rows([before], how, writer)
        writer.finish()
    with repo.parts.store.begin() as writer:
        second = write_rows([after], how, writer, first.chunks)
        assert writer.count <= 5  # two chunks, their node, the root
        writer.finish()
    assert len(set(first.chunks.ids) ^ set(second.chunks.ids)) <= 4


def test_git_joins_a_rope_with_cat(repo: Repo) -> None:
    data = table(12_000)
    (repo.root / "examples").mkdir()  # type: ignore[operator]
    (repo.root / "examples/t.jsonl").write_bytes(data)  # type: ignore[operator]
    repo.commit("table")
    git = ["git", f"--git-dir={repo.path}"]
    names = subprocess.run(
        [*git, "ls-tree", "-r", "--name-only", "main:examples/t.jsonl"], capture_output=True, text=True
    )
    chunks = [name for name in names.stdout.split() if name != ".rope"]
    assert chunks == sorted(chunks)
    joined = b"".join(
        subprocess.run(
            [*git, "cat-file", "blob", f"main:examples/t.jsonl/{name}"], capture_output=True
        ).stdout
        for name in chunks
    )
    assert joined == data
    fsck = subprocess.run([*git, "fsck", "--strict", "--full"], capture_output=True, text=True)
    assert (fsck.returncode, fsck.stdout) == (0, "")


def test_a_rope_remembers_that_its_file_is_executable(repo: Repo) -> None:
    data = table(3000)
    with repo.parts.store.begin() as writer:
        entry = repo.parts.contents.write("x.jsonl", Source([data], EXECUTABLE), writer)
        writer.finish()
    assert entry.is_rope
    assert entry.is_executable


def test_a_damaged_chunk_list_is_no_chunk_list() -> None:
    assert ChunkList.from_value({"seed": 1}, 1) is None
    assert ChunkList.from_value(None, 1) is None
    assert ChunkList.from_value({"seed": 1, "style": "x", "ids": b"abc"}, 1) is None


INSERTED = [b"\n", b"\r\n", b" \n", b"\n\n", b'"', b",", b"{}"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
@settings(max_examples=30)
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([b"\n", b"\r\n", b" \n", b"\n\n", b'"', b",", b"{}"])),
        max_size=8,
    )
)
def test_rows_counted_while_cutting_are_the_rows(suffix: str, edits: list[tuple[float, bytes]]) -> None:
    data = table(1200, suffix=suffix)
    if suffix == "json":
        data = data.replace(b",\n", b"\n", 3)  # commas that somebody forgot
    for where, added in edits:
        at = int(where * len(data))
        data = data[:at] + added + data[at:]
    format = row_format(f"x.{suffix}", data[:65536])
    assume(format)
    assert format is not None
    chunks = write_rows([data], cutting_of(format), None).chunks
    assert sum(chunks.rows) == len(format.bodies(data, True))


def test_a_rope_of_endless_levels_is_damage_not_a_crash(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    with store.begin() as writer:
        id = writer.add(Kind.TREE, b"100644 000\0" + writer.add(Kind.BLOB, b"x").raw)
        for _ in range(3000):
            id = writer.add(Kind.TREE, b"40000 000\0" + id.raw)
        writer.finish()
    with pytest.raises(ObjectDamaged, match="levels"):
        list(walk_chunks(store, id))
    with pytest.raises(ObjectDamaged, match="deep"):
        load_files(store, id)


def test_a_tree_that_names_a_file_twice_is_damage(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    with store.begin() as writer:
        one, other = writer.add(Kind.BLOB, b"x"), writer.add(Kind.BLOB, b"y")
        id = writer.add(Kind.TREE, b"100644 a\0" + one.raw + b"100644 a\0" + other.raw)
        writer.finish()
    with pytest.raises(ObjectDamaged, match="twice"):
        load_files(store, id)
