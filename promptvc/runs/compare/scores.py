"""Scores of two sides compared: means and their difference, rows fixed and broken, labels that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import Score
from promptvc.content.runs.scores import ScoreKind, as_number, kind_of, mean
from promptvc.runs.compare.columns import Columns
from promptvc.runs.compare.stats import Interval, Noise, mean_interval, noise, sign_test

Pairs = Sequence[tuple[int, int]]


class LabelChange(Struct, frozen=True):
    """How many rows had one label before and another one, or the same, after."""

    before: str
    after: str
    rows: int


class ScoreComparison(Struct, frozen=True, kw_only=True):
    """One score on both sides, over the ``pairs`` of rows that have it on both.

    - ``before``, ``after``, ``difference``: means over the pairs, for booleans the share that passed; None for labels,
      and without pairs;
    - ``interval``: the 95% interval of the difference, see `stats.mean_interval`; it resamples examples, not samples;
    - ``fixed``, ``broken``: pairs that passed only after, and only before; 0 for all but booleans;
    - ``p``: for booleans, McNemar's exact test; with several samples per example, the sign test over examples, which
      generalizes it; None for other kinds and without pairs;
    - ``labels``: for labels, the table of changes, most frequent first.
    """

    name: str
    kind: ScoreKind
    pairs: int
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    p: float | None = None
    fixed: int = 0
    broken: int = 0
    labels: tuple[LabelChange, ...] = ()

    @property
    def verdict(self) -> Literal["better", "worse"] | None:
        """The direction of the change, if the interval leaves no doubt; larger numbers count as better."""
        if self.interval is None or self.interval.holds_zero:
            return None
        return "better" if self.interval.low > 0 else "worse"

    def to_value(self) -> dict[str, Json]:
        """As in `RunComparison.to_json`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "pairs": self.pairs,
            "before": self.before,
            "after": self.after,
            "difference": self.difference,
            "interval": self.interval and self.interval.to_value(),
            "p": self.p,
            "fixed": self.fixed,
            "broken": self.broken,
            "labels": [{"before": c.before, "after": c.after, "rows": c.rows} for c in self.labels],
        }


class NoiseComparison(Struct, frozen=True):
    """How much one score differs among samples of the same example, on each side; see `stats.Noise`."""

    name: str
    before: Noise | None
    after: Noise | None

    def to_value(self) -> dict[str, Json]:
        """``{"name", "before": {"examples", "within", "of_mean"} or null, "after"}``."""
        return {"name": self.name, "before": _noise_value(self.before), "after": _noise_value(self.after)}


def score_kinds(before: Columns, after: Columns) -> dict[str, ScoreKind]:
    """The scores of either side and the kind of each, those of the side before first."""
    return {
        name: kind_of((*before.score(name), *after.score(name)))
        for name in dict.fromkeys((*before.scores, *after.scores))
    }


def compare_score(
    name: str, kind: ScoreKind, before: Columns, after: Columns, pairs: Pairs
) -> ScoreComparison:
    """One score over these pairs of row numbers."""
    old, new = before.score(name), after.score(name)
    both = [(b, a) for b, a in pairs if old[b] is not None and new[a] is not None]
    if kind == "label":
        counts = Counter((label(old[b]), label(new[a])) for b, a in both)
        table = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return ScoreComparison(
            name=name, kind=kind, pairs=len(both), labels=tuple(LabelChange(*k, n) for k, n in table)
        )
    if not both:
        return ScoreComparison(name=name, kind=kind, pairs=0)
    examples = _by_example(old, new, both, before)
    mean_before = mean(_number(old[b]) for b, _ in both) or 0.0
    mean_after = mean(_number(new[a]) for _, a in both) or 0.0
    fixed = broken = 0
    p = None
    if kind == "boolean":
        fixed = sum(not old[b] and bool(new[a]) for b, a in both)
        broken = sum(bool(old[b]) and not new[a] for b, a in both)
        p = sign_test(sum(e.difference > 0 for e in examples), sum(e.difference < 0 for e in examples))
    return ScoreComparison(
        name=name,
        kind=kind,
        pairs=len(both),
        before=mean_before,
        after=mean_after,
        difference=mean_after - mean_before,
        interval=mean_interval([each.difference for each in examples], [each.rows for each in examples]),
        p=p,
        fixed=fixed,
        broken=broken,
    )


def compare_noise(name: str, before: Columns, after: Columns) -> NoiseComparison | None:
    """The noise of one score within each side; None if neither has several samples of an example."""
    made = NoiseComparison(name, _side_noise(before, name), _side_noise(after, name))
    return made if made.before or made.after else None


def label(score: Score) -> str:
    """A score as a label; booleans and numbers among labels as JSON."""
    return score if isinstance(score, str) else str(score).lower()


class _Example(Struct, frozen=True):
    """The change of one example: the mean of its samples' differences, over so many ``rows``."""

    difference: float
    rows: int


def _by_example(old: Sequence[Score], new: Sequence[Score], both: Pairs, before: Columns) -> list[_Example]:
    """One observation per example, since samples of one example are not independent of each other."""
    sums: dict[str, list[float]] = {}
    for b, a in both:
        found = sums.setdefault(before.places[b][0], [0.0, 0.0, 0])
        found[0] += _number(old[b])
        found[1] += _number(new[a])
        found[2] += 1
    return [_Example(after / rows - was / rows, int(rows)) for was, after, rows in sums.values()]


def _side_noise(side: Columns, name: str) -> Noise | None:
    groups: dict[str, list[float]] = {}
    for (example, _), score in zip(side.places, side.score(name), strict=True):
        if score is not None:
            groups.setdefault(example, []).append(_number(score))
    return noise(groups.values())


def _number(score: Score) -> float:
    """The number of a score that has one."""
    return as_number(score) or 0.0


def _noise_value(found: Noise | None) -> Json:
    if found is None:
        return None
    return {"examples": found.examples, "within": found.within, "of_mean": found.of_mean}
