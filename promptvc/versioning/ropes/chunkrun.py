"""A chunk run: whole rows of a file, loadable on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from promptvc.ids import ObjectId


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
    def blobs(self) -> list[ObjectId]:
        """The blobs of its chunks, for one that is stored."""
        return [ObjectId(self.id[at : at + 20].hex()) for at in range(0, len(self.id), 20)]


def load_pieces(pieces: Iterable[ChunkRun | bytes]) -> Iterator[bytes]:
    """The bytes of chunk runs, loaded one after another, and of what is between them."""
    for piece in pieces:
        yield piece.load() if isinstance(piece, ChunkRun) else piece
