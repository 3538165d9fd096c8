"""One pack, written: compress in threads, fsync, index last, so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, TypeVar

from isal import isal_zlib
from msgspec import Struct

from promptvc.ids import ObjectId
from promptvc.storage.files import disk_errors, sync_folder
from promptvc.storage.git import write_pack_index
from promptvc.storage.objects import Kind, linked_ids, raw_id
from promptvc.storage.packs import OFS_DELTA, PackedObject

LEVEL = 2
"""isal's level: the ratio of zlib 2 at four times the speed of zlib 1 (docs/adr/0004-packs.md)."""
PATIENT_BYTES = 256 << 10
"""So many bytes of a pack are compressed as well as zlib can: a small commit pays 10 ms and keeps 5 % of space."""
BATCH = 1 << 20
"""Bytes handed to a thread at a time."""
THREADS = 2

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class HalfPack(Struct, frozen=True):
    """A pack that is complete on disk, under a name under which nobody looks for it."""

    path: str
    entries: list[tuple[bytes, int, int]]
    """(20-byte id, offset, crc32) of each object, sorted."""
    checksum: bytes


class PackWriter:
    """Collects new objects in one pack. Nothing is visible before `finish`; `abort` leaves no trace.

    ``known(raw)`` says which objects need not be written, ``need(raw)`` raises for one that is not in the store, and
    ``without(raws)`` gives those of many that may not be. ``publish(index)`` is called with the index of the finished
    pack. ``while_open`` is entered with the writer. ``temporary`` is an empty file to write to.
    """

    def __init__(
        self,
        folder: Path,
        known: Callable[[bytes], bool],
        *,
        threads: int = THREADS,
        temporary: Path | None = None,
        while_open: AbstractContextManager[None] | None = None,
        publish: Callable[[Path], None] = lambda index: None,
        need: Callable[[bytes], None] = lambda raw: None,
        without: Callable[[set[bytes]], set[bytes]] = lambda raws: raws,
    ) -> None:
        self._folder, self._known, self._need, self._without = folder, known, need, without
        self._while_open, self._publish = while_open or nullcontext(), publish
        self._written: dict[bytes, tuple[int, int]] = {}  # id -> (offset, crc32)
        self._linked: set[bytes] = set()  # what new trees, commits and tags name
        self._adopted: list[HalfPack] = []
        self._file: IO[bytes] | None = None
        self._at, self._threads, self._temporary = 0, threads, temporary
        self._patience, self._counting = PATIENT_BYTES, Lock()

    def __enter__(self) -> PackWriter:
        self._while_open.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.abort()  # without effect once finished
        finally:
            self._while_open.__exit__(kind, error, trace)

    @property
    def count(self) -> int:
        """How many objects were written so far."""
        return len(self._written)

    def has(self, raw: bytes) -> bool:
        """Whether the object is already in the store or in this pack."""
        return raw in self._written or self._known(raw)

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        """Write one object unless it is there; gives its name."""
        raw = raw_id(kind, data)
        if not self.has(raw):
            self._append(raw, kind, len(data), self._compress(data))
            if kind is not Kind.BLOB:
                self._linked.update(linked_ids(kind, data))
        return ObjectId(raw.hex())

    def add_blobs(self, blobs: Iterable[bytes]) -> Iterator[ObjectId]:
        """Write many blobs, hashing and compressing in threads; gives their names in order.

        Memory stays within a few times `BATCH`, however many there are.
        """
        batches = _batches(blobs)
        for done in _in_threads(self._deflate, batches) if self._threads > 1 else map(self._deflate, batches):
            with disk_errors(self._folder):
                for raw, entry, crc in done:
                    if entry and raw not in self._written:
                        self._write(raw, entry, crc)
            yield from [ObjectId(raw.hex()) for raw, _, _ in done]

    def copy(self, stored: PackedObject) -> None:
        """Take over an object as it is compressed elsewhere."""
        raw = stored.id.raw
        if raw in self._written:
            return
        if stored.base is None:
            self._append(raw, stored.kind, stored.size, stored.compressed)
        else:
            self._append_delta(raw, stored.base, stored.size, stored.compressed)

    def finish(self) -> Path | None:
        """Make the pack durable and visible; gives its index's path, None if nothing was new.

        Raises `ObjectMissing` where a new tree, commit or tag names an object that is neither here nor in the store:
        memory of what is stored may be wrong, and nothing may be published that cannot be read.
        """
        elsewhere = {raw for half in self._adopted for raw, _, _ in half.entries}
        for raw in self._without(self._linked - self._written.keys() - elsewhere):
            self._need(raw)
        if (own := self.seal()) is not None:
            self._adopted.append(own)
        index = None
        while self._adopted:  # what a failure leaves here, `abort` removes
            half = self._adopted[0]
            with disk_errors(self._folder):
                index = publish(Path(half.path), half.entries, half.checksum)
            self._adopted.pop(0)
            self._publish(index)
        return index

    def seal(self) -> HalfPack | None:
        """Complete the pack and make it durable, but not visible; None if nothing was new."""
        if self._file is None:
            return None
        out, self._file = self._file, None
        with disk_errors(self._folder), out:
            try:
                checksum = _complete(out, len(self._written))
            except BaseException:
                _remove(Path(out.name))
                raise
        entries = [(raw, offset, crc) for raw, (offset, crc) in sorted(self._written.items())]
        return HalfPack(out.name, entries, checksum)

    def adopt(self, half: HalfPack) -> None:
        """Take over a pack that another process sealed: it becomes visible with this one."""
        self._adopted.append(half)

    def abort(self) -> None:
        """Forget everything that was not finished."""
        for half in self._adopted:
            _remove(Path(half.path))
        self._adopted.clear()
        if self._file is not None:
            self._file.close()
            _remove(Path(self._file.name))
            self._file = None

    def _deflate(self, batch: list[bytes]) -> list[tuple[bytes, bytes, int]]:
        """(id, pack entry, its crc32) of each blob; no entry for one that is there already."""
        done = []
        for blob in batch:
            raw = raw_id(Kind.BLOB, blob)
            entry = b"" if self.has(raw) else entry_header(Kind.BLOB, len(blob)) + self._compress(blob)
            done.append((raw, entry, isal_zlib.crc32(entry)))
        return done

    def _compress(self, data: bytes) -> bytes:
        with self._counting:
            self._patience -= len(data)
            is_patient = self._patience >= 0
        return zlib.compress(data, 9) if is_patient else isal_zlib.compress(data, LEVEL)

    def _append(self, raw: bytes, kind: Kind, size: int, compressed: bytes) -> None:
        entry = entry_header(kind, size) + compressed
        with disk_errors(self._folder):
            self._write(raw, entry, isal_zlib.crc32(entry))

    def _append_delta(self, raw: bytes, base: ObjectId, size: int, compressed: bytes) -> None:
        header = entry_header(OFS_DELTA, size) + _distance(self._at - self._written[base.raw][0])
        entry = header + compressed
        with disk_errors(self._folder):
            self._write(raw, entry, isal_zlib.crc32(entry))

    def _write(self, raw: bytes, entry: bytes, crc: int) -> None:
        if self._file is None:
            self._file = open_temporary(self._folder, self._temporary)
            self._at = self._file.write(b"PACK\0\0\0\2\0\0\0\0")
        self._file.write(entry)
        self._written[raw] = (self._at, crc)
        self._at += len(entry)


