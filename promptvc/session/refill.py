"""A working file written from the one that it replaces: what stays is copied, only new chunks come from the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import accumulate

from promptvc.ids import ObjectId
from promptvc.versioning.chunklist import ChunkList

_MOST = 4 << 20
"""Bytes copied at once, where the system does not copy by itself."""


def refill(
    source: int, target: int, old: ChunkList, new: ChunkList, load: Callable[[ObjectId], bytes]
) -> None:
    """Write the chunks ``new`` to an open file; ``source``, another one, holds those in ``old``.

    Raises `EOFError` where source is shorter than it should be.
    """
    starts = [0, *accumulate(old.lengths)]
    at_offset = dict(zip(starts, old.ids, strict=False))
    offset_of = dict(zip(reversed(old.ids), reversed(starts[:-1]), strict=True))
    start = stop = 0  # a stretch of source that is to be copied
    for id, length in zip(new.ids, new.lengths, strict=True):
        offset = stop if at_offset.get(stop) == id else offset_of.get(id)
        if offset != stop:
            _copy(source, target, start, stop)
            start = stop = offset or 0
        if offset is None:
            _write(target, load(id))
        else:
            stop += length
    _copy(source, target, start, stop)


def _copy(source: int, target: int, start: int, stop: int) -> None:
    while start < stop:
        copied = _send(source, target, start, stop - start)
        if not copied:
            raise EOFError
        start += copied


def _send(source: int, target: int, start: int, count: int) -> int:
    """Copy some bytes; gives how many."""
    try:
        return os.sendfile(
            target, source, start, count
        )  # Linux copies from file to file; others only to sockets
    except (AttributeError, OSError):
        data = os.pread(source, min(count, _MOST), start)
        _write(target, data)
        return len(data)


def _write(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
