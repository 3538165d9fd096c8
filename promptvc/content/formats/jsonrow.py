"""JSON text of one row -> its fields, or what is wrong with it and where."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from promptvc.content.formats.base import Json, Malformed, Row
from promptvc.patterns import compiled

MAX_DEPTH = 200
"""Deeper rows count as malformed: code that walks values may then recurse without a thought for the stack."""

_EXACT = float(
    2**63
)  # the decoder below gives integers beyond 64 bits as floats, which are at least this large
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_LONG_INTEGER = b"0" * 19
_LONGEST_INTEGER = 4300
_TOKENS = compiled(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|[0-9]{4300,}+', re.DOTALL)


def parse_json(body: bytes) -> Row | Malformed:
    """The object that body holds. Never raises; of a name given twice, the last value counts (RFC 8259, 4).

    Beyond the RFC, as Python's ``json`` does: ``NaN``, ``Infinity``, integers of any size up to 4300 digits,
    escaped lone surrogates.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_slowly(body)
    if type(value) is not dict:
        return _not_an_object(body)
    for field in value.values():
        kind = type(field)
        if kind is dict or kind is list or (kind is float and not -_EXACT < field < _EXACT):
            return _check_deeply(body, value)
    return value


def is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8, as JSON is to be."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def may_exceed_limits(data: bytes, bodies: Sequence[bytes]) -> bool:
    """False where no row of data can be malformed for its depth, or for an integer of too many digits."""
    if max(map(len, bodies), default=0) > _LONGEST_INTEGER and b"0" * _LONGEST_INTEGER in data.translate(
        _DIGITS
    ):
        return True
    brackets = data.count(b"{") + data.count(b"[")
    if brackets - len(bodies) < MAX_DEPTH:  # each of the others has at least one
        return False
    return any(body.count(b"{") + body.count(b"[") > MAX_DEPTH for body in bodies)


def _check_deeply(body: bytes, value: Row) -> Row | Malformed:
    if _LONG_INTEGER in body.translate(_DIGITS):
        return _parse_slowly(body)
    return _too_deep(body) or value


def _parse_slowly(body: bytes) -> Row | Malformed:
    import json  # rarely needed, and start-up is counted in ms

    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return _malformed("invalid UTF-8", body, error.start)
    if (deep := _too_deep(body)) is not None:
        return deep
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        return Malformed(_sentence(error.msg), error.lineno, error.colno)
    except (
        ValueError,
        RecursionError,
    ) as error:  # Python refuses to convert integers of more than 4300 digits
        return _integer_too_long(body) or Malformed(_sentence(str(error)), 1, 1)
    return value if type(value) is dict else _not_an_object(body)


def _not_an_object(body: bytes) -> Malformed:
    return _malformed("valid JSON, but not an object", body, len(body) - len(body.lstrip(b" \t\r\n")))


def _too_deep(body: bytes) -> Malformed | None:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return None
    depth = 0
    for token in _TOKENS.finditer(body):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth > MAX_DEPTH:
                return _malformed(f"nested more than {MAX_DEPTH} deep", body, token.start())
        elif token[0] in (b"}", b"]"):
            depth -= 1
    return None


def _integer_too_long(body: bytes) -> Malformed | None:
    for token in _TOKENS.finditer(body):
        if token[0][:1].isdigit():
            return _malformed("an integer of more than 4300 digits", body, token.start())
    return None


def _malformed(message: str, body: bytes, offset: int) -> Malformed:
    before = body[:offset].decode("utf-8", "replace")
    return Malformed(message, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]
