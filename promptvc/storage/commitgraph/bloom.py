"""Changed-path Bloom filters as git makes them: version 1, seven hashes, ten bits for each path.

Git's version 1 hashes bytes above 127 as the machine's C does, which differs between machines. So a commit that changed
such a path gets the filter that says yes to everything, and no filter is asked about one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

HASHES, BITS, MOST = 7, 10, 512
"""Hashes of a path; bits for each; paths, folders among them, up to which a filter is made."""
UNKNOWN = b"\xff"
"""The filter of a commit that changed too much: it says yes to everything."""
NOTHING = b"\0"
"""The filter of a commit that changed nothing."""
_SEEDS = 0x293AE76F, 0x7E646E2C
_WORD = 0xFFFFFFFF


def make_filter(paths: Iterable[bytes] | None) -> bytes:
    """The filter of a commit that changed these files, their folders included; of None, which is too many."""
    if paths is None:
        return UNKNOWN
    every = {part for path in paths for part in with_folders(path)}
    if len(every) > MOST or not all(path.isascii() for path in every):
        return UNKNOWN
    if not every:
        return NOTHING
    size = (len(every) * BITS + 7) // 8
    bits = 0
    for path in every:
        bits |= mask(path, size, HASHES)
    return bits.to_bytes(size, "little")


def with_folders(path: bytes) -> Iterable[bytes]:
    """``b"a/b/c" -> b"a/b/c", b"a/b", b"a"``."""
    while path:
        yield path
        path = path.rpartition(b"/")[0]


def mask(path: bytes, size: int, hashes: int) -> int:
    """The bits of a path in a filter of ``size`` bytes, as one little-endian number."""
    first, step = _pair(path)
    bits = 0
    for number in range(hashes):
        bits |= 1 << ((first + number * step) & _WORD) % (size * 8)
    return bits


@lru_cache(4096)
def _pair(path: bytes) -> tuple[int, int]:
    return murmur3(path, _SEEDS[0]), murmur3(path, _SEEDS[1])


def murmur3(data: bytes, seed: int) -> int:
    """The 32 bits of MurmurHash3_x86_32 of ASCII bytes."""
    value, whole = seed, len(data) & ~3
    for at in range(0, whole, 4):
        value ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        value = (((value << 13) | (value >> 19)) * 5 + 0xE6546B64) & _WORD
    if len(data) > whole:
        value ^= _mixed(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & _WORD
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & _WORD
    return value ^ (value >> 16)


def _mixed(word: int) -> int:
    word = (word * 0xCC9E2D51) & _WORD
    word = ((word << 15) | (word >> 17)) & _WORD
    return (word * 0x1B873593) & _WORD
