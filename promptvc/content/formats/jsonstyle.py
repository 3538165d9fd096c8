"""A row's fields -> JSON text in the style of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.jsonrow import parse_json
from promptvc.errors import Usage
from promptvc.patterns import compiled

_BLANKS = " \t\r\n"
_NAME = rb'"(?:[^"\\]|\\.)*+"'
_FIRST_MEMBER = compiled(rb"\{([ \t\r\n]*+)" + _NAME + rb"([ \t\r\n]*+:[ \t\r\n]*+)", re.DOTALL)
_NEXT_MEMBER = compiled(rb"(,[ \t\r\n]*+)" + _NAME + rb"[ \t\r\n]*+:", re.DOTALL)
_ESCAPE = compiled(rb"\\u(?!00[01])[0-9a-fA-F]{4}")
_SURROGATE = compiled("[\ud800-\udfff]")
_DECODER = json.JSONDecoder()


class JsonStyle(Struct, frozen=True):
    """How objects are written.

    ``comma`` and ``colon`` stand between members and inside them. ``unit`` is one step of indentation, "" where
    an object is on one line; ``outer`` is the indentation of the object itself. ``ascii`` escapes all else.
    """

    comma: str = ", "
    colon: str = ": "
    ascii: bool = False
    unit: str = ""
    outer: str = ""
    line_end: str = "\n"


class _Member(Struct, frozen=True):
    """A member as written: ``before`` is the brace or comma and the blanks in front of its name."""

    before: str
    head: str
    raw: str
    name: str
    value: Json


def sniff_lines(head: bytes) -> JsonStyle:
    """The style of JSON Lines: that of the first object in head."""
    first = _FIRST_MEMBER.search(head)
    following = _NEXT_MEMBER.search(head)
    return JsonStyle(
        comma=", " if following is None else _blank_text(following[1]),
        colon=": " if first is None else _blank_text(first[2]),
        ascii=_is_ascii(head, False),
    )


def sniff_array(head: bytes) -> JsonStyle:
    """The style of an array of objects: indentation from the first object in head; of an empty array, two blanks."""
    first = _FIRST_MEMBER.search(head)
    line_end = "\r\n" if b"\r\n" in head else "\n"
    if first is None:
        return JsonStyle(comma=",", unit="  ", outer="  ", line_end=line_end)
    flat = replace(sniff_lines(head), line_end=line_end)
    before = head[: first.start()]
    outer = before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace") if b"\n" in before else ""
    outer = outer if not outer.strip(_BLANKS) else ""
    if b"\n" not in first[1]:
        return replace(flat, outer=outer)
    inner = _blank_text(first[1]).rpartition("\n")[2]
    return replace(flat, comma=",", outer=outer, unit=inner[len(outer) :] or "  ")


def encode_json(row: Mapping[str, Json], like: bytes | None, style: JsonStyle) -> bytes:
    """The object's text; what ``like`` has unchanged keeps its bytes and place. Raises `Usage` for what is no JSON."""
    for name in row:
        if not isinstance(name, str):
            raise Usage(f"field name {name!r} is not text")
    old = None if like is None else parse_json(like)
    if like is None or not isinstance(old, dict):
        return _to_bytes(_new_object(row, style))
    if same(old, dict(row)):
        return like
    members = _members(like)
    return _to_bytes(_changed_object(row, like.decode(), members, _style_like(like, members, style)))


def _new_object(row: Mapping[str, Json], style: JsonStyle) -> str:
    if not style.unit:
        try:
            return _encoder(style.ascii, style.comma, style.colon, None).encode(dict(row))
        except (TypeError, ValueError, RecursionError):
            pass  # below, the field is found and named
    texts = [_name_text(name, style) + _value_text(name, value, style, "") for name, value in row.items()]
    if not texts:
        return "{}"
    if not style.unit:
        return "{" + style.comma.join(texts) + "}"
    inner = style.line_end + style.outer + style.unit
    return "{" + inner + ("," + inner).join(texts) + style.line_end + style.outer + "}"


