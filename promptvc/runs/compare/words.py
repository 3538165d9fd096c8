"""A comparison's numbers and reasons in words, for the terminal, for Markdown and for notebooks."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural as plural

if TYPE_CHECKING:
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.compare.measures import MeasureComparison
    from promptvc.runs.compare.scores import ScoreComparison
    from promptvc.runs.compare.why import Cause

_VALUE_LENGTH = 40


def summary(comparison: RunComparison) -> str:
    """One line: ``support-mini main → terse: 499 rows in both; exact 0.812 → 0.846, fixed 28, broken 11``."""
    parts = [f"{plural(comparison.pairs, 'row')} in both", *unpaired_counts(comparison)]
    score = comparison.score()
    if score is not None and score.before is not None and score.after is not None:
        counts = f", fixed {score.fixed:,}, broken {score.broken:,}" if score.kind == "boolean" else ""
        parts.append(f"{score.name} {number(score.before)} → {number(score.after)}{counts}")
    else:
        parts.append(f"{plural(comparison.outputs_changed, 'output')} changed")
    return f"{title(comparison)}: {'; '.join(parts)}"


def title(comparison: RunComparison) -> str:
    """``support-mini main → terse``; of two runs ``plain → terse``, with the version; of two files their paths."""
    old, new = comparison.before, comparison.after
    if new.label.endswith(".jsonl"):
        return f"{old.label} → {new.label}"
    if old.name == new.name:
        return f"{old.name} {old.label} → {new.label}"
    if old.label == new.label:
        return f"{old.name} → {new.name} ({old.label})"
    return f"{old.name} ({old.label}) → {new.name} ({new.label})"


def unpaired_counts(comparison: RunComparison) -> list[str]:
    """Rows that only one side has: ``["2 only new", "1 only old"]``."""
    counts = (len(comparison.only_after), "only new"), (len(comparison.only_before), "only old")
    return [f"{count:,} {words}" for count, words in counts if count]


def cause_words(comparison: RunComparison) -> list[str]:
    """Why the sides differ, a reason each; says so where nothing pinned differs, or nothing is pinned."""
    if comparison.why is None:
        return ["not known: there is no record"]
    if comparison.why:
        return [_cause(cause) for cause in comparison.why]
    if comparison.before.recorded or comparison.after.recorded:
        return ["not known: outputs recorded from elsewhere"]
    return []


def score_numbers(score: ScoreComparison) -> tuple[str, str, str] | None:
    """Before, after and signed difference in digits that suit them; None where there are no means."""
    if score.before is None or score.after is None or score.difference is None:
        return None
    size = max(abs(score.before), abs(score.after))
    return number(score.before, size), number(score.after, size), signed(score.difference, size)


def interval_words(score: ScoreComparison) -> str:
    """``[+0.009, +0.060]``; nothing where there is no interval."""
    if score.interval is None:
        return ""
    size = max(abs(score.before or 0), abs(score.after or 0))
    return f"[{signed(score.interval.low, size)}, {signed(score.interval.high, size)}]"


def p_words(p: float | None) -> str:
    """``p = 0.011``; nothing where there is none."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def change_words(before: float | None, after: float | None) -> str:
    """``143, 61 -> "−57 %"``; from ten times as much on ``× 12``; nothing where a part of nothing is meant."""
    if not before or after is None:
        return ""
    change = after / before - 1
    if change >= 9:
        return f"× {change + 1:,.0f}"
    return f"{minus(f'{change * 100:+.0f}')} %" if round(change * 100) else "±0 %"


def number(value: float, size: float | None = None) -> str:
    """Three decimals for scores up to 10, fewer the larger ``size`` is (of the number itself, unless given)."""
    return minus(f"{value:,.{decimals(abs(value) if size is None else size)}f}")


def rounded(value: float) -> str:
    """A mean of counts: ``97``, ``5.3``, ``20,011``."""
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def signed(value: float, size: float | None = None) -> str:
    """`number` with its sign: ``+0.034``; none for zero."""
    places = decimals(abs(value) if size is None else size)
    text = f"{value:+,.{places}f}"
    return minus(text if float(text.replace(",", "")) else f"{0:.{places}f}")


def minus(text: str) -> str:
    """The text with a minus sign for each hyphen."""
    return text.replace("-", "−")


def plain(value: float, digits: int = 4) -> str:
    """So many digits that say something, no exponent: ``20,011``, ``0.85``, ``0.000033``."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(0, places)}f}"
    return minus(text.rstrip("0").rstrip(".") if places > 0 else text)


def dollars(value: float) -> str:
    """``0.11 USD``; small sums with the digits that say something: ``0.000033 USD``."""
    value = float(f"{value:.10g}")  # the order in which answers came shows in the last digits of their sum
    return f"{value:,.2f} USD" if value >= 0.1 or not value else f"{plain(value, 2)} USD"


def milliseconds(value: float) -> str:
    """``under 1 ms``, ``850 ms``, ``1.24 s``."""
    if value < 1:
        return "under 1 ms"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.2f} s"


def latency_change(before: float | None, after: float | None) -> str:
    """`change_words` of times; nothing under a millisecond, where clocks say more than models."""
    return change_words(before, after) if before and after and min(before, after) >= 1 else ""


def over_words(rows: int, found: MeasureComparison) -> str:
    """``over 1 of 5 rows``; nothing where it is all of them, or none."""
    return f"over {rows:,} of {plural(found.pairs, 'row')}" if 0 < rows < found.pairs else ""


def decimals(size: float) -> int:
    """How many digits behind the point say something in a number of this size."""
    return 3 if size < 10 else 1 if size < 1000 else 0


def _cause(cause: Cause) -> str:
    if cause.what in ("prompt", "examples"):
        name = cause.name if cause.name else cause.what
        if cause.before is None or cause.after is None:
            return f"{name} (pinned only {'before' if cause.after is None else 'after'})"
        counts = ("+", cause.added), ("−", cause.removed), ("~", cause.rows)
        words = " ".join(f"{sign}{count:,}" for sign, count in counts if count)
        return f"{name} ({words})" if words else name
    if cause.what == "scorers":
        if cause.before == cause.after:
            return f"scorer {cause.name} (its code)"
        return f"scorer {cause.name} {_value(cause.before)} → {_value(cause.after)}"
    name = cause.name or cause.what.replace("_", " ")
    if cause.what in ("tools", "response_format"):
        return name
    name = f"input {name}" if cause.what == "inputs" else name
    return f"{name} {_value(cause.before)} → {_value(cause.after)}"


def _value(value: Json) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
