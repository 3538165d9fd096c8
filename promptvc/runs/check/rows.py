"""The rows that made a gate fail, read on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from msgspec import Struct, field

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.content.keys.tokens import output_name
from promptvc.content.runs.run import OutputRow, Score
from promptvc.errors import FileChanging
from promptvc.runs.check.subject import CheckedExamples, CheckedSide, Numbers, Subject
from promptvc.runs.compare.columns import Columns, Place

_BATCH = 10_000
_FEW = 200
"""Up to this many rows are looked up by number; for more, the table is read through."""


class GateRow(Struct, frozen=True, kw_only=True):
    """A row that made a gate fail.

    - ``slices``: the slice fields of the run, with the example's values; ``expected``: as in the example;
    - ``scores``: those that the gate checks; ``before``: the same at the revision it is compared with, else empty.
    """

    example_id: str
    sample_index: int
    slices: Mapping[str, Json]
    expected: Json
    output: str | None
    error: str | None
    scores: Mapping[str, Score]
    before: Mapping[str, Score] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The row's name: ``t-0042``, ``t-0042 sample 2``."""
        return output_name(self.example_id, self.sample_index)

    def to_value(self) -> dict[str, Json]:
        """The fields by name."""
        return {
            "example_id": self.example_id,
            "sample_index": self.sample_index,
            "slices": dict(self.slices),
            "expected": self.expected,
            "output": self.output,
            "error": self.error,
            "scores": dict(self.scores),
            "before": dict(self.before),
        }


class GateRows(Sequence[GateRow]):
    """The rows that made a gate fail, by number; their texts are read on demand."""

    def __init__(
        self,
        side: CheckedSide,
        examples: CheckedExamples,
        numbers: Sequence[int],
        scores: Sequence[str],
        before: tuple[Columns, Mapping[int, int]] | None = None,
    ) -> None:
        self._side, self._examples, self._numbers = side, examples, numbers
        self._scores, self._before = scores, before

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[GateRow]:
        for start in range(0, len(self._numbers), _BATCH):
            batch = self._numbers[start : start + _BATCH]
            read = _read(self._side, batch)
            yield from (self._row(number, read.get(number)) for number in batch)

    @overload
    def __getitem__(self, place: int) -> GateRow: ...

    @overload
    def __getitem__(self, place: slice) -> GateRows: ...

    def __getitem__(self, place: int | slice) -> GateRow | GateRows:
        if isinstance(place, slice):
            return self._with(self._numbers[place])
        return next(iter(self._with([self._numbers[place]])))

    @property
    def numbers(self) -> Sequence[int]:
        """Their positions in the file, from 0."""
        return self._numbers

    @property
    def places(self) -> list[Place]:
        """Example and sample of each, without reading the file."""
        return [self._side.columns.place(number) for number in self._numbers]

    def _with(self, numbers: Sequence[int]) -> GateRows:
        return GateRows(self._side, self._examples, numbers, self._scores, self._before)

    def _row(self, number: int, row: OutputRow | None) -> GateRow:
        if row is None or row.place != self._side.columns.place(number):
            path = self._side.table.path if self._side.table else ""
            raise FileChanging(f"{path} changed while it was checked", "check again")
        id = row.example_id
        text = row.output if row.output is not None or not row.tool_calls else str(list(row.tool_calls))
        return GateRow(
            example_id=id,
            sample_index=row.sample_index,
            slices=self._examples.slices(id),
            expected=self._examples.of(id).expected,
            output=text if text is None or isinstance(text, str) else str(text),
            error=row.error,
            scores={name: row.scores.get(name) for name in self._scores},
            before=self._scores_before(number),
        )

    def _scores_before(self, number: int) -> dict[str, Score]:
        if self._before is None or number not in self._before[1]:
            return {}
        columns, numbers = self._before
        return {name: columns.score(name)[numbers[number]] for name in self._scores}

    def __repr__(self) -> str:
        return plural(len(self), "row")


def gate_rows(
    subject: Subject, numbers: Numbers, scores: Sequence[str], revision: str | None = None
) -> GateRows:
    """The rows that a gate names, with these scores and their values at a revision."""
    base = subject.base(revision) if revision is not None and numbers else None
    before = (base.side.columns, base.numbers) if base else None
    return GateRows(subject.side, subject.examples, numbers, scores, before)


NO_ROWS = GateRows(CheckedSide(""), CheckedExamples((), ()), (), ())


def _read(side: CheckedSide, numbers: Sequence[int]) -> dict[int, OutputRow]:
    table = side.table
    if table is None or not numbers:
        return {}
    if len(numbers) <= _FEW:
        return {number: OutputRow.from_value(table.row(number)) for number in sorted(numbers)}
    wanted, last, found = set(numbers), max(numbers), {}
    for number, row in enumerate(table):
        if number in wanted:
            found[number] = OutputRow.from_value(row)
        if number == last:
            break
    return found
