"""A row format that promptvc does not have: all that it takes to write one."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from promptvc.content.formats.base import FileStyle, Json, ReadsRows, Row, RowFormat, Segment
from promptvc.content.formats.joining import LineJoining

_ENDS = b"\r\n"


class Pairs(LineJoining):
    """``id=1|text=a%7Cb``: a row a line, of names and values with percent escapes; values are text."""

    columns = None
    reading: tuple[object, ...] = ("pairs",)
    cutting: tuple[object, ...] = ("pairs",)
    is_json = False
    row_is_line = True
    row_per_end = True
    text_only = True

    def __init__(self, head: bytes, suffix: str = ".psv") -> None:
        self._head = head

    @staticmethod
    def blank(suffix: str, columns: Sequence[str]) -> bytes:
        return b""

    @property
    def line_end(self) -> bytes:
        return b"\r\n" if b"\r\n" in self._head else b"\n"

    def row_ends(self, data: bytes, start: int) -> Iterator[int]:
        while (start := data.find(b"\n", start) + 1) > 0:
            yield start

    def segments(self, data: bytes, first: bool) -> list[Segment]:
        ends = [*self.row_ends(data, 0), len(data)]
        lines = [data[a:b] for a, b in zip([0, *ends], ends, strict=False) if a < b]
        bodies = [line.rstrip(_ENDS) for line in lines]
        return [
            Segment(b"", body, line[len(body) :]) if body else Segment(line, None, b"")
            for line, body in zip(lines, bodies, strict=True)
        ]

    def bodies(self, data: bytes, first: bool) -> list[bytes]:
        return [segment.body for segment in self.segments(data, first) if segment.body is not None]

    def count(self, data: bytes, first: bool) -> int:
        return len(self.bodies(data, first))

    def parse(self, body: bytes) -> Row:
        pairs = (pair.partition(b"=") for pair in body.split(b"|"))
        return {_text(name): _text(value) for name, equals, value in pairs if equals}

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        if like is not None and self.parse(like) == row:
            return like
        return "|".join(f"{_quoted(name)}={_quoted(value)}" for name, value in row.items()).encode() or b"|"

    def translate(
        self, row: Mapping[str, Json], body: bytes, source: ReadsRows, columns: Container[str]
    ) -> bytes:
        return self.encode(row, body)

    def fitted(self, row: Row) -> Row:
        return row

    def restyled(self, style: FileStyle, other: RowFormat) -> tuple[RowFormat, bytes]:
        return Pairs(style.line_end), b""


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "surrogateescape")


def _quoted(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogateescape"), safe=" ,;:'()")
