"""From a rendered text back to messages, by marks that no value can forge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from promptvc.content.prompt_formats.base import Json
from promptvc.content.prompt_formats.source import trim
from promptvc.patterns import compiled

_ROLE_NAME = compiled(r"[\w.-]+\Z")


class Marks:
    """Marks for roles and threads, written into a template before it is rendered.

    They hold a random number, so a value that reads ``system:`` stays text of the message it is in.
    """

    def __init__(self) -> None:
        import secrets  # only here: a file can be read without it

        self._secret = secrets.token_hex(16)
        self._mark = re.compile(rf"<{self._secret} (role|thread)>(.*?)</{self._secret}>", re.DOTALL)

    def role(self, name: str | None) -> str:
        """What stands for the start of a message; None starts text of no role in particular."""
        return f"<{self._secret} role>{name or ''}</{self._secret}>"

    def thread(self, name: str) -> str:
        """What stands for the messages that the variable ``name`` holds."""
        return f"<{self._secret} thread>{name}</{self._secret}>"

    def split(self, text: str) -> list[str]:
        """``text, kind, name, text, kind, name, …, text``."""
        return self._mark.split(text)


class Thread(list[Any]):
    """A list of messages that is written as its mark when a template writes it out."""

    def __init__(self, messages: Sequence[object], mark: str) -> None:
        super().__init__(messages)
        self._mark = mark

    def __str__(self) -> str:
        return self._mark


def with_threads(values: Mapping[str, object], names: Iterable[str], marks: Marks) -> dict[str, object]:
    """The values, with those that are threads made to write out their marks."""
    threads = {
        name: Thread(_messages(name, values[name]), marks.thread(name)) for name in names if name in values
    }
    return {**values, **threads}


def _messages(name: str, value: object) -> list[dict[str, Json]]:
    if value is None:
        return []
    well_formed = isinstance(value, list | tuple) and all(
        isinstance(item, Mapping) and isinstance(item.get("role"), str) and "content" in item
        for item in value
    )
    if not well_formed:
        raise ValueError(f'the variable {name!r} must be a list of {{"role", "content"}}')
    return [dict(item) for item in value]  # type: ignore[attr-defined]


def assemble(
    text: str, marks: Marks, values: Mapping[str, object], leading: str = "user"
) -> list[dict[str, Json]]:
    """The messages in a rendered text; ``leading`` is the role of text before the first mark of a role.

    Blank lines around a message are dropped. So is blank text before the first role and beside a thread.
    """
    parts = marks.split(text)
    with_roles = "role" in parts[1::3]
    role, explicit = (leading if with_roles else "user"), not with_roles and len(parts) == 1
    messages: list[dict[str, Json]] = []
    for at in range(0, len(parts), 3):
        following = parts[at + 1] if at + 1 < len(parts) else None
        content = trim(parts[at])
        if content or (explicit and following != "thread"):
            messages.append({"role": role, "content": content})
        if following == "thread":
            thread = values[parts[at + 2]]
            messages += thread if isinstance(thread, Thread) else []
            explicit = False
        elif following == "role":
            role, explicit = _role(parts[at + 2])
    return messages


def _role(text: str) -> tuple[str, bool]:
    name = text.strip()
    if not name:
        return "user", False
    if not _ROLE_NAME.match(name):
        raise ValueError(f"{name[:40]!r} is not the name of a role")
    return name, True
