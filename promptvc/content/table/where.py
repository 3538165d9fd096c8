"""Which rows are asked for: fields with values, or a question that each row answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.equal import same
from promptvc.content.values.plain import plain

Where: TypeAlias = Mapping[str, Any] | Callable[[Row], object]
"""Fields with the values they must have, or with functions of the value; or one function of the row."""


def condition(where: Where | None, as_text: bool) -> Callable[[Row], object]:
    """Whether a row is asked for. A field that a row lacks is None.

    ``as_text`` is for formats whose cells are text: values that are not text are compared as they are written there.
    """
    if where is None:
        return lambda row: True
    if not isinstance(where, Mapping):
        return where
    checks = {
        name: value if callable(value) else _equals(plain(value), as_text) for name, value in where.items()
    }
    return lambda row: all(check(row.get(name)) for name, check in checks.items())


def _equals(wanted: Json, as_text: bool) -> Callable[[Json], bool]:
    if as_text and wanted is None:
        return lambda found: not found
    text = wanted if isinstance(wanted, str) or not as_text else json.dumps(wanted, ensure_ascii=False)
    return lambda found: _equal(found, text)


def _equal(found: Json, wanted: Json) -> bool:
    if type(found) in (int, float) and type(wanted) in (int, float):
        return bool(found == wanted)
    return same(found, wanted)
