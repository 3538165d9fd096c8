"""A JSON file that holds an array of objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from promptvc.content.formats.base import FileStyle, RowFormat, Segment
from promptvc.content.formats.joining import ArrayJoining
from promptvc.content.formats.jsonobjects import JsonObjects
from promptvc.content.formats.jsonstyle import sniff_array
from promptvc.patterns import compiled

if TYPE_CHECKING:
    from promptvc.content.formats.jsonstyle import JsonStyle

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# Twice as fast, and right where no two backslashes are side by side: there, one before a quote escapes it.
_SIMPLE_STRING = rb'"[^"]*+(?:(?<=\\)"[^"]*+)*+"'
_AFTER = rb"[ \t\r\n]*+(,[ \t\r]*+\n?+)?+"


def _skipped(string: bytes) -> bytes:
    return rb'[^{"]*+(?:' + string + rb'[^{"]*+)*+'


def _object(string: bytes, depth: int) -> bytes:
    """Matches from ``{`` to its ``}``, with at most ``depth`` objects inside one another; possessive, hence linear."""
    inner = string if depth == 0 else rb"(?:" + string + rb"|" + _object(string, depth - 1) + rb")"
    return rb'\{[^{}"]*+(?:' + inner + rb'[^{}"]*+)*+\}'


def _element(string: bytes) -> re.Pattern[bytes]:
    """What is between elements, an element (group 1), and the comma with its blanks and line end (group 2)."""
    return re.compile(_skipped(string) + rb"(" + _object(string, 4) + rb")" + _AFTER, re.DOTALL)


_ELEMENT = _element(_STRING)
_SIMPLE_ELEMENT = _element(_SIMPLE_STRING)
_BEFORE_OBJECT = compiled(_skipped(_STRING), re.DOTALL)
_AFTER_OBJECT = compiled(_AFTER)
# A lone quote comes last: it is met only where a string never ends.
_TOKEN = compiled(_STRING + rb'|[{}"]', re.DOTALL)


class JsonArray(JsonObjects, ArrayJoining):
    """An element is found by its braces, minding strings; whatever else stands between elements is skipped."""

    cutting: tuple[object, ...] = ("json",)
    row_per_end = False  # where a comma is missing, a row end closes two elements
    row_is_line = False

    def __init__(self, head: bytes, suffix: str = ".json") -> None:
        self._head = head

    @staticmethod
    def blank(suffix: str, columns: Sequence[str]) -> bytes:
        """See `RowFormatType`."""
        return b"[]\n"

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        r"""See `CutsRows`: after an element's comma, the blanks that follow it and their line end.

        ``b'[\n {"a":1},\n {"a":2}\n]'`` gives 12. The last element has no comma, so none.
        """
        for _, _, end in _elements(data, start):
            if end == len(data) and data[end - 1] != 0x0A:
                return  # more blanks or the line end may follow
            if end >= 0:
                yield end

    def segments(self, data: bytes, first: bool) -> list[Segment]:
        """See `ReadsRows`."""
        segments: list[Segment] = []
        at = 0
        for start, stop, end in _elements(data, 0):
            after = max(stop, end)
            segments.append(Segment(data[at:start], data[start:stop], data[stop:after]))
            at = after
        return _with_rest(segments, data[at:])

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """See `ReadsRows`."""
        bodies = []
        stop = 0
        for start, stop, _ in _elements(data, 0):
            bodies.append(data[start:stop])
        unfinished = _unfinished(data, stop)
        return [*bodies, data[unfinished:].rstrip(b" \t\r\n")] if unfinished is not None else bodies

    def count(self, data: bytes, first: bool) -> int:
        """See `CutsRows`."""
        count = stop = 0
        for _, stop, _ in _elements(data, 0):  # noqa: B007
            count += 1
        return count + (_unfinished(data, stop) is not None)

    @cached_property
    def style(self) -> JsonStyle:
        """How the file's first elements are written."""
        return sniff_array(self._head)

    def restyled(self, style: FileStyle, other: RowFormat) -> tuple[RowFormat, bytes]:
        """See `JoinsRows`."""
        return self, b""


def _elements(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(start, stop, end) of each whole element: its braces, and where its comma, blanks and line end stop, or -1."""
    match, match_simple = _ELEMENT.match, _SIMPLE_ELEMENT.match
    double = data.find(b"\\\\", at)
    while True:
        found = match_simple(data, at)
        if double >= 0 and (found is None or double < found.end(1)):
            found = match(data, at)
        if found is not None:
            start, stop = found.span(1)
            end = found.end(2)
        else:
            deep = _walk(data, at)
            if deep is None:
                return
            start, stop = deep
            after = _AFTER_OBJECT.match(data, stop)
            end = -1 if after is None else after.end(1)
        yield start, stop, end
        at = max(stop, end)
        if 0 <= double < at:
            double = data.find(b"\\\\", at)


def _walk(data: bytes, at: int) -> tuple[int, int] | None:
    """The next element token by token, for objects nested deeper than the pattern goes; None if none ends here."""
    start = _unfinished(data, at)
    if start is None:
        return None
    depth = 0
    for token in _TOKEN.finditer(data, start):
        text = token[0]
        if text == b"{":
            depth += 1
        elif text == b"}":
            depth -= 1
            if depth == 0:
                return start, token.end()
        elif text == b'"':
            return None
    return None


def _unfinished(data: bytes, at: int) -> int | None:
    """Where the next object opens, whether or not it ends."""
    skipped = _BEFORE_OBJECT.match(data, at)
    if skipped is None or data[skipped.end() : skipped.end() + 1] != b"{":
        return None
    return skipped.end()


def _with_rest(segments: list[Segment], rest: bytes) -> list[Segment]:
    """Add what follows the last whole element: an element that never ends, or what closes the array."""
    if not rest:
        return segments
    opens = _unfinished(rest, 0)
    if opens is not None:
        body = rest[opens:].rstrip(b" \t\r\n")
        return [*segments, Segment(rest[:opens], body, rest[opens + len(body) :])]
    if not segments or segments[-1].trail:
        return [*segments, Segment(rest, None, b"")]
    last = segments[-1]
    return [*segments[:-1], Segment(last.lead, last.body, rest)]
