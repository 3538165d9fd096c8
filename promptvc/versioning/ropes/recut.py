"""A rope cut again after an edit, without its chunk list: only what the edit changed is read."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from itertools import pairwise

from promptvc.ids import ObjectId
from promptvc.storage.objects import Kind
from promptvc.storage.packing import PackWriter
from promptvc.versioning.ropes.chunking import Cutting, cut, cut_on
from promptvc.versioning.ropes.chunkrun import ChunkRun, load_pieces
from promptvc.versioning.ropes.marker import MARKER
from promptvc.versioning.ropes.rope import Chunk, build_over

_ID = 20


class Recutter:
    """Writes edited versions of row files. What it finds out of a chunk run serves for every later version."""

    def __init__(self, writer: PackWriter) -> None:
        self._writer = writer
        self._firm: dict[tuple[bytes, bool, str], bool] = {}

    def write(self, pieces: Sequence[ChunkRun | bytes], cutting: Cutting, mode: int) -> tuple[ObjectId, bool]:
        """Write a row file given in pieces, each whole rows; gives its id, and whether it is a rope.

        The same as of the joined bytes.
        """
        chunks = list(self._chunks(pieces, cutting))
        if not chunks:
            return self._writer.add(Kind.BLOB, b""), False
        if len(chunks) == 1:
            return chunks[0].id, False
        self._writer.add(Kind.BLOB, MARKER)
        return build_over(chunks, partial(self._writer.add, Kind.TREE), mode), True

    def _chunks(self, pieces: Sequence[ChunkRun | bytes], cutting: Cutting) -> Iterator[Chunk]:
        at = 0
        while at < len(pieces):
            edited = next((n for n in range(at, len(pieces)) if isinstance(pieces[n], bytes)), len(pieces))
            start = edited
            while at < start < len(pieces) and not self._is_firm(pieces[start - 1], start == 1, cutting):
                start -= 1
            for piece in pieces[at:start]:
                yield from _chunks_of(piece)
            if start == len(pieces):
                return
            at = yield from self._cut(pieces, start, cutting)

    def _cut(
        self, pieces: Sequence[ChunkRun | bytes], start: int, cutting: Cutting
    ) -> Generator[Chunk, None, int]:
        """Cut from a piece on, until a cut falls where a chunk run begins; gives the number of that."""
        loaded = _Loaded(pieces, start)
        done = 0
        for piece in cut(loaded, cutting) if start == 0 else cut_on(loaded, cutting):
            yield Chunk(self._writer.add(Kind.BLOB, piece.data), piece.broken)
            done += len(piece.data)
            after = loaded.begins.get(done)
            if (
                piece.firm
                and after is not None
                and after < len(pieces)
                and isinstance(pieces[after], ChunkRun)
            ):
                return after
        return len(pieces)

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


class _Loaded:
    """The bytes of pieces from one on; ``begins`` says which piece begins at an offset."""

    def __init__(self, pieces: Sequence[ChunkRun | bytes], start: int) -> None:
        self._pieces, self._start = pieces, start
        self.begins: dict[int, int] = {}

    def __iter__(self) -> Iterator[bytes]:
        given = 0
        for after, data in enumerate(load_pieces(self._pieces[self._start :]), self._start + 1):
            given += len(data)
            self.begins[given] = after
            yield data


def _chunks_of(run: ChunkRun | bytes) -> Iterator[Chunk]:
    assert isinstance(run, ChunkRun)
    if len(run.id) == _ID:
        yield Chunk(ObjectId(run.id.hex()), False)
        return
    ids = [ObjectId(run.id[at : at + _ID].hex()) for at in range(0, len(run.id), _ID)]
    for id, following in pairwise([*ids, None]):
        yield Chunk(ObjectId(id or ""), following is not None)
