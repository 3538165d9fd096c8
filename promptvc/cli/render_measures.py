"""What two sides of a run took and gave, in words: length, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promptvc.runs.compare_words import change_words, dollars, milliseconds

if TYPE_CHECKING:
    from promptvc.runs.compare_measures import Measure, Measures


def measure_words(found: Measures) -> Iterator[tuple[str, str]]:
    """(name, text) of each measure that any side has: ``("output tokens", "143 → 61   −57 %")``."""
    rows = (
        ("output characters", found.characters, _mean, "mean"),
        ("input tokens", found.input_tokens, _mean, "mean"),
        ("output tokens", found.output_tokens, _mean, "mean"),
        ("cost", found.cost_usd, _cost, "total"),
        ("latency", found.latency_ms, _latency, "p50"),
    )
    for name, measure, words, compared in rows:
        if measure.is_known:
            before, after = words(measure.before), words(measure.after)
            change = change_words(getattr(measure.before, compared), getattr(measure.after, compared))
            yield name, f"{before} → {after.removeprefix('mean ')}   {change}".rstrip()


def _mean(side: Measure) -> str:
    if side.mean is None:
        return "not known"
    return f"mean {side.mean:,.0f}" if side.mean >= 10 else f"mean {side.mean:,.1f}"


def _cost(side: Measure) -> str:
    return "not known" if side.total is None else dollars(side.total)


def _latency(side: Measure) -> str:
    """Median and 95th percentile: a mean of times says little."""
    if side.p50 is None or side.p95 is None:
        return "not known"
    return f"{milliseconds(side.p50)} (p95 {milliseconds(side.p95)})"
