"""The chunks of one version of a row file, with what is needed to recognise them in another."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from xxhash import xxh3_64_intdigest, xxh3_128_digest

from promptvc.ids import ObjectId

HEAD_LENGTH = 4096
"""Bytes whose fingerprint finds a chunk that has moved."""
BROKEN, FIRM, CLEAN_START = 1, 2, 4
_UNSURE = re.compile(b"[^%c]" % (FIRM | CLEAN_START))


def head_print(data: bytes, start: int, seed: int) -> int:
    """The xxh3_64 of the first `HEAD_LENGTH` bytes from start."""
    return xxh3_64_intdigest(data[start : start + HEAD_LENGTH], seed)


class ChunkList:
    """Parallel columns, one entry a chunk. ``rows`` of a chunk run are counted at its last chunk.

    Fingerprints are seeded with a number of this store's own, so that no file can be made to pass for another.
    """

    def __init__(self, style: str, seed: int) -> None:
        self.style, self.seed = style, seed
        self.ids: list[ObjectId] = []
        self.lengths = array("Q")
        self.rows = array("Q")
        self._flags = bytearray()
        self._prints: list[bytes] = []
        self._heads = array("Q")
        self._by_head: dict[int, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def append(self, data: bytes, rows: int, *, broken: bool, firm: bool) -> None:
        """Add a chunk just cut; its id is set later."""
        clean = not self._flags or not self._flags[-1] & BROKEN
        self._flags.append(BROKEN * broken | FIRM * firm | CLEAN_START * clean)
        self.lengths.append(len(data))
        self.rows.append(rows)
        self._prints.append(xxh3_128_digest(data, self.seed))
        self._heads.append(head_print(data, 0, self.seed))

    def extend_known(self, other: ChunkList, place: int, count: int = 1) -> None:
        """Add chunks recognised from another list of the same seed, with their ids."""
        run = slice(place, place + count)
        self.ids += other.ids[run]
        self._flags += other._flags[run]
        self.lengths += other.lengths[run]
        self.rows += other.rows[run]
        self._prints += other._prints[run]
        self._heads += other._heads[run]

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
        return any(flags & BROKEN for flags in self._flags)

    def is_print(self, place: int, data: memoryview) -> bool:
        """Whether these bytes are the chunk's."""
        return xxh3_128_digest(data, self.seed) == self._prints[place]

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
            "ids": bytes.fromhex("".join(self.ids)),
            "lengths": self.lengths.tobytes(),
            "rows": self.rows.tobytes(),
            "flags": bytes(self._flags),
            "prints": b"".join(self._prints),
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
            made._flags = bytearray(value["flags"])
            made._prints = _split(value["prints"], 16)
            digits = value["ids"].hex()
            made.ids = [ObjectId(digits[at : at + 40]) for at in range(0, len(digits), 40)]
        except (KeyError, TypeError, ValueError):
            return None
        columns: list[Sequence[object]] = [made.ids, made.rows, made._heads, made._flags, made._prints]
        return made if all(len(column) == len(made) for column in columns) else None


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
