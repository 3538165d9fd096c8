"""The numbers of a comparison as text. Terminal, Markdown and notebooks use these texts and format no numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from promptvc.content.formats.words import plural
from promptvc.runs.compare.measures import Measure, MeasureComparison, Measures
from promptvc.runs.compare.report.numbers import (
    change_words,
    dollars,
    latency_change,
    milliseconds,
    number,
    p_words,
    rounded,
    signed,
)
from promptvc.runs.compare.scores import NoiseComparison, ScoreComparison
from promptvc.runs.compare.stats import Noise


class ScoreTexts(Struct, frozen=True, kw_only=True):
    """One score: ``3``, ``0.812``, ``0.846``, ``+0.034``, ``[+0.009, +0.060]``, ``p = 0.011``, ``28``, ``11``.

    Missing values are empty: means and interval for labels, ``fixed`` and ``broken`` for all but booleans. ``changed``
    is for labels only: ``12``, of ``40 labels``, which is what ``rows`` counts.
    """

    rows: str
    before: str = ""
    after: str = ""
    difference: str = ""
    interval: str = ""
    p: str = ""
    fixed: str = ""
    broken: str = ""
    changed: str = ""

    @property
    def bare_p(self) -> str:
        """For a column with the heading p: ``0.011``, ``< 0.001``."""
        return self.p.removeprefix("p ").removeprefix("= ")


def score_texts(score: ScoreComparison) -> ScoreTexts:
    """The numbers of a score, with decimals that suit the larger of its means."""
    rows = f"{score.pairs:,}"
    if score.kind == "label":
        moved = sum(change.rows for change in score.labels if change.before != change.after)
        return ScoreTexts(rows=rows, changed=f"{moved:,}")
    is_boolean = score.kind == "boolean"
    fixed, broken = (f"{score.fixed:,}", f"{score.broken:,}") if is_boolean else ("", "")
    if score.before is None or score.after is None or score.difference is None:
        return ScoreTexts(rows=rows, fixed=fixed, broken=broken)
    size, interval = max(abs(score.before), abs(score.after)), score.interval
    return ScoreTexts(
        rows=rows,
        before=number(score.before, size),
        after=number(score.after, size),
        difference=signed(score.difference, size),
        interval=f"[{signed(interval.low, size)}, {signed(interval.high, size)}]" if interval else "",
        p=p_words(score.p),
        fixed=fixed,
        broken=broken,
    )


class NoiseTexts(Struct, frozen=True):
    """The noise of the sides that have some: ``0.210 → 0.195`` within an example, ``±0.012 → ±0.011`` of the mean."""

    within: str
    of_mean: str


def noise_texts(found: NoiseComparison) -> NoiseTexts:
    """The sides in order, joined by an arrow."""
    sides: list[Noise] = [side for side in (found.before, found.after) if side is not None]
    within = " → ".join(number(side.within) for side in sides)
    return NoiseTexts(within, " → ".join(f"±{number(side.of_mean)}" for side in sides))


class PartTexts(Struct, frozen=True, kw_only=True):
    """One number of a measure on both sides: ``mean``, ``143``, ``61``, ``−57 %``."""

    what: str
    before: str
    after: str
    change: str


class MeasureTexts(Struct, frozen=True, kw_only=True):
    """A measure that either side has: ``output tokens``.

    ``both`` has the two sides on one line, ``mean 143 → 61``; ``parts`` has single numbers, for a table. ``over`` gives
    the number of pairs, if it is not all of them: ``over 1 of 5 rows``.
    """

    name: str
    both: str
    change: str
    over: str
    parts: tuple[PartTexts, ...]


def measure_texts(found: Measures) -> Iterator[MeasureTexts]:
    """Each measure that either side has."""
    named = (
        ("output characters", found.characters, _MEAN),
        ("input tokens", found.input_tokens, _MEAN),
        ("output tokens", found.output_tokens, _MEAN),
        ("cost", found.cost_usd, _TOTAL),
        ("latency", found.latency_ms, _TIME),
    )
    return (_measure_texts(name, of, shown) for name, of, shown in named if of.before.rows or of.after.rows)


Change = Callable[[float | None, float | None], str]


class _Shown(Struct, frozen=True, kw_only=True):
    """How a measure is shown: ``line`` formats a side for a line, after ``prefix``; ``parts`` are (name, attribute)."""

    prefix: str
    line: Callable[[Measure], str]
    number: Callable[[float], str]
    change: Change
    parts: tuple[tuple[str, str], ...]


def _time_line(side: Measure) -> str:
    """Median and 95th percentile, since a mean of times says little; below a millisecond only the median."""
    p50, p95 = side.p50 or 0, side.p95 or 0
    return f"{milliseconds(p50)}, p95 {milliseconds(p95)}" if p95 >= 1 else milliseconds(p50)


_MEAN = _Shown(
    prefix="mean ",
    line=lambda side: rounded(side.mean or 0),
    number=rounded,
    change=change_words,
    parts=(("mean", "mean"),),
)
_TOTAL = _Shown(
    prefix="",
    line=lambda side: dollars(side.total or 0),
    number=dollars,
    change=change_words,
    parts=(("total", "total"),),
)
_TIME = _Shown(
    prefix="median ",
    line=_time_line,
    number=milliseconds,
    change=latency_change,
    parts=(("median", "p50"), ("95th percentile", "p95")),
)


def _measure_texts(name: str, found: MeasureComparison, shown: _Shown) -> MeasureTexts:
    parts = tuple(_part_texts(found, shown, what, attribute) for what, attribute in shown.parts)
    before, after = (_on_a_line(found, side, shown) for side in (found.before, found.after))
    first, second = (shown.prefix, "") if found.before.rows else ("", shown.prefix)
    return MeasureTexts(
        name=name,
        both=f"{first}{before} → {second}{after}",
        change=parts[0].change,
        over=_over(found.both, found),
        parts=parts,
    )


def _part_texts(found: MeasureComparison, shown: _Shown, what: str, attribute: str) -> PartTexts:
    old, new = (getattr(side, attribute) for side in (found.before, found.after))
    before, after = (
        "" if value is None else f"{shown.number(value)} {_own_over(side, found)}".rstrip()
        for side, value in ((found.before, old), (found.after, new))
    )
    return PartTexts(
        what=what, before=before, after=after, change=shown.change(old, new) if found.both else ""
    )


def _on_a_line(found: MeasureComparison, side: Measure, shown: _Shown) -> str:
    return f"{shown.line(side)} {_own_over(side, found)}".rstrip() if side.rows else "not known"


def _own_over(side: Measure, found: MeasureComparison) -> str:
    """The number of rows of one side, if no pair has both."""
    return "" if found.both else _over(side.rows, found)


def _over(rows: int, found: MeasureComparison) -> str:
    return f"over {rows:,} of {plural(found.pairs, 'row')}" if 0 < rows < found.pairs else ""
