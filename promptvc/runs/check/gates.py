"""The gates: outputs up to date, means and totals, rows that must pass, and comparison with a revision.

Nothing is called, and no code of the project runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from promptvc.content.formats.words import plural
from promptvc.content.runs.checkspec import MEASURES, RowFilter
from promptvc.content.runs.run import Pin
from promptvc.content.runs.scores import as_number, mean
from promptvc.errors import PathMissing
from promptvc.runs.check.results import (
    EQUAL,
    GateResult,
    digits,
    fail_words,
    found_words,
    limit_words,
    over_words,
)
from promptvc.runs.check.rows import gate_rows
from promptvc.runs.check.subject import Base, Numbers, Slice, Subject
from promptvc.runs.compare.columns import Columns
from promptvc.runs.execute.staleness import staleness
from promptvc.runs.sources import RunSource, pin_of


def fresh(subject: Subject) -> GateResult:
    """The outputs match the prompt, the examples and the settings of this version."""
    why = _not_fresh(subject)
    return GateResult(
        kind="fresh", passed=why is None, wanted=True, found=why is None, words=why or "up to date"
    )


def _not_fresh(subject: Subject) -> str | None:
    """Why the outputs do not match the prompt and the examples at this version; None if they do."""
    if subject.side.table is None:
        return "there are no outputs"
    declared, record = subject.source.project.runs.get(subject.spec.run), subject.side.record
    if declared is not None:
        found = staleness(subject.source, declared, subject.contents, subject.store)
        if not found.is_fresh:
            return found.words()
    if record is None:
        return None
    done = "recorded" if record.recorded else "scored"
    for pin in (record.prompt if record.recorded else None, record.examples):
        if pin is not None and not _has(subject.source, pin):
            return f"{pin.path} changed since the outputs were {done}"
    return None


def _has(source: RunSource, pin: Pin) -> bool:
    """Whether a pinned file is unchanged."""
    try:
        return pin_of(source.file(pin.path)).id == pin.id
    except PathMissing:
        return False


# --- means and totals, and rows that must pass ----------------------------------------------------------------


def measure(
    subject: Subject,
    kind: Literal["min", "max"],
    name: str,
    wanted: float,
    numbers: Numbers,
    slice: Slice | None,
) -> GateResult:
    """Compare a mean or a total with its limit; zero rows have neither."""
    found, counted = _measured(subject.columns, name, numbers)
    if found is None:
        words = f"no rows{f' with {name}' if len(numbers) else ''}, wanted {limit_words(kind, name, wanted)}"
        return GateResult(kind=kind, subject=name, passed=False, wanted=wanted, words=words, slice=slice)
    sign = 1 if kind == "min" else -1
    passed = sign * (found - wanted) >= -EQUAL * max(1.0, abs(wanted))
    said = found_words(name, found, wanted, counted, len(numbers))
    if not passed:
        said += f", wanted {limit_words(kind, name, wanted)}"
    rows = [] if passed else _beyond(subject.columns, sign, name, wanted, numbers)
    shown = () if name in MEASURES else (name,)
    return GateResult(
        kind=kind,
        subject=name,
        passed=passed,
        wanted=wanted,
        found=found,
        words=said,
        slice=slice,
        rows=gate_rows(subject, rows, shown, subject.spec.limits.no_worse_than if shown else None),
    )


def must_pass(subject: Subject, rows: RowFilter) -> GateResult:
    """Each of these rows passes."""
    numbers = subject.examples.inside(range(len(subject.columns)), subject.columns, rows)
    passing = _passing_rows(subject.columns, numbers, subject.passing)
    failing = [n for n in numbers if n not in passing]
    words = f"{len(failing):,} of {plural(len(numbers), 'row')} {fail_words(len(failing))}"
    if not failing:
        words = f"{plural(len(numbers), 'row')}, all pass" if numbers else "no rows"
    return GateResult(
        kind="must_pass",
        subject=str(rows),
        passed=bool(numbers) and not failing,
        wanted=0,
        found=len(failing) if numbers else None,
        words=words,
        rows=gate_rows(subject, failing, subject.passing, subject.spec.limits.no_worse_than),
        places=[subject.columns.place(n) for n in numbers],
    )


# --- compared with a revision ---------------------------------------------------------------------------------


def no_worse(
    subject: Subject, revision: str, tolerance: float, numbers: Numbers, slice: Slice | None
) -> Iterator[GateResult]:
    """Compare each score's mean with that at a revision, over the rows that have the score on both sides."""
    base = subject.base(revision)
    names = subject.spec.score or [name for name in base.means if name in subject.known_scores]
    both = [n for n in numbers if n in base.numbers]
    if not names or not both:
        words = base.lacking(subject.spec.run)
        yield GateResult(kind="no_worse_than", passed=False, words=words, slice=slice, revision=revision)
    for name in names if both else ():
        yield _no_worse_score(subject, name, base, revision, tolerance, both, slice)


