"""What the gates of a check look at: the rows of a run by column, and of each example what decides about its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import overload

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.missing import MISSING
from promptvc.content.formats.words import plural
from promptvc.content.runs.checkspec import CheckSpec, RowFilter
from promptvc.content.runs.request import example_ids
from promptvc.content.runs.run import OutputRow, RunRecord, Score
from promptvc.content.runs.spec import ScorerSpec
from promptvc.content.table.keys import output_name
from promptvc.content.table.view import Table
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import FileChanging, PathMissing, RunMissing
from promptvc.runs.compare.columns import Columns, Place, read_columns
from promptvc.runs.compare.slices import slice_values, value_at
from promptvc.runs.sources import Source, load_run, pinned
from promptvc.session.files.contents import Contents
from promptvc.session.workspace.snapshot import table_of
from promptvc.storage.store import ObjectStore

_BATCH = 10_000
_FEW = 200
"""Rows up to which each is looked up by its number; above, the table is read through."""
_COMPARING = ("exact", "contains", "numeric", "similarity")
_EXPECTED = "expected"

Slice = tuple[str, str | None]
"""A field, and the value that its rows have in it; None: those that have none."""


@dataclass(frozen=True, slots=True)
class Side:
    """The outputs of a run at one version; without any, ``table`` is None and there are no rows."""

    label: str
    record: RunRecord | None = None
    table: Table | None = None
    columns: Columns = field(default_factory=Columns)


def read_side(source: Source, run: str, contents: Contents, store: ObjectStore) -> Side:
    """The outputs of a run at a version, all rows read once; raises `RunUnreadable`."""
    try:
        found = load_run(source, run, contents, store)
    except RunMissing:
        return Side(source.label)
    return Side(source.label, found.record, found.table, read_columns(found))


@dataclass(frozen=True, slots=True)
class Example:
    """What gates know of an example: its values in the slice fields, what is expected, the filters that it is in."""

    values: tuple[Json, ...] = ()
    expected: Json = None
    inside: tuple[bool, ...] = ()


_UNKNOWN = Example()


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a run by id.

    ``fields`` are those of the values, ``seen`` all fields that examples have, also inside others.
    """

    fields: tuple[str, ...]
    filters: tuple[RowFilter, ...]
    by_id: Mapping[str, Example] = field(default_factory=dict)
    seen: Mapping[str, None] = field(default_factory=dict)
    known: bool = False

    def of(self, id: str) -> Example:
        """An example; without values where it is not known."""
        return self.by_id.get(id, _UNKNOWN)

    def slices(self, id: str) -> dict[str, Json]:
        """The fields by which rows are sliced, as the example has them."""
        pairs = zip(self.fields, self.of(id).values, strict=False)
        return {name: value for name, value in pairs if value is not None}

    def inside(self, numbers: Iterable[int], columns: Columns, rows: RowFilter) -> list[int]:
        """The rows of these whose example a filter means."""
        if not rows.fields:
            return list(numbers)
        at = self.filters.index(rows)
        held = {id for id, example in self.by_id.items() if example.inside[at]}
        return [number for number in numbers if columns.places[number][0] in held]

    def groups(self, columns: Columns, name: str) -> dict[str | None, list[int]]:
        """The rows by the values of a field; a row with a list is in the group of each of its items."""
        at, made = self.fields.index(name), dict[str | None, list[int]]()
        for number, (id, _) in enumerate(columns.places):
            values = self.of(id).values
            for value in slice_values(values[at] if values else None):
                made.setdefault(value, []).append(number)
        return made


