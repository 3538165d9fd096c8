"""What is to be forgotten: a file, rows of a table, or a field of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from promptvc.content.formats.base import Json, Malformed, Row, RowFormat
from promptvc.versioning.forgotten import RowMark, mark_hash

LEAST_QUOTE = 10
"""Characters of a text from which on it is looked for elsewhere; shorter ones stand in too many places."""


class Wanted(Struct, frozen=True, kw_only=True, eq=False):
    """What is to be forgotten of the file at ``path``.

    - ``is_of``: whether a row is meant; None for the whole file;
    - ``field``: the field of these rows; None for all of them;
    - ``texts``: texts of which the bytes of each such row hold one, unless they have escapes; none where none is known;
    - ``key``: the key that is meant, by field; none where it is not known;
    - ``example``: the id under which outputs name the row.
    """

    path: str
    is_of: Callable[[Row | Malformed], bool] | None = None
    field: str | None = None
    texts: tuple[str, ...] = ()
    key: Mapping[str, Json] = {}
    example: str | None = None

    def marks(self, paths: Iterable[str], salt: str) -> frozenset[RowMark]:
        """What a list says of the row, in the table under each of its names."""
        if not self.key:
            return frozenset()
        hash = mark_hash(salt, list(self.key.values()))
        return frozenset(RowMark(path, tuple(self.key), self.field or "", salt, hash) for path in paths)

    def may_be_in(self, data: bytes) -> bool:
        """False where no row of these bytes can be meant."""
        return not self.texts or b"\\u" in data or any(map(data.__contains__, spellings(self.texts)))

    def bodies(self, format: RowFormat, data: bytes, first: bool) -> Iterator[tuple[int, bytes, Row]]:
        """(number in these bytes, body, fields) of each row that is meant."""
        if self.is_of is None or not self.may_be_in(data):
            return
        for number, body in enumerate(format.bodies(data, first)):
            row = format.parse(body)
            if not isinstance(row, Malformed) and self.is_of(row) and self.concerns(row):
                yield number, body, row

    def concerns(self, row: Row) -> bool:
        """Whether the row has what is to be forgotten."""
        return self.field is None or (self.field in row and row[self.field] != "")

    def without(self, format: RowFormat, row: Row, body: bytes) -> bytes | None:
        """What becomes of the row: None where it goes as a whole."""
        if self.field is None:
            return None
        rest = {name: value for name, value in row.items() if name != self.field}
        return format.encode(rest if not format.columns else {**rest, self.field: ""}, like=body)

    def says(self, row: Row) -> set[str]:
        """The texts of what is forgotten that are worth looking for."""
        fields: Iterable[Json] = row.values() if self.field is None else [row[self.field]]
        return {text for value in fields for text in _texts(value) if len(text) >= LEAST_QUOTE}


def wanted_by_mark(mark: RowMark) -> Wanted:
    """The row that a list of what was forgotten means."""

    def is_of(row: Row | Malformed) -> bool:
        if isinstance(row, Malformed) or not all(name in row for name in mark.fields):
            return False
        return mark_hash(mark.salt, [row[name] for name in mark.fields]) == mark.hash

    return Wanted(path=mark.path, is_of=is_of, field=mark.field or None)


@lru_cache(maxsize=4)  # asked for each chunk run
def spellings(texts: frozenset[str] | tuple[str, ...]) -> list[bytes]:
    """The bytes in which texts stand in files: as they are, and as JSON writes them, with and without escapes."""
    found: dict[bytes, None] = {}
    for text in texts:
        found[text.encode("utf-8", "replace")] = None
        for ascii in (True, False):
            found[json.dumps(text, ensure_ascii=ascii)[1:-1].encode("utf-8", "replace")] = None
    return list(found)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def quotes_one(row: Row, texts: Iterable[str]) -> bool:
    """Whether one of the texts stands in a row."""
    own = [text for value in row.values() for text in _texts(value)]
    return any(text in each for text in texts for each in own)
