"""One pack, read: its index (gitformat-pack(5), version 2) and the objects in it, both through mmap."""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from struct import unpack_from
from typing import cast

from isal import isal_zlib
from msgspec import Struct

from promptvc.errors import Advice, ObjectDamaged
from promptvc.ids import ObjectId
from promptvc.storage.git import apply_delta, delta_sizes
from promptvc.storage.objects import Kind

OFS_DELTA, REF_DELTA = 6, 7
IsalError = cast(type[Exception], isal_zlib.error)  # isal's stubs call it a value
_OPENING = 4096
"""Bytes of a zlib stream that surely begin to make something: its code tables alone may take hundreds."""
_HEAD = 8 + 256 * 4
_MANY_IDS = 32
"""How many times as many ids as are looked for a pack may have to be gone through rather than searched for each."""
_FEW_IDS = 64
"""Sorted ids that are searched at once, and not by halves."""
_TRAILER = 20
_RESTORE = Advice("restore-pack")
LONGEST_CHAIN = 5000
"""Deltas on deltas that are followed; git makes 50, and never more than 4,095."""
MOST_IN_CHAIN = 16 << 30
"""Bytes that the deltas of one chain may make, one after another."""
MOST_EXPANDED = 1032
"""What deflate makes of a byte at most."""
_RELEASED_FROM = 64 << 20
"""Bytes made of a pack's objects after which its pages leave our memory; the system may keep them."""
_MOST_BITS = 63
"""Of a size or a distance in a pack."""


class PackedObject(Struct, frozen=True):
    """An object as a pack holds it: its type, size, name and raw zlib stream.

    With a ``base`` the stream is a delta on that object, and ``size`` is the delta's.
    """

    kind: Kind
    size: int
    id: ObjectId
    compressed: bytes
    base: ObjectId | None = None


