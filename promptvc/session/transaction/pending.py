"""Files as a transaction will write them: pieces of the store and new bytes, edited but not stored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from msgspec import Struct

from promptvc.content.formats import row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.table.edit import Edited
from promptvc.ids import RepoPath
from promptvc.session.files.contents import head_of
from promptvc.session.files.views import FileView
from promptvc.storage.objects import FILE
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns, load_pieces
from promptvc.versioning.ropes.joined import Joined

_numbers = count()


class PendingFile(Struct, frozen=True):
    """A file's chunk runs, each whole rows, and its mode.

    ``unique_by`` is a key that surely no two of its rows share, None where that was not looked into.
    """

    path: RepoPath
    pieces: Sequence[ChunkRun]
    mode: int = FILE
    unique_by: tuple[str, ...] | None = None

    @classmethod
    def of_bytes(cls, path: RepoPath, data: bytes, mode: int = FILE) -> PendingFile:
        """A file that is given whole."""
        return cls(path, (_chunk_run(data),), mode)

    @classmethod
    def of_view(cls, file: FileView) -> PendingFile:
        """A file as it is in the store."""
        return cls(file.path, file.chunk_runs(), file.entry.mode)

    def edited(self, edit: Edited, unique_by: tuple[str, ...] | None = None) -> PendingFile:
        """The file after an edit of its rows."""
        parts = edit.pieces.parts if isinstance(edit.pieces, Joined) else (edit.pieces,)
        return PendingFile(self.path, Joined(map(_named, parts)), self.mode, unique_by)

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""
        return row_format(self.path, head_of(load_pieces(self.pieces)))

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows."""
        return self.pieces

    def read(self) -> bytes:
        """Its bytes."""
        return b"".join(load_pieces(self.pieces))


def _named(part: Sequence[ChunkRun | bytes]) -> Sequence[ChunkRun]:
    if isinstance(part, ChunkRuns):
        return part
    return [piece if isinstance(piece, ChunkRun) else _chunk_run(piece) for piece in part]


def _chunk_run(data: bytes) -> ChunkRun:
    # New bytes have no name yet: one that no other chunk run has will do, and they are never compared by it.
    return ChunkRun(b"new %012d" % next(_numbers), lambda: data, len(data))
