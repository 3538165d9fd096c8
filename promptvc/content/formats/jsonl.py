"""JSON Lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from promptvc.content.formats.base import BOM, FileStyle, RowFormat, Segment
from promptvc.content.formats.joining import LineJoining
from promptvc.content.formats.jsonobjects import JsonObjects
from promptvc.content.formats.jsonstyle import sniff_lines
from promptvc.patterns import compiled

if TYPE_CHECKING:
    from promptvc.content.formats.jsonstyle import JsonStyle

_BLANKS = b" \t\r\n"
_BLANK_LINE = compiled(rb"\n[ \t\r\n]")


class JsonLines(JsonObjects, LineJoining):
    """Lines end with LF; blank ones hold no row; blanks and a CR around an object belong to the line, not the row."""

    cutting: tuple[object, ...] = ("jsonl",)
    row_per_end = True
    row_is_line = True

    def __init__(self, head: bytes, suffix: str = ".jsonl") -> None:
        self._head = head

    @staticmethod
    def blank(suffix: str, columns: Sequence[str]) -> bytes:
        """See `RowFormatType`."""
        return b""

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        """See `CutsRows`: after each LF."""
        find = data.find
        end = find(b"\n", start) + 1
        while end:
            yield end
            end = find(b"\n", end) + 1

    def segments(self, data: bytes, first: bool) -> list[Segment]:
        """See `ReadsRows`."""
        lines = data.split(b"\n")
        pieces = (
            [line + b"\n" for line in lines[:-1]] + lines[-1:]
            if lines[-1]
            else [s + b"\n" for s in lines[:-1]]
        )
        return [_segment(piece, first and at == 0) for at, piece in enumerate(pieces)]

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        """See `ReadsRows`."""
        if first and data.startswith(BOM):
            data = data[len(BOM) :]
        return [body for line in data.split(b"\n") if (body := line.strip(_BLANKS))]

    def count(self, data: bytes, first: bool) -> int:
        """See `CutsRows`."""
        if not data:
            return 0
        if data[0] in _BLANKS or data[0] == BOM[0] or _BLANK_LINE.search(data):
            return len(self.bodies(data, first))
        return data.count(b"\n") + (not data.endswith(b"\n"))

    @cached_property
    def line_end(self) -> bytes:
        """What ends a new line: that of the file's first line."""
        at = self._head.find(b"\n")
        return b"\r\n" if at > 0 and self._head[at - 1] == 0x0D else b"\n"

    @cached_property
    def style(self) -> JsonStyle:
        """How the file's first object is written."""
        return sniff_lines(self._head)

    def restyled(self, style: FileStyle, other: RowFormat) -> tuple[RowFormat, bytes]:
        """See `JoinsRows`."""
        return JsonLines(b"{}" + style.line_end), b""


def _segment(piece: bytes, first: bool) -> Segment:
    start = len(BOM) if first and piece.startswith(BOM) else 0
    body = piece[start:].strip(_BLANKS)
    if not body:
        return Segment(piece, None, b"")
    at = piece.index(body, start)
    return Segment(piece[:at], body, piece[at + len(body) :])
