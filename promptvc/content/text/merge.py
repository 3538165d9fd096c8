r"""Three versions of one text merged by lines, and the markers that show where both sides disagree.

Only ``\n`` ends a line, and a final line end is no line of its own: whether a text has one is merged apart from its
lines, so that a line added below the last one is never joined to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from promptvc.content.text.diff3 import Part, diff3
from promptvc.patterns import compiled

SideName = Literal["base", "ours", "theirs"]

_MARKER_SIZE = 7
_LIKE_MARKERS = compiled(r"^([<|=>])\1{6,}", re.MULTILINE)
_LINE_END = compiled(r"\r?\n\Z")


class TextConflict(Struct, frozen=True):
    """Lines that both sides changed differently, as they are in each text; any of the three may be empty."""

    base: str
    ours: str
    theirs: str


class TextMerge(Struct, frozen=True):
    """A merged text: what is settled as text, with conflicts between.

    - ``marker_size``: the length of the signs on marker lines, more than any such run that begins a line in a text;
    - ``open_end``: the sides on which the text has no final line end, although a last, empty conflict does not show it.
    """

    parts: tuple[str | TextConflict, ...]
    marker_size: int = _MARKER_SIZE
    open_end: frozenset[SideName] = frozenset()

    @property
    def conflicts(self) -> tuple[TextConflict, ...]:
        """What is not settled, from top to bottom."""
        return tuple(part for part in self.parts if isinstance(part, TextConflict))

    def text(self, side: SideName = "ours") -> str:
        """The whole text with one side's version of each conflict."""
        text = "".join(part if isinstance(part, str) else getattr(part, side) for part in self.parts)
        return _LINE_END.sub("", text) if side in self.open_end else text

    def marked(self, ours: str, theirs: str) -> str:
        """The whole text with each conflict between marker lines that name the sides; all three versions are shown."""
        end = _usual_end(*(self.text(side) for side in _SIDES))
        return "".join(
            part if isinstance(part, str) else _block(part, self.marker_size, ours, theirs, end)
            for part in self.parts
        )


_SIDES: tuple[SideName, ...] = ("base", "ours", "theirs")


def merge_lines(base: str, ours: str, theirs: str) -> TextMerge:
    """Merge by lines, both sides' changes taken where they do not overlap, touching ones too.

    Equal changes are taken once. Swapping the sides swaps them in the conflicts and changes nothing else.
    """
    size = marker_size(base, ours, theirs)
    if ours == theirs or base in (ours, theirs):
        text = theirs if base == ours else ours
        return TextMerge((text,) if text else (), size)
    end = _usual_end(base, ours, theirs)
    parts = diff3(_lines(base, end), _lines(ours, end), _lines(theirs, end))
    closed, open_end = _with_end(parts, (base, ours, theirs), end)
    return TextMerge(tuple(closed), size, open_end)


# --- line ends ----------------------------------------------------------------------------------------


def _usual_end(*texts: str) -> str:
    windows = sum(text.count("\r\n") for text in texts)
    return "\r\n" if 2 * windows > sum(text.count("\n") for text in texts) else "\n"


def _lines(text: str, end: str) -> list[str]:
    """The lines, each with a line end; the last one gets ``end`` where it has none."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last + end] if last else [])


def _with_end(
    parts: list[Part], texts: tuple[str, str, str], end: str
) -> tuple[list[str | TextConflict], frozenset[SideName]]:
    """The parts as text, with the final line end as it should be: merged too, or each side's own in a conflict."""
    made = [_as_text(part) for part in parts]
    if not made:
        return made, frozenset()
    bare = {text.rpartition("\n")[2] + end for text in texts if _has_end(text) is False}
    last = made[-1]
    if isinstance(last, str):
        made[-1] = last if _merged_end(*map(_has_end, texts)) else _without_end(last, bare, end)
        return made, frozenset()
    is_open = frozenset(side for side, text in zip(_SIDES, texts, strict=True) if _has_end(text) is False)
    own = [
        _without_end(getattr(last, side), bare, end) if side in is_open else getattr(last, side)
        for side in _SIDES
    ]
    made[-1] = TextConflict(*own)
    return made, frozenset(side for side in is_open if not getattr(last, side))


