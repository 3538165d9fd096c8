"""What the rows of a gate come to, and how numbers beside their limits are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal

from promptvc.content.formats.words import plural
from promptvc.content.runs.checkspec import MEASURES
from promptvc.content.runs.run import Score
from promptvc.runs.compare.columns import Columns
from promptvc.runs.compare.words import decimals, dollars, milliseconds

Numbers = Sequence[int]
"""Rows by their place in the file, from 0."""

ScoreKind = Literal["boolean", "number", "label"]

EQUAL = 1e-9
"""What sums of decimals may be off by: 0.1 + 0.2 is no more than 0.3."""
_UNITS = {"cost_usd": " USD", "latency_ms": " ms"}


def score_kinds(columns: Columns) -> dict[str, ScoreKind]:
    """What the values are of each score that some row has."""
    made: dict[str, ScoreKind] = {}
    for name, values in columns.scores.items():
        types = {type(value) for value in values} - {type(None)}
        if types:
            made[name] = "label" if str in types else "boolean" if types == {bool} else "number"
    return made


def passing_rows(columns: Columns, numbers: Iterable[int], scores: Sequence[str]) -> set[int]:
    """The rows of these that have an output and all of the scores, each of them true (or 1)."""
    found = [columns.scores.get(name) for name in scores]
    if not found or None in found:
        return set()
    values = [each for each in found if each is not None]
    return {n for n in numbers if columns.answered[n] and all(each[n] == 1 for each in values)}


def failed_rows(columns: Columns, numbers: Iterable[int]) -> list[int]:
    """The rows of these that have an error, those left out that only wait for their call."""
    stale = set(columns.stale)
    return [n for n in numbers if not columns.answered[n] and n not in stale]


def measured(columns: Columns, name: str, numbers: Numbers) -> tuple[float | None, int]:
    """One of `MEASURES` or a score's mean, and over how many rows it is known; None where it is of none."""
    if name in ("rows", "errors"):
        found = len(numbers) if name == "rows" else len(failed_rows(columns, numbers))
        return (found if numbers else None), len(numbers)
    if name not in MEASURES:
        scores = columns.scores.get(name)
        known = [value for n in numbers if (value := as_number(scores[n])) is not None] if scores else []
        return (math.fsum(known) / len(known) if known else None), len(known)
    values = getattr(columns, name)
    known = [values[n] for n in numbers if not math.isnan(values[n])]
    if not known:
        return None, 0
    total = math.fsum(known)
    return (total / len(known) if name == "latency_ms" else total), len(known)


def beyond(columns: Columns, sign: int, name: str, wanted: float, numbers: Numbers) -> list[int]:
    """The rows that are beyond a limit by themselves, the furthest first; ``sign`` is 1 for a least, -1 for a most."""
    if name == "errors":
        return failed_rows(columns, numbers)
    scores = columns.scores.get(name)
    if name in MEASURES or not scores:
        return []
    found = [(sign * value, n) for n in numbers if (value := as_number(scores[n])) is not None]
    return [number for value, number in sorted(found) if value < sign * wanted]


def as_number(score: Score) -> float | None:
    """A number, of a boolean 0 or 1; None for a label, and where there is none."""
    return None if score is None or isinstance(score, str) else float(score)


# --- words ----------------------------------------------------------------------------------------------------


def near(text: str, known: Sequence[str]) -> str | None:
    """A hint at what may have been meant."""
    found = get_close_matches(text, known, 1)
    if found:
        return f"did you mean {found[0]}?"
    return f"there {'are' if len(known) > 1 else 'is'} {', '.join(known[:8])}" if known else None


def rows_words(count: int) -> str:
    """``1 row``, ``1,200 rows``."""
    return plural(count, "row")


def over_words(known: int, count: int) -> str:
    """``over 24 rows``; ``over 20 of 24 rows``."""
    return f"over {known:,} of {rows_words(count)}" if known < count else f"over {rows_words(count)}"


def fail_words(count: int) -> str:
    """The verb: one row fails, two rows fail."""
    return "fails" if count == 1 else "fail"


def limit_words(kind: Literal["min", "max"], name: str, wanted: float) -> str:
    """``at most 0.5 USD``."""
    number = format(Decimal(repr(wanted)), ",f").removesuffix(".0")  # as it was declared, without an exponent
    return f"at {'least' if kind == 'min' else 'most'} {number}{_UNITS.get(name, '')}"


def found_words(name: str, found: float, wanted: float, known: int, count: int) -> str:
    """``0.8996 over 24 rows``, ``mean 812 ms over 20 of 24 rows``; of rows themselves ``24 rows``, ``2 of 24 rows``."""
    if name == "rows":
        return rows_words(round(found))
    if name == "errors":
        return f"{found:,.0f} of {rows_words(count)}"
    return f"{number_words(name, found, wanted)} {over_words(known, count)}"


def number_words(name: str, found: float, wanted: float) -> str:
    """``0.8996``, ``mean 812 ms``, ``0.000033 USD``, ``1,200``; a limit that is near has more digits."""
    if name in ("input_tokens", "output_tokens"):
        return f"{found:,.0f}"
    words = {"cost_usd": dollars, "latency_ms": milliseconds}.get(name)
    if words is None:
        return digits(found, wanted)
    near = words(found) == words(wanted) and abs(found - wanted) > EQUAL
    shown = f"{digits(found, wanted)}{_UNITS[name]}" if near else words(found)
    return f"mean {shown}" if name == "latency_ms" else shown


def digits(found: float, other: float) -> str:
    """As `compare_words.number`, with as many digits as tell it from another number: ``0.8996`` beside ``0.9``."""
    places = decimals(abs(found))
    while places < 9 and round(found, places) == round(other, places) and abs(found - other) > EQUAL:
        places += 1
    return f"{found:,.{places}f}"
