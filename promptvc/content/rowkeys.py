"""Keys: the fields that identify the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Sequence

from promptvc.content.formats.base import Json, Row

KEY_NAMES = ("id", "_id", "key", "uuid", "example_id", "question_id", "task_id", "name")
"""Fields that are taken for the key where the configuration names none; the first that fits."""

KeyToken = tuple[Hashable, ...]


def key_token(row: Row, key: Sequence[str]) -> KeyToken | None:
    """What rows with one key share; None for a row that lacks a key field, or has null there.

    ``1`` and ``"1"`` are different keys, as are ``1`` and ``1.0``.
    """
    token: list[Hashable] = []
    for name in key:
        value = row.get(name)
        if value is None:
            return None
        token.append(_value_token(value))
    return tuple(token)


def guess_key(rows: Iterable[Row]) -> tuple[str, ...] | None:
    """The first of `KEY_NAMES` that every row has, as a scalar, and that is unique among them; None without rows."""
    return guess_common_key([list(rows)])


def guess_common_key(sides: Sequence[Sequence[Row]]) -> tuple[str, ...] | None:
    """As `guess_key`, for rows of several versions: unique within each."""
    if not any(sides):
        return None
    for name in KEY_NAMES:
        if all(_identifies(name, rows) for rows in sides):
            return (name,)
    return None


def duplicate_keys(
    rows: Iterable[tuple[int, Row]], key: Sequence[str]
) -> Iterator[tuple[tuple[int, ...], Row]]:
    """The row numbers of each group of rows that share a key, and one row of the group; in order of first sight.

    Rows without a key share none.
    """
    first: dict[KeyToken, int] = {}
    groups: dict[KeyToken, tuple[list[int], Row]] = {}
    for number, row in rows:
        token = key_token(row, key)
        if token is None or first.setdefault(token, number) == number:
            continue
        groups.setdefault(token, ([first[token]], row))[0].append(number)
    for numbers, row in sorted(groups.values(), key=lambda group: group[0][0]):
        yield tuple(numbers), row


def _identifies(name: str, rows: Sequence[Row]) -> bool:
    seen: set[Hashable] = set()
    for row in rows:
        value = row.get(name)
        if value is None or type(value) in (dict, list):
            return False
        token = _value_token(value)
        if token in seen:
            return False
        seen.add(token)
    return True


def _value_token(value: Json) -> Hashable:
    if isinstance(value, str):
        return value
    return (type(value).__name__, json.dumps(value, sort_keys=True))
