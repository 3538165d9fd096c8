"""Rows by key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from promptvc.content.formats.base import Json, Row
from promptvc.content.rowkeys import KEY_NAMES, KeyToken, key_token
from promptvc.content.tablerows import is_malformed


@dataclass(frozen=True, slots=True)
class KeyIndex:
    """The numbers of the rows of each key: the first one, and those after it."""

    key: tuple[str, ...]
    first: dict[KeyToken, int]
    others: dict[KeyToken, list[int]] = field(default_factory=dict)

    def find(self, values: Sequence[Json]) -> list[int]:
        """The numbers of all rows with these key values, rising."""
        try:
            token = key_token(dict(zip(self.key, values, strict=True)), self.key)
        except TypeError:  # no JSON value
            return []
        if token is None or token not in self.first:
            return []
        return [self.first[token], *self.others.get(token, [])]


def index_rows(rows: Iterable[Row], key: tuple[str, ...]) -> KeyIndex:
    """Index all rows that have this key."""
    index = KeyIndex(key, {})
    for number, row in enumerate(rows):
        token = key_token(row, key)
        if token is not None and index.first.setdefault(token, number) != number:
            index.others.setdefault(token, []).append(number)
    return index


def guess_index(rows: Iterable[Row]) -> KeyIndex | None:
    """Index by the first of `KEY_NAMES` that every readable row has, as a scalar, and that is unique among them."""
    open_ = {name: KeyIndex((name,), {}) for name in KEY_NAMES}
    empty = True
    for number, row in enumerate(rows):
        if is_malformed(row):
            continue
        empty = False
        for name in list(open_):
            if not _enter(open_[name], number, row):
                del open_[name]
        if not open_:
            return None
    return None if empty else next(iter(open_.values()), None)


def _enter(index: KeyIndex, number: int, row: Row) -> bool:
    token = None if isinstance(row.get(index.key[0]), (dict, list)) else key_token(row, index.key)
    return token is not None and index.first.setdefault(token, number) == number