def _as_text(part: Part) -> str | TextConflict:
    if isinstance(part, list):
        return "".join(part)
    return TextConflict("".join(part.base), "".join(part.ours), "".join(part.theirs))


def _has_end(text: str) -> bool | None:
    """Whether the last line has its line end; None where there is no line."""
    return text.endswith("\n") if text else None


def _merged_end(base: bool | None, ours: bool | None, theirs: bool | None) -> bool:
    ours, theirs = base if ours is None else ours, base if theirs is None else theirs
    if ours == theirs or base == theirs:
        return ours is not False
    return theirs is not False if base == ours else True


def _without_end(text: str, bare: set[str], end: str) -> str:
    r"""Without the final line end; a line in ``bare`` had none, and a ``\r`` before the one it was lent is its own."""
    if text[text.rfind("\n", 0, -1) + 1 :] in bare:
        return text.removesuffix(end)
    return _LINE_END.sub("", text)


# --- markers ------------------------------------------------------------------------------------------


def marker_lines_left(text: str, size: int, ours: str, theirs: str) -> bool:
    """Whether any line of the text is a marker of that size: an opening, base, middle or closing one."""
    markers = set(_markers(size, ours, theirs))
    return any(line.removesuffix("\r") in markers for line in text.split("\n"))


def find_blocks(
    text: str, conflicts: Sequence[TextConflict], size: int, ours: str, theirs: str
) -> list[tuple[int, int] | None]:
    """Where the block of each conflict begins and ends, markers included; None where that exact block is not there.

    Conflicts and blocks are in the same order.
    """
    found: list[tuple[int, int] | None] = []
    at = 0
    for conflict in conflicts:
        place = _find(text, conflict, size, ours, theirs, at)
        found.append(None if place is None else place[:2])
        at = at if place is None else place[1]
    return found


def resolve_block(
    text: str, conflict: TextConflict, size: int, ours: str, theirs: str, replacement: str, after: int = 0
) -> str | None:
    """The text with the conflict's block, markers included, replaced; None where that exact block is not there.

    Of equal blocks the first one from ``after`` on is taken. A replacement without final line end gets one if a line
    follows.
    """
    place = _find(text, conflict, size, ours, theirs, after)
    if place is None:
        return None
    start, stop, end = place
    glued = text[stop:] and replacement and not replacement.endswith("\n")
    return text[:start] + replacement + (end if glued else "") + text[stop:]


def _find(
    text: str, conflict: TextConflict, size: int, ours: str, theirs: str, after: int
) -> tuple[int, int, str] | None:
    """Start and stop of a block, and the line end of its markers."""
    for end in ("\n", "\r\n"):
        block = _block(conflict, size, ours, theirs, end)
        start = 0 if not after and text.startswith(block) else text.find("\n" + block, max(after - 1, 0)) + 1
        if start or (not after and text.startswith(block)):
            return start, start + len(block), end
    return None


def marker_size(*texts: str) -> int:
    """The length of markers that no line of these texts can be taken for: 7, or more than the longest such run."""
    runs = (len(found[0]) for text in texts for found in _LIKE_MARKERS.finditer(text))
    return max(runs, default=_MARKER_SIZE - 1) + 1


def _markers(size: int, ours: str, theirs: str) -> tuple[str, str, str, str]:
    opening, closing = (" ".join(label.splitlines()) for label in (ours, theirs))
    return f"{'<' * size} {opening}", f"{'|' * size} base", "=" * size, f"{'>' * size} {closing}"


def _block(conflict: TextConflict, size: int, ours: str, theirs: str, end: str) -> str:
    opening, base, middle, closing = (marker + end for marker in _markers(size, ours, theirs))
    shown = [_closed(getattr(conflict, side), end) for side in _SIDES]
    return opening + shown[1] + base + shown[0] + middle + shown[2] + closing


def _closed(text: str, end: str) -> str:
    return text + end if text and not text.endswith("\n") else text
