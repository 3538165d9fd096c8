"""Gates: whether recorded outputs are as promptvc.toml asks. Nothing is called, and no code of the project runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from promptvc.content.checkspec import MEASURES, CheckSpec, Limits, RowFilter
from promptvc.content.formats.base import Json
from promptvc.content.run import Pin, output_path
from promptvc.errors import PathMissing, UnknownRevision
from promptvc.runs.compare_columns import Columns, Place, pair
from promptvc.runs.gate_measures import (
    EQUAL,
    Numbers,
    ScoreKind,
    as_number,
    beyond,
    digits,
    limit_words,
    measured,
    number_words,
    over_words,
    passing_rows,
    rows_words,
    score_kinds,
)
from promptvc.runs.gate_needs import invalid, known_scores, need_fields, need_run, need_scores
from promptvc.runs.gate_rows import Examples, GateRow, GateRows, Side, Slice, read_examples, read_side
from promptvc.runs.sources import Source, pin_of
from promptvc.runs.staleness import staleness
from promptvc.session.contents import Contents
from promptvc.session.project import PROJECT_FILE
from promptvc.storage.store import ObjectStore

Kind = Literal["fresh", "min", "max", "must_pass", "no_worse_than", "no_broken"]
_MOST_VALUES = 1000
"""Values of one field of ``per_slice``; a field with more tells rows apart, not kinds of rows."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate: what was asked, what is.

    - ``subject``: the score, the measure, or the rows that are meant; ``revision``: what they are compared with;
    - ``wanted``, ``found``: numbers; of ``fresh`` whether it is, of ``must_pass`` and ``no_broken`` how many rows fail;
    - ``words``: both in a few words; ``slice``: the only rows looked at, None for all;
    - ``rows``: why it failed, none of a gate that passed; ``places``: of ``must_pass``, every row that must pass.
    """

    kind: Kind
    subject: str
    passed: bool
    wanted: Json
    found: Json
    words: str
    slice: Slice | None = None
    revision: str | None = None
    rows: Sequence[GateRow] = ()
    places: Sequence[Place] = ()

    @property
    def name(self) -> str:
        """``min exact``, ``no_worse_than main exact [slice=billing]``."""
        words = " ".join(filter(None, (self.kind, self.revision, self.subject)))
        return f"{words} [{slice_name(self.slice)}]" if self.slice else words


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check of a run at one version, ``label``.

    ``notes`` say what was not looked at; ``hint`` is the command that goes on from what failed.
    """

    name: str
    run: str
    label: str
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all gates passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The gates that did not."""
        return tuple(gate for gate in self.gates if not gate.passed)


def slice_name(slice: Slice) -> str:
    """``slice=billing``; ``slice=(none)`` for the rows that have no value there."""
    name, value = slice
    return f"{name}={'(none)' if value is None else value}"


def check_run(
    spec: CheckSpec,
    source: Source,
    contents: Contents,
    store: ObjectStore,
    source_at: Callable[[str], Source],
) -> CheckResult:
    """Check a run's outputs at one version; ``source_at`` gives the version that a revision means.

    Raises `ConfigInvalid` for a run, score or field that there is not, `UnknownRevision`, `RunUnreadable`.
    """
    return _Check(spec, source, contents, store, source_at).result()


@dataclass(frozen=True, slots=True)
class _Base:
    """The revision that outputs are compared with.

    ``numbers`` leads from each row that both have to its number there; ``means`` are the scores that have one there.
    """

    side: Side
    numbers: Mapping[int, int]
    only_there: int
    means: tuple[str, ...]


@dataclass
class _Check:
    spec: CheckSpec
    source: Source
    contents: Contents
    store: ObjectStore
    source_at: Callable[[str], Source]
    _bases: dict[str, _Base] = field(default_factory=dict)
    _new: list[str] = field(default_factory=list)

    def result(self) -> CheckResult:
        need_run(self.spec, self.source, self.side)
        need_scores(self.spec, self.side, self.kinds, self.known_scores, self.passing)
        need_fields(self.spec, self.side, self.examples)
        gates = tuple(self._gates())
        return CheckResult(
            self.spec.name, self.spec.run, self.source.label, gates, tuple(self._notes()), self._hint(gates)
        )

    def _gates(self) -> Iterator[GateResult]:
        spec, every = self.spec, range(len(self.columns))
        if spec.fresh:
            yield self._fresh()
        yield from self._limits(spec.limits, every)
        if spec.must_pass is not None:
            yield self._must_pass(spec.must_pass)
        if spec.no_broken is not None and spec.limits.no_worse_than is not None:
            yield self._no_broken(spec.no_broken, spec.limits.no_worse_than)
        yield from self._slice_gates()

    # --- what is looked at ----------------------------------------------------------------------------------

    @cached_property
    def side(self) -> Side:
        return read_side(self.source, self.spec.run, self.contents, self.store)

    @property
    def columns(self) -> Columns:
        return self.side.columns

    @cached_property
    def examples(self) -> Examples:
        return read_examples(self.source, self.spec, self.side, self.contents, self.store)

    @cached_property
    def kinds(self) -> dict[str, ScoreKind]:
        """What the values are of each score that some row has."""
        return score_kinds(self.columns)

    @cached_property
    def known_scores(self) -> list[str]:
        """The scores that rows have, and those that the run's scorers would give."""
        return known_scores(self.spec, self.source, self.side, self.kinds)

    @cached_property
    def passing(self) -> tuple[str, ...]:
        """The scores that say whether a row passes."""
        return self.spec.score or tuple(name for name, kind in self.kinds.items() if kind == "boolean")

    def _base(self, revision: str) -> _Base:
        """The rows at a revision, paired with those here; raises `UnknownRevision`, saying who names it."""
        if revision not in self._bases:
            try:
                source = self.source_at(revision)
            except UnknownRevision as error:
                error.message = f"{PROJECT_FILE}: checks.{self.spec.name}.no_worse_than: {error.message}"
                error.args = (error.message,)
                raise
            side = read_side(source, self.spec.run, self.contents, self.store)
            pairing = pair(side.columns, self.columns)
            numbers = {after: before for before, after in pairing.pairs}
            means = tuple(name for name, kind in score_kinds(side.columns).items() if kind != "label")
            self._bases[revision] = _Base(side, numbers, len(pairing.only_before), means)
        return self._bases[revision]

    # --- the gates ------------------------------------------------------------------------------------------

    def _fresh(self) -> GateResult:
        why = self._not_fresh()
        return GateResult("fresh", "", why is None, True, why is None, why or "up to date")

    def _not_fresh(self) -> str | None:
        """Why the outputs are not those of the prompt and the examples at this version; None where they are."""
        if self.side.table is None:
            return "there are no outputs"
        declared, record = self.source.project.runs.get(self.spec.run), self.side.record
        if declared is not None:
            found = staleness(self.source, declared, self.contents, self.store)
            if not found.is_fresh:
                return found.words()
        if record is None:
            return None
        done = "recorded" if record.recorded else "scored"
        for pin in (record.prompt if record.recorded else None, record.examples):
            if pin is not None and not self._has(pin):
                return f"{pin.path} changed since the outputs were {done}"
        return None

    def _has(self, pin: Pin) -> bool:
        """Whether a pinned file is as it was."""
        try:
            return pin_of(self.source.file(pin.path)).id == pin.id
        except PathMissing:
            return False

    def _limits(self, limits: Limits, numbers: Numbers, slice: Slice | None = None) -> Iterator[GateResult]:
        for name, wanted in limits.min.items():
            yield self._measure("min", name, wanted, numbers, slice)
        for name, wanted in limits.max.items():
            yield self._measure("max", name, wanted, numbers, slice)
        if limits.no_worse_than is not None:
            yield from self._no_worse(limits.no_worse_than, limits.tolerance, numbers, slice)

    def _measure(
        self, kind: Literal["min", "max"], name: str, wanted: float, numbers: Numbers, slice: Slice | None
    ) -> GateResult:
        """A mean or a total beside its limit; over no rows there is neither."""
        found, counted = measured(self.columns, name, numbers)
        if found is None:
            words = (
                f"no rows{f' with {name}' if len(numbers) else ''}, wanted {limit_words(kind, name, wanted)}"
            )
            return GateResult(kind, name, False, wanted, None, words, slice)
        sign = 1 if kind == "min" else -1
        passed = sign * (found - wanted) >= -EQUAL * max(1.0, abs(wanted))
        said = f"{number_words(name, found, wanted)} {over_words(counted, len(numbers))}"
        if not passed:
            said += f", wanted {limit_words(kind, name, wanted)}"
        rows = [] if passed else beyond(self.columns, sign, name, wanted, numbers)
        shown = () if name in MEASURES else (name,)
        return GateResult(kind, name, passed, wanted, found, said, slice, rows=self._rows(rows, shown))

    def _must_pass(self, rows: RowFilter) -> GateResult:
        numbers = self.examples.inside(range(len(self.columns)), self.columns, rows)
        passing = passing_rows(self.columns, numbers, self.passing)
        failing = [n for n in numbers if n not in passing]
        words = f"{len(failing):,} of {rows_words(len(numbers))} {_fail(len(failing))}"
        if not failing:
            words = f"{rows_words(len(numbers))}, all pass" if numbers else "no rows"
        return GateResult(
            "must_pass",
            str(rows),
            bool(numbers) and not failing,
            0,
            len(failing) if numbers else None,
            words,
            rows=self._rows(failing, self.passing, self.spec.limits.no_worse_than),
            places=[self.columns.places[n] for n in numbers],
        )

    def _no_broken(self, rows: RowFilter, revision: str) -> GateResult:
        """No row fails that passed at a revision; over rows that both have."""
        base = self._base(revision)
        there = base.side.columns
        inside = self.examples.inside(range(len(self.columns)), self.columns, rows)
        both = [n for n in inside if n in base.numbers]
        was = [name for name in self.passing if name in there.scores]
        passed = passing_rows(there, map(base.numbers.__getitem__, both), was)
        passing = passing_rows(self.columns, both, self.passing)
        broken = [n for n in both if base.numbers[n] in passed and n not in passing]
        words = f"{len(broken):,} of {rows_words(len(passed))} that passed there {_fail(len(broken))}"
        if not broken:
            words = f"{rows_words(len(passed))} that passed there, all pass"
        if not both or not was:
            words = self._nothing_there(base)
        return GateResult(
            "no_broken",
            str(rows),
            bool(both and was) and not broken,
            0,
            len(broken) if both and was else None,
            words,
            revision=revision,
            rows=self._rows(broken, self.passing, revision),
        )

    def _no_worse(
        self, revision: str, tolerance: float, numbers: Numbers, slice: Slice | None
    ) -> Iterator[GateResult]:
        """Each score's mean beside that at a revision, over the rows that have it on both sides."""
        base = self._base(revision)
        names = self.spec.score or [name for name in base.means if name in self.known_scores]
        both = [n for n in numbers if n in base.numbers]
        if not names or not both:
            words = self._nothing_there(base)
            yield GateResult("no_worse_than", "", False, None, None, words, slice, revision)
        for name in names if both else ():
            yield self._no_worse_score(name, base, revision, tolerance, both, slice)

    def _no_worse_score(
        self,
        name: str,
        base: _Base,
        revision: str,
        tolerance: float,
        both: Numbers,
        slice: Slice | None,
    ) -> GateResult:
        here, there = self.columns.scores.get(name), base.side.columns.scores.get(name)
        drops: list[tuple[float, int]] = []
        old: list[float] = []
        new: list[float] = []
        for number in both:
            now = as_number(here[number]) if here else None
            was = as_number(there[base.numbers[number]]) if there else None
            if now is not None and was is not None:
                old.append(was)
                new.append(now)
                if now < was:
                    drops.append((now - was, number))
        if not new:
            words = f"no rows with {name} in both"
            return GateResult("no_worse_than", name, False, None, None, words, slice, revision)
        before, after = math.fsum(old) / len(old), math.fsum(new) / len(new)
        passed = after - before >= -tolerance - EQUAL
        said = f"{digits(before, after)} → {digits(after, before)} {over_words(len(new), len(both))} in both"
        if not passed:
            said += f", {len(drops):,} worse"
        rows = [] if passed else [number for _, number in sorted(drops)]
        return GateResult(
            "no_worse_than",
            name,
            passed,
            before - tolerance,
            after,
            said,
            slice,
            revision,
            self._rows(rows, (name,), revision),
        )

    def _nothing_there(self, base: _Base) -> str:
        """Why there is nothing to compare with."""
        if base.side.table is None:
            return f"no rows: {base.side.label} has no outputs of {self.spec.run}"
        if not base.numbers:
            return f"no rows that {base.side.label} has too"
        return "no rows with a score in both"

    def _slice_gates(self) -> Iterator[GateResult]:
        """The slices that are named, then each value of the fields of ``per_slice``, less what is named for it."""
        spec, own = self.spec, dict[Slice, Limits]()
        groups = {name: self.examples.groups(self.columns, name) for name in spec.slice_fields}
        for each in spec.slices:
            own[each.field, each.value] = each.limits
            yield from self._limits(
                each.limits, groups[each.field].get(each.value, ()), (each.field, each.value)
            )
        scores = {name: wanted for name, wanted in spec.limits.min.items() if name not in MEASURES}
        for name in spec.per_slice:
            values = sorted(groups[name].items(), key=lambda item: (item[0] is None, item[0] or ""))
            if len(values) > _MOST_VALUES:
                what = f"{name} has {len(values):,} values, and tells rows apart rather than kinds of rows"
                raise invalid(spec, "per_slice", what, "name another field")
            if not values:
                yield GateResult("min", "", False, None, None, "no rows", (name, None))
            for value, numbers in values:
                named = own.get((name, value or ""), Limits())
                rest = {score: wanted for score, wanted in scores.items() if score not in named.min}
                revision = None if named.no_worse_than else self._comparable(numbers, (name, value))
                limits = Limits(rest, {}, revision, spec.limits.tolerance)
                yield from self._limits(limits, numbers, (name, value))

    def _comparable(self, numbers: Numbers, slice: Slice) -> str | None:
        """The revision to compare a slice with; None where it has no row there, which is noted: the slice is new."""
        revision = self.spec.limits.no_worse_than
        if revision is None or any(n in self._base(revision).numbers for n in numbers):
            return revision
        if self._base(revision).numbers:
            self._new.append(f"{slice_name(slice)} is new since {revision}")
        return None

    # --- telling --------------------------------------------------------------------------------------------

    def _rows(self, numbers: Numbers, scores: Sequence[str], revision: str | None = None) -> GateRows:
        base = self._base(revision) if revision is not None and numbers else None
        before = (base.side.columns, base.numbers) if base else None
        return GateRows(self.side, self.examples, numbers, scores, before)

    def _notes(self) -> Iterator[str]:
        for revision, base in self._bases.items():
            only_here = len(self.columns) - len(base.numbers)
            if base.numbers and (only_here or base.only_there):
                yield (
                    f"compared with {revision} are the {rows_words(len(base.numbers))} in both; "
                    f"{only_here:,} only here, {base.only_there:,} only there"
                )
            gone = [name for name in base.means if name not in self.known_scores]
            if gone:
                yield f"not scored here any more, as it was at {revision}: {', '.join(gone)}"
        yield from self._new

    def _hint(self, gates: Sequence[GateResult]) -> str | None:
        failed = [gate for gate in gates if not gate.passed]
        if not failed:
            return None
        record, run = self.side.record, self.spec.run
        if any(gate.kind == "fresh" for gate in failed):
            if record is not None and record.recorded:
                return f"promptvc record {run} takes in outputs that are up to date"
            return f"promptvc run {run}"
        revision = next((gate.revision for gate in failed if gate.revision), None)
        if revision is not None and self._bases[revision].side.table is None:
            return f"no_worse_than needs outputs that are committed at {revision}"
        if revision is not None:
            here = "" if self.source.label == "working files" else f" {self.source.label}"
            return f"promptvc compare {revision}{here} {run}"
        return f"promptvc rows {output_path(run)}"


def _fail(count: int) -> str:
    return "fails" if count == 1 else "fail"
