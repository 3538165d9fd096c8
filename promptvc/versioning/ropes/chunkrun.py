"""A chunk run: whole rows of a file, loadable on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple, overload

from promptvc.ids import ObjectId
from promptvc.versioning.ropes.chunklist import ID, split


class ChunkRun(NamedTuple):
    """A run of whole rows: one chunk of a rope, several where a row spans them, or a whole small file.

    The chunk runs of a file, joined in order, are its bytes. Equal ids mean equal bytes; the converse
    holds only for whole files. ``rows`` is the number of rows where it is already known, else None.
    """

    id: bytes
    load: Callable[[], bytes]
    length: int | None = None
    rows: int | None = None

    @property
    def is_stored(self) -> bool:
        """Whether it is named by the blobs it is, or will be, stored in."""
        return bool(self.id) and len(self.id) % 20 == 0

    @property
    def blobs(self) -> list[ObjectId]:
        """The blobs of its chunks, for one that is stored."""
        return [ObjectId(self.id[at : at + 20].hex()) for at in range(0, len(self.id), 20)]


class ChunkRuns(Sequence[ChunkRun]):
    """Chunk runs of one chunk each, made as they are asked for: of a large table few are, mostly.

    ``load(id)`` gives the bytes of a chunk by its 20-byte id, ``span(start, stop)`` those of chunks side by side.
    """

    def __init__(
        self,
        ids: bytes,
        lengths: Sequence[int],
        rows: Sequence[int],
        load: Callable[[bytes], bytes],
        span: Callable[[int, int], bytes] | None = None,
    ) -> None:
        self.ids, self._lengths, self._rows, self._load = ids, lengths, rows, load
        self._span = span

    def __len__(self) -> int:
        return len(self._lengths)

    def places(self, id: bytes) -> list[int]:
        """Where a chunk is, by its 20-byte id; rising."""
        found, at = [], self.ids.find(id)
        while at >= 0:
            if at % ID == 0:
                found.append(at // ID)
            at = self.ids.find(id, at + 1)
        return found

    def load_span(self, start: int, stop: int) -> bytes:
        """The bytes of chunk runs side by side, in one go where that is possible."""
        if self._span is not None:
            return self._span(start, stop)
        return b"".join([self[place].load() for place in range(start, stop)])

    @property
    def row_count(self) -> int:
        """The rows of all."""
        return sum(self._rows)

    @property
    def row_counts(self) -> Sequence[int]:
        """The rows of each."""
        return self._rows

    @overload
    def __getitem__(self, at: int) -> ChunkRun: ...

    @overload
    def __getitem__(self, at: slice) -> ChunkRuns: ...

    def __getitem__(self, at: int | slice) -> ChunkRun | ChunkRuns:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            assert step == 1
            ids = self.ids[start * ID : stop * ID]
            return ChunkRuns(ids, self._lengths[start:stop], self._rows[start:stop], self._load)
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(at)
        id = self.ids[place * ID : (place + 1) * ID]
        return ChunkRun(id, partial(self._load, id), self._lengths[place], self._rows[place])

    def __iter__(self) -> Iterator[ChunkRun]:
        ids = split(self.ids, ID)
        columns = zip(ids, map(partial, repeat(self._load), ids), self._lengths, self._rows, strict=True)
        return map(partial(tuple.__new__, ChunkRun), columns)  # as `ChunkRun(*each)`, in a third of the time


def load_pieces(pieces: Iterable[ChunkRun | bytes]) -> Iterator[bytes]:
    """The bytes of chunk runs, loaded one after another, and of what is between them."""
    for piece in pieces:
        yield piece.load() if isinstance(piece, ChunkRun) else piece
