"""A rope written from pieces of an earlier one: chunks that stay are taken over unread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from promptvc.versioning.ropes.chunking import Cutting, Piece, cut, cut_on
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.chunkrun import ChunkRun, load_pieces
from promptvc.versioning.ropes.joined import chunk_ids
from promptvc.versioning.ropes.rope import Watch, Written, write_cut

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

_Places = Mapping[bytes, Sequence[int]]


def write_pieces(
    pieces: Sequence[ChunkRun | bytes],
    cutting: Cutting,
    writer: PackWriter | None,
    known: ChunkList,
    *,
    seed: int = 0,
    mode: int,
    watch: Watch | None = None,
) -> Written:
    """Write a row file that is given in pieces, each whole rows; the same as `write_rows` of the joined bytes.

    ``known`` are the chunks of the version that most chunk runs come from.
    """
    found = _cut(pieces, cutting, known)
    return write_cut(found, cutting, writer, known, seed=seed, mode=mode, watch=watch)


def _cut(pieces: Sequence[ChunkRun | bytes], cutting: Cutting, known: ChunkList) -> Iterator[Piece]:
    """Known chunks where a piece begins that is one; else cut until a cut falls on such a piece."""
    ids = chunk_ids(pieces)
    known_ids = known.raw_ids()
    places = _places(known_ids)

    def is_known(at: int) -> bool:
        return _place(pieces[at], False, places, known) is not None

    at = 0
    while at < len(pieces):
        place = _place(pieces[at], at == 0, places, known)
        if place is not None:
            count = _run(ids, at, known_ids, place, known)
            yield Piece(b"", known=place, firm=True, run=count)
            at += count
            continue
        at = yield from cut_until(pieces, at, cutting, is_known)


def _run(ids: list[bytes], at: int, known_ids: list[bytes], place: int, known: ChunkList) -> int:
    """How many pieces from here on are known chunks one after another, all of them sure to be cut so."""
    most = known.reusable_from(place)
    size = count = 1
    while size and count < most:
        size = min(size, most - count)
        start, other = at + count, place + count
        if ids[start : start + size] == known_ids[other : other + size]:
            count += size
            size *= 2
        else:
            size //= 2
    return count


def cut_until(
    pieces: Sequence[ChunkRun | bytes], start: int, cutting: Cutting, ends: Callable[[int], bool]
) -> Generator[Piece, None, int]:
    """Cut from a piece on, until a cut that is firm falls where a piece begins that ``ends``; gives its number."""
    loaded = _Loaded(pieces, start)
    found = cut(loaded, cutting) if start == 0 else cut_on(loaded, cutting)
    done = 0
    for piece in found:
        yield piece
        done += len(piece.data)
        at = loaded.begins(done)
        if piece.firm and at is not None and ends(at):
            return at
    return len(pieces)


class _Loaded:
    """The bytes of pieces from one on, loaded when they are asked for; knows where each began."""

    def __init__(self, pieces: Sequence[ChunkRun | bytes], start: int) -> None:
        self._pieces, self._start = pieces, start
        self._starts = {0: start}

    def __iter__(self) -> Iterator[bytes]:
        given = 0
        pieces = (self._pieces[at] for at in range(self._start, len(self._pieces)))
        for after, data in enumerate(load_pieces(pieces), self._start + 1):
            given += len(data)
            self._starts[given] = after
            yield data

    def begins(self, offset: int) -> int | None:
        """The piece that begins at an offset; None where none does, and at the end."""
        at = self._starts.get(offset)
        return at if at is not None and at < len(self._pieces) else None


def _places(known_ids: list[bytes]) -> _Places:
    last = {id: place for place, id in enumerate(known_ids)}
    if len(last) == len(known_ids):
        return {id: (place,) for id, place in last.items()}
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for place, id in enumerate(known_ids):
        places[id].append(place)
    return dict(places)


def _place(piece: ChunkRun | bytes, first: bool, places: _Places, known: ChunkList) -> int | None:
    """The known chunk that a piece is, if it is sure to be cut so. The first of a file stays the first."""
    if not isinstance(piece, ChunkRun):
        return None
    for place in places.get(piece.id, ()):
        if known.reusable(place) and (place == 0) == first:
            return place
    return None
