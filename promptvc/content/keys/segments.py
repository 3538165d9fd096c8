"""A segment: where the keys of many chunk runs are, sorted by hash; in memory, or a file that is mapped.

    mark · checksum · how many chunk runs
    names            16 bytes each
    flags            a byte each: 1 where rows lack the key
    entries          8 bytes each, rising: the upper 43 bits of a key's hash, then the number of its chunk run

Numbers are little-endian. What is not as written reads as absent.
"""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, repeat
from pathlib import Path
from typing import Any

from xxhash import xxh3_128, xxh3_128_digest

from promptvc.content.keys.gathered import Gathered, gather
from promptvc.content.keys.hashes import KeyHashes
from promptvc.versioning.ropes.chunklist import split

NAME = 16
"""Bytes of the name of a chunk run."""
NUMBER_BITS = 21
MOST_RUNS = 1 << NUMBER_BITS
_UPPER = ((1 << 64) - 1) >> NUMBER_BITS << NUMBER_BITS
_MARK = b"pvkeys2\n"
_HEAD = struct.Struct("<8s16sQ")
_SEARCH = 16
"""How many times as many entries as hashes make it worth while to search for each."""
_MANY = 1 << 17
"""Entries from which it is worth the time to import numpy."""


class Segment:
    """The keys of chunk runs that are known by name; never changed once made."""

    def __init__(self, names: list[bytes], flags: bytes, entries: Any, path: Path | None = None) -> None:
        self.names, self.flags, self.path = names, flags, path
        self.entries: Sequence[int] = entries
        """A buffer of unsigned numbers of 8 bytes."""

    def __len__(self) -> int:
        return len(self.entries)

    def incomplete(self) -> Iterator[bytes]:
        """The names of the chunk runs in which rows lack the key."""
        return compress(self.names, self.flags)

    def at(self, path: Path) -> Segment:
        """The same, as it is in a file."""
        return Segment(self.names, self.flags, self.entries, path)

    def find(self, hash: int) -> Iterator[bytes]:
        """The names of the chunk runs with a key of this hash, one for each row."""
        return (self.names[number] for _, number in self.hits([hash & _UPPER]))

    def by_name(self) -> dict[bytes, tuple[list[int], bool]]:
        """By the name of each chunk run what is kept of its hashes, rising, and whether all rows have the key."""
        found: list[list[int]] = [[] for _ in self.names]
        for entry in self.entries:
            found[entry & ~_UPPER].append(entry & _UPPER)
        flags = (not flag for flag in self.flags)
        return dict(zip(self.names, zip(found, flags, strict=True), strict=True))

    def among(self, uppers: set[int], here: Sequence[bool]) -> Iterator[tuple[int, int]]:
        """`hits` of these hashes in any order, in the chunk runs whose numbers are ``here``."""
        if len(self.entries) > len(uppers) * _SEARCH:
            return ((upper, number) for upper, number in self.hits(sorted(uppers)) if here[number])
        kept = ((entry & _UPPER, entry & ~_UPPER) for entry in self.entries)
        return ((upper, number) for upper, number in kept if here[number] and upper in uppers)

    def hits(self, uppers: Iterable[int]) -> Iterator[tuple[int, int]]:
        """What is kept of these hashes, rising: each with the number of a chunk run, once for each row."""
        entries, at = self.entries, 0
        count = len(entries)
        for upper in uppers:
            at = bisect_left(entries, upper, at)
            while at < count and (entry := entries[at]) & _UPPER == upper:
                yield upper, entry ^ upper
                at += 1


def make_segment(found: Iterable[tuple[bytes, KeyHashes]]) -> Segment:
    """A segment of chunk runs by name, at most `MOST_RUNS`."""
    return segment_of([gather(found)])


def segment_of(parts: Sequence[Gathered]) -> Segment:
    """A segment of all chunk runs that were gathered, at most `MOST_RUNS`; those of one name are the same."""
    number_of: dict[bytes, int] = {}
    flags = bytearray()
    entries = array("Q")
    for part in parts:
        numbers = array("q")
        for name, flag in zip(split(part.names, NAME), part.flags, strict=True):
            if name in number_of:
                numbers.append(-1)
                continue
            numbers.append(len(number_of))
            number_of[name] = len(number_of)
            flags.append(flag)
        entries.extend(_numbered(part, numbers))
    return Segment(list(number_of), bytes(flags), _sorted(entries))


def join_segments(segments: Sequence[Segment], wanted: Callable[[bytes], bool]) -> Segment:
    """One segment of the chunk runs of several that are wanted by name."""
    number_of: dict[bytes, int] = {}
    flags = bytearray()
    entries = array("Q")
    for segment in segments:
        numbers = array("q")
        for name, flag in zip(segment.names, segment.flags, strict=True):
            if name in number_of or not wanted(name):
                numbers.append(-1)
                continue
            numbers.append(len(number_of))
            number_of[name] = len(number_of)
            flags.append(flag)
        entries.extend(_renumbered(segment.entries, numbers))
    return Segment(list(number_of), bytes(flags), _sorted(entries))


