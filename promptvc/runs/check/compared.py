"""The gates that compare with a revision: no mean is worse, no row that passed there fails."""

from __future__ import annotations

from collections.abc import Iterator

from promptvc.content.runs.checkspec import RowFilter
from promptvc.content.runs.scores import as_number, mean
from promptvc.runs.check.measures import (
    EQUAL,
    Numbers,
    digits,
    fail_words,
    over_words,
    passing_rows,
    rows_words,
)
from promptvc.runs.check.results import GateResult
from promptvc.runs.check.rows import Slice
from promptvc.runs.check.subject import Base, Subject


def no_worse(
    subject: Subject, revision: str, tolerance: float, numbers: Numbers, slice: Slice | None
) -> Iterator[GateResult]:
    """Each score's mean beside that at a revision, over the rows that have it on both sides."""
    base = subject.base(revision)
    names = subject.spec.score or [name for name in base.means if name in subject.known_scores]
    both = [n for n in numbers if n in base.numbers]
    if not names or not both:
        words = base.lacking(subject.spec.run)
        yield GateResult("no_worse_than", "", False, None, None, words, slice, revision)
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
        return GateResult("no_worse_than", name, False, None, None, words, slice, revision)
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
        subject.rows(rows, (name,), revision),
    )


def no_broken(subject: Subject, rows: RowFilter, revision: str) -> GateResult:
    """No row fails that passed at a revision; over rows that both have."""
    base = subject.base(revision)
    there = base.side.columns
    inside = subject.examples.inside(range(len(subject.columns)), subject.columns, rows)
    both = [n for n in inside if n in base.numbers]
    was = [name for name in subject.passing if name in there.scores]
    passed = passing_rows(there, map(base.numbers.__getitem__, both), was)
    passing = passing_rows(subject.columns, both, subject.passing)
    broken = [n for n in both if base.numbers[n] in passed and n not in passing]
    words = f"{len(broken):,} of {rows_words(len(passed))} that passed there {fail_words(len(broken))}"
    if not broken:
        words = f"{rows_words(len(passed))} that passed there, all pass"
    if not both or not was:
        words = base.lacking(subject.spec.run)
    return GateResult(
        "no_broken",
        str(rows),
        bool(both and was) and not broken,
        0,
        len(broken) if both and was else None,
        words,
        revision=revision,
        rows=subject.rows(broken, subject.passing, revision),
    )
