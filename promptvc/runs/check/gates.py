"""Gates: whether recorded outputs are as promptvc.toml asks. Nothing is called, and no code of the project runs.

gate_subject    what is looked at        gate_limits     means, totals and single rows at one version
gate_rows       rows and examples        gate_compared   the same beside a revision
gate_needs      what has to be there     gate_fresh      whether outputs are up to date
gate_measures   numbers and words        gate_hints      what to do about those that failed
gate_results    what is found
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from promptvc.content.runs.checkspec import MEASURES, CheckSpec, Limits
from promptvc.runs.check.compared import no_broken, no_worse
from promptvc.runs.check.fresh import fresh
from promptvc.runs.check.hints import hint, notes
from promptvc.runs.check.limits import measure, must_pass
from promptvc.runs.check.measures import Numbers
from promptvc.runs.check.needs import invalid, need_fields, need_run, need_scores
from promptvc.runs.check.results import CheckResult as CheckResult
from promptvc.runs.check.results import GateResult as GateResult
from promptvc.runs.check.results import slice_name
from promptvc.runs.check.rows import Slice
from promptvc.runs.check.subject import Subject
from promptvc.runs.sources import Source
from promptvc.session.files.contents import Contents
from promptvc.storage.store import ObjectStore

_MOST_VALUES = 1000
"""Values of one field of ``per_slice``; a field with more tells rows apart, not kinds of rows."""


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
    subject = Subject(spec, source, contents, store, source_at)
    need_run(spec, source, subject.side)
    need_scores(spec, subject.side, subject.kinds, subject.known_scores, subject.passing)
    need_fields(spec, subject.side, subject.examples)
    check = _Check(subject)
    gates = tuple(check.gates())
    said = (*notes(subject), *check.new)
    return CheckResult(spec.name, spec.run, source.label, gates, said, hint(subject, gates))


@dataclass
class _Check:
    """The gates of a check, one after the other; ``new`` says which slices are new."""

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
        """The slices that are named, then each value of the fields of ``per_slice``, less what is named for it."""
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
        revision = self.subject.spec.limits.no_worse_than
        if revision is None or any(n in self.subject.base(revision).numbers for n in numbers):
            return revision
        if self.subject.base(revision).numbers:
            self.new.append(f"{slice_name(slice)} is new since {revision}")
        return None
