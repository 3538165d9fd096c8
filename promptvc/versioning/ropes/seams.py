"""Where a file of lines is surely cut, found without what comes before: so its parts can be cut apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from xxhash import xxh3_64_intdigest

from promptvc.versioning.ropes.chunking import BLOCK, CHUNK_MAX, CHUNK_MIN, CUT_BELOW

LONGEST_LINE = 4 << 20
"""Bytes of a line beyond which no cut is looked for: the part goes on to the end of the file."""
Read = Callable[[int, int], bytes]
"""``read(offset, size)``: bytes of a file, fewer only at its end."""


def seams(read: Read, size: int, parts: int) -> list[tuple[int, int]]:
    """Divide a file at sure cuts into so many parts, or fewer: where each begins and ends."""
    at = [0, *(sure_cut(read, size * part // parts) or size for part in range(1, parts)), size]
    return [(start, stop) for start, stop in pairwise(at) if start < stop]


def sure_cut(read: Read, offset: int) -> int | None:
    """The first place from an offset on at which a file is surely cut; None where none is known up to its end.

    A line that asks for a cut gets one unless its chunk is too short by then. Where the line before that asked is at
    least `CHUNK_MIN` away, it is not: that one was cut at, or its chunk began before it. Nor may that one be so far
    away that a chunk which began a little before it was cut for its length.
    """
    asked: int | None = None
    for start, line in _lines(read, offset):
        end = start + len(line)
        if xxh3_64_intdigest(line) < len(line) * CUT_BELOW:
            if asked is not None and CHUNK_MIN <= end - asked <= CHUNK_MAX - CHUNK_MIN:
                return end
            asked = end
    return None


def _lines(read: Read, offset: int) -> Iterator[tuple[int, bytes]]:
    """The whole lines that begin behind an offset, each with its place; one that does not end is none."""
    rest, at, skipping = b"", offset, True
    while block := read(offset, BLOCK):
        offset += len(block)
        rest += block
        begin = 0
        while end := rest.find(b"\n", begin) + 1:
            if not skipping:
                yield at + begin, rest[begin:end]
            skipping, begin = False, end
        rest, at = rest[begin:], at + begin
        if len(rest) > LONGEST_LINE:
            return
