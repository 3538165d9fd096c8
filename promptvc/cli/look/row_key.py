"""A row by its typed key: ``--key t-0042``; for several fields ``en,7``, or the option once for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptvc.cli.arguments import from_json
from promptvc.cli.look.row_filter import is_meant
from promptvc.content.formats.base import Malformed, Row
from promptvc.content.formats.words import plural
from promptvc.content.keys.tokens import equal_tokens
from promptvc.errors import RowMissing, Usage

if TYPE_CHECKING:
    from promptvc.cli.look.row_source import RowSource
    from promptvc.content.keys.tokens import KeyToken
    from promptvc.session.files.rowstream import NumberedRow


class WantedKey(Struct, frozen=True):
    """The fields of a table's key, and the wanted value of each, as text."""

    fields: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def read(cls, path: str, fields: tuple[str, ...] | None, words: Sequence[str]) -> WantedKey:
        """Raises `Usage` if the table has no key, or one with another number of fields."""
        if fields is None:
            raise Usage(f"{path} has no key", 'key = ["…"] in promptvc.toml names it')
        texts = tuple(words) if len(words) > 1 or len(fields) == 1 else _parts(words[0], len(fields))
        if len(texts) != len(fields):
            count = plural(len(fields), "field")
            raise Usage(f"{path}: the key has {count}", f"--key {','.join(fields)}, with their values")
        return cls(fields, texts)

    def is_of(self, row: Row | Malformed) -> bool:
        """Whether a row has this key."""
        if isinstance(row, Malformed):
            return False
        return all(
            row.get(name) is not None and is_meant(row[name], text)
            for name, text in zip(self.fields, self.texts, strict=True)
        )

    def missing(self, path: str, revision: str | None = None) -> RowMissing:
        """The error that no such row exists, at a revision or in the working files."""
        return RowMissing(
            f"{path} has no row with {', '.join(self.fields)} {', '.join(self.texts)}",
            f"promptvc rows {path}{f' --rev {revision}' if revision else ''} lists the keys",
        )

    def find(self, source: RowSource) -> list[NumberedRow]:
        """The rows with this key; several if they share it."""
        return [item for item in source.keyed(self.fields, self.tokens) if self.is_of(item.row)]

    @property
    def tokens(self) -> set[KeyToken]:
        """All keys that are meant."""
        return equal_tokens([[text, from_json(text)] for text in self.texts])


def _parts(text: str, count: int) -> tuple[str, ...]:
    """``a,b`` or a JSON array."""
    values: Any
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list):
        values = text.split(",", count - 1)
    return tuple(value if isinstance(value, str) else json.dumps(value) for value in values)
