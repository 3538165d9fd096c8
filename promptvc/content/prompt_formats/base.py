"""The values that every prompt syntax produces, and how a file is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from promptvc.content.json_type import Json as Json
from promptvc.errors import NotAPrompt

Render = Callable[[Mapping[str, object]], list[dict[str, Json]]]
"""Values of the variables -> messages; may raise anything, `Prompt.render` narrows it."""

MAX_TAGS = 10_000
"""How many tags or fields a template may have; compiling takes a second and 100 MB for so many."""


class Message(Struct, frozen=True):
    """One message of a prompt, as a template.

    ``content`` is the template's text as it is in the file, without the blank lines around it; a tuple of
    parts (``{"type": "text", …}``) where a message list has them; or None where it says null (tool calls).
    ``extra`` holds the other fields of a message list: ``name``, ``tool_calls``, ``tool_call_id``, …
    """

    role: str
    content: str | tuple[Json, ...] | None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content as one text: parts one after the other, those that are not text as JSON."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(_part_text(part) for part in self.content or ())


def _part_text(part: Json) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    return json.dumps(part, ensure_ascii=False, default=str)


class Reading(Struct, frozen=True):
    """What a syntax makes of one file.

    ``variables`` are those the template uses, in order of first use. ``compile`` is given which variables
    are threads (lists of messages) and gives the function that renders; it is what imports the engine.
    """

    syntax: str
    messages: tuple[Message, ...]
    variables: tuple[str, ...]
    compile: Callable[[frozenset[str]], Render]
    config: dict[str, Json] = field(default_factory=dict)


def refuse(
    path: str, why: str, line: int | None = None, column: int | None = None, hint: str | None = None
) -> NotAPrompt:
    """``path, "it is binary" -> NotAPrompt("path: it is binary")``; line and column count from 1."""
    where = path
    if line is not None:
        where += f": line {line}" + (f", column {column}" if column is not None else "")
    return NotAPrompt(f"{where}: {' '.join(why.split())}", hint)
