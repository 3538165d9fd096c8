"""A file's content, to and from the store: bytes, rows and chunks."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.kinds import FileKind, file_kind
from promptvc.ids import ObjectId
from promptvc.session.files.cutting import cutting_of
from promptvc.session.files.origins import Origins
from promptvc.storage.cache import Cache
from promptvc.storage.objects import FILE, Kind, object_id
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import read_commit
from promptvc.versioning.ropes.chunking import CHUNK_MAX, CHUNK_MIN
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.chunkrun import ChunkRun, load_pieces
from promptvc.versioning.ropes.join import write_pieces
from promptvc.versioning.ropes.loading import RecentChunks, chunk_runs, known_chunk_runs, read_chunk
from promptvc.versioning.ropes.rope import (
    Watch,
    all_chunks,
    count_chunks,
    rope_size,
    walk_chunks,
    write_over,
    write_rows,
)
from promptvc.versioning.tree import FileEntry, Files, load_files

if TYPE_CHECKING:
    from promptvc.content.keys.index import KeyIndexes
    from promptvc.session.files.parts import TakenIn
    from promptvc.storage.packing import PackWriter

PARTS_FROM = 64 << 20
"""Bytes of a file from which several processes share the work."""
_CHUNKS = "chunks"
CHUNK_LISTS, CHUNK_LISTS_BYTES = 200, 256 << 20
"""How many chunk lists are kept, and in how many bytes."""
TREES = 4
"""Trees whose files are remembered: those of a merge, and what it made."""


class Source(Struct, frozen=True):
    """The bytes of a file to be stored, in blocks of any size, read once.

    ``handle`` is the open file, where there is one, and ``place`` where it is.
    """

    blocks: Iterable[bytes]
    mode: int = FILE
    handle: int | None = None
    place: Path | None = None


class Contents:
    """Stores files and reads them back, the same bytes always under the same entry."""

    def __init__(self, store: ObjectStore, cache: Cache) -> None:
        self._store, self._cache = store, cache
        self._recent = RecentChunks(store)
        self.origins: Origins | None = None
        """What is from here; None where nobody asks."""
        self._lists: dict[ObjectId, ChunkList | None] = {}
        self._trees: OrderedDict[ObjectId, Files] = OrderedDict()
        self._seed: int | None = None

    # --- trees --------------------------------------------------------------------------------------------

    def files_of(self, commit: ObjectId | None) -> Files:
        """The files of a commit; of no commit, none."""
        return {} if commit is None else self.files_below(read_commit(self._store, commit).tree)

    def files_below(self, tree: ObjectId) -> Files:
        """The files of a tree, of which the last few are remembered: one command asks for the same ones again."""
        if tree not in self._trees:
            self.remember_files(tree, load_files(self._store, tree))
        self._trees.move_to_end(tree)
        return dict(self._trees[tree])

    def remember_files(self, tree: ObjectId, files: Files) -> None:
        """Remember the files of a tree, sorted by path, as just written or loaded."""
        self._trees[tree] = dict(files)
        if len(self._trees) > TREES:
            self._trees.popitem(last=False)

    # --- writing ------------------------------------------------------------------------------------------

    def write(
        self,
        path: str,
        source: Source,
        writer: PackWriter | None,
        like: FileEntry | None = None,
        watch: Watch | None = None,
        key: Sequence[str] | None = None,
    ) -> FileEntry:
        """Store a file; without a writer only work out its entry. ``like`` is an earlier version of it.

        ``watch`` is shown what is new to that version. ``key`` is one that is about to be asked for.
        """
        entry = self._write(path, source, writer, like, watch, key or ())
        if watch is not None and like is not None and like.id == entry.id:
            watch.drop()  # it was all there, though its chunks were not remembered
        return entry

    def _write(
        self,
        path: str,
        source: Source,
        writer: PackWriter | None,
        like: FileEntry | None,
        watch: Watch | None,
        key: Sequence[str],
    ) -> FileEntry:
        head, blocks = _peek(source.blocks)
        format = row_format(path, head) if len(head) >= CHUNK_MIN else None
        if format is None:
            data = b"".join(blocks)
            if watch is not None:
                watch.new(data)
            id = writer.add(Kind.BLOB, data) if writer else object_id(Kind.BLOB, data)
            return FileEntry(id, source.mode)
        known = self.chunk_list(like.id) if like is not None and like.is_rope else None
        parts = None
        if known is None and writer is not None:
            parts = self._write_in_parts(path, source, format, writer, watch, key)
        if parts is not None:
            written = write_over(parts.chunks, writer, source.mode)
            if parts.keys:
                self.indexes.take(path, format, key, parts.keys)
        else:
            written = write_rows(
                blocks, cutting_of(format), writer, known, seed=self.seed, mode=source.mode, watch=watch
            )
        if written.is_rope:
            self._save_chunk_list(written.id, written.chunks)
        return FileEntry(written.id, source.mode, written.is_rope)

    def _write_in_parts(
        self,
        path: str,
        source: Source,
        format: RowFormat,
        writer: PackWriter,
        watch: Watch | None,
        key: Sequence[str],
    ) -> TakenIn | None:
        if source.place is None or source.handle is None or os.fstat(source.handle).st_size < PARTS_FROM:
            return None
        from promptvc.session.files.parts import write_in_parts  # few files are so large

        return write_in_parts(
            path, source.place, source.handle, format, writer, self._store.folder, self.seed, watch, key
        )

    def write_pieces(
        self,
        path: str,
        pieces: Sequence[ChunkRun | bytes],
        writer: PackWriter | None,
        like: FileEntry | None,
        mode: int,
        watch: Watch | None = None,
    ) -> FileEntry:
        """Store a row file given in pieces: the entry that their bytes have, but what stays of ``like`` is not read."""
        known = self.chunk_list(like.id) if like is not None and like.is_rope else None
        format = row_format(path, head_of(load_pieces(pieces))) if known is not None else None
        if known is None or format is None or cutting_of(format).style != known.style:
            return self.write(path, Source(load_pieces(pieces), mode), writer, like, watch)
        cutting = cutting_of(format)
        written = write_pieces(pieces, cutting, writer, known, seed=self.seed, mode=mode, watch=watch)
        if written.is_rope:
            self._save_chunk_list(written.id, written.chunks)
        return FileEntry(written.id, mode, written.is_rope)

    def identify(self, path: str, data: bytes) -> ObjectId:
        """The id that a file has in the store."""
        return self.write(path, Source([data]), None).id

    # --- reading ------------------------------------------------------------------------------------------

    def blocks(self, entry: FileEntry) -> Iterator[bytes]:
        """The bytes of a file, a chunk at a time."""
        if not entry.is_rope:
            yield self._store.read_blob(entry.id)
            return
        for chunk in walk_chunks(self._store, entry.id):
            yield read_chunk(self._store, chunk.id)

    def read(self, entry: FileEntry) -> bytes:
        """The bytes of a file."""
        self.need_bounded(entry)
        return b"".join(self.blocks(entry))

    def need_bounded(self, entry: FileEntry) -> None:
        """Raise `ObjectDamaged` for a table that claims to be larger than any may be."""
        self.most_bytes(entry)

    def most_bytes(self, entry: FileEntry) -> int:
        """How many bytes a table may have at most, by the number of its chunks; of other files 0."""
        if not entry.is_rope:
            return 0
        known = self.chunk_list(entry.id)
        return CHUNK_MAX * (len(known) if known is not None else count_chunks(self._store, entry.id))

    def head(self, entry: FileEntry) -> bytes:
        """The first 64 KiB of a file, or all of it."""
        return head_of(self.blocks(entry))

    def size(self, entry: FileEntry) -> int:
        """The size of a file in bytes."""
        if not entry.is_rope:
            return self._store.size(entry.id)
        known = self.chunk_list(entry.id)
        if known is not None:
            return sum(known.lengths)
        return rope_size(self._store, entry.id)

    def kind(self, path: str, entry: FileEntry) -> FileKind:
        """What the file is."""
        return "text" if entry.is_link else file_kind(path, self.head(entry))

    def format(self, path: str, entry: FileEntry) -> RowFormat | None:
        """How the file's rows are read; None when it has none."""
        return None if entry.is_link else row_format(path, self.head(entry))

    def chunk_runs(self, entry: FileEntry) -> Sequence[ChunkRun]:
        """The file as chunk runs of whole rows, each loadable on its own."""
        if not entry.is_rope:
            return [ChunkRun(entry.id.raw, lambda: self._store.read_blob(entry.id))]
        known = self.chunk_list(entry.id)
        if known is not None:
            return known_chunk_runs(self._store, known, self._recent)
        return chunk_runs(self._store, all_chunks(self._store, entry.id))

    def chunks(self, entry: FileEntry) -> Iterator[ObjectId]:
        """The blobs that the file is stored in, in order."""
        if not entry.is_rope:
            return iter((entry.id,))
        known = self.chunk_list(entry.id)
        if known is not None:
            return map(ObjectId.from_raw, known.raw_ids())
        return (chunk.id for chunk in walk_chunks(self._store, entry.id))

    def count_rows(self, path: str, entry: FileEntry) -> int:
        """How many rows a table has."""
        known = self.chunk_list(entry.id) if entry.is_rope else None
        if known is not None:
            return sum(known.rows)
        format = self.format(path, entry)
        if format is None:
            return 0
        return sum(format.count(s.load(), place == 0) for place, s in enumerate(self.chunk_runs(entry)))

    @cached_property
    def indexes(self) -> KeyIndexes:
        """Where the rows with a key are."""
        from promptvc.content.keys.index import KEYS, KeyIndexes  # most commands look for no key

        return KeyIndexes(self._cache.folder / KEYS, lambda: self.seed)

    # --- what is remembered of ropes ------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """This store's own number for fingerprints, so that no file can be made to pass for another."""
        if self._seed is None:
            found = self._cache.load("seed")
            if not isinstance(found, int):
                found = int.from_bytes(os.urandom(8)) >> 1
                self._cache.save("seed", found)
            self._seed = found
        return self._seed

    def chunk_list(self, id: ObjectId) -> ChunkList | None:
        """What is remembered of a rope's chunks, if anything."""
        if id not in self._lists:
            self._lists[id] = ChunkList.from_value(self._cache.load(f"{_CHUNKS}/{id}"), self.seed)
        return self._lists[id]

    def _save_chunk_list(self, id: ObjectId, chunks: ChunkList) -> None:
        known = self.chunk_list(id)
        if known is None or known.style != chunks.style:
            self._lists[id] = chunks
            self._cache.save(f"{_CHUNKS}/{id}", chunks.to_value())
            self._cache.prune(_CHUNKS, CHUNK_LISTS, CHUNK_LISTS_BYTES)


def source_of(data: bytes, mode: int = FILE) -> Source:
    """Bytes at hand, for storing."""
    return Source([data], mode)


def head_of(blocks: Iterable[bytes]) -> bytes:
    """The first `HEAD_SIZE` bytes, or all there are."""
    return _peek(blocks)[0]


def _peek(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The head, and all blocks, those that it took included."""
    rest = iter(blocks)
    taken: list[bytes] = []
    size = 0
    while size < HEAD_SIZE and (block := next(rest, None)) is not None:
        taken.append(block)
        size += len(block)
    return b"".join(taken)[:HEAD_SIZE], chain(taken, rest)
