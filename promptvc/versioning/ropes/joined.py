"""Pieces of a file in parts: chunk runs that stay side by side are one part, however many they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import TypeAlias, TypeVar, overload

from promptvc.versioning.ropes.chunklist import ID, split
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns

Pieces: TypeAlias = "Sequence[ChunkRun | bytes]"
"""What a file is written from, each whole rows: chunk runs that stay, and new bytes."""

_Piece = TypeVar("_Piece", covariant=True)


class Joined(Sequence[_Piece]):
    """Sequences one after another as one; of `ChunkRuns` among them no piece is made before it is asked for."""

    def __init__(self, parts: Iterable[Sequence[_Piece]]) -> None:
        self.parts = tuple(part for part in parts if len(part))
        self._starts = [0, *accumulate(map(len, self.parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, at: int) -> _Piece: ...

    @overload
    def __getitem__(self, at: slice) -> Joined[_Piece]: ...

    def __getitem__(self, at: int | slice) -> _Piece | Joined[_Piece]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            assert step == 1
            return Joined(self._cut(start, stop))
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(at)
        part, within = self.locate(place)
        return self.parts[part][within]

    def __iter__(self) -> Iterator[_Piece]:
        return chain.from_iterable(self.parts)

    def locate(self, place: int) -> tuple[int, int]:
        """The part that a piece is in, and its place there."""
        part = bisect_right(self._starts, place) - 1
        return part, place - self.start(part)

    def start(self, part: int) -> int:
        """The place of a part's first piece."""
        return self._starts[part]

    def _cut(self, start: int, stop: int) -> Iterator[Sequence[_Piece]]:
        if start >= stop:
            return
        (first, begin), (last, end) = self.locate(start), self.locate(stop - 1)
        for part in range(first, last + 1):
            whole = self.parts[part]
            yield whole[begin if part == first else 0 : end + 1 if part == last else len(whole)]


class Parts:
    """Collects the parts of a file: sequences of pieces, and single ones."""

    def __init__(self) -> None:
        self._made: list[Sequence[ChunkRun | bytes]] = []

    def take(self, pieces: Sequence[ChunkRun]) -> None:
        """Add pieces that stay as they are."""
        self._made += pieces.parts if isinstance(pieces, Joined) else [pieces]

    def put(self, piece: ChunkRun | bytes) -> None:
        """Add one piece."""
        self._made.append([piece])

    def joined(self) -> Joined[ChunkRun | bytes]:
        """All of them."""
        return Joined(self._made)


def chunk_ids(pieces: Pieces) -> list[bytes]:
    """The ids of chunk runs; of bytes that are no chunk run yet, nothing."""
    if isinstance(pieces, Joined):
        return [*chain.from_iterable(map(chunk_ids, pieces.parts))]
    if isinstance(pieces, ChunkRuns):
        return split(pieces.ids, ID)
    return [piece.id if isinstance(piece, ChunkRun) else b"" for piece in pieces]


def row_counts(chunk_runs: Sequence[ChunkRun]) -> list[int | None]:
    """How many rows each chunk run has, None where it is not known yet."""
    if isinstance(chunk_runs, Joined):
        return [*chain.from_iterable(map(row_counts, chunk_runs.parts))]
    if isinstance(chunk_runs, ChunkRuns):
        return [*chunk_runs.row_counts]
    return [run.rows for run in chunk_runs]
