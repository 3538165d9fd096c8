"""The chunks of one version of a row file, with what is needed to recognise them in another."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from xxhash import xxh3_64_intdigest, xxh3_128_digest

from promptvc.ids import ObjectId
from promptvc.patterns import compiled

HEAD_LENGTH = 4096
"""Bytes whose fingerprint finds a chunk that has moved."""
BROKEN, FIRM, CLEAN_START = 1, 2, 4
ID, PRINT = 20, 16
"""Bytes of an id, and of a chunk's fingerprint."""
_UNSURE = compiled(b"[^%c]" % (FIRM | CLEAN_START))
_BROKEN = compiled(b"[%s]" % bytes(flags for flags in range(8) if flags & BROKEN))


def head_print(data: bytes, start: int, seed: int) -> int:
    """The xxh3_64 of the first `HEAD_LENGTH` bytes from start."""
    return xxh3_64_intdigest(data[start : start + HEAD_LENGTH], seed)


class ChunkList:
    """Parallel columns, one entry a chunk. ``rows`` of a chunk run are counted at its last chunk.

    Fingerprints are seeded with a number of this store's own, so that no file can be made to pass for another.
    """

    def __init__(self, style: str, seed: int) -> None:
        self.style, self.seed = style, seed
        self.ids = bytearray()
        """The ids, 20 bytes each."""
        self.lengths = array("Q")
        self.rows = array("Q")
        self._flags = bytearray()
        self._prints = bytearray()
        self._heads = array("Q")
        self._by_head: dict[int, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def id(self, place: int) -> ObjectId:
        """The id of a chunk."""
        return ObjectId(self.ids[place * ID : (place + 1) * ID].hex())

    def raw_ids(self) -> list[bytes]:
        """The ids of all chunks, 20 bytes each."""
        return split(bytes(self.ids), ID)

    def append(self, data: bytes, rows: int, *, broken: bool, firm: bool) -> None:
        """Add a chunk just cut; its id is set later."""
        clean = not self._flags or not self._flags[-1] & BROKEN
        self._flags.append(BROKEN * broken | FIRM * firm | CLEAN_START * clean)
        self.ids += bytes(ID)
        self.lengths.append(len(data))
        self.rows.append(rows)
        self._prints += xxh3_128_digest(data, self.seed)
        self._heads.append(head_print(data, 0, self.seed))

    def set_id(self, place: int, id: ObjectId) -> None:
        """Name a chunk that was added."""
        self.ids[place * ID : (place + 1) * ID] = id.raw

    def extend_known(self, other: ChunkList, place: int, count: int = 1) -> None:
        """Add chunks recognised from another list of the same seed, with their ids."""
        stop = place + count
        self.ids += other.ids[place * ID : stop * ID]
        self._flags += other._flags[place:stop]
        self.lengths += other.lengths[place:stop]
        self.rows += other.rows[place:stop]
        self._prints += other._prints[place * PRINT : stop * PRINT]
        self._heads += other._heads[place:stop]

    def reusable(self, place: int) -> bool:
        """Whether equal bytes at a row's start are sure to be cut as this chunk is."""
        flags = self._flags[place]
        return bool(flags & FIRM and flags & CLEAN_START and not flags & BROKEN)

    def reusable_from(self, place: int) -> int:
        """How many chunks in a row are reusable, from a place on."""
        found = _UNSURE.search(self._flags, place)
        return (found.start() if found else len(self)) - place

    def broken(self, place: int) -> bool:
        """Whether the chunk ends inside a row."""
        return bool(self._flags[place] & BROKEN)

    @property
    def any_broken(self) -> bool:
        """Whether any chunk ends inside a row."""
        return _BROKEN.search(self._flags) is not None

    def is_print(self, place: int, data: memoryview) -> bool:
        """Whether these bytes are the chunk's."""
        return xxh3_128_digest(data, self.seed) == self._prints[place * PRINT : (place + 1) * PRINT]

    def with_head(self, head: int) -> Iterator[int]:
        """Chunks that begin with the bytes of this `head_print`."""
        if self._by_head is None:
            self._by_head = defaultdict(list)
            for place, found in enumerate(self._heads):
                if self.lengths[place] >= HEAD_LENGTH and self.reusable(place):
                    self._by_head[found].append(place)
        return iter(self._by_head.get(head, ()))

    def to_value(self) -> dict[str, Any]:
        """What is cached: plain msgpack types."""
        return {
            "style": self.style,
            "seed": self.seed,
            "ids": bytes(self.ids),
            "lengths": self.lengths.tobytes(),
            "rows": self.rows.tobytes(),
            "flags": bytes(self._flags),
            "prints": bytes(self._prints),
            "heads": self._heads.tobytes(),
        }

    @classmethod
    def from_value(cls, value: Any, seed: int) -> ChunkList | None:
        """Read back what `to_value` gave; None for anything else, or another seed."""
        try:
            if value["seed"] != seed:
                return None
            made = cls(value["style"], seed)
            made.lengths.frombytes(value["lengths"])
            made.rows.frombytes(value["rows"])
            made._heads.frombytes(value["heads"])
            made._flags += value["flags"]
            made._prints += value["prints"]
            made.ids += value["ids"]
        except (KeyError, TypeError, ValueError):
            return None
        sizes = (len(made.ids), len(made.rows), len(made._heads), len(made._flags), len(made._prints))
        count = len(made)
        return made if sizes == (count * ID, count, count, count, count * PRINT) else None


def split(data: bytes, size: int) -> list[bytes]:
    """The pieces of this many bytes each."""
    return [data[at : at + size] for at in range(0, len(data), size)]
