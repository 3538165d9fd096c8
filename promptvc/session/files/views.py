"""A file as diff and status look at it, whether it is in the store or among the working files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.kinds import FileKind, file_kind
from promptvc.errors import FileChanging
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.scan import Found, open_source
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.tree import FileEntry


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

    def read(self) -> bytes:
        """Its bytes."""

    def size(self) -> int:
        """Its size in bytes."""

    def chunk_runs(self) -> list[ChunkRun]:
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

    def read(self) -> bytes:
        """Its bytes."""
        return self._contents.read(self.entry)

    def size(self) -> int:
        """Its size in bytes."""
        return self._contents.size(self.entry)

    def chunk_runs(self) -> list[ChunkRun]:
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

    def read(self) -> bytes:
        """Its bytes."""
        with open_source(self._root, self._found) as source:
            return b"".join(source.blocks)

    def size(self) -> int:
        """Its size in bytes."""
        return self._found.stat.st_size

    def chunk_runs(self) -> list[ChunkRun]:
        """Its chunk runs of whole rows: the chunks that the store would keep, loaded from the file."""
        chunks = self._contents.chunk_list(self.entry.id)
        if not self.entry.is_rope or chunks is None:
            return [ChunkRun(self.entry.id.raw, self.read)]
        made, ids, start, end = [], b"", 0, 0
        for place, id in enumerate(chunks.ids):
            ids, end = ids + id.raw, end + chunks.lengths[place]
            if not chunks.broken(place):
                made.append(ChunkRun(ids, self._loader(start, end), end - start, chunks.rows[place]))
                ids, start = b"", end
        return made

    def count_rows(self) -> int:
        """How many rows it has."""
        chunks = self._contents.chunk_list(self.entry.id) if self.entry.is_rope else None
        if chunks is not None:
            return sum(chunks.rows)
        format = self.format
        return format.count(self.read(), True) if format else 0

    def _loader(self, start: int, end: int) -> Callable[[], bytes]:
        def load() -> bytes:
            data = self._range(start, end - start)
            if len(data) != end - start:
                raise FileChanging(
                    f"{self.path} changed while it was read", "try again when its writer has finished"
                )
            return data

        return load

    def _range(self, start: int, length: int) -> bytes:
        if self.entry.is_link:
            return self.read()
        with (self._root / self.path).open("rb") as file:
            file.seek(start)
            return file.read(length)
