"""Fields in text that is otherwise literal: ``{{ name }}``, ``{{ name.part }}``, and VS Code's ``${input:name}``.

Braces that are not exactly that, such as JSON or LaTeX examples, are text like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from promptvc.patterns import compiled

_FIELD = compiled(r"\{\{[ \t]*([^\W\d]\w*(?:\.[^\W\d]\w*)*)[ \t]*\}\}")
# https://code.visualstudio.com/docs/copilot/customization/prompt-files: ${input:name} and ${input:name:placeholder}.
_VSCODE_FIELD = compiled(_FIELD.pattern + r"|\$\{input:([^\W\d][\w-]*)(?::[^}\n]*)?\}")

HISTORY = "history"
"""The variable of dotprompt that ``{{history}}`` writes out as messages."""


class Field(Struct, frozen=True):
    """A value by its path. Scope 0 holds the variables; scope n the item of the n-th loop around it."""

    path: tuple[str, ...]
    scope: int = 0


class Role(Struct, frozen=True):
    """From here on the text belongs to a message of this role; None: to no role in particular."""

    name: str | None


class If(Struct, frozen=True):
    """One of two bodies, by the truth of a value."""

    test: Field
    then: tuple[Piece, ...]
    otherwise: tuple[Piece, ...]


class Each(Struct, frozen=True):
    """The body once for each item, which is scope ``scope`` inside; ``otherwise`` when there is none."""

    items: Field
    scope: int
    body: tuple[Piece, ...]
    otherwise: tuple[Piece, ...]


Piece = str | Field | Role | If | Each
"""What a template without expressions is made of; a str is literal text."""


def pieces(text: str, vscode: bool = False) -> list[Piece]:
    """``"Dear {{ name }}," -> ["Dear ", Field(("name",)), ","]``."""
    found: list[Piece] = []
    at = 0
    for match in (_VSCODE_FIELD if vscode else _FIELD).finditer(text):
        found += [text[at : match.start()], Field(_path(match))]
        at = match.end()
    return [piece for piece in [*found, text[at:]] if piece != ""]


def _path(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(match[1].split(".")) if match[1] else (match[2],)


def variables(template: Iterable[Piece]) -> tuple[str, ...]:
    """The names of the variables that the pieces use, in order of first use."""
    return tuple(dict.fromkeys(field.path[0] for field in _fields(template) if field.scope == 0))


def _fields(template: Iterable[Piece]) -> Iterable[Field]:
    for piece in template:
        if isinstance(piece, Field):
            yield piece
        elif isinstance(piece, If):
            yield piece.test
            yield from _fields(piece.then)
            yield from _fields(piece.otherwise)
        elif isinstance(piece, Each):
            yield piece.items
            yield from _fields(piece.body)
            yield from _fields(piece.otherwise)


def flatten(roles_and_pieces: Iterable[tuple[str | None, Sequence[Piece]]]) -> list[Piece]:
    """Sections in one sequence, each behind its role."""
    return [piece for role, body in roles_and_pieces for piece in ([Role(role), *body] if role else body)]
