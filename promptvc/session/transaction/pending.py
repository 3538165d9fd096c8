"""Files as a transaction will write them: pieces of the store and new bytes, edited but not stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.table.edit import Edited
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Source
from promptvc.session.files.views import FileView
from promptvc.storage.objects import FILE
from promptvc.versioning.ropes.chunkrun import ChunkRun

_UNKNOWN_SIZE = 1 << 62


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file's chunk runs, each whole rows, and its mode."""

    path: RepoPath
    pieces: tuple[ChunkRun, ...]
    mode: int = FILE

    @classmethod
    def of_bytes(cls, path: RepoPath, data: bytes, mode: int = FILE) -> PendingFile:
        """A file that is given whole."""
        return cls(path, (_chunk_run(data),), mode)

    @classmethod
    def of_view(cls, file: FileView) -> PendingFile:
        """A file as it is in the store."""
        return cls(file.path, tuple(file.chunk_runs()), file.entry.mode)

    def edited(self, edit: Edited) -> PendingFile:
        """The file after an edit of its rows."""
        pieces = (piece if isinstance(piece, ChunkRun) else _chunk_run(piece) for piece in edit.pieces)
        return PendingFile(self.path, tuple(pieces), self.mode)

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""
        head = b""
        for piece in self.pieces:
            head += piece.load()
            if len(head) >= HEAD_SIZE:
                break
        return row_format(self.path, head[:HEAD_SIZE])

    def chunk_runs(self) -> list[ChunkRun]:
        """Its chunk runs of whole rows."""
        return list(self.pieces)

    def read(self) -> bytes:
        """Its bytes."""
        return b"".join(piece.load() for piece in self.pieces)

    def source(self) -> Source:
        """Its bytes for storing, a piece at a time."""
        return Source(_UNKNOWN_SIZE, _Reader(piece.load() for piece in self.pieces).read, self.mode)


class _Reader:
    """Reads blocks one after another, whatever size is asked for."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks: Iterator[bytes] = (block for block in blocks if block)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Some bytes, at most size; none at the end."""
        if not self._rest:
            self._rest = b"".join(islice(self._blocks, 64))
        made, self._rest = self._rest[:size], self._rest[size:]
        return made


def _chunk_run(data: bytes) -> ChunkRun:
    # New bytes have no name yet: one that no other chunk run has will do, and they are never compared by it.
    return ChunkRun(b"new:%d" % id(data), lambda: data, len(data))
