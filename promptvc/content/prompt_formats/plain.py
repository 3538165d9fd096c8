"""Plain text and Markdown: literal, but for ``{{ name }}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptvc.content.prompt_formats import fields, roles
from promptvc.content.prompt_formats.base import MAX_TAGS, Json, Reading, Render
from promptvc.content.prompt_formats.chat import Marks, assemble, with_threads
from promptvc.content.prompt_formats.fields import Piece


def read(syntax: str, text: str, *, vscode: bool = False) -> Reading:
    """Messages and variables of a text; role lines divide it where it begins with one. Never refuses."""
    sections = roles.split(text)
    pieces = fields.flatten((section.role, fields.pieces(section.text, vscode)) for section in sections)
    return Reading(
        syntax,
        roles.messages(sections),
        fields.variables(pieces),
        lambda threads: compile_pieces(pieces, threads),
    )


def compile_pieces(pieces: Sequence[Piece], threads: frozenset[str]) -> Render:
    """Pieces as the function that renders them to messages."""
    from promptvc.content.prompt_formats import engine

    if sum(not isinstance(piece, str) for piece in pieces) > MAX_TAGS:
        raise ValueError(f"more than {MAX_TAGS} fields")
    marks = Marks()
    write = engine.compile_pieces(pieces, marks)

    def render(values: Mapping[str, object]) -> list[dict[str, Json]]:
        given = with_threads(values, threads, marks)
        return assemble(write(given), marks, given)

    return render
