"""When two JSON values are the same."""

from __future__ import annotations

from promptvc.content.formats.base import Json


def same(one: Json, other: Json) -> bool:
    """Whether two values are one JSON value.

    ``1``, ``1.0`` and ``true`` differ; NaN equals NaN; the order of an object's names means nothing.
    """
    kind = type(one)
    if kind is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return _same_members(one, other)
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return False
        # Loops and not all(…): a generator would double the depth of the call stack for nested values.
        for left, right in zip(one, other, strict=True):  # noqa: SIM110
            if not same(left, right):
                return False
        return True
    return bool(one == other) or (kind is float and one != one and other != other)


def _same_members(one: dict[str, Json], other: dict[str, Json]) -> bool:
    if one.keys() != other.keys():
        return False
    for name, value in one.items():  # noqa: SIM110
        if not same(value, other[name]):
            return False
    return True
