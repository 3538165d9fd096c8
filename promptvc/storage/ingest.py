"""A pack received from elsewhere: spooled, checked, indexed, and only then made visible."""

from __future__ import annotations

import mmap
import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from types import TracebackType

from isal import isal_zlib

from promptvc.errors import ObjectDamaged, TransferFailed
from promptvc.ids import ObjectId
from promptvc.storage.files import disk_errors
from promptvc.storage.git import apply_delta
from promptvc.storage.objects import Kind, raw_id
from promptvc.storage.packing import open_temporary, publish
from promptvc.storage.packs import (
    MOST_EXPANDED,
    OFS_DELTA,
    REF_DELTA,
    IsalError,
    read_distance,
    read_entry_header,
)

LEAST_MADE, MOST_GROWTH = 32 << 30, 1000
"""Bytes that the deltas of a pack may make: so many, or so many times the bytes of the pack."""
MOST_HELD = 2 << 30
"""Bytes of the bases that wait for one delta to be made."""
_HEADER, _TRAILER = 12, 20
_LEAST = 8
"""Bytes of the smallest object in a pack: its header and an empty zlib stream, whatever it is."""


class PackReceiver:
    """Takes the bytes of a pack as they arrive; `finish` indexes them. Thin packs are not accepted."""

    def __init__(self, folder: Path, published: Callable[[Path], None] = lambda index: None) -> None:
        self._folder, self._published = folder, published
        with disk_errors(folder):
            self._file = open_temporary(folder)
        self.size = 0

    def __enter__(self) -> PackReceiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Spool some more bytes."""
        with disk_errors(self._folder):
            self._file.write(data)
        self.size += len(data)

    def finish(self) -> list[ObjectId]:
        """Check and index the pack, then make it visible; gives the ids of its objects, none if it was empty.

        Raises `TransferFailed` when bytes are missing or damaged.
        """

        if self.size == 0:
            return []
        with disk_errors(self._folder):
            self._file.flush()
            os.fsync(self._file.fileno())
        data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            entries, checksum = index_pack(data)
        finally:
            with suppress(BufferError):  # an error on its way out holds a part of it
                data.close()
        if entries:
            with disk_errors(self._folder):
                index = publish(Path(self._file.name), entries, checksum)
            self._published(index)
        return [ObjectId.from_raw(raw) for raw, _, _ in entries]


def index_pack(data: mmap.mmap) -> tuple[list[tuple[bytes, int, int]], bytes]:
    """The sorted (20-byte id, offset, crc32) of every object in a pack, and the pack's checksum."""
    with memoryview(data) as view:
        try:
            checksum = _checked(view)
            scan = _Scan(view)
            scan.run(int.from_bytes(view[8:12], "big"))
        except (IsalError, IndexError, ValueError, EOFError, ObjectDamaged, MemoryError) as error:
            raise TransferFailed(
                f"the received objects are damaged or incomplete{_why(error)}", "try again"
            ) from error
    return sorted(scan.entries), checksum


def _why(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return ": there is no memory for what they claim to be"
    return f": {error.message}" if isinstance(error, ObjectDamaged) else ""


def _checked(view: memoryview) -> bytes:
    if bytes(view[:8]) != b"PACK\0\0\0\2":
        raise ValueError("not a pack")
    checksum = bytes(view[-_TRAILER:])
    if sha1(view[:-_TRAILER], usedforsecurity=False).digest() != checksum:
        raise ValueError("wrong checksum")
    return checksum


@dataclass(slots=True)
class _Scan:
    """Walks the entries of a pack once, then resolves deltas from their bases outwards."""

    view: memoryview
    entries: list[tuple[bytes, int, int]] = field(default_factory=list)
    whole: list[tuple[bytes, int]] = field(default_factory=list)
    crcs: dict[int, int] = field(default_factory=dict)
    by_offset: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_id: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    made: int = 0

    def run(self, count: int) -> None:
        if count > len(self.view) // _LEAST:
            raise ValueError("more objects than there are bytes for")
        at = _HEADER
        for _ in range(count):
            at = self._scan_entry(at)
        if at != len(self.view) - _TRAILER:
            raise ValueError("bytes left over")
        if self.by_offset or self.by_id:
            self._resolve_deltas()
        if len(self.entries) != count:
            raise ValueError("a delta's base is missing")

    def _scan_entry(self, offset: int) -> int:
        """Record the entry at offset; gives where the next one begins."""
        number, size, at = read_entry_header(self.view, offset)
        if number == OFS_DELTA:
            distance, at = read_distance(self.view, at)
            self.by_offset[offset - distance].append(offset)
        elif number == REF_DELTA:
            self.by_id[bytes(self.view[at : at + 20])].append(offset)
            at += 20
        data, end = _inflate(self.view, at, size)
        self.crcs[offset] = isal_zlib.crc32(self.view[offset:end])
        if number not in (OFS_DELTA, REF_DELTA):
            self._record(raw_id(Kind(number), data), offset)
        return end

    def _record(self, raw: bytes, offset: int) -> None:
        self.entries.append((raw, offset, self.crcs[offset]))
        self.whole.append((raw, offset))

    def _resolve_deltas(self) -> None:
        for raw, offset in list(self.whole):
            if not self.by_offset.get(offset) and not self.by_id.get(raw):
                continue
            number, size, at = read_entry_header(self.view, offset)
            self._resolve_from(raw, offset, Kind(number), _inflate(self.view, at, size)[0])

    def _resolve_from(self, raw: bytes, offset: int, kind: Kind, data: bytes) -> None:
        """Depth first, and each made when its turn comes, so that only one chain of bases is in memory at a time."""
        frames = [(self._children(raw, offset), data)]
        held = len(data)
        while frames:
            children, base = frames[-1]
            child = children.pop()
            if not children:
                frames.pop()
                held -= len(base)
            made = apply_delta(base, self._delta_at(child))
            self._count(len(made), held)
            name = raw_id(kind, made)
            self._record(name, child)
            below = self._children(name, child)
            if below:
                frames.append((below, made))
                held += len(made)

    def _count(self, size: int, held: int) -> None:
        """Bound the work that a small pack can ask for, and the memory."""
        self.made += size
        if held > MOST_HELD or self.made > max(LEAST_MADE, MOST_GROWTH * len(self.view)):
            raise ObjectDamaged("its deltas make more bytes than are taken")

    def _children(self, raw: bytes, offset: int) -> list[int]:
        return self.by_offset.pop(offset, []) + self.by_id.pop(raw, [])

    def _delta_at(self, offset: int) -> bytes:
        number, size, at = read_entry_header(self.view, offset)
        at = read_distance(self.view, at)[1] if number == OFS_DELTA else at + 20
        return _inflate(self.view, at, size)[0]


def _inflate(view: memoryview, at: int, size: int) -> tuple[bytes, int]:
    """(data, where the stream ends) of the zlib stream at ``at``, which gives size bytes, and no more are made."""
    if size > (len(view) - at) * MOST_EXPANDED:
        raise ObjectDamaged(f"an object claims {size} bytes, more than it can have")
    stream = isal_zlib.decompressobj()
    step = size + (size >> 3) + 64
    out = b""
    while not stream.eof and len(out) <= size:
        piece = view[at : at + step]
        if not piece:
            raise ValueError("the stream is cut off")
        out += stream.decompress(piece, size + 1 - len(out))
        at += len(piece)
    if len(out) != size:
        raise ValueError("wrong size")
    return out, at - len(stream.unused_data)
