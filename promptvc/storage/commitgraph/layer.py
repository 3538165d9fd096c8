"""One file of a commit-graph, through mmap. Nothing is read from a file that does not end in its own checksum."""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from hashlib import sha1
from pathlib import Path
from struct import unpack_from

HEAD = b"CGPH\x01\x01"
"""How a file begins: its version, and SHA-1."""
ENTRY = 36
"""Bytes of a commit in the chunk CDAT."""
NO_PARENT, MORE = 0x70000000, 0x80000000
"""In place of a parent; the bit that says that others follow, or that a number stands in another chunk."""
_TOC = 12


class GraphDamaged(Exception):
    """A file that is no whole layer of a commit-graph."""


class Layer:
    """The commits of one file; places count from 0 within it. Parents are numbers in the whole graph."""

    def __init__(self, path: Path) -> None:
        """Raises `GraphDamaged`, `OSError`."""
        self.path, self.data = path, _map(path)
        try:
            self._open()
        except (struct.error, KeyError, IndexError) as error:
            raise GraphDamaged(f"{path} cannot be read") from error

    def _open(self) -> None:
        data = self.data
        if data[:6] != HEAD:
            raise GraphDamaged(f"{self.path} is no commit-graph of version 1")
        with memoryview(data) as view, view[:-20] as body:
            if sha1(body, usedforsecurity=False).digest() != data[-20:]:
                raise GraphDamaged(f"{self.path} does not end in its own checksum")
        chunks = self._chunks(data[6])
        self._fan, fans = chunks[b"OIDF"]
        self._ids, ids = chunks[b"OIDL"]
        self._entries, entries = chunks[b"CDAT"]
        self.count: int = unpack_from(">I", data, self._fan + 1020)[0] if fans == 1024 else 0
        if not self.count or ids != self.count * 20 or entries != self.count * ENTRY:
            raise GraphDamaged(f"{self.path} has chunks of wrong sizes")
        self._edges = chunks.get(b"EDGE", (0, 0))
        self._dates, dates = chunks.get(b"GDA2", (0, 0))
        self._far = chunks.get(b"GDO2", (0, 0))
        self.has_dates = dates == self.count * 4
        at, size = chunks.get(b"BASE", (0, 0))
        self.bases = [data[at + n : at + n + 20] for n in range(0, size, 20)]
        self._open_filters(*chunks.get(b"BIDX", (0, 0)), *chunks.get(b"BDAT", (0, 0)))

    def _open_filters(self, index: int, length: int, at: int, size: int) -> None:
        self.settings = unpack_from(">III", self.data, at) if size >= 12 else (0, 0, 0)
        if length != self.count * 4 or self.settings[0] not in (1, 2) or not 0 < self.settings[1] < 64:
            self.settings = 0, 0, 0
        self.hashes = self.settings[1]
        self._index, self._filters, self._filters_end = index, at + 12, at + size
        self._ends: array[int] | None = None

    def _chunks(self, count: int) -> dict[bytes, tuple[int, int]]:
        """(offset, length) of each chunk by its name; all within the file."""
        data, limit = self.data, len(self.data) - 20
        rows = [unpack_from(">4sQ", data, 8 + _TOC * n) for n in range(count + 1)]
        offsets = [offset for _, offset in rows]
        if offsets != sorted(offsets) or offsets[-1] > limit:
            raise GraphDamaged(f"{self.path} has chunks beyond its end")
        return {name: (at, end - at) for (name, at), end in zip(rows, offsets[1:], strict=False)}

    @property
    def checksum(self) -> bytes:
        """The last 20 bytes, for which a layer of a chain is named."""
        return self.data[-20:]

    def find(self, raw: bytes) -> int | None:
        """The place of a commit, by its 20-byte id."""
        first = raw[0]
        low: int = unpack_from(">I", self.data, self._fan + 4 * first - 4)[0] if first else 0
        high: int = unpack_from(">I", self.data, self._fan + 4 * first)[0]
        while low < high:
            middle = (low + high) // 2
            found = self.id(middle)
            if found == raw:
                return middle
            low, high = (middle + 1, high) if found < raw else (low, middle)
        return None

    def id(self, place: int) -> bytes:
        """The 20-byte id of a commit."""
        at = self._ids + place * 20
        return self.data[at : at + 20]

    def tree(self, place: int) -> bytes:
        """The 20-byte id of a commit's tree."""
        at = self._entries + place * ENTRY
        return self.data[at : at + 20]

    def parents(self, place: int) -> tuple[int, ...]:
        """The numbers of a commit's parents."""
        first, second = unpack_from(">II", self.data, self._entries + place * ENTRY + 20)
        if second == NO_PARENT:
            return () if first == NO_PARENT else (first,)
        return (first, *self._more(second)) if second & MORE else (first, second)

    def _more(self, word: int) -> list[int]:
        at, size = self._edges
        found = []
        for place in range(word & ~MORE, size // 4):
            number = unpack_from(">I", self.data, at + place * 4)[0]
            found.append(number & ~MORE)
            if number & MORE:
                return found
        raise GraphDamaged(f"{self.path}: the parents of a merge have no end")

    def level(self, place: int) -> int:
        """One more than the highest level of its parents, 1 for a commit without any."""
        return int(unpack_from(">I", self.data, self._entries + place * ENTRY + 28)[0]) >> 2

    def time(self, place: int) -> int:
        """When it was committed, in seconds since 1970."""
        high, low = unpack_from(">II", self.data, self._entries + place * ENTRY + 28)
        return (int(high) & 3) << 32 | int(low)

    def corrected(self, place: int) -> int:
        """Its time, or one second more than the corrected time of a parent where that is later."""
        offset = unpack_from(">I", self.data, self._dates + place * 4)[0]
        if offset & MORE:
            offset = unpack_from(">Q", self.data, self._far[0] + (offset & ~MORE) * 8)[0]
        return self.time(place) + int(offset)

    def filter(self, place: int) -> bytes:
        """What says which paths it may have changed; nothing where that was not worked out."""
        ends, at = self.filters
        return self.data[at + (ends[place - 1] if place else 0) : at + ends[place]]

    @property
    def filters(self) -> tuple[array[int], int]:
        """Where each filter ends, counted from the first, and where that begins in the file."""
        if self._ends is None:
            self._ends = self._load_ends()
        return self._ends, self._filters

    def _load_ends(self) -> array[int]:
        ends = array("I")
        if self.hashes:
            ends.frombytes(self.data[self._index : self._index + self.count * 4])
            if sys.byteorder == "little":
                ends.byteswap()
        if not ends or max(ends) > self._filters_end - self._filters:
            return array("I", bytes(self.count * 4))
        return ends


def _map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise GraphDamaged(f"{path} is empty") from error
