"""JSON text given another value: what keeps its value keeps its bytes, the rest is written in the file's style."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.jsonstyle import JsonStyle, encode_json, sniff_array
from promptvc.content.values.lists import align_lists
from promptvc.patterns import compiled

_BLANKS = " \t\r\n"
_SURROGATE = compiled("[\ud800-\udfff]")
_WAITING = f"{uuid4().hex}:"  # no text in any file begins so
_EXACT = compiled(b'"' + _WAITING.encode() + b'([^"]+)"')
_DECODER = json.JSONDecoder()


class _Span(Struct, frozen=True):
    """A member or element: the name ("" in a list) and where its value stands."""

    name: str
    start: int
    stop: int


def rewrite_json(text: str, value: Json) -> str:
    """The JSON text changed to hold that value. Raises `Usage` or `ValueError` for what is no JSON value."""
    start, stop = len(text) - len(text.lstrip(_BLANKS)), len(text.rstrip(_BLANKS))
    return text[:start] + _rewritten(text[start:stop], value, "") + text[stop:]


def load_exact(text: str, otherwise: Json) -> Json:
    """The JSON value of a text, another where it is none; numbers that Python would write otherwise wait as texts.

    `write_exact` puts them back as they were, once the value stands in a file: 1.10, or more digits than a float has.
    """

    def number(read: Callable[[str], float]) -> Callable[[str], Json]:
        return lambda digits: read(digits) if repr(read(digits)) == digits else _WAITING + digits

    try:
        value: Json = json.loads(text, parse_float=number(float), parse_int=number(int))
    except (ValueError, RecursionError):
        return otherwise
    return value


def write_exact(data: bytes) -> bytes:
    """The JSON text with the numbers that `load_exact` kept."""
    return _EXACT.sub(rb"\1", data)


def _rewritten(raw: str, value: Json, indent: str) -> str:
    """One value's text changed; ``indent`` is the indentation of the line that it begins on."""
    old = json.loads(raw)
    if same(old, value):
        return raw
    if isinstance(old, dict) and isinstance(value, dict):
        return _object(raw, old, value, indent)
    if isinstance(old, list) and isinstance(value, list) and old and value:
        return _list(raw, old, value, indent)
    return _new(value, _style(raw, indent))


def _object(raw: str, old: dict[str, Json], value: dict[str, Json], indent: str) -> str:
    made, at = "", 0
    for span in _last_of_each(_spans(raw)):
        if span.name in value and not same(old[span.name], value[span.name]):
            inner = _rewritten(
                raw[span.start : span.stop], value[span.name], _indent_at(raw, span.start, indent)
            )
            made += raw[at : span.start] + inner
            at = span.stop
    made += raw[at:]
    # What is left to do is to drop members and to add new ones.
    return encode_json(value, made.encode(), _style(raw, indent)).decode()


def _list(raw: str, old: list[Json], value: list[Json], indent: str) -> str:
    spans = _spans(raw)
    kept = align_lists(old, value).kept
    source = {place: at for at, place in enumerate(kept) if place is not None}
    opening, closing = raw[: spans[0].start], raw[spans[-1].stop :]
    blanks = opening[1:]
    usual = (
        raw[spans[0].stop : spans[1].start] if len(spans) > 1 else "," + (blanks if "\n" in blanks else " ")
    )
    made = ""
    for place, item in enumerate(value):
        at = source.get(place)
        before = usual if not at else raw[spans[at - 1].stop : spans[at].start]
        text = (
            _new(item, _item_style(raw, indent))
            if at is None
            else _rewritten(
                raw[spans[at].start : spans[at].stop], item, _indent_at(raw, spans[at].start, indent)
            )
        )
        made += (before if place else opening) + text
    return made + closing


def _new(value: Json, style: JsonStyle) -> str:
    colon = style.colon.strip("\r\n")
    indent, comma = (style.unit, ",") if style.unit else (None, style.comma)
    ascii = style.ascii or _has_surrogates(value)
    text = json.dumps(value, ensure_ascii=ascii, indent=indent, separators=(comma, colon), allow_nan=False)
    return text.replace("\n", style.line_end + style.outer) if indent else text


def _has_surrogates(value: Json) -> bool:
    """Whether a text in the value can be written as escapes only."""
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def _style(raw: str, indent: str) -> JsonStyle:
    return replace(sniff_array(raw.encode()), outer=indent)


def _item_style(raw: str, indent: str) -> JsonStyle:
    found = sniff_array(raw.encode())
    return found if "\n" in raw[: raw.find("{") + 1] else replace(found, outer=indent)


def _indent_at(raw: str, at: int, indent: str) -> str:
    """The indentation of the line that a place in ``raw`` is on."""
    start = raw.rfind("\n", 0, at) + 1
    if not start:
        return indent
    line = raw[start:at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _spans(raw: str) -> list[_Span]:
    """The members of an object, or the elements of a list; ``raw`` is valid and begins with its bracket."""
    found: list[_Span] = []
    at = _skip(raw, 1)
    while raw[at] not in "]}":
        name = ""
        if raw[0] == "{":
            name, at = _DECODER.raw_decode(raw, at)
            at = _skip(raw, _skip(raw, at) + 1)
        _, stop = _DECODER.raw_decode(raw, at)
        found.append(_Span(name, at, stop))
        at = _skip(raw, stop)
        at = _skip(raw, at + 1) if raw[at] == "," else at
    return found


def _skip(raw: str, at: int) -> int:
    while raw[at] in _BLANKS:
        at += 1
    return at


def _last_of_each(spans: list[_Span]) -> list[_Span]:
    """Of a name given twice the last one counts."""
    return sorted({span.name: span for span in spans}.values(), key=lambda span: span.start)