def _changed_object(row: Mapping[str, Json], like: str, members: list[_Member], style: JsonStyle) -> str:
    last_of = {member.name: at for at, member in enumerate(members)}
    texts: list[tuple[str, str]] = []
    for at, member in enumerate(members):
        if member.name not in row:
            continue
        value = row[member.name]
        if same(value, members[last_of[member.name]].value):
            texts.append((member.before, member.head + member.raw))
        elif last_of[member.name] == at:  # of a name given twice, the last one counts
            texts.append((member.before, member.head + _value_text(member.name, value, style, member.raw)))
    opening = members[0].before if members else "{" + _line(style, style.unit)
    between = "," + opening[1:] if style.unit and len(members) < 2 else style.comma
    for name, value in row.items():
        if name not in last_of:
            texts.append((between, _name_text(name, style) + _value_text(name, value, style, "")))
    if not texts:
        return "{}"
    start = like.index("{")
    closing = like[_end_of(members, start) :] if members else _line(style, "") + "}"
    rest = [before + text if "," in before else between + text for before, text in texts[1:]]
    return like[:start] + opening + texts[0][1] + "".join(rest) + closing


def _line(style: JsonStyle, step: str) -> str:
    return style.line_end + style.outer + step if style.unit else ""


def _end_of(members: list[_Member], start: int) -> int:
    return start + sum(len(m.before) + len(m.head) + len(m.raw) for m in members)


def _members(body: bytes) -> list[_Member]:
    """The members of a valid object, as they are written."""
    text = body.decode()
    members: list[_Member] = []
    at = text.index("{")
    while True:
        opening = _skip(text, _skip(text, at) + 1)
        if text[opening] == "}":
            return members
        name, after = _DECODER.raw_decode(text, opening)
        start = _skip(text, _skip(text, after) + 1)
        value, stop = _DECODER.raw_decode(text, start)
        members.append(_Member(text[at:opening], text[opening:start], text[start:stop], name, value))
        at = stop
        if text[_skip(text, at)] == "}":
            return members


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _style_like(like: bytes, members: list[_Member], style: JsonStyle) -> JsonStyle:
    """The style of one row, and of the file where the row does not show it."""
    style = replace(style, ascii=_is_ascii(like, style.ascii))
    if not members:
        return style
    opening, head = members[0].before[1:], members[0].head
    return replace(
        style,
        colon=head[head.rindex(":") :],
        comma=members[1].before if len(members) > 1 else style.comma,
        unit=(opening.rpartition("\n")[2][len(style.outer) :] or "  ") if "\n" in opening else "",
    )


def _is_ascii(text: bytes, otherwise: bool) -> bool:
    if not text.isascii():
        return False
    return _ESCAPE.search(text) is not None or otherwise


def _blank_text(found: bytes) -> str:
    return found.decode("ascii")


def _name_text(name: str, style: JsonStyle) -> str:
    return _encoder(style.ascii, ",", ":", None).encode(name) + style.colon


@lru_cache(maxsize=32)
def _encoder(ascii: bool, comma: str, colon: str, indent: str | None) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=ascii, separators=(comma, colon), indent=indent)


def _value_text(name: str, value: Json, style: JsonStyle, old: str) -> str:
    """JSON text of a value; containers go over several lines as the file's do, unless ``old`` had one on one line."""
    inline = not style.unit or (old[:1] in ("{", "[") and len(old) > 2 and "\n" not in old)
    comma = style.comma if not style.unit else ", " if inline else ","
    try:
        colon = style.colon.strip("\r\n")
        text = _encoder(style.ascii, comma, colon, None if inline else style.unit).encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Usage(f"field {name}: not a JSON value: {error}") from None
    return text if inline else text.replace("\n", _line(style, style.unit))


def _to_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate can be written as an escape only
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
