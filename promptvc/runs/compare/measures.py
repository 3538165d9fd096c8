"""Length, tokens, cost and time of two sides compared."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import compress

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.runs.compare.columns import Columns, Pairs, all_unknown, picked


class Measure(Struct, frozen=True):
    """Numbers of one side, over the ``rows`` where they are known; None if no row has them."""

    rows: int = 0
    mean: float | None = None
    total: float | None = None
    p50: float | None = None
    p95: float | None = None

    def to_value(self) -> dict[str, Json]:
        """``{"rows", "mean", "total", "p50", "p95"}``."""
        return {
            "rows": self.rows,
            "mean": self.mean,
            "total": self.total,
            "p50": self.p50,
            "p95": self.p95,
        }


class MeasureComparison(Struct, frozen=True):
    """One measure on both sides, out of ``pairs``.

    If ``both`` pairs have it on both sides, it is over those pairs only, so that like is compared with like; if no
    pair has, each side is over the pairs where it is known.
    """

    before: Measure
    after: Measure
    pairs: int = 0
    both: int = 0

    def to_value(self) -> dict[str, Json]:
        """``{"before", "after"}``."""
        return {"before": self.before.to_value(), "after": self.after.to_value()}


class Measures(Struct, frozen=True):
    """Every measure, over the pairs that have an output on both sides.

    ``characters`` is the length of outputs, ``cost_usd`` in US dollars, ``latency_ms`` in milliseconds.
    """

    characters: MeasureComparison
    input_tokens: MeasureComparison
    output_tokens: MeasureComparison
    cost_usd: MeasureComparison
    latency_ms: MeasureComparison


def compare_measures(before: Columns, after: Columns, pairs: Pairs) -> Measures:
    """Compare the two sides over these pairs of row numbers."""

    def of(column: Callable[[Columns], array[float]]) -> MeasureComparison:
        old, new = column(before), column(after)
        if all_unknown(old) and all_unknown(new):
            return MeasureComparison(Measure(), Measure(), len(pairs), 0)
        values = picked(old, pairs.before), picked(new, pairs.after)
        both = [b == b and a == a for b, a in zip(*values, strict=True)]  # NaN is not equal to itself
        count = sum(both)
        first, second = (measure(compress(side, both) if count else side) for side in values)
        return MeasureComparison(first, second, len(both), count)

    return Measures(
        of(lambda side: side.characters),
        of(lambda side: side.input_tokens),
        of(lambda side: side.output_tokens),
        of(lambda side: side.cost_usd),
        of(lambda side: side.latency_ms),
    )


def measure(values: Iterable[float]) -> Measure:
    """Mean, sum and quantiles of the values, without NaN."""
    known = sorted([value for value in values if value == value])  # without NaN
    if not known:
        return Measure()
    total = math.fsum(known)
    return Measure(len(known), total / len(known), total, _quantile(known, 0.5), _quantile(known, 0.95))


def _quantile(known: Sequence[float], share: float) -> float:
    """A quantile of sorted values, with linear interpolation as in numpy."""
    place = share * (len(known) - 1)
    low = math.floor(place)
    high = min(low + 1, len(known) - 1)
    return known[low] + (known[high] - known[low]) * (place - low)
