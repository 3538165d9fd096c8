"""Example ids read from the bytes of rows: several times as fast as reading the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from msgspec import DecodeError, defstruct
from msgspec.json import Decoder

from promptvc.content.formats.base import ReadsRows
from promptvc.content.formats.dicts import read_row
from promptvc.content.formats.jsonrow import is_utf8, may_exceed_limits
from promptvc.content.runs.request import example_id

_Decode = Callable[[bytes], Any]


def read_ids(format: ReadsRows, data: bytes, first: bool, key: Sequence[str] | None) -> list[str]:
    """The `example_id` of every row of a chunk run."""
    bodies = format.bodies(data, first)
    decode = _decoder(key[0]) if key and len(key) == 1 and format.is_json else None
    if decode is None or not is_utf8(data) or may_exceed_limits(data, bodies):
        return [example_id(read_row(format, body), key) for body in bodies]
    try:
        ids = [decode(body).id for body in bodies]
    except (DecodeError, UnicodeDecodeError):
        ids = [_id(decode, body) for body in bodies]
    if all(id is not None and id.isascii() for id in ids):
        return ids
    return [
        id if id and id.isascii() else example_id(read_row(format, body), key)
        for id, body in zip(ids, bodies, strict=True)
    ]


def _id(decode: _Decode, body: bytes) -> str | None:
    try:
        found: str = decode(body).id
    except (DecodeError, UnicodeDecodeError):
        return None
    return found


@lru_cache(maxsize=8)
def _decoder(field: str) -> _Decode | None:
    """Decodes the text in one field; None for a name that JSON writes with escapes.

    It refuses what is no JSON anywhere in the row, but for bytes that are not UTF-8 in fields that it skips.
    """
    try:
        return Decoder(defstruct("Keyed", [("id", str)], rename={"id": field}, gc=False)).decode
    except (TypeError, ValueError):
        return None