def _distance(value: int) -> bytes:
    """How far back a base begins, seven bits a byte, the highest first, each but the last less one."""
    out = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def entry_header(kind: int, size: int) -> bytes:
    """The type and size before a stream: four bits of size, then seven a byte (gitformat-pack(5))."""
    byte, size = kind << 4 | size & 15, size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def open_temporary(folder: Path, path: Path | None = None) -> IO[bytes]:
    """The pack file to be written, which is there, else a new one."""
    return (path or new_temporary(folder)).open("r+b", buffering=1 << 20)


def new_temporary(folder: Path) -> Path:
    """A new file for a pack, under a name that git's own clean-up knows."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="tmp_pack_", dir=folder)
    os.close(handle)
    return Path(name)


def publish(temporary: Path, entries: list[tuple[bytes, int, int]], checksum: bytes) -> Path:
    """Give a durable pack its name and write its index, which is what makes the objects visible.

    The pack's name is its checksum, as git's own packs have it since 1.9: another pack of the same objects has another
    name, and is never replaced before its index is.
    """
    pack = temporary.with_name(f"pack-{checksum.hex()}.pack")
    index = pack.with_suffix(".idx")
    half = temporary.with_name(temporary.name + ".idx")
    try:
        with half.open("wb") as out:
            out.write(index_bytes(entries, checksum))
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(0o444)
        half.chmod(0o444)
        temporary.replace(pack)
        half.replace(index)
    except BaseException:
        _remove(half)
        raise
    sync_folder(pack.parent)
    return index


def index_bytes(entries: list[tuple[bytes, int, int]], checksum: bytes) -> bytes:
    """The index of a pack: of its sorted (20-byte id, offset, crc32) entries, and the checksum it ends in."""
    buffer = BytesIO()
    write_pack_index(buffer, entries, checksum)
    return buffer.getvalue()


def _complete(out: IO[bytes], count: int) -> bytes:
    """Put the count in, add the checksum, fsync; gives the checksum."""
    out.seek(8)
    out.write(count.to_bytes(4, "big"))
    out.seek(0)
    digest = sha1(usedforsecurity=False)
    while block := out.read(BATCH):
        digest.update(block)
    out.write(digest.digest())
    out.flush()
    os.fsync(out.fileno())
    return digest.digest()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _batches(blobs: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch, size = [], 0
    for blob in blobs:
        batch.append(blob)
        size += len(blob)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _in_threads(work: Callable[[_Item], _Done], items: Iterator[_Item]) -> Iterator[_Done]:
    """Map in order with a few items under way; a single item is done here, without starting a thread."""
    first = next(items, None)
    second = next(items, None) if first is not None else None
    if first is None:
        return
    if second is None:
        yield work(first)
        return
    from concurrent.futures import ThreadPoolExecutor  # 6 ms that a small commit need not pay

    with ThreadPoolExecutor(THREADS) as pool:
        waiting = deque([pool.submit(work, first), pool.submit(work, second)])
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > THREADS * 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
