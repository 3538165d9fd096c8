"""What the gates of one check look at: the outputs, their examples and scores, and the revisions to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.missing import MISSING
from promptvc.content.runs.checkspec import CheckSpec, RowFilter
from promptvc.content.runs.request import example_ids
from promptvc.content.runs.run import RunRecord
from promptvc.content.runs.scores import ScoreKind, kind_of
from promptvc.content.runs.spec import ScorerSpec
from promptvc.content.table.view import Table
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import PathMissing, RunMissing, UnknownRevision
from promptvc.runs.compare.columns import Columns, pair, read_columns
from promptvc.runs.compare.slices import slice_values, value_at
from promptvc.runs.scoring.expected import expected_field, expected_fields
from promptvc.runs.sources import RunSource, load_run, pinned
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE
from promptvc.session.workspace.snapshot import table_of
from promptvc.storage.store import ObjectStore

Numbers = Sequence[int]
"""Rows by their position in the file, from 0."""

Slice = tuple[str, str | None]
"""A field and the value that its rows have; None for rows without one."""


@dataclass(frozen=True, slots=True)
class CheckedSide:
    """The outputs of a run at one version; without outputs, ``table`` is None and there are no rows."""

    label: str
    record: RunRecord | None = None
    table: Table | None = None
    columns: Columns = field(default_factory=Columns)


def read_side(source: RunSource, run: str, contents: Contents, store: ObjectStore) -> CheckedSide:
    """The outputs of a run at a version; all rows are read once. Raises `RunUnreadable`."""
    try:
        found = load_run(source, run, contents, store)
    except RunMissing:
        return CheckedSide(source.label)
    return CheckedSide(source.label, found.record, found.table, read_columns(found))


@dataclass(frozen=True, slots=True)
class Example:
    """What gates need of an example: its values in the slice fields, the expected value, the filters that match it."""

    values: tuple[Json, ...] = ()
    expected: Json = None
    inside: tuple[bool, ...] = ()


_UNKNOWN = Example()


@dataclass(frozen=True, slots=True)
class CheckedExamples:
    """The examples of a run by id.

    ``fields`` are the slice fields, ``seen`` all fields that examples have, nested ones included.
    """

    fields: tuple[str, ...]
    filters: tuple[RowFilter, ...]
    by_id: Mapping[str, Example] = field(default_factory=dict)
    seen: Mapping[str, None] = field(default_factory=dict)
    known: bool = False

    def of(self, id: str) -> Example:
        """An example; without values if it is not known."""
        return self.by_id.get(id, _UNKNOWN)

    def slices(self, id: str) -> dict[str, Json]:
        """The slice fields of the run, with the example's values."""
        pairs = zip(self.fields, self.of(id).values, strict=False)
        return {name: value for name, value in pairs if value is not None}

    def inside(self, numbers: Iterable[int], columns: Columns, rows: RowFilter) -> list[int]:
        """Those of the rows whose example matches a filter."""
        if not rows.fields:
            return list(numbers)
        at = self.filters.index(rows)
        held = {id for id, example in self.by_id.items() if example.inside[at]}
        return [number for number in numbers if columns.examples[number] in held]

    def groups(self, columns: Columns, name: str) -> dict[str | None, list[int]]:
        """The rows grouped by a field's value; a row with a list is in the group of each item."""
        at, made = self.fields.index(name), dict[str | None, list[int]]()
        for number, id in enumerate(columns.examples):
            values = self.of(id).values
            for value in slice_values(values[at] if values else None):
                made.setdefault(value, []).append(number)
        return made


def read_examples(
    source: RunSource, spec: CheckSpec, side: CheckedSide, contents: Contents, store: ObjectStore
) -> CheckedExamples:
    """The examples of a run at this version, or else as pinned; keeps only what the gates need."""
    declared, record = source.project.runs.get(spec.run), side.record
    sliced = (declared.slices if declared else ()) or (record.slices if record else ())
    fields = tuple(dict.fromkeys((*spec.slice_fields, *sliced)))
    filters = tuple(dict.fromkeys(spec.filters))
    table = _example_table(source, declared.examples if declared else None, record, contents, store)
    if table is None:
        return CheckedExamples(fields, filters)
    expected = expected_fields((*(declared.scorers if declared else ()), *_parsed(record)))
    key = record.example_key if record and record.example_key else table.key
    named = {*fields, *(path for rows in filters for path, _ in rows.fields)}
    by_id, seen = dict[str, Example](), dict[str, None]()
    for id, row in example_ids(table, key):
        seen.update(dict.fromkeys(paths_of([row])))
        seen.update((path, None) for path in named if pick(row, path) is not MISSING)
        name = expected_field(row, expected)
        by_id[id] = Example(
            tuple(value_at(row, each) for each in fields),
            None if name is None else value_at(row, name),
            tuple(_is_inside(row, each) for each in filters),
        )
    return CheckedExamples(fields, filters, by_id, seen, True)


