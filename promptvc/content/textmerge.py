r"""Three versions of one text merged by lines, and the markers that show where both sides disagree.

Only ``\n`` ends a line, and a final line end is no line of its own: whether a text has one is merged apart from its
lines, so that a line added below the last one is never joined to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptvc.content.textalign import Change, align

Side = Literal["base", "ours", "theirs"]

_MARKER_SIZE = 7
_LIKE_MARKERS = re.compile(r"^([<|=>])\1{6,}", re.MULTILINE)
_LINE_END = re.compile(r"\r?\n\Z")


@dataclass(frozen=True, slots=True)
class TextConflict:
    """Lines that both sides changed differently, as they are in each text; any of the three may be empty."""

    base: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class TextMerge:
    """A merged text: what is settled as text, with conflicts between.

    - ``marker_size``: the length of the signs on marker lines, more than any such run that begins a line in a text;
    - ``open_end``: the sides on which the text has no final line end, although a last, empty conflict does not show it.
    """

    parts: tuple[str | TextConflict, ...]
    marker_size: int = _MARKER_SIZE
    open_end: frozenset[Side] = frozenset()

    @property
    def conflicts(self) -> tuple[TextConflict, ...]:
        """What is not settled, from top to bottom."""
        return tuple(part for part in self.parts if isinstance(part, TextConflict))

    def text(self, side: Side = "ours") -> str:
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


_SIDES: tuple[Side, ...] = ("base", "ours", "theirs")


def merge_lines(base: str, ours: str, theirs: str) -> TextMerge:
    """Merge by lines, both sides' changes taken where they do not overlap, touching ones too.

    Equal changes are taken once. Swapping the sides swaps them in the conflicts and changes nothing else.
    """
    size = marker_size(base, ours, theirs)
    if ours == theirs or base in (ours, theirs):
        text = theirs if base == ours else ours
        return TextMerge((text,) if text else (), size)
    end = _usual_end(base, ours, theirs)
    texts = _Texts(_lines(base, end), _lines(ours, end), _lines(theirs, end))
    parts = _joined([part for stretch in _stretches(texts) for part in stretch])
    closed, open_end = _with_end(parts, (base, ours, theirs), end)
    return TextMerge(tuple(closed), size, open_end)


# --- from three lists of lines to parts ---------------------------------------------------------------


_Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class _Texts:
    """The same stretch of three texts, as lines."""

    base: _Lines
    ours: _Lines
    theirs: _Lines


_Part = list[str] | _Texts
"""Settled lines, or a conflict."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Changes of both sides that concern the same lines of base, ``start`` to ``stop``."""

    start: int
    stop: int
    ours: list[Change]
    theirs: list[Change]


def _stretches(texts: _Texts) -> list[list[_Part]]:
    made: list[list[_Part]] = []
    at = 0
    for group in _groups(texts):
        made.append([list(texts.base[at : group.start])])
        region = _Texts(
            texts.base[group.start : group.stop],
            _applied(texts.base, texts.ours, group, group.ours),
            _applied(texts.base, texts.theirs, group, group.theirs),
        )
        made.append(_settled(region))
        at = group.stop
    return [*made, [list(texts.base[at:])]]


def _groups(texts: _Texts) -> list[_Group]:
    """The changes of both sides in order, those that overlap together."""
    changes = [(change, True) for change in align(texts.base, texts.ours)]
    changes += [(change, False) for change in align(texts.base, texts.theirs)]
    # An insertion stands before a change of the line that it was put in front of.
    changes.sort(key=lambda found: (found[0].a1, found[0].a2))
    groups: list[_Group] = []
    for change, is_ours in changes:
        last = groups[-1] if groups else None
        if last is None or not (_overlap(last, change) or _repeats(texts, last, change, is_ours)):
            groups.append(_Group(change.a1, change.a2, [], []))
        else:
            groups[-1] = _Group(last.start, max(last.stop, change.a2), last.ours, last.theirs)
        (groups[-1].ours if is_ours else groups[-1].theirs).append(change)
    return groups


