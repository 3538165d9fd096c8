"""A file as diff and status look at it, whether it is in the store or among the working files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.kinds import FileKind, file_kind
from promptvc.errors import FileChanging
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.scan import Found, open_source
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.tree import FileEntry

if TYPE_CHECKING:
    from promptvc.content.keys.index import KeyIndexes


_AHEAD = 1 << 20
"""Bytes read at once of a file that is read from chunk to chunk."""


class FileView(Protocol):
    """One version of one file."""

    path: RepoPath
    entry: FileEntry

    @property
    def kind(self) -> FileKind:
        """What the file is."""

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""

    @property
    def indexes(self) -> KeyIndexes:
        """Where the rows with a key are."""

    def read(self) -> bytes:
        """Its bytes."""

    def size(self) -> int:
        """Its size in bytes."""

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows."""

    def count_rows(self) -> int:
        """How many rows it has."""


class StoredFile:
    """A file as it is in the store."""

    def __init__(self, contents: Contents, path: RepoPath, entry: FileEntry) -> None:
        self._contents, self.path, self.entry = contents, path, entry

    @cached_property
    def _head(self) -> bytes:
        return self._contents.head(self.entry)

    @property
    def kind(self) -> FileKind:
        """What the file is."""
        return "text" if self.entry.is_link else file_kind(self.path, self._head)

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""
        return None if self.entry.is_link else row_format(self.path, self._head)

    @property
    def indexes(self) -> KeyIndexes:
        """Where the rows with a key are."""
        return self._contents.indexes

    def read(self) -> bytes:
        """Its bytes."""
        return self._contents.read(self.entry)

    def size(self) -> int:
        """Its size in bytes."""
        return self._contents.size(self.entry)

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows."""
        return self._contents.chunk_runs(self.entry)

    def count_rows(self) -> int:
        """How many rows it has."""
        return self._contents.count_rows(self.path, self.entry)


class WorkingFile:
    """A working file, read where it lies. Raises `FileChanging` when it is not what ``entry`` says any more."""

    def __init__(self, contents: Contents, root: Path, found: Found, entry: FileEntry) -> None:
        self._contents, self._root, self._found = contents, root, found
        self.path, self.entry = found.path, entry
        self._offsets: dict[bytes, tuple[int, int]] | None = None
        self._held = 0, b"", -1

    @cached_property
    def _head(self) -> bytes:
        return self._range(0, HEAD_SIZE)

    @property
    def kind(self) -> FileKind:
        """What the file is."""
        return "text" if self.entry.is_link else file_kind(self.path, self._head)

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""
        return None if self.entry.is_link else row_format(self.path, self._head)

    @property
    def indexes(self) -> KeyIndexes:
        """Where the rows with a key are."""
        return self._contents.indexes

    def read(self) -> bytes:
        """Its bytes."""
        with open_source(self._root, self._found) as source:
            return b"".join(source.blocks)

    def size(self) -> int:
        """Its size in bytes."""
        return self._found.stat.st_size

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows: the chunks that the store would keep, loaded from the file."""
        chunks = self._contents.chunk_list(self.entry.id)
        if not self.entry.is_rope or chunks is None:
            return [ChunkRun(self.entry.id.raw, self.read)]
        if not chunks.any_broken:
            load = partial(self._load_by_id, chunks)
            span = partial(self._load_span, chunks, [0, *accumulate(chunks.lengths)])
            return ChunkRuns(bytes(chunks.ids), chunks.lengths, chunks.rows, load, span)
        made, ids, start, end, first = [], b"", 0, 0, 0
        for place, id in enumerate(chunks.raw_ids()):
            ids, end = ids + id, end + chunks.lengths[place]
            if not chunks.broken(place):
                load = partial(self._load, chunks, range(first, place + 1), start)
                made.append(ChunkRun(ids, load, end - start, chunks.rows[place]))
                ids, start, first = b"", end, place + 1
        return made

    def count_rows(self) -> int:
        """How many rows it has."""
        chunks = self._contents.chunk_list(self.entry.id) if self.entry.is_rope else None
        if chunks is not None:
            return sum(chunks.rows)
        format = self.format
        return format.count(self.read(), True) if format else 0

    def _load_by_id(self, chunks: ChunkList, id: bytes) -> bytes:
        """The bytes of a chunk, from the last of the places where it is."""
        if self._offsets is None:
            starts = accumulate(chunks.lengths, initial=0)
            self._offsets = dict(zip(chunks.raw_ids(), enumerate(starts), strict=False))
        place, start = self._offsets[id]
        return self._load(chunks, range(place, place + 1), start)

    def _load_span(self, chunks: ChunkList, starts: Sequence[int], start: int, stop: int) -> bytes:
        data = self._range(starts[start], starts[stop] - starts[start])
        self._need_prints(chunks, range(start, stop), data)
        return data

    def _load(self, chunks: ChunkList, places: range, start: int) -> bytes:
        """The bytes of these chunks, which are what they were when the file was cut."""
        data = self._ahead(start, sum(chunks.lengths[place] for place in places))
        self._need_prints(chunks, places, data)
        return data

    def _need_prints(self, chunks: ChunkList, places: range, data: bytes) -> None:
        """Raise `FileChanging` where some bytes are not those of these chunks."""
        at = 0
        with memoryview(data) as view:
            for place in places:
                end = at + chunks.lengths[place]
                if not chunks.is_print(place, view[at:end]):
                    raise FileChanging(
                        f"{self.path} changed while it was read", "try again when its writer has finished"
                    )
                at = end

    def _ahead(self, start: int, length: int) -> bytes:
        """Some bytes of the file; who reads on from where the last ones ended gets them from memory."""
        first, held, last = self._held
        if not (first <= start and start + length <= first + len(held)):
            first, held = start, self._range(start, max(length, _AHEAD if start == last else 0))
        self._held = first, held, start + length
        return held[start - first : start - first + length]

    def _range(self, start: int, length: int) -> bytes:
        if self.entry.is_link:
            return self.read()
        with (self._root / self.path).open("rb") as file:
            file.seek(start)
            return file.read(length)
