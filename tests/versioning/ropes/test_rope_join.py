"""A rope written from pieces is the rope of the joined bytes, and what stays is not read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import HEAD_SIZE
from promptvc.repo import Repo
from promptvc.session.files.cutting import cutting_of
from promptvc.storage.objects import FILE
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes import loading
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.join import write_pieces
from promptvc.versioning.ropes.loading import RecentChunks, known_chunk_runs
from promptvc.versioning.ropes.rope import Written, write_rows
from tests.amounts import examples


def table(suffix: str, count: int, seed: int) -> bytes:
    rng = random.Random(seed)
    words = [f'{n},"{rng.randrange(10**9)}\n{"x" * rng.randrange(300)}"\n' for n in range(count)]
    if suffix == "csv":
        return ("id,text\n" + "".join(words)).encode()
    if suffix == "jsonl":
        return "".join(f'{{"id": {n}, "x": "{"y" * rng.randrange(400)}"}}\n' for n in range(count)).encode()
    body = ",\n".join(f' {{"id": {n}, "x": "{"y" * rng.randrange(400)}"}}' for n in range(count))
    return f"[\n{body}\n]\n".encode()


def write(store: ObjectStore, suffix: str, data: bytes) -> Written:
    format = row_format(f"t.{suffix}", data[:HEAD_SIZE])
    assert format is not None
    blocks = [data[at : at + 70_000] for at in range(0, len(data), 70_000)]
    with store.begin() as writer:
        found = write_rows(blocks, cutting_of(format), writer)
        writer.finish()
    return found


@settings(max_examples=examples(60))
@given(
    st.sampled_from(["csv", "jsonl", "json"]),
    st.integers(0, 3000),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["drop", "copy", "edit", "split"])), max_size=6),
)
def test_same_bytes_same_rope(
    tmp_path_factory: object, suffix: str, count: int, edits: list[tuple[float, str]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("store")  # type: ignore[attr-defined]
    store = ObjectStore(folder)
    (folder / "pack").mkdir()
    data = table(suffix, count, 7)
    known = write(store, suffix, data).chunks
    pieces: list[ChunkRun | bytes] = list(known_chunk_runs(store, known, RecentChunks(store)))
    for share, what in edits:
        at = int(share * (len(pieces) - 1)) if pieces else 0
        if not pieces or (at == 0 and what != "edit"):
            continue  # what opens a file stays there
        piece = pieces[at]
        body = piece.load() if isinstance(piece, ChunkRun) else piece
        new: dict[str, list[ChunkRun | bytes]] = {
            "drop": [],
            "copy": [piece, piece],
            "edit": [
                body.replace(b'"', b'"changed ', 1) if suffix != "csv" else body.replace(b"\n", b",z\n", 1)
            ],
            "split": [body],
        }
        pieces[at : at + 1] = new[what]
    joined = b"".join(p.load() if isinstance(p, ChunkRun) else p for p in pieces)
    format = row_format(f"t.{suffix}", joined[:HEAD_SIZE])
    if format is None or repr(format.cutting) != known.style:
        return
    found = write_pieces(pieces, cutting_of(format), None, known, mode=FILE)
    whole = write(store, suffix, joined)
    assert (found.id, found.is_rope, found.chunks.ids) == (whole.id, whole.is_rope, whole.chunks.ids)
    assert list(found.chunks.rows) == list(whole.chunks.rows)
    assert list(found.chunks.lengths) == list(whole.chunks.lengths)


def test_what_stays_is_not_read(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    (tmp_path / "pack").mkdir()
    data = table("jsonl", 20_000, 3)
    known = write(store, "jsonl", data).chunks
    read: list[int] = []

    def watched(at: int, chunk_run: ChunkRun) -> ChunkRun:
        def load() -> bytes:
            read.append(at)
            return chunk_run.load()

        return chunk_run._replace(load=load)

    chunk_runs = known_chunk_runs(store, known, RecentChunks(store))
    pieces: list[ChunkRun | bytes] = [watched(at, chunk_run) for at, chunk_run in enumerate(chunk_runs)]
    middle = len(pieces) // 2
    pieces[middle] = chunk_runs[middle].load().replace(b"yy", b"zzz", 1)
    format = row_format("t.jsonl", data[:HEAD_SIZE])
    assert format is not None
    write_pieces(pieces, cutting_of(format), None, known, mode=FILE)
    assert len(chunk_runs) > 50
    assert len(read) <= 4


def test_chunks_are_read_again_from_memory_within_bounds(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    store = repo.parts.store
    with store.begin() as writer:
        blobs = [b"%d" % n * 1000 for n in range(5)]
        ids = [*writer.add_blobs(blobs)]
        writer.finish()
    monkeypatch.setattr(loading, "RECENT_BYTES", 2500)
    recent = loading.RecentChunks(store)
    for _ in range(3):
        assert [recent.read(id.raw) for id in ids] == blobs
    read: list[object] = []
    monkeypatch.setattr(loading, "read_chunk", lambda store, id: read.append(id) or b"")
    assert [recent.read(id.raw) for id in ids[-2:]] == blobs[-2:]
    assert not read, "the last ones are at hand"
    recent.read(ids[0].raw)
    assert read == [ids[0]]
