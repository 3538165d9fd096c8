"""Reads the rows of another tool one by one: each example key, sample, and output."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from promptvc.content.formats.base import Row
from promptvc.content.formats.missing import MISSING, Missing
from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import OutputRow, Score
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import Usage
from promptvc.patterns import compiled
from promptvc.runs.record.importers.base import Fields, Foreign, as_text
from promptvc.runs.scoring.kinds import Unscored
from promptvc.runs.scoring.scorers import checked

KeyText = tuple[str, ...]
"""The fields of a key as text, so that examples are found whether 42 is a number or text."""

Texts = tuple[bool, ...]
"""Which fields of a key are text, not numbers or the like."""

_SEEN = 200
_SHOWN = 12
_INTEGER = compiled(r"[+-]?\d+")


class Taken(Struct, frozen=True):
    """A foreign row: its number from 1, the key of its example, its sample if it has one, and its content.

    ``texts`` are the fields of the key that are text. ``row`` has no example id yet.
    """

    number: int
    key: KeyText
    texts: Texts
    sample: int | None
    row: OutputRow


class RowTaker:
    """Reads rows by ``fields``; afterwards `check` names fields that no row had.

    ``asked`` are the paths that the user named, which must exist.
    """

    def __init__(self, foreign: Foreign, fields: Fields, asked: Fields) -> None:
        self._foreign, self._fields = foreign, fields
        self._missing = _paths(asked)
        self._first: list[Row] = []
        self.count = 0
        self.strange: dict[str, int] = {}

    def take_all(self) -> Iterator[Taken]:
        """Read every row; raises `Usage`, at the end if a field is missing in all of them."""
        for row in self._foreign.rows:
            yield self.take(dict(row))
        self.check()

    def take(self, row: Row) -> Taken:
        """Read one row; raises `Usage`, naming the row, for what cannot be interpreted."""
        self.count += 1
        if len(self._first) < _SEEN:
            self._first.append(row)
        fields, error = self._fields, self._error(row)
        output = self._find(row, fields.output)
        return Taken(
            self.count,
            *self._key(row),
            self._whole(row, fields.sample),
            OutputRow(
                example_id="",
                output=as_text(output),
                finish_reason=as_text(self._find(row, fields.finish_reason)),
                input_tokens=self._whole(row, fields.input_tokens),
                output_tokens=self._whole(row, fields.output_tokens),
                latency_ms=self._number(row, fields.latency_ms),
                cost_usd=self._number(row, fields.cost_usd),
                error=error,
                response_model=as_text(self._find(row, fields.response_model)),
                scores=self._scores(row),
            ),
        )

    def check(self) -> None:
        """Raise `Usage` if there was no row, or if no row had a path that the user named."""
        name = self._foreign.source
        if not self.count:
            raise Usage(f"{name} has no rows", "is it the right file?")
        for path in self._missing:
            raise Usage(f"{name}: no row has a field {path!r}", self.known())

    def known(self) -> str:
        """A hint with the existing fields."""
        paths = paths_of(islice(self._first, _SEEN))
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        return f"there are {', '.join(paths[:_SHOWN])}{more}"

    # --- fields -------------------------------------------------------------------------------------------

    def _look(self, row: Row, path: str, folder: str | None = None) -> Json | Missing:
        """The field at a path, looked up inside ``folder`` first."""
        found: Json = MISSING if folder is None else pick(row.get(folder), path)
        found = pick(row, path) if found is MISSING else found
        if found is not MISSING:
            self._missing.pop(path, None)
        return found.item() if hasattr(found, "item") else found  # a number of numpy

    def _find(self, row: Row, path: str | None) -> Json:
        found = MISSING if path is None else self._look(row, path)
        if found is MISSING or (isinstance(found, float) and math.isnan(found)):  # as in data frames
            return None
        return found

    def _key(self, row: Row) -> tuple[KeyText, Texts]:
        found = []
        for path in self._fields.example_key.values():
            value = self._look(row, path, self._foreign.key_folder)
            if value is MISSING or value is None:
                raise Usage(f"{self._foreign.source}: row {self.count} has no {path!r}", self.known())
            found.append(value)
        return key_of(found)

    def _number(self, row: Row, path: str | None) -> float | None:
        value = self._find(row, path)
        if isinstance(value, str):
            found = _parse_number(value)
            value = (value.strip() or None) if found is None else found
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Usage(
                f"{self._foreign.source}: row {self.count} has no number in {path!r}",
                "name a field of numbers",
            )
        return value

    def _whole(self, row: Row, path: str | None) -> int | None:
        value = self._number(row, path)
        return None if value is None else int(value)

    def _error(self, row: Row) -> str | None:
        value = self._find(row, self._fields.error)
        if isinstance(value, str) and self._foreign.texts:
            value = {"true": True, "false": False}.get(value.strip().lower(), value)
        if isinstance(value, Mapping) and isinstance(value.get("message"), str):
            value = value["message"]
        if value is None or value is False or value == "":
            return None
        return "error" if value is True else as_text(value) or "error"

    def _scores(self, row: Row) -> dict[str, Score]:
        folder = "scores" if self._foreign.all_scores else None
        found: dict[str, Any] = {}
        if folder and not self._fields.scores:
            given: Json = row.get(folder)
            found = dict(given or {})
        for name, path in self._fields.scores.items():
            value = self._look(row, path, folder)
            found[name] = None if value is MISSING else value
        return {name: self._score(name, value) for name, value in found.items()}

    def _score(self, name: str, value: Json) -> Score:
        if isinstance(value, str) and self._foreign.texts:
            value = _parse_cell(value)
        try:
            return checked(value)
        except Unscored:
            self.strange[name] = self.strange.get(name, 0) + 1
            return None


def key_of(values: Sequence[Json]) -> tuple[KeyText, Texts]:
    """The values of a key as text, and which of them were: ``[1, "a"] -> (("1", "a"), (False, True))``."""
    return tuple(map(key_text, values)), tuple(isinstance(value, str) for value in values)


def key_text(value: Json) -> str:
    """A key value as text: text unchanged, a number as JSON, a whole one without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def _paths(asked: Fields) -> dict[str, None]:
    plain = [getattr(asked, name) for name in Fields.__slots__ if name not in ("example_key", "scores")]
    every = [*asked.example_key.values(), *plain, *asked.scores.values()]
    return dict.fromkeys(path for path in every if path)


def _parse_cell(text: str) -> Score:
    """The value of a CSV cell: ``true``, ``False``, a number, nothing; other text is a label."""
    word = text.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if not word or word.lower() in ("null", "none", "nan"):
        return None
    number = _parse_number(word)
    return text if number is None else number


def _parse_number(text: str) -> float | int | None:
    word = text.strip()
    try:
        found = int(word) if _INTEGER.fullmatch(word) else float(word)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
