"""What a check has to find before it can be told: the run, the scores and the fields that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from promptvc.content.runs.checkspec import MEASURES, CheckSpec, RowFilter
from promptvc.content.runs.run import run_names
from promptvc.content.runs.scores import ScoreKind
from promptvc.errors import ConfigInvalid
from promptvc.runs.check.measures import near
from promptvc.runs.check.rows import Examples, Side
from promptvc.runs.sources import Source
from promptvc.session.files.project import PROJECT_FILE


def invalid(spec: CheckSpec, place: str, what: str, hint: str | None) -> ConfigInvalid:
    """The error that says what is wrong with one setting of a check."""
    return ConfigInvalid(f"{PROJECT_FILE}: checks.{spec.name}.{place}: {what}", hint or "correct it there")


def known_scores(spec: CheckSpec, source: Source, side: Side, kinds: Mapping[str, ScoreKind]) -> list[str]:
    """The scores that rows have, and those that the run's scorers would give."""
    declared, record = source.project.runs.get(spec.run), side.record
    named = [scorer.name for scorer in declared.scorers] if declared else []
    named += [pin.name for pin in record.scorers] if record else []
    return list(dict.fromkeys([*kinds, *named]))


def need_run(spec: CheckSpec, source: Source, side: Side) -> None:
    """Raise `ConfigInvalid` for a run that is neither declared nor has outputs."""
    known = list(dict.fromkeys([*source.project.runs, *run_names(source.files)]))
    if side.table is None and spec.run not in known:
        raise invalid(spec, "run", f"there is no run {spec.run!r}", near(spec.run, known))


def need_scores(
    spec: CheckSpec, side: Side, kinds: Mapping[str, ScoreKind], known: Sequence[str], passing: Sequence[str]
) -> None:
    """Raise `ConfigInvalid` for a score that there is not, or that has no mean, and where none says what passes."""
    for place, name in _named_scores(spec):
        if name not in known and (known or side.columns):
            raise invalid(spec, place, f"{spec.run} has no score {name!r}", near(name, known))
        if kinds.get(name) == "label":
            raise invalid(spec, place, f"{name} gives labels, which have no mean", None)
    if spec.filters and not passing and any(side.columns.answered):
        place = "must_pass" if spec.must_pass is not None else "no_broken"
        hint = f"score = names one of {', '.join(known)}" if known else "scorers of the run give some"
        raise invalid(spec, place, f"{spec.run} has no score that is true or false", hint)


def need_fields(spec: CheckSpec, side: Side, examples: Examples) -> None:
    """Raise `ConfigInvalid` for a field that no example has, and where the examples are not known."""
    seen = list(examples.seen)
    for place, name in _named_fields(spec):
        if not examples.known and side.table is not None:
            what = f"which examples {spec.run} was made from is not known"
            raise invalid(spec, place, what, "promptvc record --examples PATH pins them")
        if seen and name not in examples.seen:
            raise invalid(spec, place, f"no example has a field {name!r}", near(name, seen))


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
