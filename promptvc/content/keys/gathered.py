"""Hashes of many chunk runs on their way to a segment, as plain values: other processes gather some."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from msgspec import Struct

from promptvc.content.keys.hashes import KeyHashes


class Gathered(Struct, frozen=True):
    """Of each chunk run its name (`NAME` bytes), a byte that is 1 where rows lack the key, and how many hashes it has.

    ``counts`` are numbers of 4 bytes; ``hashes`` are all hashes, of 8 bytes each, chunk run by chunk run.
    """

    names: bytes
    flags: bytes
    counts: bytes
    hashes: bytes

    def __len__(self) -> int:
        return len(self.flags)


def gather(found: Iterable[tuple[bytes, KeyHashes]]) -> Gathered:
    """Chunk runs by name, with what their keys are."""
    names: list[bytes] = []
    flags = bytearray()
    counts, hashes = array("I"), array("Q")
    for name, keys in found:
        names.append(name)
        flags.append(not keys.complete)
        counts.append(len(keys.hashes))
        hashes.extend(keys.hashes)
    return Gathered(b"".join(names), bytes(flags), counts.tobytes(), hashes.tobytes())