def _overlap(group: _Group, change: Change) -> bool:
    both_insert = group.start == group.stop == change.a1 == change.a2
    return both_insert or change.a1 < group.stop


def _repeats(texts: _Texts, group: _Group, change: Change, is_ours: bool) -> bool:
    """Whether one side inserted, beside lines that the other changed, what the other put there too."""
    if change.a1 != group.stop:
        return False
    before, after = (texts.theirs, texts.ours) if is_ours else (texts.ours, texts.theirs)
    others = group.theirs if is_ours else group.ours
    if not others or others[-1].a2 != group.stop:
        return False
    put = before[others[-1].b1 : others[-1].b2]
    new = after[change.b1 : change.b2]
    if change.a1 == change.a2:
        return bool(new) and list(put[-len(new) :]) == list(new)
    return group.start == group.stop and list(new[: len(put)]) == list(put)


def _applied(base: _Lines, side: _Lines, group: _Group, changes: list[Change]) -> list[str]:
    """What a side has in place of the group's lines of base."""
    made: list[str] = []
    at = group.start
    for change in changes:
        made += [*base[at : change.a1], *side[change.b1 : change.b2]]
        at = change.a2
    return [*made, *base[at : group.stop]]


def _settled(region: _Texts) -> list[_Part]:
    """The parts of a region: a conflict is narrowed to the lines in which the sides differ."""
    base, ours, theirs = list(region.base), list(region.ours), list(region.theirs)
    if ours == theirs or base == theirs:
        return [ours]
    if base == ours:
        return [theirs]
    head = _common(ours, theirs)
    tail = _common(ours[head:][::-1], theirs[head:][::-1])
    first, last = ours[:head], ours[len(ours) - tail :]
    # Base goes along with what both sides agree on, as far as it has the same lines.
    base = base[_common(base, first) :]
    base = base[: len(base) - _common(base[::-1], last[::-1])]
    inner = _Texts(base, ours[head : len(ours) - tail], theirs[head : len(theirs) - tail])
    return [first, _unless_one_sided(inner), last]


def _unless_one_sided(region: _Texts) -> _Part:
    if region.base == region.ours:
        return list(region.theirs)
    return list(region.ours) if region.base == region.theirs else region


def _common(one: _Lines, other: _Lines) -> int:
    """How many items both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _joined(parts: list[_Part]) -> list[_Part]:
    """Without empty parts, and no two settled ones in a row."""
    made: list[_Part] = []
    for part in parts:
        if isinstance(part, list) and made and isinstance(made[-1], list):
            made[-1] += part
        elif isinstance(part, _Texts) or part:
            made.append(part)
    return made


# --- line ends ----------------------------------------------------------------------------------------


def _usual_end(*texts: str) -> str:
    windows = sum(text.count("\r\n") for text in texts)
    return "\r\n" if 2 * windows > sum(text.count("\n") for text in texts) else "\n"


def _lines(text: str, end: str) -> list[str]:
    """The lines, each with a line end; the last one gets ``end`` where it has none."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last + end] if last else [])


def _with_end(
    parts: list[_Part], texts: tuple[str, str, str], end: str
) -> tuple[list[str | TextConflict], frozenset[Side]]:
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


def _as_text(part: _Part) -> str | TextConflict:
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


def resolve_block(
    text: str, conflict: TextConflict, size: int, ours: str, theirs: str, replacement: str
) -> str | None:
    """The text with the conflict's block, markers included, replaced; None where that exact block is not there.

    Of equal blocks the first one is taken. A replacement without final line end gets one if a line follows.
    """
    for end in ("\n", "\r\n"):
        block = _block(conflict, size, ours, theirs, end)
        start = 0 if text.startswith(block) else text.find("\n" + block) + 1
        if start == 0 and not text.startswith(block):
            continue
        rest = text[start + len(block) :]
        glued = rest and replacement and not replacement.endswith("\n")
        return text[:start] + replacement + (end if glued else "") + rest
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
