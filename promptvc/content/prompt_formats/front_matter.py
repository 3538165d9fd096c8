"""Front matter: the YAML mapping between two ``---`` lines at the start of a file."""

from __future__ import annotations

import re

from msgspec import Struct

from promptvc.content.prompt_formats.base import Json, refuse
from promptvc.content.prompt_formats.source import read_yaml
from promptvc.patterns import compiled

_FENCE = compiled(r"^---[ \t]*$", re.MULTILINE)
# dotprompt lets comments (a licence, mostly) and blank lines stand before the front matter.
_PREAMBLE = compiled(r"(?:#[^\n]*\n|[ \t]*\n)*")


class FrontMatter(Struct, frozen=True):
    """A file's settings and the text after them; ``line`` is the line, from 1, on which ``body`` begins."""

    config: dict[str, Json]
    body: str
    line: int


def split(path: str, text: str, *, required: bool, preamble: bool = False) -> FrontMatter:
    r"""Front matter and body of ``text``, whose lines end in ``\n``.

    Without front matter, config is empty and the body is all of it. ``required`` says that a first line ``---``
    can only be front matter; otherwise it may be a rule above ordinary text, and is one when no second ``---``
    follows or when what stands between is no mapping. Raises `NotAPrompt` for YAML that cannot be read.
    """
    nothing = FrontMatter({}, text, 1)
    begin = _PREAMBLE.match(text).end() if preamble else 0  # type: ignore[union-attr]  # matches the empty text
    opening = _FENCE.match(text, begin)
    if opening is None:
        return nothing
    closing = _FENCE.search(text, opening.end())
    line = text.count("\n", 0, begin) + 1
    if closing is None:
        if required:
            raise refuse(path, "the front matter that begins here has no closing ---", line, 1)
        return nothing
    config = read_yaml(path, text[opening.end() + 1 : closing.start()], line)
    if config is not None and not isinstance(config, dict):
        if required:
            raise refuse(path, "the front matter is not a YAML mapping", line + 1, 1)
        return nothing
    body_line = text.count("\n", 0, closing.end()) + 2
    return FrontMatter(config or {}, text[closing.end() + 1 :], body_line)
