"""One side of a comparison read into columns, and the pairing of its rows with the other side's.

Only the length and a hash of each output stay in memory: the texts of shown rows are read again.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import TypeVar

from msgspec import Struct, field

from promptvc.content.runs.lines import PlainRow
from promptvc.content.runs.run import OutputRow, Score
from promptvc.errors import RunUnreadable
from promptvc.runs.sources import LoadedRun

Place = tuple[str, int]
"""An example's id and the sample index."""

UNKNOWN = math.nan
_UNKNOWN_BYTES = array("d", [UNKNOWN]).tobytes()

T = TypeVar("T")


class Columns(Struct, frozen=True, kw_only=True):
    """The rows of a side by column; a row's number is its position in the file, from 0.

    Unknown numbers are NaN. ``requests`` has a 64-bit hash of each row's fingerprint, None for recorded rows.
    """

    examples: list[str] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
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
        return len(self.examples)

    @property
    def errors(self) -> int:
        """How many rows have no output for any reason other than being stale."""
        return len(self) - sum(self.answered) - len(self.stale)

    def place(self, number: int) -> Place:
        """What a row is the output of."""
        return self.examples[number], self.samples[number]

    @property
    def is_sampled(self) -> bool:
        """Whether there may be several rows of one example."""
        return any(self.samples)

    def score(self, name: str) -> Sequence[Score]:
        """The values of one score, one per row; None without the score or without an output."""
        return self.scores.get(name) or [None] * len(self)

    def extend(self, rows: Sequence[OutputRow | PlainRow]) -> None:
        """Add rows."""
        start = len(self)
        self.examples.extend(map(attrgetter("example_id"), rows))
        self.samples.extend(map(attrgetter("sample_index"), rows))
        self.answers.extend(map(_answer, rows))
        self.requests.extend([None if row.request_hash is None else hash(row.request_hash) for row in rows])
        self.answered.extend([row.error is None for row in rows])
        self.characters.extend([len(row.output) if isinstance(row.output, str) else UNKNOWN for row in rows])
        self.input_tokens.extend(_numbers([row.input_tokens for row in rows]))
        self.output_tokens.extend(_numbers([row.output_tokens for row in rows]))
        self.latency_ms.extend(_numbers([row.latency_ms for row in rows]))
        self.cost_usd.extend(_numbers([row.cost_usd for row in rows]))
        self.stale.extend([number for number, row in enumerate(rows, start) if row.stale is not None])
        self._add_scores([row.scores or {} if row.error is None else {} for row in rows], start)

    def _add_scores(self, rows: Sequence[Mapping[str, Score]], start: int) -> None:
        for name in dict.fromkeys(chain.from_iterable(rows)):
            values = self.scores.setdefault(name, [])
            values.extend([None] * (start - len(values)))
            given = [scores.get(name) for scores in rows]
            known = not set(map(type, given)) - _SURE
            values.extend(given if known else [score if _is_score(score) else None for score in given])

    def finish(self) -> Columns:
        """Make all columns equally long, and return self."""
        for values in self.scores.values():
            values.extend([None] * (len(self) - len(values)))
        return self


_SURE = {bool, str, type(None)}


def read_columns(run: LoadedRun) -> Columns:
    """All rows of a run; raises `RunUnreadable`, also for two rows of the same example and sample."""
    columns = Columns()
    for block in run.row_blocks():
        columns.extend(block)
    if len(set(columns.examples)) < len(columns):
        _check_places(columns, run.table.path)
    return columns.finish()


def _check_places(columns: Columns, path: str) -> None:
    seen: set[Place] = set()
    for place in zip(columns.examples, columns.samples, strict=True):
        if place in seen:
            raise RunUnreadable(
                f"{path} has two rows of example {place[0]}, sample {place[1]}",
                "an output is found by its example and sample, so each may be there once",
            )
        seen.add(place)


class Pairs(Struct, frozen=True):
    """Row numbers side by side: those before, and those after."""

    before: Sequence[int]
    after: Sequence[int]

    def __len__(self) -> int:
        return len(self.after)


class Pairing(Struct, frozen=True):
    """Rows of the same example and sample, in the order of the side after; and the numbers of the other rows."""

    pairs: Pairs
    only_before: Sequence[int]
    only_after: Sequence[int]


def pair(before: Columns, after: Columns) -> Pairing:
    """Pair the rows of two sides; unpaired rows keep the order of their side."""
    if before.examples == after.examples and before.samples == after.samples:
        return Pairing(Pairs(range(len(before)), range(len(after))), (), ())
    places = zip(before.examples, before.samples, strict=True)
    numbers = {place: number for number, place in enumerate(places)}
    old, new, only_after = array("q"), array("q"), array("q")
    for number, place in enumerate(zip(after.examples, after.samples, strict=True)):
        found = numbers.pop(place, None)
        if found is None:
            only_after.append(number)
        else:
            old.append(found)
            new.append(number)
    return Pairing(Pairs(old, new), array("q", numbers.values()), only_after)


def picked(values: Sequence[T], numbers: Sequence[int]) -> Sequence[T]:
    """The values at these numbers."""
    if isinstance(numbers, range) and numbers == range(len(values)):
        return values
    return itemgetter(*numbers)(values) if len(numbers) > 1 else [values[number] for number in numbers]


def all_unknown(column: array[float]) -> bool:
    """Whether no number of a column is known."""
    return column.tobytes() == _UNKNOWN_BYTES * len(column)


def _answer(row: OutputRow | PlainRow) -> int:
    """The hash that decides whether two outputs are equal; a file from elsewhere may hold more than text."""
    if type(row.output) is str and not row.tool_calls:
        return hash(row.output)
    plain = not row.tool_calls and (row.output is None or isinstance(row.output, str))
    return hash(row.output if plain else json.dumps([row.output, row.tool_calls], sort_keys=True))


def _numbers(values: Sequence[float | None]) -> Iterable[float]:
    """The numbers, with NaN for what is none, or too large to be one."""
    if values.count(None) == len(values):
        return array("d", [UNKNOWN]) * len(values)
    try:
        return array("d", [UNKNOWN if value is None else value for value in values])
    except (TypeError, OverflowError):
        return array("d", map(_number, values))


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float) else UNKNOWN
    except OverflowError:
        return UNKNOWN


def _is_score(score: object) -> bool:
    return isinstance(score, str) or math.isfinite(_number(score))
