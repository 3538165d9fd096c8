"""The gates that look at one version: means and totals beside their limits, and rows that must pass."""

from __future__ import annotations

from typing import Literal

from promptvc.content.runs.checkspec import MEASURES, RowFilter
from promptvc.runs.check.measures import (
    EQUAL,
    Numbers,
    beyond,
    fail_words,
    found_words,
    limit_words,
    measured,
    passing_rows,
    rows_words,
)
from promptvc.runs.check.results import GateResult
from promptvc.runs.check.rows import Slice
from promptvc.runs.check.subject import Subject


def measure(
    subject: Subject,
    kind: Literal["min", "max"],
    name: str,
    wanted: float,
    numbers: Numbers,
    slice: Slice | None,
) -> GateResult:
    """A mean or a total beside its limit; over no rows there is neither."""
    found, counted = measured(subject.columns, name, numbers)
    if found is None:
        words = f"no rows{f' with {name}' if len(numbers) else ''}, wanted {limit_words(kind, name, wanted)}"
        return GateResult(kind, name, False, wanted, None, words, slice)
    sign = 1 if kind == "min" else -1
    passed = sign * (found - wanted) >= -EQUAL * max(1.0, abs(wanted))
    said = found_words(name, found, wanted, counted, len(numbers))
    if not passed:
        said += f", wanted {limit_words(kind, name, wanted)}"
    rows = [] if passed else beyond(subject.columns, sign, name, wanted, numbers)
    shown = () if name in MEASURES else (name,)
    return GateResult(
        kind,
        name,
        passed,
        wanted,
        found,
        said,
        slice,
        rows=subject.rows(rows, shown, subject.spec.limits.no_worse_than if shown else None),
    )


def must_pass(subject: Subject, rows: RowFilter) -> GateResult:
    """Each of these rows passes."""
    numbers = subject.examples.inside(range(len(subject.columns)), subject.columns, rows)
    passing = passing_rows(subject.columns, numbers, subject.passing)
    failing = [n for n in numbers if n not in passing]
    words = f"{len(failing):,} of {rows_words(len(numbers))} {fail_words(len(failing))}"
    if not failing:
        words = f"{rows_words(len(numbers))}, all pass" if numbers else "no rows"
    return GateResult(
        "must_pass",
        str(rows),
        bool(numbers) and not failing,
        0,
        len(failing) if numbers else None,
        words,
        rows=subject.rows(failing, subject.passing, subject.spec.limits.no_worse_than),
        places=[subject.columns.places[n] for n in numbers],
    )