def read_examples(
    source: Source, spec: CheckSpec, side: Side, contents: Contents, store: ObjectStore
) -> Examples:
    """The examples of a run as they are at this version, else as they are pinned; of each only what gates ask for."""
    declared, record = source.project.runs.get(spec.run), side.record
    sliced = (declared.slices if declared else ()) or (record.slices if record else ())
    fields = tuple(dict.fromkeys((*spec.slice_fields, *sliced)))
    filters = tuple(dict.fromkeys(spec.filters))
    table = _example_table(source, declared.examples if declared else None, record, contents, store)
    if table is None:
        return Examples(fields, filters)
    scorers = [(each.kind, each.argument) for each in declared.scorers] if declared else []
    scorers += [(each.kind, each.argument) for each in _parsed(record)]
    expected = [argument.split(":")[0].split(",")[0] for kind, argument in scorers if kind in _COMPARING]
    key = record.example_key if record and record.example_key else table.key
    named = {*fields, *(path for rows in filters for path, _ in rows.fields)}
    by_id, seen = dict[str, Example](), dict[str, None]()
    for id, row in example_ids(table, key):
        seen.update(dict.fromkeys(paths_of([row])))
        seen.update((path, None) for path in named if pick(row, path) is not MISSING)
        name = next((each for each in (*expected, _EXPECTED) if pick(row, each) is not MISSING), None)
        by_id[id] = Example(
            tuple(value_at(row, each) for each in fields),
            None if name is None else value_at(row, name),
            tuple(_is_inside(row, each) for each in filters),
        )
    return Examples(fields, filters, by_id, seen, True)


def _example_table(
    source: Source, declared: str | None, record: RunRecord | None, contents: Contents, store: ObjectStore
) -> Table | None:
    pin = record.examples if record else None
    for path in (declared, pin.path if pin else None):
        if path is not None:
            with suppress(PathMissing):
                return table_of(source.file(path), source.project)
    file = pinned(store, contents, pin) if pin else None
    return table_of(file, source.project) if file else None


def _parsed(record: RunRecord | None) -> list[ScorerSpec]:
    return [ScorerSpec.parse(pin.spec) for pin in record.scorers] if record else []


def _is_inside(row: Row, rows: RowFilter) -> bool:
    return all(_has(value_at(row, path), values) for path, values in rows.fields)


def _has(found: Json, wanted: Sequence[Json]) -> bool:
    """Whether a field's value, or an item of it, is one of the values: ``1`` is ``1.0`` but not ``true``."""
    return any(
        item == value and isinstance(item, bool) == isinstance(value, bool)
        for item in (found if isinstance(found, list) else [found])
        for value in wanted
    )


# --- the rows that a gate names -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateRow:
    """A row because of which a gate failed.

    - ``slices``: the fields by which the run is sliced, as the example has them; ``expected``: as in the example;
    - ``scores``: those that the gate is about; ``before``: the same at the revision it is compared with, else empty.
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
        """What the row is called: ``t-0042``, ``t-0042 sample 2``."""
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
    """The rows because of which a gate failed, by number; their texts are read when they are asked for."""

    def __init__(
        self,
        side: Side,
        examples: Examples,
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
        """Their places in the file, from 0."""
        return self._numbers

    @property
    def places(self) -> list[Place]:
        """Example and sample of each, without reading anything."""
        return [self._side.columns.places[number] for number in self._numbers]

    def _with(self, numbers: Sequence[int]) -> GateRows:
        return GateRows(self._side, self._examples, numbers, self._scores, self._before)

    def _row(self, number: int, row: OutputRow | None) -> GateRow:
        if row is None or row.place != self._side.columns.places[number]:
            path = self._side.table.path if self._side.table else ""
            raise FileChanging(f"{path} changed while it was checked", "check again")
        id = row.example_id
        text = row.output if row.output is not None or not row.tool_calls else str(list(row.tool_calls))
        return GateRow(
            *row.place,
            self._examples.slices(id),
            self._examples.of(id).expected,
            text if text is None or isinstance(text, str) else str(text),
            row.error,
            {name: row.scores.get(name) for name in self._scores},
            self._scores_before(number),
        )

    def _scores_before(self, number: int) -> dict[str, Score]:
        if self._before is None or number not in self._before[1]:
            return {}
        columns, numbers = self._before
        return {name: columns.score(name)[numbers[number]] for name in self._scores}

    def __repr__(self) -> str:
        return plural(len(self), "row")


NO_ROWS = GateRows(Side(""), Examples((), ()), (), ())


def _read(side: Side, numbers: Sequence[int]) -> dict[int, OutputRow]:
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
