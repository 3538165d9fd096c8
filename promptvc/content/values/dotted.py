"""Dotted paths: ``response.usage.total`` is a field inside the fields of a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from promptvc.content.formats.base import Json
from promptvc.content.formats.missing import MISSING, Missing

_DEPTH = 3
_PER_LEVEL = 40


def pick(value: Json, path: str) -> Json | Missing:
    """The field at a path, `MISSING` where there is none.

    A field whose own name has dots is found too, and before others: ``{"a.b": 1, "a": {"b": 2}}`` at ``a.b`` is 1.
    A number leads into an array: ``choices.0.text``.
    """
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        dot = path.find(".")
        while dot >= 0:
            head = path[:dot]
            found = pick(value[head], path[dot + 1 :]) if head in value else MISSING
            if found is not MISSING:
                return found
            dot = path.find(".", dot + 1)
    elif isinstance(value, list):
        head, _, rest = path.partition(".")
        if head.isdecimal() and int(head) < len(value):
            return pick(value[int(head)], rest) if rest else value[int(head)]
    return MISSING


def paths_of(rows: Iterable[Mapping[str, Json]]) -> list[str]:
    """The paths that rows have, as first seen; not inside arrays, and a few levels deep at most."""
    return list(dict.fromkeys(path for row in rows for path in _paths(row, "", _DEPTH)))


def _paths(value: Mapping[str, Json], prefix: str, depth: int) -> Iterator[str]:
    for name in list(value)[:_PER_LEVEL]:
        inner = value[name]
        if isinstance(inner, Mapping) and inner and depth > 1:
            yield from _paths(inner, f"{prefix}{name}.", depth - 1)
        else:
            yield f"{prefix}{name}"
