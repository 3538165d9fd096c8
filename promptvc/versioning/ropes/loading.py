"""The chunks of a rope, loaded: as chunk runs of whole rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Lock

from promptvc.ids import ObjectId
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import CHUNK_MAX
from promptvc.versioning.ropes.chunklist import ID, ChunkList, split
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.ropes.rope import Chunk

RECENT_BYTES = 16 << 20
"""Bytes of chunks that are kept for the next look at them."""


def read_chunk(store: ObjectStore, id: ObjectId) -> bytes:
    """The bytes of a chunk; one that claims more than `CHUNK_MAX` is refused before it is inflated."""
    return store.read_blob(id, CHUNK_MAX)


def chunk_runs(store: ObjectStore, chunks: Iterable[Chunk]) -> list[ChunkRun]:
    """Group chunks into chunk runs of whole rows."""
    made: list[ChunkRun] = []
    group: list[ObjectId] = []
    for chunk in chunks:
        group.append(chunk.id)
        if not chunk.broken:
            made.append(_chunk_run(store, group, None, None))
            group = []
    return [*made, _chunk_run(store, group, None, None)] if group else made


class RecentChunks:
    """Reads chunks, and keeps the last ones: who changes a row looks at its chunk more than once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._size, self._turn = 0, Lock()

    def read(self, raw: bytes) -> bytes:
        """The bytes of a chunk, by its 20-byte id; raises as `read_chunk` does."""
        with self._turn:
            data = self._kept.get(raw)
            if data is not None:
                self._kept.move_to_end(raw)
                return data
        data = read_chunk(self._store, ObjectId.from_raw(raw))
        with self._turn:
            self._keep(raw, data)
        return data

    def _keep(self, raw: bytes, data: bytes) -> None:
        if raw not in self._kept:
            self._kept[raw] = data
            self._size += len(data)
        while self._size > RECENT_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1])


def known_chunk_runs(store: ObjectStore, chunks: ChunkList, recent: RecentChunks) -> Sequence[ChunkRun]:
    """The same from a list that is remembered, without a look at the trees; lengths and row numbers come with it."""
    if not chunks.any_broken:
        ids = bytes(chunks.ids)
        return ChunkRuns(ids, chunks.lengths, chunks.rows, recent.read, partial(_read_span, store, ids))
    made: list[ChunkRun] = []
    group: list[ObjectId] = []
    length = 0
    for place, (size, rows) in enumerate(zip(chunks.lengths, chunks.rows, strict=True)):
        group.append(chunks.id(place))
        length += size
        if not chunks.broken(place):
            made.append(_chunk_run(store, group, length, rows))
            group, length = [], 0
    return [*made, _chunk_run(store, group, None, None)] if group else made


def _read_span(store: ObjectStore, ids: bytes, start: int, stop: int) -> bytes:
    return b"".join(store.read_blobs(split(ids[start * ID : stop * ID], ID), CHUNK_MAX))


def _chunk_run(store: ObjectStore, ids: list[ObjectId], length: int | None, rows: int | None) -> ChunkRun:
    load = partial(read_chunk, store, ids[0]) if len(ids) == 1 else partial(_join, store, ids)
    return ChunkRun(bytes.fromhex("".join(ids)), load, length, rows)


def _join(store: ObjectStore, ids: list[ObjectId]) -> bytes:
    return b"".join(read_chunk(store, id) for id in ids)
