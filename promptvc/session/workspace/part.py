"""The program of a process that takes in one part of a large file: see `promptvc.session.files.parts`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread

import msgspec

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.keys.gathered import Gathered, gather
from promptvc.content.keys.hashes import KeyHashes, hash_keys
from promptvc.content.keys.segments import run_name
from promptvc.ids import RepoPath
from promptvc.session.files.cutting import cutting_of
from promptvc.session.files.parts import Done, Order
from promptvc.session.secrets.guard import Guard
from promptvc.storage.files import signature
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import BLOCK, Piece, cut, cut_on
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.rope import write_chunks


def main() -> None:
    """Do what is asked for on standard input, and answer on standard output; where the one ends, so does this."""
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(size), type=Order)
    Thread(target=_end_with_asker, args=[Path(order.pack)], daemon=True).start()
    done = do(order)
    if done is not None:
        sys.stdout.buffer.write(msgspec.msgpack.encode(done))
        sys.stdout.buffer.flush()
    os._exit(done is None)  # without waiting for the thread that reads


def do(order: Order) -> Done | None:
    """Take in a part; None for a file that is not as it was."""
    handle = os.open(order.file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        return _do(order, handle) if signature(os.fstat(handle)) == order.signature else None
    finally:
        os.close(handle)


def _do(order: Order, handle: int) -> Done | None:
    format = row_format(order.path, os.pread(handle, HEAD_SIZE, 0))
    if format is None:
        return None
    store, path = ObjectStore(Path(order.store)), RepoPath(order.path)
    looking = order.watch is not None
    guard = Guard(store.read_blob, order.watch or (), is_on=looking, beside=False)
    begins, keys = order.start == 0, _PartKeys(format, order)
    pieces = (cut if begins else cut_on)(_blocks(handle, order.start, order.stop), cutting_of(format))
    with guard, store.begin_part(Path(order.pack)) as writer:
        chunks = write_chunks(
            keys.of(pieces) if order.key else pieces,
            cutting_of(format),
            writer,
            None,
            seed=order.seed,
            watch=guard.watch(path),
            first=begins,
        )
        if sum(chunks.lengths) != order.stop - order.start:
            return None
        found = guard.finish().get(path, []) if looking else None
        pack = writer.seal()
    return Done(chunks=chunks.to_value(), pack=pack, found=found, keys=keys.gathered(chunks))


class _PartKeys:
    """The keys of a part's chunks, hashed on their way."""

    def __init__(self, format: RowFormat, order: Order) -> None:
        self._format, self._order = format, order
        self._hashes: list[KeyHashes] = []
        self._any_broken = False

    def of(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces, of each of which the keys are hashed."""
        for piece in pieces:
            first = self._order.start == 0 and not self._hashes
            self._any_broken |= piece.broken
            if not self._any_broken:
                self._hashes.append(self._hashed(piece, first))
            yield piece

    def _hashed(self, piece: Piece, first: bool) -> KeyHashes:
        key, seed = self._order.key, self._order.seed
        return hash_keys(self._format, key, piece.data, first=first, seed=seed, opened=piece.opened)

    def gathered(self, chunks: ChunkList) -> Gathered | None:
        """What the index is to keep; None where no key was asked for, or a chunk holds no whole rows."""
        if not self._order.key or self._any_broken:
            return None
        begins = self._order.start == 0
        names = [run_name(raw, first=begins and place == 0) for place, raw in enumerate(chunks.raw_ids())]
        return gather(zip(names, self._hashes, strict=True))


def _blocks(handle: int, start: int, stop: int) -> Iterator[bytes]:
    while start < stop and (block := os.pread(handle, min(BLOCK, stop - start), start)):
        start += len(block)
        yield block


def _end_with_asker(pack: Path) -> None:
    """End, and leave nothing, where the process that asked is gone: then its pipe closes."""
    os.read(sys.stdin.fileno(), 1)
    pack.unlink(missing_ok=True)
    os._exit(1)