def _no_worse_score(
    subject: Subject,
    name: str,
    base: Base,
    revision: str,
    tolerance: float,
    both: Numbers,
    slice: Slice | None,
) -> GateResult:
    here, there = subject.columns.scores.get(name), base.side.columns.scores.get(name)
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
    before, after = mean(old), mean(new)
    if before is None or after is None:
        words = f"no rows with {name} in both"
        return GateResult(
            kind="no_worse_than", subject=name, passed=False, words=words, slice=slice, revision=revision
        )
    passed = after - before >= -tolerance - EQUAL
    said = f"{digits(before, after)} → {digits(after, before)} {over_words(len(new), len(both))} in both"
    if not passed:
        said += f", {len(drops):,} worse"
    rows = [] if passed else [number for _, number in sorted(drops)]
    return GateResult(
        kind="no_worse_than",
        subject=name,
        passed=passed,
        wanted=before - tolerance,
        found=after,
        words=said,
        slice=slice,
        revision=revision,
        rows=gate_rows(subject, rows, (name,), revision),
    )


def no_broken(subject: Subject, rows: RowFilter, revision: str) -> GateResult:
    """No row that passed at a revision fails now; over the rows that both have."""
    base = subject.base(revision)
    there = base.side.columns
    inside = subject.examples.inside(range(len(subject.columns)), subject.columns, rows)
    both = [n for n in inside if n in base.numbers]
    was = [name for name in subject.passing if name in there.scores]
    passed = _passing_rows(there, map(base.numbers.__getitem__, both), was)
    passing = _passing_rows(subject.columns, both, subject.passing)
    broken = [n for n in both if base.numbers[n] in passed and n not in passing]
    words = f"{len(broken):,} of {plural(len(passed), 'row')} that passed there {fail_words(len(broken))}"
    if not broken:
        words = f"{plural(len(passed), 'row')} that passed there, all pass"
    if not both or not was:
        words = base.lacking(subject.spec.run)
    return GateResult(
        kind="no_broken",
        subject=str(rows),
        passed=bool(both and was) and not broken,
        wanted=0,
        found=len(broken) if both and was else None,
        words=words,
        revision=revision,
        rows=gate_rows(subject, broken, subject.passing, revision),
    )


# --- numbers of the rows --------------------------------------------------------------------------------------


def _passing_rows(columns: Columns, numbers: Iterable[int], scores: Sequence[str]) -> set[int]:
    """Those of the rows that have an output and all of the scores, each of them true (or 1)."""
    found = [columns.scores.get(name) for name in scores]
    if not found or None in found:
        return set()
    values = [each for each in found if each is not None]
    return {n for n in numbers if columns.answered[n] and all(each[n] == 1 for each in values)}


def _failed_rows(columns: Columns, numbers: Iterable[int]) -> list[int]:
    """Those of the rows that have an error, without rows that only wait for their call."""
    stale = set(columns.stale)
    return [n for n in numbers if not columns.answered[n] and n not in stale]


def _measured(columns: Columns, name: str, numbers: Numbers) -> tuple[float | None, int]:
    """One of `MEASURES` or a score's mean, and the number of rows that have it; None if no row has it."""
    if name in ("rows", "errors"):
        found = len(numbers) if name == "rows" else len(_failed_rows(columns, numbers))
        return (found if numbers else None), len(numbers)
    if name not in MEASURES:
        scores = columns.scores.get(name)
        known = [value for n in numbers if (value := as_number(scores[n])) is not None] if scores else []
        return mean(known), len(known)
    values = getattr(columns, name)
    known = [values[n] for n in numbers if not math.isnan(values[n])]
    if not known:
        return None, 0
    return (mean(known) if name == "latency_ms" else math.fsum(known)), len(known)


def _beyond(columns: Columns, sign: int, name: str, wanted: float, numbers: Numbers) -> list[int]:
    """The rows whose own value is beyond a limit, furthest first; ``sign`` is 1 for a minimum, -1 for a maximum."""
    if name == "errors":
        return _failed_rows(columns, numbers)
    scores = columns.scores.get(name)
    if name in MEASURES or not scores:
        return []
    found = [(sign * value, n) for n in numbers if (value := as_number(scores[n])) is not None]
    return [number for value, number in sorted(found) if value < sign * wanted]
