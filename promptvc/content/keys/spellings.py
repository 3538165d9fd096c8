"""How the keys of rows are spelled, found by a decoder that passes over all other fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from promptvc.content.formats.base import RowFormat
from promptvc.patterns import compiled

_OTHER_LINE = compiled(rb"\n[^{]")
_VALUE = rb'(?:"[^"\\]*+"|0|-?[1-9][0-9]{0,17}+|true|false)'
_PLAIN = compiled(rb"(?:%s(?:,%s)*+)?+" % (_VALUE, _VALUE))
"""Values, with commas between them, that have one spelling only: the one that `hash_token` takes."""


def key_spellings(
    format: RowFormat, key: Sequence[str], data: bytes, *, first: bool, opened: bool | None = None
) -> list[bytes] | None:
    r"""What `hash_token` hashes, for each row of a chunk run, where each has a plain key; else None.

    ``b'{"a": 1, "id": "x"}\n{"id": 2}\n'`` by ``id`` gives ``b'"x"'``, ``b'2'``. Rows may be malformed beside their
    keys, and bytes that are no row may give a key more. They come as buffers. ``opened`` is `opens_rows`, where known.
    """
    reader = _reader(tuple(key)) if format.is_json else None
    if reader is None:
        return None
    lines = format.row_is_line and (opens_rows(data) if opened is None else opened)
    try:
        rows = reader.lines(data) if lines else [*map(reader.row, format.bodies(data, first))]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    columns = [[*map(get, rows)] for get in reader.fields]
    if not all(map(_are_plain, columns)):
        return None
    return columns[0] if len(columns) == 1 else [*map(b"\0".join, zip(*columns, strict=True))]


def opens_rows(data: bytes) -> bool:
    r"""Whether every line begins with ``{``.

    Then a decoder of objects one behind another reads each line that is an object as one of them. Were it inside of
    another one when a line begins, that line would be a value in it, and the next ``{`` an error, as the end would be;
    and no string holds a line feed.
    """
    return data.startswith(b"{") and _OTHER_LINE.search(data) is None


class _Reader(NamedTuple):
    """Reads of rows only the fields of a key, as they are spelled; raises `MsgspecError` where one is missing."""

    row: Callable[[bytes], Any]
    lines: Callable[[bytes], list[Any]]
    fields: list[Callable[[Any], bytes]]


@lru_cache(maxsize=8)
def _reader(key: tuple[str, ...]) -> _Reader | None:
    if not key or len(set(key)) < len(key) or not all(map(_may_be_named, key)):
        return None
    names = [f"part{number}" for number in range(len(key))]
    fields = [(name, msgspec.Raw, msgspec.field(name=field)) for name, field in zip(names, key, strict=True)]
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("Row", fields, gc=False))
    return _Reader(decoder.decode, decoder.decode_lines, [attrgetter(name) for name in names])


def _may_be_named(field: str) -> bool:
    """Whether the decoder takes a field of this name."""
    return field.isprintable() and '"' not in field and "\\" not in field


def _are_plain(values: Sequence[bytes]) -> bool:
    return _PLAIN.fullmatch(b",".join(values)) is not None
