"""One version of a table in a comparison: its rows that were loaded, and what of them is parsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.keys.tokens import KEY_NAMES, OUTPUT_KEY, key_token
from promptvc.content.tablediff.bodies import Bodies

_PARSED = 64
"""Parsed rows to keep of a table whose bytes are not in memory either."""
_KEY_FIELDS = frozenset((*KEY_NAMES, *OUTPUT_KEY))


class RowSide:
    """One version: how many rows it has, and those that were loaded, by number.

    ``rows`` are the parsed rows without a partner of equal bytes, ``malformed`` those that cannot be parsed.
    """

    def __init__(self, format: RowFormat) -> None:
        self.format = format
        self.count = 0
        self.bodies = Bodies()
        self.rows = Rows(self, ())
        self.malformed: dict[int, Malformed] = {}
        self._parsed: dict[int, Row] = {}
        self._key_rows: dict[int, Row] | None = None

    def add(self, bodies: Sequence[bytes]) -> None:
        """Enter loaded rows, which follow those before."""
        self.bodies.add(self.count, bodies)
        self.count += len(bodies)

    def parse(self, paired: Mapping[int, int]) -> None:
        """Read the rows that have no partner of equal bytes yet."""
        numbers = [number for number in self.bodies if number not in paired]
        if self.bodies.is_held:
            self.rows = Rows(self, [n for n in numbers if self.row(n) is not None])
            return
        self._key_rows = {
            number: {name: value for name, value in row.items() if name in _KEY_FIELDS}
            for number in numbers
            if (row := self.row(number)) is not None
        }
        self.rows = Rows(self, self._key_rows)

    def row(self, number: int) -> Row | None:
        """The fields of a loaded row; None for one that cannot be read."""
        row = self._parsed.get(number)
        if row is not None or number in self.malformed:
            return row
        found = self.format.parse(self.bodies[number])
        if isinstance(found, Malformed):
            self.malformed[number] = found
            return None
        if len(self._parsed) >= _PARSED and not self.bodies.is_held:
            self._parsed.clear()
        self._parsed[number] = found
        return found

    def key_rows(self) -> Sequence[Row]:
        """What may be a key of each of ``rows``: all fields, of many rows those of `KEY_NAMES` and `OUTPUT_KEY`."""
        return list((self.rows if self._key_rows is None else self._key_rows).values())

    def take_keys(self, key: Sequence[str]) -> dict[int, tuple[object, ...]]:
        """The key of each of ``rows`` that has one; to be asked for once."""
        rows, self._key_rows = self._key_rows, None
        known: Mapping[int, Row] = self.rows if rows is None or not _KEY_FIELDS.issuperset(key) else rows
        return {n: token for n, row in known.items() if (token := key_token(row, key)) is not None}


class Rows(Mapping[int, Row]):
    """Rows of a side by number, parsed when they are asked for; ``numbers`` are rising."""

    def __init__(self, side: RowSide, numbers: Sequence[int] | Mapping[int, object]) -> None:
        self._side, self._numbers = side, dict.fromkeys(numbers)

    def without(self, numbers: Mapping[int, object]) -> Rows:
        """These rows but for some."""
        return Rows(self._side, [number for number in self if number not in numbers])

    def __getitem__(self, number: int) -> Row:
        if number not in self._numbers or (row := self._side.row(number)) is None:
            raise KeyError(number)
        return row

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
