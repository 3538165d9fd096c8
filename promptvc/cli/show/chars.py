"""Text as a terminal shows it: invisible characters made visible, width, cutting and wrapping."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from typing import Any

from promptvc.cli.output import HIDDEN, escaped
from promptvc.content.formats.words import plural as plural
from promptvc.patterns import compiled

_HIDDEN = compiled(f"[{HIDDEN}]")
# All except letters and signs that are known to need one column: Latin ones, dashes, quotes, arrows, lines.
_UNSURE = compiled("[^\x00-\u02ff\u2010-\u2027\u2190-\u22ff\u2500-\u257f]")
_NAMED = {"\n": "↵", "\t": "\\t", "\r": "\\r"}
_WIDE = ("W", "F")
_STRING_LEAST, _STRING_MOST = 12, 400
_ITEM_LIMIT = 40


def visible(text: str, keep: str = "") -> str:
    r"""The text with characters that a terminal would not show escaped: ``"a\nb\x1b" -> "a↵b\x1b"`` in letters.

    Characters in ``keep`` stay.
    """
    if text.isprintable():
        return text
    return _HIDDEN.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def columns(text: str) -> int:
    """How many columns a terminal needs for it: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return len(text) + sum(_columns_of(letter) - 1 for letter in _UNSURE.findall(text))


def cut(text: str, room: int) -> str:
    """The text, or as much of it as fits with ``…`` at the end."""
    if columns(text) <= room:
        return text
    return text[: _fitting(text, 0, room - 1)].rstrip() + "…" if room > 0 else ""


def pad(text: str, room: int) -> str:
    """The text padded with spaces to ``room`` columns."""
    return text + " " * (room - columns(text))


def wrap(text: str, room: int) -> list[tuple[int, int]]:
    """Where to break a text into lines of at most ``room`` columns: (start, stop) of each, without spaces at breaks."""
    lines = []
    start = 0
    room = max(room, 10)
    while start < len(text):
        stop = _fitting(text, start, room)
        if stop < len(text):
            stop = _break(text, start, stop)
        lines.append((start, start + len(text[start:stop].rstrip(" "))))
        start = stop
        while start < len(text) and text[start] == " " and stop > 0:
            start += 1
    return lines or [(0, 0)]


def json_text(value: Any) -> str:
    """A value as JSON on one line, every character visible."""
    return visible(json.dumps(value, ensure_ascii=False, default=str))


def json_cut(value: Any, room: int) -> str:
    """A value as JSON, its strings shortened to fit; cut at the end if that is not enough."""
    least, most = _STRING_LEAST, _STRING_MOST
    text = json_text(_shortened(value, most))
    if columns(text) <= room:
        return text
    while least < most - 1:
        middle = (least + most) // 2
        if columns(json_text(_shortened(value, middle))) <= room:
            least = middle
        else:
            most = middle
    return cut(json_text(_shortened(value, least)), room)


def _escape(letter: str) -> str:
    return _NAMED[letter] if letter in _NAMED else escaped(letter)


@lru_cache(1 << 12)
def _columns_of(letter: str) -> int:
    if unicodedata.east_asian_width(letter) in _WIDE:
        return 2
    return 0 if letter in "\u200c\u200d\ufe0e\ufe0f" or unicodedata.category(letter) in ("Mn", "Me") else 1


def _fitting(text: str, start: int, room: int) -> int:
    """The stop of the longest chunk run from start that needs at most ``room`` columns; at least one character."""
    stop = min(len(text), start + room)
    if not _UNSURE.search(text, start, stop):
        return max(stop, start + 1) if start < len(text) else start
    used, at = 0, start
    while at < len(text) and (used := used + _columns_of(text[at])) <= room:
        at += 1
    return max(at, start + 1)


def _break(text: str, start: int, stop: int) -> int:
    """The last good place up to stop: before or after a space, after ``↵``, between wide characters."""
    if text[stop] == " ":
        return stop
    for at in range(stop, max(start, stop - 40), -1):
        if text[at - 1] in " ↵" or (_columns_of(text[at - 1]) == 2 and _columns_of(text[at]) == 2):
            return at
    return stop


def _shortened(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"
    if isinstance(value, dict):
        return {key: _shortened(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        short = [_shortened(item, limit) for item in value[:_ITEM_LIMIT]]
        return short if len(value) <= _ITEM_LIMIT else [*short, f"… {len(value) - _ITEM_LIMIT} more"]
    return value
