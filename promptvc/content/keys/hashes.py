"""The keys of a chunk run as numbers: equal keys have equal ones, and different keys hardly ever."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.keys.spellings import key_spellings
from promptvc.content.keys.tokens import KeyToken, key_token


class KeyHashes(NamedTuple):
    """A hash for each row of a chunk run that has the key, in any order; rows may turn out to be malformed.

    ``complete`` says that every row that can be read has the key, each part of it a scalar.
    """

    hashes: array[int]
    complete: bool


def hash_keys(
    format: RowFormat, key: Sequence[str], data: bytes, *, first: bool, seed: int, opened: bool | None = None
) -> KeyHashes:
    """The hashes of the rows in the bytes of a chunk run; ``opened`` is `opens_rows`, where it is known."""
    spellings = key_spellings(format, key, data, first=first, opened=opened)
    if spellings is not None:
        return KeyHashes(array("Q", map(xxh3_64_intdigest, spellings, repeat(seed))), complete=True)
    return _hash_rows(format, key, data, first=first, seed=seed)


def _hash_rows(format: RowFormat, key: Sequence[str], data: bytes, *, first: bool, seed: int) -> KeyHashes:
    """`hash_keys` by reading every row."""
    hashes = array("Q")
    complete = True
    for body in format.bodies(data, first):
        row = format.parse(body)
        if isinstance(row, Malformed):
            continue
        token = key_token(row, key)
        if token is None or any(isinstance(row[name], dict | list) for name in key):
            complete = False
        if token is not None:
            hashes.append(hash_token(token, seed))
    return KeyHashes(hashes, complete)


def hash_token(token: KeyToken, seed: int) -> int:
    """The hash of rows with this key: the seeded xxh3_64 of its JSON, as it stands in most files."""
    return xxh3_64_intdigest(b"\0".join(map(_spelling, token)), seed)


def _spelling(part: object) -> bytes:
    """``"t-1" -> b'"t-1"'`` and ``("int", "7") -> b'7'``: see `key_token`."""
    if isinstance(part, str):
        return json.dumps(part, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert isinstance(part, tuple)
    return str(part[1]).encode()
