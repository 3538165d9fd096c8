"""One check: its gates in order, what must exist, and what to do after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from promptvc.content.formats.words import plural
from promptvc.content.runs.checkspec import MEASURES, CheckSpec, Limits, RowFilter
from promptvc.content.runs.run import output_path, run_names
from promptvc.errors import Advice, ConfigInvalid
from promptvc.patterns import compiled
from promptvc.runs.check.gates import fresh, measure, must_pass, no_broken, no_worse
from promptvc.runs.check.results import CheckResult, GateResult, slice_name
from promptvc.runs.check.subject import Numbers, Slice, Subject
from promptvc.runs.sources import RunSource
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE
from promptvc.storage.store import ObjectStore

_PLAIN = compiled(r"[\w-]+")
_MOST_VALUES = 1000
"""Values of one field of ``per_slice``; a field with more identifies rows, not kinds of rows."""


def check_run(
    spec: CheckSpec,
    source: RunSource,
    contents: Contents,
    store: ObjectStore,
    source_at: Callable[[str], RunSource],
) -> CheckResult:
    """Check a run's outputs at one version; ``source_at`` gives the version that a revision means.

    Raises `ConfigInvalid` for a run, score or field that does not exist, `UnknownRevision`, `RunUnreadable`.
    """
    subject = Subject(spec=spec, source=source, contents=contents, store=store, source_at=source_at)
    _need_run(subject)
    _need_scores(subject)
    _need_fields(subject)
    check = _Check(subject)
    gates = tuple(check.gates())
    return CheckResult(
        name=spec.name,
        run=spec.run,
        label=source.label,
        gates=gates,
        notes=(*_notes(subject), *check.new),
        hint=_hint(subject, gates),
    )


@dataclass
class _Check:
    """Runs the gates of a check in order; ``new`` lists the slices that are new."""

    subject: Subject
    new: list[str] = field(default_factory=list)

    def gates(self) -> Iterator[GateResult]:
        subject, spec = self.subject, self.subject.spec
        if spec.fresh:
            yield fresh(subject)
        yield from self._limits(spec.limits, range(len(subject.columns)))
        if spec.must_pass is not None:
            yield must_pass(subject, spec.must_pass)
        if spec.no_broken is not None and spec.limits.no_worse_than is not None:
            yield no_broken(subject, spec.no_broken, spec.limits.no_worse_than)
        yield from self._slice_gates()

    def _limits(self, limits: Limits, numbers: Numbers, slice: Slice | None = None) -> Iterator[GateResult]:
        for name, wanted in limits.min.items():
            yield measure(self.subject, "min", name, wanted, numbers, slice)
        for name, wanted in limits.max.items():
            yield measure(self.subject, "max", name, wanted, numbers, slice)
        if limits.no_worse_than is not None:
            yield from no_worse(self.subject, limits.no_worse_than, limits.tolerance, numbers, slice)

    def _slice_gates(self) -> Iterator[GateResult]:
        """The named slices, then each value of the ``per_slice`` fields, except for limits set by name."""
        subject, spec, own = self.subject, self.subject.spec, dict[Slice, Limits]()
        groups = {name: subject.examples.groups(subject.columns, name) for name in spec.slice_fields}
        for each in spec.slices:
            own[each.field, each.value] = each.limits
            yield from self._limits(
                each.limits, groups[each.field].get(each.value, ()), (each.field, each.value)
            )
        scores = {name: wanted for name, wanted in spec.limits.min.items() if name not in MEASURES}
        for name in spec.per_slice:
            values = sorted(groups[name].items(), key=lambda item: (item[0] is None, item[0] or ""))
            if len(values) > _MOST_VALUES:
                what = f"{name} has {len(values):,} values, and identifies rows rather than kinds of rows"
                raise _invalid(spec, "per_slice", what, "name another field")
            if not values:
                yield GateResult(kind="min", passed=False, words="no rows", slice=(name, None))
            for value, numbers in values:
                named = own.get((name, value or ""), Limits())
                rest = {score: wanted for score, wanted in scores.items() if score not in named.min}
                revision = None if named.no_worse_than else self._comparable(numbers, (name, value))
                limits = Limits(rest, {}, revision, spec.limits.tolerance)
                yield from self._limits(limits, numbers, (name, value))

    def _comparable(self, numbers: Numbers, slice: Slice) -> str | None:
        """The revision to compare a slice with; None, with a note that the slice is new, if it has no rows there."""
        revision = self.subject.spec.limits.no_worse_than
        if revision is None or any(n in self.subject.base(revision).numbers for n in numbers):
            return revision
        if self.subject.base(revision).numbers:
            self.new.append(f"{slice_name(slice)} is new since {revision}")
        return None


# --- what must exist ------------------------------------------------------------------------------------------


def _invalid(spec: CheckSpec, place: str, what: str, hint: str | Advice | None) -> ConfigInvalid:
    """The error that says what is wrong with one setting of a check."""
    return ConfigInvalid(f"{PROJECT_FILE}: checks.{spec.name}.{place}: {what}", hint or "correct it there")


def _need_run(subject: Subject) -> None:
    """Raise `ConfigInvalid` for a run that is neither declared nor has outputs."""
    spec, source = subject.spec, subject.source
    known = list(dict.fromkeys([*source.project.runs, *run_names(source.files)]))
    if subject.side.table is None and spec.run not in known:
        raise _invalid(spec, "run", f"there is no run {spec.run!r}", _near(spec.run, known))


def _need_scores(subject: Subject) -> None:
    """Raise `ConfigInvalid` for a score that does not exist or has no mean, and if no score says what passes."""
    spec, known = subject.spec, subject.known_scores
    for place, name in _named_scores(spec):
        if name not in known and (known or subject.columns):
            raise _invalid(spec, place, f"{spec.run} has no score {name!r}", _near(name, known))
        if subject.kinds.get(name) == "label":
            raise _invalid(spec, place, f"{name} gives labels, which have no mean", None)
    if spec.filters and not subject.passing and any(subject.columns.answered):
        place = "must_pass" if spec.must_pass is not None else "no_broken"
        hint = f"score = names one of {', '.join(known)}" if known else "scorers of the run give some"
        raise _invalid(spec, place, f"{spec.run} has no score that is true or false", hint)


def _need_fields(subject: Subject) -> None:
    """Raise `ConfigInvalid` for a field that no example has, or if the examples are not known."""
    spec, examples = subject.spec, subject.examples
    seen = list(examples.seen)
    for place, name in _named_fields(spec):
        if not examples.known and subject.side.table is not None:
            what = f"which examples {spec.run} was made from is not known"
            raise _invalid(spec, place, what, Advice("record-examples"))
        if seen and name not in examples.seen:
            raise _invalid(spec, place, f"no example has a field {name!r}", _near(name, seen))


def _named_scores(spec: CheckSpec) -> Iterator[tuple[str, str]]:
    """(setting, score) of each score that a check names."""
    limits = [("", spec.limits), *((f"slices.{s.field}.{s.value}.", s.limits) for s in spec.slices)]
    for where, each in limits:
        for what, named in (("min", each.min), ("max", each.max)):
            yield from ((f"{where}{what}", name) for name in named if name not in MEASURES)
    yield from (("score", name) for name in spec.score)


def _named_fields(spec: CheckSpec) -> Iterator[tuple[str, str]]:
    """(setting, field) of each field of examples that a check names."""
    yield from (("slices", each.field) for each in spec.slices)
    yield from (("per_slice", name) for name in spec.per_slice)
    for place, rows in (("must_pass", spec.must_pass), ("no_broken", spec.no_broken)):
        yield from ((place, name) for name, _ in (rows or RowFilter()).fields)


def _near(text: str, known: Sequence[str]) -> str | None:
    """A hint: the closest known name, or a list of the known names."""
    found = get_close_matches(text, known, 1)
    if found:
        return f"did you mean {found[0]}?"
    return f"there {'are' if len(known) > 1 else 'is'} {', '.join(known[:8])}" if known else None


# --- notes and hints ------------------------------------------------------------------------------------------


def _notes(subject: Subject) -> Iterator[str]:
    """What was not checked, and which scores are gone."""
    for revision, base in subject.bases.items():
        both, only_here = len(base.numbers), len(subject.columns) - len(base.numbers)
        if both and (only_here or base.only_there):
            yield (
                f"compared with {revision}: {plural(both, 'row')} in both; "
                f"{only_here:,} only here, {base.only_there:,} only there"
            )
        gone = [name for name in base.means if name not in subject.known_scores]
        if gone:
            yield f"not scored here any more, as it was at {revision}: {', '.join(gone)}"


def _hint(subject: Subject, gates: Sequence[GateResult]) -> str | None:
    """The command that brings outputs up to date, or the one that lists the rows that made a gate fail."""
    failed = [gate for gate in gates if not gate.passed]
    if not failed:
        return None
    record, run = subject.side.record, subject.spec.run
    if any(gate.kind == "fresh" for gate in failed):
        if record is not None and record.recorded:
            return f"promptvc record {run} takes in outputs that are up to date"
        return f"promptvc run {run}"
    compared = next((gate for gate in failed if gate.revision), None)
    if compared is not None and compared.revision is not None:
        if subject.bases[compared.revision].side.table is None:
            return f"no_worse_than needs outputs that are committed at {compared.revision}"
        return _compare(subject, compared, compared.revision)
    return _rows(subject, failed)


def _compare(subject: Subject, gate: GateResult, revision: str) -> str:
    """``promptvc compare main triage --broken``, if the score is one that rows pass."""
    here = "" if subject.source.label == "working files" else f" {subject.source.label}"
    command = f"promptvc compare {revision}{here} {subject.spec.run}"
    booleans = [name for name, kind in subject.kinds.items() if kind == "boolean"]
    judging = [gate.subject] if gate.kind == "no_worse_than" else list(subject.passing)
    if not gate.rows or len(judging) != 1 or judging[0] not in booleans:
        return command
    return f"{command} --broken" + ("" if judging == booleans[:1] else f" --score {judging[0]}")


def _rows(subject: Subject, failed: Sequence[GateResult]) -> str:
    """``promptvc rows outputs/triage.jsonl --where scores.exact=false``, if that finds the rows of a gate."""
    version = "" if subject.source.label == "working files" else f"{subject.source.label}:"
    command = f"promptvc rows {version}{output_path(subject.spec.run)}"
    for gate in failed:
        judging = subject.passing if gate.kind == "must_pass" else (gate.subject,)
        if (
            gate.rows
            and len(judging) == 1
            and _PLAIN.fullmatch(judging[0])
            and all(subject.columns.score(judging[0])[n] is False for n in gate.rows.numbers)
        ):
            return f"{command} --where scores.{judging[0]}=false"
    return command