class PackReader:
    """The objects of one pack file. Safe to share between threads; keeps no file descriptor open."""

    def __init__(self, index: Path) -> None:
        """Raises `ObjectDamaged` for a file that is no whole index, `FileNotFoundError`."""
        self.path = index.with_suffix(".pack")
        self._index = _map(index)
        if self._index[:8] != b"\xfftOc\x00\x00\x00\x02":
            raise _bad_index(index, "is not a pack index of version 2")
        if len(self._index) < _HEAD + 40:
            raise _bad_index(index, "is cut off")
        self._fanout = unpack_from(">256I", self._index, 8)
        self.count = self._fanout[255]
        rest = len(self._index) - (_HEAD + self.count * 28 + 40)  # offsets past 2 GiB, eight bytes each
        if rest < 0 or rest % 8 or rest > self.count * 8 or list(self._fanout) != sorted(self._fanout):
            raise _bad_index(index, "is damaged or cut off")
        self._pack: mmap.mmap | None = None
        self._made = 0
        self._sorted: tuple[array[int], array[int]] | None = None

    @property
    def data(self) -> mmap.mmap:
        """The whole pack file; raises `ObjectDamaged` for one that is not what its index is for."""
        if self._pack is None:
            pack = _map(self.path)
            if pack[:8] != b"PACK\0\0\0\2" or len(pack) < 32 or pack[-20:] != self._index[-40:-20]:
                raise ObjectDamaged(f"{self.path} is damaged or cut off", _RESTORE)
            self._pack = pack
        return self._pack

    def check(self) -> None:
        """Hash the index and the pack; raises `ObjectDamaged` where one does not end in its own checksum."""
        for path, data in ((self.path.with_suffix(".idx"), self._index), (self.path, self.data)):
            with memoryview(data) as view, view[:-20] as body:
                if sha1(body, usedforsecurity=False).digest() != data[-20:]:
                    raise ObjectDamaged(f"{path} does not end in its own checksum", _RESTORE)

    def find(self, raw: bytes) -> int | None:
        """The offset of an object, by its 20-byte id."""
        first = raw[0]
        low, high = (self._fanout[first - 1] if first else 0), self._fanout[first]
        while high - low > _FEW_IDS:
            middle = (low + high) // 2
            if self._id_at(middle) <= raw:
                low = middle
            else:
                high = middle
        few = self._index[_HEAD + low * 20 : _HEAD + high * 20]
        at = few.find(raw)
        while at % 20 and at >= 0:
            at = few.find(raw, at + 1)
        return self._offset_at(low + at // 20) if at >= 0 else None

    def without(self, raws: set[bytes]) -> set[bytes]:
        """Those of these 20-byte ids that are not here."""
        if len(raws) * _MANY_IDS < self.count:
            return {raw for raw in raws if self.find(raw) is None}
        ids = self._index[_HEAD : _HEAD + self.count * 20]
        return raws.difference([ids[at : at + 20] for at in range(0, len(ids), 20)])

    def ids(self, prefix: bytes = b"") -> Iterator[bytes]:
        """The 20-byte ids in order, those that begin with prefix."""
        for place in range(self._position(prefix.ljust(20, b"\0")), self.count):
            raw = self._id_at(place)
            if not raw.startswith(prefix):
                return
            yield raw

    def read(self, offset: int) -> tuple[Kind | None, bytes, bytes | int]:
        """(kind, data, b"") or, for a delta, (None, delta, base): the base's 20-byte id or its offset."""
        number, size, at = self._header(offset)
        base: bytes | int = b""
        try:
            if number == OFS_DELTA:
                distance, at = read_distance(self.data, at)
                base = offset - distance
            elif number == REF_DELTA:
                base, at = bytes(self.data[at : at + 20]), at + 20
            kind = None if number in (OFS_DELTA, REF_DELTA) else Kind(number)
        except (IndexError, ValueError) as error:
            raise ObjectDamaged(f"{self.path}: no object at {offset}", _RESTORE) from error
        try:
            data = inflate(memoryview(self.data), at, size)
        except ObjectDamaged as error:
            raise ObjectDamaged(f"{self.path}: {error.message}", _RESTORE) from error
        self._release_after(size)
        return kind, data, base

    def _release_after(self, size: int) -> None:
        """Let the pages go that were read, each time that much was made of them; those read again are mapped again."""
        self._made += size
        if self._made >= _RELEASED_FROM:
            self._made = 0
            self._release()

    def _release(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):
            self.data.madvise(mmap.MADV_DONTNEED)

    def whole_blob(self, offset: int, most: int) -> bytes | None:
        """The blob that stands at offset itself, not as a delta, of at most so many bytes; None where there is none."""
        try:
            number, size, at = self._header(offset)
            if number != Kind.BLOB or size > most:
                return None
            data = inflate(memoryview(self.data), at, size)
            self._release_after(size)
            return data
        except (ObjectDamaged, FileNotFoundError):
            return None

    def resolve(self, offset: int) -> tuple[Kind, bytes] | bytes:
        """Follow deltas inside this pack; a base that is elsewhere comes back as its 20-byte id."""
        deltas: list[bytes] = []
        made = 0
        while True:
            if len(deltas) > LONGEST_CHAIN or made > MOST_IN_CHAIN:
                raise ObjectDamaged(f"{self.path}: deltas without end at {offset}", _RESTORE)
            kind, data, base = self.read(offset)
            if kind is not None:
                for delta in reversed(deltas):
                    data = apply_delta(data, delta)
                return kind, data
            deltas.append(data)
            made += delta_sizes(data)[1]
            if isinstance(base, bytes):
                found = self.find(base)
                if found is None:
                    return base
                offset = found
            else:
                offset = base

    def stored(self, raw: bytes, offset: int) -> PackedObject | None:
        """The object as stored, without inflating it; None for a delta."""
        number, size, at = self._header(offset)
        if number in (OFS_DELTA, REF_DELTA):
            return None
        end = self._checked(raw, offset)
        return PackedObject(Kind(number), size, ObjectId.from_raw(raw), self.data[at:end])

    def delta(self, raw: bytes, offset: int) -> PackedObject | None:
        """A delta on an object of this pack as stored, without inflating it; None for any other object."""
        number, size, at = self._header(offset)
        if number not in (OFS_DELTA, REF_DELTA):
            return None
        end = self._checked(raw, offset)
        if number == REF_DELTA:
            base: bytes | None = bytes(self.data[at : at + 20])
            at += 20
            if base is None or self.find(base) is None:
                return None
        else:
            distance, at = read_distance(self.data, at)
            base = self._id_of(offset - distance)
        if base is None:
            return None
        kind = self.kind(offset)
        return PackedObject(kind, size, ObjectId.from_raw(raw), self.data[at:end], ObjectId.from_raw(base))

    def size(self, offset: int) -> int:
        """The size in bytes of the object at offset."""
        return self.claimed(offset)

    def claimed(self, offset: int) -> int:
        """How many bytes the object at offset is said to have, without making it; of a delta, what it is to make."""
        number, size, at = self._header(offset)
        if number not in (OFS_DELTA, REF_DELTA):
            return size
        try:
            at = read_distance(self.data, at)[1] if number == OFS_DELTA else at + 20
            return delta_sizes(isal_zlib.decompressobj().decompress(self.data[at : at + _OPENING], 32))[1]
        except (IsalError, IndexError, ValueError) as error:
            raise ObjectDamaged(f"{self.path}: no object at {offset}", _RESTORE) from error

    def is_blob(self, offset: int) -> bool:
        """Whether the object at offset is a blob."""
        return self.kind_here(offset) is Kind.BLOB

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Every (20-byte id, offset), in the order of the pack file."""
        pairs = ((self._offset_at(place), self._id_at(place)) for place in range(self.count))
        return ((raw, offset) for offset, raw in sorted(pairs))

    def _header(self, offset: int) -> tuple[int, int, int]:
        if not 12 <= offset < len(self.data) - _TRAILER:
            raise ObjectDamaged(f"{self.path}: no object at {offset}", _RESTORE)
        try:
            return read_entry_header(self.data, offset)
        except (IndexError, ValueError) as error:
            raise ObjectDamaged(f"{self.path}: no object at {offset}", _RESTORE) from error

    def _checked(self, raw: bytes, offset: int) -> int:
        """Where the entry of an object ends, whose bytes are as they were written; raises `ObjectDamaged`."""
        end = self._end_of(offset)
        place = self._position(raw)
        crc: int = unpack_from(">I", self._index, _HEAD + self.count * 20 + place * 4)[0]
        if self._id_at(place) != raw or isal_zlib.crc32(self.data[offset:end]) != crc:
            raise ObjectDamaged(f"{self.path}: object {raw.hex()} is damaged", _RESTORE)
        return end

    def kind_here(self, offset: int) -> Kind | None:
        """`kind`; None where a base is in another pack."""
        try:
            return self.kind(offset)
        except ObjectDamaged:
            return None

    def kind(self, offset: int) -> Kind:
        """The type of the object at offset, that of the object under its deltas; raises `ObjectDamaged`."""
        for _ in range(LONGEST_CHAIN):
            number, _, at = self._header(offset)
            if number == OFS_DELTA:
                offset -= read_distance(self.data, at)[0]
            elif number == REF_DELTA:
                found = self.find(bytes(self.data[at : at + 20]))
                if found is None:
                    break
                offset = found
            else:
                return Kind(number)
        raise ObjectDamaged(f"{self.path}: deltas without end at {offset}", _RESTORE)

    def _end_of(self, offset: int) -> int:
        after = bisect_right(self._offsets, offset)
        return self._offsets[after] if after < self.count else len(self.data) - _TRAILER

    def _id_of(self, offset: int) -> bytes | None:
        """The 20-byte id of the object at an offset."""
        at = bisect_left(self._offsets, offset)
        if at == self.count or self._offsets[at] != offset:
            return None
        assert self._sorted is not None
        return self._id_at(self._sorted[1][at])

    @property
    def _offsets(self) -> array[int]:
        """The offsets of all objects, rising."""
        if self._sorted is None:
            pairs = sorted((self._offset_at(place), place) for place in range(self.count))
            self._sorted = array("q", [at for at, _ in pairs]), array("q", [place for _, place in pairs])
        return self._sorted[0]

    def _position(self, raw: bytes) -> int:
        """Where raw stands, or would stand, among the sorted ids."""
        first = raw[0]
        low, high = (self._fanout[first - 1] if first else 0), self._fanout[first]
        while low < high:
            middle = (low + high) // 2
            if self._id_at(middle) < raw:
                low = middle + 1
            else:
                high = middle
        return low

    def _id_at(self, place: int) -> bytes:
        at = _HEAD + place * 20
        return self._index[at : at + 20]

    def _offset_at(self, place: int) -> int:
        table = _HEAD + self.count * 24
        offset: int = unpack_from(">I", self._index, table + place * 4)[0]
        if offset & 0x80000000:  # past 2 GiB the offset stands in a second table
            try:
                offset = unpack_from(">Q", self._index, table + self.count * 4 + (offset & 0x7FFFFFFF) * 8)[0]
            except struct.error as error:
                raise _bad_index(self.path.with_suffix(".idx"), "is damaged") from error
        return offset


def inflate(data: memoryview, at: int, size: int) -> bytes:
    """Inflate the zlib stream that begins at ``at`` and gives size bytes; raises `ObjectDamaged`.

    No more is made than was claimed, and nothing where the stream is too short for the claim.
    """
    if size > (len(data) - at) * MOST_EXPANDED:
        raise ObjectDamaged(f"a stored object claims {size} bytes, more than it can have", Advice("fsck"))
    stream = isal_zlib.decompressobj()
    step = size + (size >> 3) + 256  # a deflate stream is hardly ever longer than its bytes
    try:
        out = stream.decompress(data[at : at + step], size + 1)
        while not stream.eof and at + step < len(data) and len(out) <= size:
            at += step
            out += stream.decompress(data[at : at + step], size + 1 - len(out))
    except (IsalError, EOFError) as error:
        raise ObjectDamaged("a stored object cannot be inflated", Advice("fsck")) from error
    except MemoryError as error:
        raise ObjectDamaged(f"a stored object has {size} bytes: too many for the memory") from error
    if len(out) != size:
        raise ObjectDamaged("a stored object has the wrong length", Advice("fsck"))
    return bytes(out)


def read_entry_header(data: mmap.mmap | memoryview, at: int) -> tuple[int, int, int]:
    """(type number, size, where the stream or the base's name begins) of the entry at ``at``; raises `ValueError`."""
    byte = data[at]
    number, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        if shift > _MOST_BITS:
            raise ValueError("a size without end")
        at += 1
        byte = data[at]
        size |= (byte & 0x7F) << shift
        shift += 7
    return number, size, at + 1


def read_distance(data: mmap.mmap | memoryview, at: int) -> tuple[int, int]:
    """The backward distance of an offset delta, and where it ends (gitformat-pack(5)); raises `ValueError`."""
    byte = data[at]
    value = byte & 0x7F
    while byte & 0x80:
        if value >> _MOST_BITS:
            raise ValueError("a distance without end")
        at += 1
        byte = data[at]
        value = (value + 1) << 7 | byte & 0x7F
    return value, at + 1


def _bad_index(index: Path, why: str) -> ObjectDamaged:
    return ObjectDamaged(f"{index} {why}", Advice("repair-index"))


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:  # which mmap says of an empty file
            if path.suffix == ".idx":
                raise _bad_index(path, "is empty") from error
            raise ObjectDamaged(f"{path} is empty", _RESTORE) from error
