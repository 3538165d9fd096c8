"""The bytes of many rows by number: in memory while they are few, then in a temporary file."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from weakref import finalize

HELD = 8 << 20
"""Bytes of rows to keep in memory; of a table that has more, a row is read when it is asked for."""
_AHEAD = 1 << 16


class Bodies(Mapping[int, bytes]):
    """Rows by number, rising. Those of a large table can be read again and again without all being in memory.

    The file has no name, and goes with the object. Any number of threads may read; one adds.
    """

    def __init__(self) -> None:
        self._held: dict[int, bytes] | None = {}
        self._size = 0
        self._count = 0
        self._file = -1
        self._ends = array("Q", [0])  # where rows end in the file, in the order they were added
        self._starts: list[int] = []  # the first number of each run of numbers without a gap
        self._first: list[int] = []  # and its place among all rows
        self._block = (0, b"")
        self._span = (0, 0, 0)  # the run of numbers that was asked for last: its ends, and its first place

    @property
    def is_held(self) -> bool:
        """Whether all rows are in memory."""
        return self._held is not None

    def add(self, start: int, bodies: Sequence[bytes]) -> None:
        """Enter rows from number ``start`` on; it is behind all those before."""
        if not bodies:
            return
        if not self._starts or start != self._starts[-1] + self._count - self._first[-1]:
            self._starts.append(start)
            self._first.append(self._count)
        self._count += len(bodies)
        self._span = (0, 0, 0)
        self._size += sum(map(len, bodies))
        if self._held is not None:
            self._held.update(enumerate(bodies, start))
            if self._size > HELD:
                rows, self._held = list(self._held.values()), None
                self._write(rows)
        else:
            self._write(bodies)

    def __getitem__(self, number: int) -> bytes:
        if self._held is not None:
            return self._held[number]
        place = self._place(number)
        if place is None:
            raise KeyError(number)
        return self._read(self._ends[place], self._ends[place + 1])

    def __contains__(self, number: object) -> bool:
        if self._held is not None:
            return number in self._held
        return isinstance(number, int) and self._place(number) is not None

    def __iter__(self) -> Iterator[int]:
        stops = [*self._first[1:], self._count]
        for start, first, stop in zip(self._starts, self._first, stops, strict=False):
            yield from range(start, start + stop - first)

    def __len__(self) -> int:
        return self._count

    def _place(self, number: int) -> int | None:
        """Where a row is among all."""
        start, end, first = self._span
        if start <= number < end:
            return first + number - start
        span = bisect_right(self._starts, number) - 1
        if span < 0:
            return None
        stop = self._first[span + 1] if span + 1 < len(self._first) else self._count
        start, first = self._starts[span], self._first[span]
        self._span = start, start + stop - first, first
        place = first + number - start
        return place if place < stop else None

    def _read(self, start: int, stop: int) -> bytes:
        """Bytes of the file. What follows the bytes read last is read ahead."""
        at, block = self._block
        if start < at or stop > at + len(block):
            ahead = max(stop - start, _AHEAD if at <= start <= at + len(block) + _AHEAD else 0)
            self._block = at, block = start, os.pread(self._file, ahead, start)
        return block[start - at : stop - at]

    def _write(self, bodies: Sequence[bytes]) -> None:
        if self._file < 0:
            from tempfile import TemporaryFile  # 6 ms that a small change need not pay

            with TemporaryFile(buffering=0) as file:
                self._file = os.dup(file.fileno())
            finalize(self, os.close, self._file)
        end = self._ends[-1]
        data = memoryview(b"".join(bodies))
        self._ends.extend(end + length for length in accumulate(map(len, bodies)))
        while data:
            written = os.pwrite(self._file, data, end)
            data, end = data[written:], end + written


def equality_tokens(before: Bodies, after: Bodies) -> tuple[Mapping[int, Hashable], Mapping[int, Hashable]]:
    """For the rows of both sides what is equal where their bytes are: the bytes, or digests of many."""
    if before._held is not None and after._held is not None:
        return before._held, after._held
    return _digests(before), _digests(after)


def _digests(bodies: Bodies) -> dict[int, bytes]:
    return {number: blake2b(body, digest_size=20).digest() for number, body in bodies.items()}
