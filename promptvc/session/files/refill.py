"""A working file written from the one that it replaces: what stays is copied, only new chunks come from the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate

from promptvc.ids import ObjectId
from promptvc.versioning.ropes.chunklist import ChunkList

_BUFFER = 64 << 10
"""Bytes written at once, at multiples of it: whole pages; much larger writes wait for much memory in one piece."""

_WINDOW = 2 << 20
"""Bytes of the old file after which their memory is released: the file is about to be replaced."""


def refill(
    source: int, target: int, old: ChunkList, new: ChunkList, load: Callable[[ObjectId], bytes]
) -> None:
    """Write the chunks ``new`` to an open file; ``source``, another one, holds those in ``old``.

    Raises `EOFError` where source is shorter than it should be.
    """
    starts = [0, *accumulate(old.lengths)]
    old_ids = old.raw_ids()
    at_offset = dict(zip(starts, old_ids, strict=False))
    offset_of = dict(zip(reversed(old_ids), reversed(starts[:-1]), strict=True))
    out = _Out(target)
    start = stop = 0  # a chunk run of source that is to be copied
    for id, length in zip(new.raw_ids(), new.lengths, strict=True):
        offset = stop if at_offset.get(stop) == id else offset_of.get(id)
        if offset != stop:
            out.copy(source, start, stop)
            start = stop = offset or 0
        if offset is None:
            out.write(load(ObjectId.from_raw(id)))
        else:
            stop += length
    out.copy(source, start, stop)
    out.flush()


class _Out:
    """A file written through one buffer, into which other files are read."""

    def __init__(self, target: int) -> None:
        self._target, self._buffer, self._used = target, memoryview(bytearray(_BUFFER)), 0
        self._let_go = 0

    def copy(self, source: int, start: int, stop: int) -> None:
        """Write a part of another file."""
        if stop - start >= _WINDOW:
            start = self._copy_within(source, start, stop)
        while start < stop:
            room = self._buffer[self._used :][: stop - start]
            count = os.preadv(source, [room], start)
            if not count:
                raise EOFError
            start += count
            self._add(count)
            if start - self._let_go > _WINDOW:
                _let_go(source, self._let_go, start)
                self._let_go = start

    def _copy_within(self, source: int, start: int, stop: int) -> int:
        """Have the system copy, which may share what both have on disk (copy_file_range(2)); gives how far it came."""
        self.flush()
        try:
            while start < stop:
                count = os.copy_file_range(source, self._target, min(stop - start, _WINDOW), start)
                if not count:
                    raise EOFError
                _let_go(source, start, start + count)
                start += count
        except (AttributeError, OSError):
            pass  # not on this system, or not between these files
        self._let_go = start
        return start

    def write(self, data: bytes) -> None:
        """Write bytes."""
        rest = memoryview(data)
        while rest:
            count = min(len(rest), _BUFFER - self._used)
            self._buffer[self._used : self._used + count] = rest[:count]
            rest = rest[count:]
            self._add(count)

    def flush(self) -> None:
        """Hand on what is not yet written."""
        rest = self._buffer[: self._used]
        while rest:
            rest = rest[os.write(self._target, rest) :]
        self._used = 0

    def _add(self, count: int) -> None:
        self._used += count
        if self._used == _BUFFER:
            self.flush()


def _let_go(source: int, start: int, stop: int) -> None:
    """Tell the system that a part of a file is not needed in memory any more, which new pages can then take."""
    with suppress(AttributeError, OSError):
        os.posix_fadvise(source, start, stop - start, os.POSIX_FADV_DONTNEED)
