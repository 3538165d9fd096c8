"""One side of a comparison read into columns, and the pairing of its rows with the other side's.

Only the length and a hash of each output stay in memory: the texts of shown rows are read again.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct, field

from promptvc.content.runs.run import OutputRow, Score
from promptvc.errors import RunUnreadable
from promptvc.runs.sources import LoadedRun

Place = tuple[str, int]
"""An example's id and the sample index."""

UNKNOWN = math.nan
_AT_ONCE = 1000
"""Rows that are in memory at a time."""


class Columns(Struct, frozen=True, kw_only=True):
    """The rows of a side by column; a row's number is its position in the file, from 0.

    Unknown numbers are NaN. ``requests`` has a 64-bit hash of each row's fingerprint, None for recorded rows.
    """

    places: list[Place] = field(default_factory=list)
    answers: array[int] = field(default_factory=lambda: array("q"))
    requests: list[int | None] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)
    characters: array[float] = field(default_factory=lambda: array("d"))
    input_tokens: array[float] = field(default_factory=lambda: array("d"))
    output_tokens: array[float] = field(default_factory=lambda: array("d"))
    latency_ms: array[float] = field(default_factory=lambda: array("d"))
    cost_usd: array[float] = field(default_factory=lambda: array("d"))
    scores: dict[str, list[Score]] = field(default_factory=dict)
    stale: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def errors(self) -> int:
        """How many rows have no output for any reason other than being stale."""
        return len(self) - sum(self.answered) - len(self.stale)

    def score(self, name: str) -> Sequence[Score]:
        """The values of one score, one per row; None without the score or without an output."""
        return self.scores.get(name) or [None] * len(self)

    def extend(self, rows: Sequence[OutputRow]) -> None:
        """Add rows."""
        start = len(self)
        self.places.extend([(row.example_id, row.sample_index) for row in rows])
        self.answers.extend(map(_answer, rows))
        self.requests.extend([None if row.request_hash is None else hash(row.request_hash) for row in rows])
        self.answered.extend([row.error is None for row in rows])
        self.characters.extend([len(row.output) if isinstance(row.output, str) else UNKNOWN for row in rows])
        self.input_tokens.extend(_numbers([row.input_tokens for row in rows]))
        self.output_tokens.extend(_numbers([row.output_tokens for row in rows]))
        self.latency_ms.extend(_numbers([row.latency_ms for row in rows]))
        self.cost_usd.extend(_numbers([row.cost_usd for row in rows]))
        self.stale.extend([number for number, row in enumerate(rows, start) if row.is_stale])
        for number, row in enumerate(rows, start):
            if row.error is None:
                self._add_scores(row, number)

    def _add_scores(self, row: OutputRow, number: int) -> None:
        for name, score in row.scores.items():
            values = self.scores.setdefault(name, [])
            if len(values) < number:
                values.extend([None] * (number - len(values)))
            values.append(score if type(score) is bool or _is_score(score) else None)

    def finish(self) -> Columns:
        """Make all columns equally long, and return self."""
        for values in self.scores.values():
            values.extend([None] * (len(self) - len(values)))
        return self


def read_columns(run: LoadedRun) -> Columns:
    """All rows of a run; raises `RunUnreadable`, also for two rows of the same example and sample."""
    columns = Columns()
    rows = run.rows()
    while batch := list(islice(rows, _AT_ONCE)):
        columns.extend(batch)
    seen: set[Place] = set()
    for place in columns.places:
        if place in seen:
            raise RunUnreadable(
                f"{run.table.path} has two rows of example {place[0]}, sample {place[1]}",
                "an output is found by its example and sample, so each may be there once",
            )
        seen.add(place)
    return columns.finish()


class Pairing(Struct, frozen=True):
    """Rows of the same example and sample: ``pairs`` of numbers, before and after, in the order of the side after."""

    pairs: tuple[tuple[int, int], ...]
    only_before: tuple[int, ...]
    only_after: tuple[int, ...]


def pair(before: Columns, after: Columns) -> Pairing:
    """Pair the rows of two sides; unpaired rows keep the order of their side."""
    numbers = {place: number for number, place in enumerate(before.places)}
    pairs, only_after = [], []
    for number, place in enumerate(after.places):
        found = numbers.pop(place, None)
        if found is None:
            only_after.append(number)
        else:
            pairs.append((found, number))
    return Pairing(tuple(pairs), tuple(numbers.values()), tuple(only_after))


def _answer(row: OutputRow) -> int:
    """The hash that decides whether two outputs are equal; a file from elsewhere may hold more than text."""
    if type(row.output) is str and not row.tool_calls:
        return hash(row.output)
    plain = not row.tool_calls and (row.output is None or isinstance(row.output, str))
    return hash(row.output if plain else json.dumps([row.output, row.tool_calls], sort_keys=True))


def _numbers(values: Sequence[float | None]) -> array[float]:
    """The numbers, with NaN for what is none, or too large to be one."""
    try:
        return array("d", values)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return array("d", map(_number, values))


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float) else UNKNOWN
    except OverflowError:
        return UNKNOWN


def _is_score(score: object) -> bool:
    return isinstance(score, str) or math.isfinite(_number(score))
