"""Rows joined to a file: what opens and closes it stays, what stands between them is put right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptvc.content.formats.base import BOM, FileStyle, Segment

if TYPE_CHECKING:
    from promptvc.content.formats.jsonstyle import JsonStyle

_BLANKS = b" \t\r\n"


class LineJoining:
    """Rows that end with a line end: each but the last must have one, the last has one if the last had one before."""

    by_line = True

    @property
    def line_end(self) -> bytes:
        """What ends a new line."""
        raise NotImplementedError

    @property
    def file_style(self) -> FileStyle:
        """See `JoinsRows`."""
        return FileStyle(self.line_end)

    def ends_open(self, data: bytes, first: bool) -> bool:
        """See `JoinsRows`: a line ends whatever is in it."""
        return False

    def rebuild(self, old: Sequence[Segment], new: Sequence[Segment | bytes]) -> list[Segment]:
        """See `JoinsRows`."""
        segments = [item if isinstance(item, Segment) else Segment(b"", item, self.line_end) for item in new]
        ended = not old or self._is_ended(old[-1])
        last = len(segments) - 1
        segments = [self._end(s, ended or at < last) for at, s in enumerate(segments)]
        return _keep_mark(segments) if old and old[0].lead.startswith(BOM) else segments

    def _is_ended(self, segment: Segment) -> bool:
        return segment.data.endswith(self.line_end[-1:])

    def _end(self, segment: Segment, wanted: bool) -> Segment:
        if self._is_ended(segment) == wanted:
            return segment
        if not wanted:
            return replace(segment, trail=b"") if segment.body is not None else segment
        if segment.body is None:
            return replace(segment, lead=segment.lead + self.line_end)
        return replace(segment, trail=segment.trail.rstrip(b"\r\n") + self.line_end)


def _keep_mark(segments: list[Segment]) -> list[Segment]:
    """Put the byte-order mark at the beginning, and only there."""
    bare = [replace(s, lead=s.lead.removeprefix(BOM)) for s in segments]
    if not bare:
        return [Segment(BOM, None, b"")]
    return [replace(bare[0], lead=BOM + bare[0].lead), *bare[1:]]


class ArrayJoining:
    """Rows between ``[`` and ``]`` with a comma between them."""

    by_line = False

    @property
    def style(self) -> JsonStyle:
        """How the file's elements are written."""
        raise NotImplementedError

    @property
    def line_end(self) -> bytes:
        """What ends a new line."""
        return self.style.line_end.encode()

    @property
    def file_style(self) -> FileStyle:
        """See `JoinsRows`: indentation, and whether each element begins a line."""
        return FileStyle(indent=(self.style.outer, self.style.unit, self.style.line_end))

    def ends_open(self, data: bytes, first: bool) -> bool:
        """See `JoinsRows`: what stands behind ``]`` is no element."""
        return False

    def rebuild(self, old: Sequence[Segment], new: Sequence[Segment | bytes]) -> list[Segment]:
        """See `JoinsRows`."""
        opening, closing, rest = self._frame(old)
        rows = [s for s in new if not isinstance(s, Segment) or s.body is not None]
        if not rows:
            lead = opening.rstrip(_BLANKS) + closing.lstrip(_BLANKS + b",") + rest.lstrip(_BLANKS)
            return [Segment(lead, None, b"")] if lead else []
        indent, between = self._indent(old, opening), self._between(old, opening)
        segments = [s if isinstance(s, Segment) else Segment(indent, s, between) for s in rows]
        segments = [s if _has_comma(s) else replace(s, trail=between) for s in segments]
        segments = [s if s.lead != opening else replace(s, lead=indent) for s in segments]
        segments[0] = replace(segments[0], lead=opening)
        segments[-1] = replace(segments[-1], trail=closing)
        return [*segments, Segment(rest, None, b"")] if rest else segments

    def _frame(self, old: Sequence[Segment]) -> tuple[bytes, bytes, bytes]:
        """What stands before the first row, after the last one, and in a segment of its own after that."""
        rows = [s for s in old if s.body is not None]
        rest = b"".join(s.lead for s in old if s.body is None)
        if rows:
            return rows[0].lead, rows[-1].trail, rest
        line_end, indent = self.style.line_end.encode(), self.style.outer.encode()
        if b"[" in rest or not rest:
            before, _, after = rest.partition(b"[")
            closing = line_end + (after.lstrip(_BLANKS) or b"]\n")
            return before + b"[" + line_end + indent, closing, b""
        return indent, b"," + line_end, rest

    def _indent(self, old: Sequence[Segment], opening: bytes) -> bytes:
        rows = [s for s in old if s.body is not None]
        if len(rows) > 1:
            return rows[1].lead
        return opening[opening.rfind(b"\n") + 1 :] if b"\n" in opening or b"[" not in opening else b""

    def _between(self, old: Sequence[Segment], opening: bytes) -> bytes:
        for segment in old:
            if _has_comma(segment):
                return segment.trail
        if b"\n" not in opening and b"[" in opening:
            return b", "
        return b"," + self.style.line_end.encode()


def _has_comma(segment: Segment) -> bool:
    return segment.trail.lstrip(_BLANKS).startswith(b",")
