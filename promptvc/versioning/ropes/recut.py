"""A rope cut again after an edit, without its chunk list: only what the edit changed is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from promptvc.ids import ObjectId
from promptvc.storage.objects import Kind
from promptvc.storage.packing import PackWriter
from promptvc.versioning.ropes.chunking import Cutting, Piece, cut, cut_on
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.join import cut_until
from promptvc.versioning.ropes.marker import MARKER
from promptvc.versioning.ropes.rope import Chunk, build_over


class Recutter:
    """Writes edited versions of row files. What it finds out of a chunk run serves for every later version."""

    def __init__(self, writer: PackWriter) -> None:
        self._writer = writer
        self._firm: dict[tuple[bytes, bool, str], bool] = {}

    def write(self, pieces: Sequence[ChunkRun | bytes], cutting: Cutting, mode: int) -> tuple[ObjectId, bool]:
        """Write a row file given in pieces, each whole rows; gives its id, and whether it is a rope.

        The same as of the joined bytes.
        """
        chunks = [chunk for part in self._parts(pieces, cutting) for chunk in self._chunks(part)]
        if not chunks:
            return self._writer.add(Kind.BLOB, b""), False
        if len(chunks) == 1:
            return chunks[0].id, False
        self._writer.add(Kind.BLOB, MARKER)
        return build_over(chunks, partial(self._writer.add, Kind.TREE), mode), True

    def _parts(
        self, pieces: Sequence[ChunkRun | bytes], cutting: Cutting
    ) -> Iterator[Piece | ChunkRun | bytes]:
        """Chunk runs that stay, and what is cut again."""
        at = 0
        while at < len(pieces):
            edited = next((n for n in range(at, len(pieces)) if isinstance(pieces[n], bytes)), len(pieces))
            start = edited
            while at < start < len(pieces) and not self._is_firm(pieces[start - 1], start == 1, cutting):
                start -= 1
            yield from pieces[at:start]
            if start == len(pieces):
                return
            at = yield from cut_until(pieces, start, cutting, lambda at: isinstance(pieces[at], ChunkRun))

    def _chunks(self, part: Piece | ChunkRun | bytes) -> Iterator[Chunk]:
        if isinstance(part, Piece):
            yield Chunk(self._writer.add(Kind.BLOB, part.data), part.broken)
            return
        assert isinstance(part, ChunkRun)
        *broken, last = part.blobs
        yield from (Chunk(id, True) for id in broken)
        yield Chunk(last, False)

    def _is_firm(self, piece: ChunkRun | bytes, first: bool, cutting: Cutting) -> bool:
        """Whether a chunk run ends where it does whatever follows: its own last row made the cut."""
        if isinstance(piece, bytes):
            return False
        known = (piece.id, first, cutting.style)
        if known not in self._firm:
            data = piece.load()
            cuts = list(cut([data], cutting) if first else cut_on([data], cutting))
            self._firm[known] = bool(cuts) and cuts[-1].firm
        return self._firm[known]
