"""The simple form of dotprompt: variables, roles, history, comments, if, unless and each.

The form is that of https://google.github.io/dotprompt/reference/template; partials, helpers and
expressions beyond it are refused, so that nothing is rendered otherwise than its author meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, field

from promptvc.content.prompt_formats import fields, roles
from promptvc.content.prompt_formats.base import MAX_TAGS, Message, Reading, refuse
from promptvc.content.prompt_formats.fields import Each, Field, If, Piece, Role
from promptvc.content.prompt_formats.plain import compile_pieces
from promptvc.content.prompt_formats.roles import Section
from promptvc.patterns import compiled

_MAX_DEPTH = 12  # Python compiles no more than twenty loops in each other
_TAG = compiled(
    r"(?P<escaped>\\\{\{[^{}]*\}\})"
    r"|\{\{~?!--(?s:.*?)--~?\}\}"
    r"|\{\{~?!(?!--)(?s:.*?)\}\}"
    r"|\{\{\{(?P<raw>[^{}]*)\}\}\}"
    r"|\{\{(?!~?!)(?P<tag>[^{}]*)\}\}"
    r"|(?P<open>\{\{)"
)
_NAME = r"[^\W\d]\w*"
_PATH = compiled(rf"{_NAME}(?:\.{_NAME})*\Z")
_BLOCK = compiled(rf"#(if|unless|each)\s+({_NAME}(?:\.{_NAME})*)\Z")
_ROLE = compiled(r"""(#?)role\s+(?:"([\w-]+)"|'([\w-]+)')\Z""")
_WORDS_OF_ITS_OWN = frozenset({"else", "this", "true", "false", "null", "undefined"})


class _Frame(Struct):
    """A block that is open: what it is, and the pieces of its body so far."""

    kind: str
    subject: Field | None = None
    start: int = 0
    scope: int = 0
    body: list[Piece] = field(default_factory=list)
    otherwise: list[Piece] | None = None

    @property
    def current(self) -> list[Piece]:
        return self.body if self.otherwise is None else self.otherwise

    def closed(self) -> Piece:
        assert self.subject is not None
        body, otherwise = tuple(self.body), tuple(self.otherwise or ())
        if self.kind == "each":
            return Each(self.subject, self.scope, body, otherwise)
        return (
            If(self.subject, otherwise, body) if self.kind == "unless" else If(self.subject, body, otherwise)
        )


def read(path: str, text: str, line: int = 1) -> Reading:
    """Messages and variables of a dotprompt template that begins on ``line`` of its file.

    ``{{role "system"}}`` begins a message; a template without any may have role lines as other texts do. The role
    ``model`` reads as ``assistant``. Raises `NotAPrompt` for what goes beyond the simple form.
    """
    pieces, marks = _Parser(path, text, line).parse()
    sections = [Section(None, text)] if marks else roles.split(text)
    if len(sections) > 1:
        pieces = fields.flatten(
            (each.role, _Parser(path, each.text, line + each.line).parse()[0]) for each in sections
        )
    return Reading(
        "dotprompt",
        _messages(text, marks) if marks else roles.messages(sections),
        fields.variables(pieces),
        lambda threads: compile_pieces(pieces, threads),
    )


def _messages(text: str, marks: list[tuple[str | None, int, int]]) -> tuple[Message, ...]:
    """One message for each role tag; ``marks`` has role, start and end of each in the text."""
    ends = [start for _, start, _ in marks[1:]] + [len(text)]
    named = [Section(role or "", text[start:end]) for (role, _, start), end in zip(marks, ends, strict=True)]
    leading = _without_comments(text[: marks[0][1]])
    return roles.messages(
        [Section(None, leading), *(section for section in named if _says_something(section))]
    )


def _says_something(section: Section) -> bool:
    return bool(section.role or _without_comments(section.text).strip())


def _without_comments(text: str) -> str:
    return _TAG.sub(lambda tag: "" if tag[0].startswith(("{{!", "{{~!")) else tag[0], text)


class _Parser:
    """Reads one template from its start to its end."""

    def __init__(self, path: str, text: str, line: int) -> None:
        self._path, self._text, self._line = path, text, line
        self._frames = [_Frame("file")]
        self._role_marks: list[tuple[str | None, int, int]] = []

    def parse(self) -> tuple[list[Piece], list[tuple[str | None, int, int]]]:
        """The pieces, and the roles with where their tags start and end."""
        at, strip_next = 0, False
        for number, (tag, start, end) in enumerate(self._tags()):
            if number == MAX_TAGS:
                raise self._refused(tag, f"more than {MAX_TAGS} tags")
            literal = self._text[at:start]
            self._literal(literal.lstrip() if strip_next else literal, tag[0].startswith("{{~"))
            self._tag(tag)
            at, strip_next = end, tag[0].endswith("~}}")
        rest = self._text[at:]
        self._literal(rest.lstrip() if strip_next else rest, False)
        if len(self._frames) > 1:
            frame = self._frames[-1]
            raise refuse(self._path, f"{{{{#{frame.kind}}}}} is never closed", self._line_at(frame.start))
        return self._frames[0].body, self._role_marks

    def _tags(self) -> Iterator[tuple[re.Match[str], int, int]]:
        """Each tag with the chunk run it takes the place of: its whole line, where it is a block alone on one."""
        text = self._text
        at = 0
        for tag in _TAG.finditer(text):
            start, end = tag.span()
            if tag[0].lstrip("{~").startswith(("#", "/", "!", "else")):
                before, after = start, end
                while before > at and text[before - 1] in " \t":
                    before -= 1
                while after < len(text) and text[after] in " \t":
                    after += 1
                if (before == 0 or text[before - 1] == "\n") and (after == len(text) or text[after] == "\n"):
                    start, end = before, min(after + 1, len(text))
            yield tag, start, end
            at = end

    def _literal(self, text: str, strip_end: bool) -> None:
        text = text.rstrip() if strip_end else text
        if text:
            self._frames[-1].current.append(text)

    def _tag(self, tag: re.Match[str]) -> None:
        if tag["escaped"]:
            self._frames[-1].current.append(tag["escaped"][1:])
        elif tag["open"]:
            raise self._refused(tag, "{{ without a matching }}")
        elif tag["raw"] is not None:
            self._frames[-1].current.append(self._field(tag, tag["raw"].strip("~").strip()))
        elif tag["tag"] is not None:
            self._statement(tag, tag["tag"].strip("~").strip())

    def _statement(self, tag: re.Match[str], content: str) -> None:
        block, role = _BLOCK.match(content), _ROLE.match(content)
        if role:
            self._role(tag, role[2] or role[3], is_block=bool(role[1]))
        elif block:
            self._open(tag, block[1], self._field(tag, block[2]))
        elif content == "else":
            self._else(tag)
        elif content.startswith("/"):
            self._close(tag, content[1:].strip())
        else:
            self._frames[-1].current.append(self._field(tag, content))

    def _role(self, tag: re.Match[str], name: str, is_block: bool) -> None:
        name = "assistant" if name == "model" else name
        self._frames[-1].current.append(Role(name))
        self._role_marks.append((name, tag.start(), tag.end()))
        if is_block:
            self._push(_Frame("role", None, tag.start(), body=self._frames[-1].current), tag)

    def _open(self, tag: re.Match[str], kind: str, subject: Field) -> None:
        scope = sum(frame.kind == "each" for frame in self._frames) + 1
        self._push(_Frame(kind, subject, tag.start(), scope), tag)

    def _push(self, frame: _Frame, tag: re.Match[str]) -> None:
        if len(self._frames) > _MAX_DEPTH:
            raise self._refused(tag, "blocks are nested too deeply")
        self._frames.append(frame)

    def _else(self, tag: re.Match[str]) -> None:
        frame = self._frames[-1]
        if frame.kind in ("file", "role") or frame.otherwise is not None:
            raise self._refused(tag, "{{else}} outside a block")
        frame.otherwise = []

    def _close(self, tag: re.Match[str], kind: str) -> None:
        frame = self._frames[-1]
        if frame.kind != kind or kind == "file":
            raise self._refused(tag, f"{{{{/{kind}}}}} closes a block that is not open")
        self._frames.pop()
        if kind == "role":
            self._frames[-1].current.append(Role(None))
            self._role_marks.append((None, tag.start(), tag.end()))
        else:
            self._frames[-1].current.append(frame.closed())

    def _field(self, tag: re.Match[str], content: str) -> Field:
        path = tuple(content.split("."))
        if not _PATH.match(content) or (path[0] in _WORDS_OF_ITS_OWN and path[0] != "this"):
            shown = tag[0] if len(tag[0]) <= 40 else tag[0][:37] + "…}}"
            raise self._refused(tag, f"{shown} is beyond the simple form of dotprompt")
        scope = max((frame.scope for frame in self._frames if frame.kind == "each"), default=0)
        if path[0] != "this":
            return Field(path, scope)
        if scope == 0 and len(path) == 1:
            raise self._refused(tag, "{{this}} outside {{#each}}")
        return Field(path[1:], scope)

    def _line_at(self, position: int) -> int:
        return self._line + self._text.count("\n", 0, position)

    def _refused(self, tag: re.Match[str], why: str) -> Exception:
        column = tag.start() - self._text.rfind("\n", 0, tag.start())
        return refuse(
            self._path,
            why,
            self._line_at(tag.start()),
            column,
            "a Jinja template (.j2) can say it, or the file stays a text",
        )
