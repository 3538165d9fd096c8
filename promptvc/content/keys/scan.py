"""Keys of rows read from the bytes: several times as fast as reading the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count

from promptvc.content.formats.base import Json, Malformed, ReadsRows, RowFormat
from promptvc.content.keys.tokens import KeyToken, key_token
from promptvc.patterns import compiled

PLAIN_TEXT = compiled(r"[ !#-.0-\[\]-~]+")
"""Printable ASCII but " / and \\, which JSON may write as escapes."""
_ESCAPE = b"\\u00"
_ESCAPED_ASCII = compiled(rb"\\u00[2-7]")
# What follows a name is only looked at: it may be the beginning of the true match in a row that is broken.
_VALUE = rb'(?=[ \t\r\n]*+:[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+"|[^",\]}\s]++))'


class KeyScan:
    """Finds values of one field, text or integers, in rows of JSON; for anything else every place is possible."""

    def __init__(self, format: ReadsRows, field: str, values: Iterable[Json]) -> None:
        wanted = list(values)
        self._texts = {value for value in wanted if type(value) is str}
        numbers = {b"%d" % value for value in wanted if type(value) is int}
        self._spellings = {
            json.dumps(text, ensure_ascii=False).encode("utf-8", "replace") for text in self._texts
        }
        self._spellings |= numbers | ({b"-0"} if b"0" in numbers else set())
        self._pattern: re.Pattern[bytes] | None = None
        if (
            format.is_json
            and PLAIN_TEXT.fullmatch(field)
            and all(type(value) in (str, int) for value in wanted)
        ):
            self._pattern = re.compile(rb'"' + re.escape(field.encode()) + rb'"' + _VALUE, re.DOTALL)

    def may_hold(self, data: bytes) -> bool:
        """False where no row of data has one of the values in the field, whatever way they are written."""
        if self._pattern is None or has_escaped_ascii(data):
            return True
        found = set(self._pattern.findall(data))
        return not self._spellings.isdisjoint(found) or any(map(self._is_wanted, found))

    def _is_wanted(self, token: bytes) -> bool:
        if b"\\" not in token:
            return False
        try:
            return json.loads(token) in self._texts
        except ValueError:
            return True


def leading_keys(format: ReadsRows, field: str, data: bytes, rows: int) -> list[KeyToken] | None:
    """The keys of the rows whose spellings `_leading_spellings` gives; else None."""
    found = _leading_spellings(format, field, data, rows)
    try:
        return None if found is None else [_plain_key(field, value) for value in found]
    except UnicodeDecodeError:
        return None


def has_escaped_ascii(data: bytes) -> bool:
    """Whether a letter may be written as an escape; one byte is looked for first, which most rows lack."""
    return b"\\" in data and _ESCAPE in data and _ESCAPED_ASCII.search(data) is not None


def keyed_bodies(
    format: RowFormat, key: Sequence[str], data: bytes, *, first: bool
) -> Iterator[tuple[int, bytes, KeyToken]]:
    """(number, bytes, key) of every row of a chunk run that has one; some rows may turn out to be malformed."""
    bodies = format.bodies(data, first)
    if len(key) == 1 and (tokens := leading_keys(format, key[0], data, len(bodies))) is not None:
        yield from zip(count(), bodies, tokens, strict=False)
        return
    for number, body in enumerate(bodies):
        row = format.parse(body)
        if not isinstance(row, Malformed) and (token := key_token(row, key)) is not None:
            yield number, body, token


def _leading_spellings(format: ReadsRows, field: str, data: bytes, rows: int) -> list[bytes] | None:
    """The JSON of the key of each of ``rows`` rows, where each is a line of JSON Lines that begins with this field.

    Else None, as where the field is met once more than there are rows, or its values are not plain text or short
    integers. Rows may be malformed behind their key.
    """
    if (
        not (format.is_json and format.row_is_line)
        or not PLAIN_TEXT.fullmatch(field)
        or has_escaped_ascii(data)
    ):
        return None
    name = b'"%s"' % field.encode()
    if data.count(name) != rows:
        return None
    found: list[bytes] = _leading(name).findall(b"\n" + data)
    return found if len(found) == rows else None


@lru_cache(maxsize=8)
def _leading(name: bytes) -> re.Pattern[bytes]:
    blank = rb"[ \t\r]*+"
    value = rb'("[^"\\\n]*+"|-?[0-9]{1,18}+)'
    return re.compile(
        rb"\n" + blank + rb"\{" + blank + re.escape(name) + blank + rb":" + blank + value + blank + rb"[,}]"
    )


def _plain_key(field: str, value: bytes) -> KeyToken:
    if value[0] == 0x22:
        return (value[1:-1].decode(),)
    token = key_token({field: int(value)}, (field,))
    assert token is not None
    return token
