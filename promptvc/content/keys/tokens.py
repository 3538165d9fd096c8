"""Keys: the fields that identify the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import product
from typing import TypeAlias

from promptvc.content.formats.base import Json, Row

KEY_NAMES = ("id", "_id", "key", "uuid", "example_id", "question_id", "task_id", "name")
"""Fields that are taken for the key where the configuration names none; the first that fits."""

OUTPUT_KEY = ("example_id", "sample_index")
"""The fields that together tell outputs apart, where there are several of an example."""
_CANDIDATES = tuple(
    key for name in KEY_NAMES for key in ([(name,), OUTPUT_KEY] if name == OUTPUT_KEY[0] else [(name,)])
)

KeyToken = tuple[Hashable, ...]
_EXACT = 1 << 53
"""Up to this number every integer is a decimal of 64 bits."""

KeyValue: TypeAlias = "Json | tuple[Json, ...]"
"""A key as it is given: a scalar, or a tuple where several fields make the key."""


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


def equal_tokens(choices: Sequence[Iterable[Json]]) -> set[KeyToken]:
    """The tokens of all keys of which each part is one of its choices, or an equal number: ``1`` also means ``1.0``."""
    names = [str(number) for number in range(len(choices))]
    parts = [[same for value in values for same in _equal_numbers(value)] for values in choices]
    tokens = (key_token(dict(zip(names, values, strict=True)), names) for values in product(*parts))
    return {token for token in tokens if token is not None}


def _equal_numbers(value: Json) -> list[Json]:
    if type(value) is int and abs(value) <= _EXACT:
        return [value, float(value)]
    if type(value) is float and value.is_integer():
        return [value, int(value), *([-value] if not value else [])]
    return [value]


def guess_key(rows: Iterable[Row]) -> tuple[str, ...] | None:
    """The first of `KEY_NAMES` that every row has, as a scalar, and that is unique among them; None without rows.

    Where ``example_id`` is not unique, `OUTPUT_KEY` may be.
    """
    given = list(rows)
    return next((key for key in _CANDIDATES if _identifies(key, given)), None) if given else None


def guess_common_key(sides: Sequence[Sequence[Row]]) -> tuple[str, ...] | None:
    """As `guess_key`, for rows of several versions, or those of them that differ: unique within each.

    Rows of samples behind the first are of a table in which ``example_id`` is not unique, also where these are.
    """
    if not any(sides):
        return None
    sampled = any(type(at := row.get(OUTPUT_KEY[1])) is int and at > 0 for rows in sides for row in rows)
    keys = (key for key in _CANDIDATES if not (sampled and key == OUTPUT_KEY[:1]))
    return next((key for key in keys if all(_identifies(key, rows) for rows in sides)), None)


def candidate_keys(row: Row) -> list[tuple[str, ...]]:
    """The keys that may be guessed for a table with this row, the likeliest first."""
    return [key for key in _CANDIDATES if all(name in row for name in key)]


def output_name(example: str, sample: int) -> str:
    """``t-0042``, ``t-0042 sample 2``: an output by its example, with the sample's index where it is not the first."""
    return f"{example} sample {sample}" if sample else example


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


def _identifies(key: tuple[str, ...], rows: Sequence[Row]) -> bool:
    if len(key) == 1:
        values = [row.get(key[0]) for row in rows]
        if all(type(value) is str for value in values):
            return len(set(values)) == len(values)
    seen: set[KeyToken] = set()
    for row in rows:
        if any(type(row.get(name)) in (dict, list) for name in key):
            return False
        token = key_token(row, key)
        if token is None or token in seen:
            return False
        seen.add(token)
    return True


def _value_token(value: Json) -> Hashable:
    if isinstance(value, str):
        return value
    return (type(value).__name__, json.dumps(value, sort_keys=True))


def first_value(token: KeyToken) -> Json:
    """The value of the first field of a key."""
    part = token[0]
    return part if isinstance(part, str) else json.loads(part[1]) if isinstance(part, tuple) else None
