"""Content-defined chunking: where a row file is cut, and how unchanged chunk runs are recognised uncut.

The cut points depend on the bytes alone; docs/format.md is their specification, and the numbers here are part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from promptvc.versioning.ropes.chunklist import HEAD_LENGTH, ChunkList, head_print

CHUNK_MIN = 8 << 10
CHUNK_TARGET = 32 << 10
CHUNK_MAX = 256 << 10
CUT_BELOW = (1 << 64) // (CHUNK_TARGET - CHUNK_MIN)
"""A row of n bytes ends its chunk when its xxh3_64 is below n times this: chunks of a like size whatever the rows."""

_BLANK = 0x20
_OPENING = ord("{")
BLOCK = 1 << 20
"""Bytes of a file read at a time, and the most that are cut at a time."""


class Cutting(Struct, frozen=True):
    """What cutting must know of a row format: its row ends, how to count rows, and a name for its style.

    Two files of equal style have equal row ends wherever they have equal bytes between two row ends. With
    ``row_per_end`` every row end that begins with a visible byte ends one row, so that they need not be counted.
    """

    row_ends: Callable[[bytes, int], Iterator[int]]
    count: Callable[[bytes, bool], int]
    style: str
    row_per_end: bool = False


class Piece(NamedTuple):
    """A chunk just cut: its bytes, or its place in the known list when it was recognised (``data`` is empty then),
    which may stand for ``run`` known chunks one after another.

    ``broken``: it ends inside a row. ``firm``: its own last row made the cut, whatever follows. ``rows`` is how many
    rows end in it, where that is certain: each begins with a byte that is neither blank nor a control character.
    ``opened``: each of them begins with ``{``; None where that was not looked at.
    """

    data: bytes
    known: int = -1
    broken: bool = False
    firm: bool = False
    rows: int | None = None
    run: int = 1
    opened: bool | None = None


def cut(blocks: Iterable[bytes], cutting: Cutting, known: ChunkList | None = None) -> Iterator[Piece]:
    """Cut a file given in blocks of any size; memory is a few blocks, or the longest row.

    With the chunks of an earlier version at hand, a chunk run equal to one of them is not looked at row by row. No
    more blocks are taken than the pieces need that are asked for.
    """
    return _Cutter(
        blocks, cutting, known if known is not None and known.style == cutting.style else None
    ).run()


def cut_on(blocks: Iterable[bytes], cutting: Cutting) -> Iterator[Piece]:
    """`cut` for what follows a cut in the middle of a file."""
    cutter = _Cutter(blocks, cutting, None)
    # Offset 0 means the file's beginning to a row format, so one byte stands in front.
    cutter.begin_behind(b"\n")
    return cutter.run()


def file_blocks(read: Callable[[int], bytes], size: int = BLOCK) -> Iterator[bytes]:
    """The blocks of a file: what ``read(size)`` gives until it gives nothing."""
    return iter(lambda: read(size), b"")


class _Reader:
    """Reads blocks by size: small ones are joined, large ones come in parts."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._at = 0

    def read(self, least: int) -> bytes:
        """At least so many bytes, fewer only at the end; of large blocks not much more."""
        parts: list[bytes] = []
        size = 0
        while size < least:
            if self._at == len(self._block):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._block, self._at = block, 0
            part = self._block[self._at : self._at + max(BLOCK, least)]
            self._at += len(part)
            size += len(part)
            parts.append(part)
        return b"".join(parts)


class _Cutter:
    """A window on the file: ``start`` is where the chunk begins in it, ``row`` where the row under way begins."""

    def __init__(self, blocks: Iterable[bytes], cutting: Cutting, known: ChunkList | None) -> None:
        self._read, self._row_ends, self._known = _Reader(blocks).read, cutting.row_ends, known
        self._row_per_end = cutting.row_per_end
        self._data = b""
        self._start = self._row = 0
        self._ended = False
        self._expected = 0

    def begin_behind(self, data: bytes) -> None:
        self._data = data
        self._start = self._row = len(data)

    def run(self) -> Iterator[Piece]:
        while True:
            piece = self._recognise() if self._known and self._row == self._start else None
            if piece is not None:
                yield piece
                continue
            if not (yield from self._scan()):
                return

    def _scan(self) -> Generator[Piece, None, bool]:
        """Cut at the next row that asks for it; False once the file is at its end."""
        # Run once a row, a million times for a million rows: names are local, sums are done beforehand.
        data, start, row = self._data, self._start, self._row
        least, most, digest, below, blank, opening = (
            start + CHUNK_MIN,
            start + CHUNK_MAX,
            xxh3_64_intdigest,
            CUT_BELOW,
            _BLANK,
            _OPENING,
        )
        counted = opened = self._row_per_end and start == row and start > 0
        for rows, end in enumerate(self._row_ends(data, row), 1):
            if end > most:
                yield from self._break(row, end)
                start, counted, opened = self._start, False, False
                least, most = start + CHUNK_MIN, start + CHUNK_MAX
            if (byte := data[row]) != opening:
                opened = False
                if byte <= blank:
                    counted = False
            if end >= least and digest(data[row:end]) < (end - row) * below:
                self._start = self._row = end
                rows_known, opened_known = rows if counted else None, opened or None
                yield Piece(data[start:end], firm=True, rows=rows_known, opened=opened_known)
                return True
            row = end
        self._row = row
        if self._grow():
            return True
        yield from self._break(row, len(data))
        if self._start < len(data):
            yield Piece(data[self._start :])
        return False

    def _break(self, row: int, end: int) -> Iterator[Piece]:
        """Keep the chunk that holds the row up to ``end`` within `CHUNK_MAX`."""
        if end - self._start > CHUNK_MAX and row > self._start:
            yield self._take(row, broken=False)
        while end - self._start > CHUNK_MAX:
            yield self._take(self._start + CHUNK_MAX, broken=True)

    def _take(self, end: int, *, broken: bool) -> Piece:
        start, self._start = self._start, end
        return Piece(self._data[start:end], broken=broken)

    def _grow(self, least: int = 1) -> bool:
        """Read on; a row longer than the window doubles it, so that it is not scanned over and over."""
        if self._ended:
            return False
        # One byte stays in front, since offset 0 means the file's beginning to a row format.
        keep = max(0, min(self._start, self._row) - 1)
        held = len(self._data) - keep
        block = self._read(max(CHUNK_MIN, held if held > CHUNK_MAX else 0, least))
        if not block:
            self._ended = True
            return False
        self._data = self._data[keep:] + block
        self._start -= keep
        self._row -= keep
        return True

    def _recognise(self) -> Piece | None:
        """The known chunk that begins here, if one does."""
        assert self._known is not None
        place = self._match(self._expected)
        if place is None and self._fill(HEAD_LENGTH):
            head = head_print(self._data, self._start, self._known.seed)
            place = next((p for p in self._known.with_head(head) if self._match(p) is not None), None)
        if place is None:
            return None
        self._expected = place + 1
        self._start = self._row = self._start + self._known.lengths[place]
        return Piece(b"", known=place, firm=True)

    def _match(self, place: int) -> int | None:
        known = self._known
        assert known is not None
        if place >= len(known) or not known.reusable(place):
            return None
        length = known.lengths[place]
        if not self._fill(length):
            return None
        with memoryview(self._data) as view:
            return place if known.is_print(place, view[self._start : self._start + length]) else None

    def _fill(self, length: int) -> bool:
        """Have so many bytes from the chunk's start on in the window, if the file has them."""
        while len(self._data) - self._start < length:
            if not self._grow(length):
                return False
        return True
