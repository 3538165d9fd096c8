"""Scores of two sides beside each other: means and their difference, rows fixed and broken, labels that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import Score
from promptvc.runs.compare.columns import Columns
from promptvc.runs.compare.stats import Interval, Noise, mean_interval, noise, sign_test

Kind = Literal["boolean", "number", "label"]
Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """How many rows had one label before and another, or the same, after."""

    before: str
    after: str
    rows: int


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    """One score on both sides, over the ``pairs`` of rows that have it on both.

    - ``before``, ``after``, ``difference``: means, of booleans the share that passed; None for labels, and where there
      are no pairs. Where an example has several samples, the mean is that of the examples' means;
    - ``interval``: where the difference lies with 95%, see `stats.mean_interval`; examples are drawn, not samples;
    - ``fixed``, ``broken``: pairs that passed only after, and only before; 0 but for booleans;
    - ``p``: of booleans, McNemar's exact test; with several samples of an example, the sign test over examples, of
      which it is the special case; None for other kinds and where there are no pairs;
    - ``labels``: of labels, the table of what became what, the most frequent first.
    """

    name: str
    kind: Kind
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
        """Which way the scores went, where the interval leaves no doubt; larger numbers count as better."""
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


@dataclass(frozen=True, slots=True)
class NoiseComparison:
    """How much one score differs among samples of the same example, on each side; see `stats.Noise`."""

    name: str
    before: Noise | None
    after: Noise | None

    def to_value(self) -> dict[str, Json]:
        """``{"name", "before": {"examples", "within", "of_mean"} or null, "after"}``."""
        return {"name": self.name, "before": _noise_value(self.before), "after": _noise_value(self.after)}


def score_kinds(before: Columns, after: Columns) -> dict[str, Kind]:
    """The scores that there are on any side, and what kind each is; those of the side before first.

    One with any label is a label; of numbers and booleans mixed, all are numbers.
    """
    return {
        name: _kind((*before.score(name), *after.score(name)))
        for name in dict.fromkeys((*before.scores, *after.scores))
    }


def compare_score(name: str, kind: Kind, before: Columns, after: Columns, pairs: Pairs) -> ScoreComparison:
    """One score over these pairs of row numbers."""
    old, new = before.score(name), after.score(name)
    both = [(b, a) for b, a in pairs if old[b] is not None and new[a] is not None]
    if kind == "label":
        counts = Counter((label(old[b]), label(new[a])) for b, a in both)
        table = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return ScoreComparison(name, kind, len(both), labels=tuple(LabelChange(*k, n) for k, n in table))
    if not both:
        return ScoreComparison(name, kind, 0)
    was, now = _means(old, new, both, before)
    differences = [new - old for old, new in zip(was, now, strict=True)]
    mean_before, mean_after = sum(was) / len(was), sum(now) / len(now)
    fixed = broken = 0
    p = None
    if kind == "boolean":
        fixed = sum(not old[b] and bool(new[a]) for b, a in both)
        broken = sum(bool(old[b]) and not new[a] for b, a in both)
        p = sign_test(sum(d > 0 for d in differences), sum(d < 0 for d in differences))
    return ScoreComparison(
        name,
        kind,
        len(both),
        mean_before,
        mean_after,
        mean_after - mean_before,
        mean_interval(differences),
        p,
        fixed,
        broken,
    )


def compare_noise(name: str, before: Columns, after: Columns) -> NoiseComparison | None:
    """The noise of one score within each side; None where neither has several samples of an example."""
    made = NoiseComparison(name, _side_noise(before, name), _side_noise(after, name))
    return made if made.before or made.after else None


def label(score: Score) -> str:
    """A score as a label: booleans and numbers among labels by their JSON."""
    return score if isinstance(score, str) else str(score).lower()


def _kind(scores: Iterable[Score]) -> Kind:
    types = {type(score) for score in scores}
    if str in types:
        return "label"
    return "number" if types & {int, float} else "boolean"


def _means(
    old: Sequence[Score], new: Sequence[Score], both: Pairs, before: Columns
) -> tuple[list[float], list[float]]:
    """The mean of each example's samples on both sides: samples of one example are not independent of each other."""
    sums: dict[str, list[float]] = {}
    for b, a in both:
        found = sums.setdefault(before.places[b][0], [0.0, 0.0, 0])
        found[0] += _number(old[b])
        found[1] += _number(new[a])
        found[2] += 1
    return [s[0] / s[2] for s in sums.values()], [s[1] / s[2] for s in sums.values()]


def _side_noise(side: Columns, name: str) -> Noise | None:
    groups: dict[str, list[float]] = {}
    for (example, _), score in zip(side.places, side.score(name), strict=True):
        if score is not None:
            groups.setdefault(example, []).append(_number(score))
    return noise(groups.values())


def _number(score: Any) -> float:
    return float(score)


def _noise_value(found: Noise | None) -> Json:
    if found is None:
        return None
    return {"examples": found.examples, "within": found.within, "of_mean": found.of_mean}