def write_segment(segment: Segment) -> bytes:
    """The bytes of a segment's file."""
    names = b"".join(segment.names)
    entries = memoryview(segment.entries).cast("B")  # type: ignore[arg-type]
    if sys.byteorder == "big":
        swapped = array("Q", segment.entries)
        swapped.byteswap()
        entries = memoryview(swapped).cast("B")
    pad = bytes(-len(segment.names) % 8)
    count = len(segment.names)
    digest = xxh3_128(b"%d" % count)
    for part in (names, segment.flags, pad, entries):
        digest.update(part)
    return b"".join((_HEAD.pack(_MARK, digest.digest(), count), names, segment.flags, pad, entries))


def read_segment(path: Path) -> Segment | None:
    """The segment in a file; None for one that is gone, or not as it was written."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        mark, checksum, count = _HEAD.unpack_from(data)
    except (OSError, ValueError, struct.error):
        return None
    start = _HEAD.size + count * NAME
    body = start + count + (-count % 8)
    if mark != _MARK or count > MOST_RUNS or body > len(data) or (len(data) - body) % 8:
        return None
    view = memoryview(data)
    digest = xxh3_128(b"%d" % count)
    digest.update(view[_HEAD.size :])
    if digest.digest() != checksum:
        return None
    names = [data[at : at + NAME] for at in range(_HEAD.size, start, NAME)]
    entries: Any = view[body:].cast("Q")
    if sys.byteorder == "big":
        entries = array("Q", entries)
        entries.byteswap()
    return Segment(names, data[start : start + count], entries, path)


def upper_bits(hash: int) -> int:
    """What of a hash is kept."""
    return hash & _UPPER


def repeated(
    segments: Iterable[Segment], wanted: Callable[[bytes], bool]
) -> Iterator[tuple[int, list[bytes]]]:
    """Each hash that several rows of the wanted chunk runs have, with their names, one for each row."""
    found = list(segments)
    is_whole = len(found) == 1 and all(map(wanted, found[0].names)) and _are_distinct(found[0].names)
    joined = found[0] if is_whole else join_segments(found, wanted)
    entries, names = joined.entries, joined.names
    group: list[bytes] = []
    last = -1
    for at in _next_to_equal(entries):
        upper = entries[at] & _UPPER
        if upper != last and group:
            yield last, group
            group = []
        last = upper
        group.append(names[entries[at] & ~_UPPER])
    if group:
        yield last, group


def run_name(id: bytes, *, first: bool) -> bytes:
    """The name of a chunk run; the first of a file has one of its own, since rows may be read otherwise there."""
    if len(id) == 20 and not first:
        return id[:NAME]
    return xxh3_128_digest((b"first " if first else b"") + id)


def _are_distinct(names: Sequence[bytes]) -> bool:
    return len(set(names)) == len(names)


def _sorted(entries: array[int]) -> array[int]:
    if len(entries) < _MANY:
        return array("Q", sorted(entries))
    import numpy as np

    np.frombuffer(entries, dtype=np.uint64).sort()
    return entries


def _numbered(part: Gathered, numbers: Sequence[int]) -> array[int]:
    """The entries of what was gathered, without chunk runs whose number is below 0."""
    counts = array("I", part.counts)
    if len(part.hashes) // 8 < _MANY:
        pairs = zip(array("Q", part.hashes), chain.from_iterable(map(repeat, numbers, counts)), strict=True)
        return array("Q", [hash & _UPPER | number for hash, number in pairs if number >= 0])
    import numpy as np

    repeated_numbers = np.repeat(np.array(numbers, dtype=np.int64), counts)
    return _entries(np.frombuffer(part.hashes, dtype=np.uint64), repeated_numbers)


def _entries(hashes: Any, numbers: Any) -> array[int]:
    """Entries of the upper bits of hashes and of numbers, without those whose number is below 0."""
    import numpy as np

    entries = hashes & np.uint64(_UPPER)
    entries |= numbers.view(np.uint64)
    kept = numbers >= 0
    made = array("Q")
    made.frombytes(memoryview(entries if kept.all() else entries[kept]).cast("B"))
    return made


def _renumbered(entries: Sequence[int], numbers: Sequence[int]) -> array[int]:
    """Entries with other numbers, without those whose number is below 0."""
    if len(entries) < _MANY:
        pairs = ((entry & _UPPER, numbers[entry & ~_UPPER]) for entry in entries)
        return array("Q", [upper | number for upper, number in pairs if number >= 0])
    import numpy as np

    old = np.frombuffer(entries, dtype=np.uint64)  # type: ignore[call-overload]
    return _entries(old, np.array(numbers, dtype=np.int64)[(old & np.uint64(MOST_RUNS - 1)).astype(np.int64)])


def _next_to_equal(entries: Sequence[int]) -> Iterable[int]:
    """The places of entries whose neighbour has the same hash."""
    if len(entries) < _MANY:
        upper = [entry & _UPPER for entry in entries]
        last = len(upper) - 1
        return (
            at
            for at, each in enumerate(upper)
            if (at and upper[at - 1] == each) or (at < last and upper[at + 1] == each)
        )
    import numpy as np

    found = np.frombuffer(entries, dtype=np.uint64) & np.uint64(_UPPER)  # type: ignore[call-overload]
    same = found[1:] == found[:-1]
    near = np.zeros(len(found), dtype=bool)
    near[1:] |= same
    near[:-1] |= same
    return map(int, np.flatnonzero(near))
