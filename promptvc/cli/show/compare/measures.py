"""What two sides of a run took and gave, in words: length, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from promptvc.runs.compare.words import (
    change_words,
    dollars,
    latency_change,
    milliseconds,
    over_words,
    rounded,
)

if TYPE_CHECKING:
    from promptvc.runs.compare.measures import Measure, MeasureComparison, Measures


def measure_words(found: Measures) -> Iterator[tuple[str, str]]:
    """(name, text) of each measure that any side has: ``("output tokens", "mean 143 → 61   −57 %")``."""
    rows = (
        ("output characters", "mean ", found.characters, _mean, _change("mean")),
        ("input tokens", "mean ", found.input_tokens, _mean, _change("mean")),
        ("output tokens", "mean ", found.output_tokens, _mean, _change("mean")),
        ("cost", "", found.cost_usd, _cost, _change("total")),
        ("latency", "median ", found.latency_ms, _latency, _latency_change),
    )
    for name, what, measure, words, change in rows:
        if measure.is_known:
            before, after = (_side(measure, side, words) for side in (measure.before, measure.after))
            first, second = (what, "") if measure.before.rows else ("", what)
            over = over_words(measure.both, measure)
            yield (
                name,
                "   ".join(filter(None, (f"{first}{before} → {second}{after}", change(measure), over))),
            )


def _side(measure: MeasureComparison, side: Measure, words: Callable[[Measure], str]) -> str:
    """One side; where no row has both, over how many it is known."""
    if not side.rows:
        return "not known"
    over = "" if measure.both else over_words(side.rows, measure)
    return f"{words(side)} {over}".rstrip()


def _change(part: str) -> Callable[[MeasureComparison], str]:
    return lambda found: (
        change_words(getattr(found.before, part), getattr(found.after, part)) if found.both else ""
    )


def _latency_change(found: MeasureComparison) -> str:
    return latency_change(found.before.p50, found.after.p50) if found.both else ""


def _mean(side: Measure) -> str:
    return rounded(side.mean or 0)


def _cost(side: Measure) -> str:
    return dollars(side.total or 0)


def _latency(side: Measure) -> str:
    """Median and 95th percentile: a mean of times says little; under a millisecond neither says more."""
    p50, p95 = side.p50 or 0, side.p95 or 0
    return f"{milliseconds(p50)}, p95 {milliseconds(p95)}" if p95 >= 1 else milliseconds(p50)
