"""Conditions on rows, ``score=1``, and nested fields, ``meta.lang``."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from promptvc.cli.arguments import from_json
from promptvc.content.formats.base import Malformed, Row
from promptvc.content.formats.equal import same
from promptvc.content.tablediff.diff import MISSING


class Condition(Struct):
    """A field and the value it must have; ``seen`` says afterwards whether any row had the field."""

    name: str
    text: str
    value: Any
    seen: bool = False

    @classmethod
    def read(cls, name: str, text: str) -> Condition:
        """The value counts as text, and as JSON if it is JSON."""
        return cls(name, text, from_json(text))

    def holds(self, row: Row | Malformed) -> bool:
        """Whether a row has the value; a malformed row has none."""
        if isinstance(row, Malformed):
            return False
        found = look_up(row, self.name)
        if found is MISSING:
            return False
        self.seen = True
        return is_meant(found, self.text, self.value)


def look_up(row: Row, name: str) -> Any:
    """The field of this name, or else the value at ``a.b`` or ``a.0``; `MISSING` if there is none."""
    if name in row:
        return row[name]
    found: Any = row
    for step in name.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return MISSING
    return found


def is_meant(found: Any, text: str, value: Any = MISSING) -> bool:
    """Whether a value is the one that was typed: text for text, JSON for the rest; ``1`` means 1.0 too."""
    if isinstance(found, str):
        return found == text
    wanted = from_json(text) if value is MISSING else value
    if type(found) in (int, float) and type(wanted) in (int, float):
        return bool(found == wanted)
    return same(found, wanted)