def _example_table(
    source: RunSource, declared: str | None, record: RunRecord | None, contents: Contents, store: ObjectStore
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
    """Whether a field's value, or one of its items, is among the values: ``1`` is ``1.0`` but not ``true``."""
    return any(
        item == value and isinstance(item, bool) == isinstance(value, bool)
        for item in (found if isinstance(found, list) else [found])
        for value in wanted
    )


# --- the subject ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Base:
    """The revision to compare outputs with.

    ``numbers`` maps each row that both have to its number there; ``means`` are the scores that have a mean there.
    """

    side: CheckedSide
    numbers: Mapping[int, int]
    only_there: int
    means: tuple[str, ...]

    def lacking(self, run: str) -> str:
        """Why there is nothing to compare with."""
        if self.side.table is None:
            return f"no rows: {self.side.label} has no outputs of {run}"
        if not self.numbers:
            return f"no rows that {self.side.label} has too"
        return "no rows with a score in both"


@dataclass(kw_only=True)
class Subject:
    """A declared check and the version to check; everything else is read when a gate needs it."""

    spec: CheckSpec
    source: RunSource
    contents: Contents
    store: ObjectStore
    source_at: Callable[[str], RunSource]
    bases: dict[str, Base] = field(default_factory=dict)

    @cached_property
    def side(self) -> CheckedSide:
        """The outputs to check."""
        return read_side(self.source, self.spec.run, self.contents, self.store)

    @property
    def columns(self) -> Columns:
        """Their rows by column."""
        return self.side.columns

    @cached_property
    def examples(self) -> CheckedExamples:
        """The examples that the outputs were made from."""
        return read_examples(self.source, self.spec, self.side, self.contents, self.store)

    @cached_property
    def kinds(self) -> dict[str, ScoreKind]:
        """The kind of each score that some row has."""
        return _score_kinds(self.columns)

    @cached_property
    def known_scores(self) -> list[str]:
        """The scores that rows have, and those that the run's scorers would give."""
        return _known_scores(self.spec, self.source, self.side, self.kinds)

    @cached_property
    def passing(self) -> tuple[str, ...]:
        """The scores that say whether a row passes."""
        return self.spec.score or tuple(name for name, kind in self.kinds.items() if kind == "boolean")

    def base(self, revision: str) -> Base:
        """The rows at a revision, paired with those here; raises `UnknownRevision`, naming the setting."""
        if revision not in self.bases:
            try:
                source = self.source_at(revision)
            except UnknownRevision as error:
                error.message = f"{PROJECT_FILE}: checks.{self.spec.name}.no_worse_than: {error.message}"
                error.args = (error.message,)
                raise
            side = read_side(source, self.spec.run, self.contents, self.store)
            pairing = pair(side.columns, self.columns)
            numbers = dict(zip(pairing.pairs.after, pairing.pairs.before, strict=True))
            means = tuple(name for name, kind in _score_kinds(side.columns).items() if kind != "label")
            self.bases[revision] = Base(side, numbers, len(pairing.only_before), means)
        return self.bases[revision]


def _known_scores(
    spec: CheckSpec, source: RunSource, side: CheckedSide, kinds: Mapping[str, ScoreKind]
) -> list[str]:
    """The scores that rows have, and those that the run's scorers would give."""
    declared, record = source.project.runs.get(spec.run), side.record
    named = [scorer.name for scorer in declared.scorers] if declared else []
    named += [pin.name for pin in record.scorers] if record else []
    return list(dict.fromkeys([*kinds, *named]))


def _score_kinds(columns: Columns) -> dict[str, ScoreKind]:
    """The kind of each score that some row has."""
    return {
        name: kind_of(values)
        for name, values in columns.scores.items()
        if any(value is not None for value in values)
    }
