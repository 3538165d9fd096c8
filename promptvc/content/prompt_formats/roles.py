"""Role lines: ``system:``, ``user:`` or ``assistant:`` alone on a line begins a message."""

from __future__ import annotations

import re
from bisect import bisect_right

from msgspec import Struct

from promptvc.content.prompt_formats.base import Message
from promptvc.content.prompt_formats.source import trim
from promptvc.patterns import compiled

_NAMES = "system|developer|user|assistant"
# `{{ item.role }}:` is how a template writes out a history that it is given.
_DYNAMIC = r"\{\{-?[ \t]*[^\W\d][\w.]*\.role[ \t]*-?\}\}"
_ROLE_LINE = compiled(rf"^({_NAMES}):[ \t]*$", re.MULTILINE)
_TEMPLATE_ROLE_LINE = compiled(rf"^((?i:{_NAMES})|{_DYNAMIC}):[ \t]*$", re.MULTILINE)
_CODE_FENCE = compiled(r"^ {0,3}(```+|~~~+)", re.MULTILINE)


class Section(Struct, frozen=True):
    """The text between two role lines; ``role`` is None for text before the first of them.

    ``line`` counts the lines before it.
    """

    role: str | None
    text: str
    line: int = 0


def split(text: str) -> list[Section]:
    """Sections of a text that begins with a role line; one section without a role for any other text."""
    first = _ROLE_LINE.search(text)
    if first is None or text[: first.start()].strip():
        return [Section(None, text)]
    return _sections(text, _ROLE_LINE)


def split_template(text: str) -> list[Section]:
    """Sections at every role line, wherever the first one is, in any case, as prompty reads them."""
    return _sections(text, _TEMPLATE_ROLE_LINE)


def messages(sections: list[Section], leading: str = "user") -> tuple[Message, ...]:
    """One message a section; ``leading`` is the role of text that stands before the first role line."""
    with_roles = any(section.role for section in sections)
    return tuple(
        Message(section.role or (leading if with_roles else "user"), trim(section.text))
        for section in sections
        if section.role or section.text.strip() or not with_roles
    )


def _sections(text: str, role_line: re.Pattern[str]) -> list[Section]:
    fenced = _fenced(text)
    marks = [mark for mark in role_line.finditer(text) if not _inside(mark.start(), fenced)]
    if not marks:
        return [Section(None, text)]
    sections = [Section(None, text[: marks[0].start()])]
    line = text.count("\n", 0, marks[0].start())
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        section = Section(
            _role(mark[1]), text[mark.end() : following.start() if following else len(text)], line
        )
        sections.append(section)
        line += section.text.count("\n")
    return sections


def _role(text: str) -> str:
    return text if text.startswith("{{") else text.lower()


def _fenced(text: str) -> list[tuple[int, int]]:
    """Where Markdown code blocks are; a role line inside one is an example. A fence that never closes is none."""
    ranges = []
    opening: re.Match[str] | None = None
    for fence in _CODE_FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif fence[1].startswith(opening[1]):
            ranges.append((opening.start(), fence.end()))
            opening = None
    return ranges


def _inside(position: int, ranges: list[tuple[int, int]]) -> bool:
    at = bisect_right(ranges, position, key=lambda pair: pair[0]) - 1
    return at >= 0 and position < ranges[at][1]
