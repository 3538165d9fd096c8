"""Scores of two sides compared: means and their difference, rows fixed and broken, labels that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, compress
from operator import gt, lt, sub
from typing import Literal

from msgspec import Struct

from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import Score
from promptvc.content.runs.scores import ScoreKind, as_number, kind_of, mean
from promptvc.runs.compare.columns import Columns, Pairs, picked
from promptvc.runs.compare.stats import Interval, Noise, mean_interval, noise, sign_test


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
        name: kind_of(chain(before.score(name), after.score(name)))
        for name in dict.fromkeys((*before.scores, *after.scores))
    }


def compare_score(
    name: str, kind: ScoreKind, before: Columns, after: Columns, pairs: Pairs
) -> ScoreComparison:
    """One score over these pairs of row numbers."""
    both = _both(name, before, after, pairs)
    if kind == "label":
        counts = Counter(zip(map(label, both.before), map(label, both.after), strict=True))
        table = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return ScoreComparison(
            name=name, kind=kind, pairs=len(both), labels=tuple(LabelChange(*k, n) for k, n in table)
        )
    if not len(both):
        return ScoreComparison(name=name, kind=kind, pairs=0)
    old, new = _numbers(both.before), _numbers(both.after)
    differences, rows = _by_example(old, new, both.examples)
    mean_before, mean_after = mean(old) or 0.0, mean(new) or 0.0
    fixed = broken = 0
    p = None
    if kind == "boolean":
        fixed, broken = sum(map(lt, old, new)), sum(map(gt, old, new))
        p = sign_test(sum(each > 0 for each in differences), sum(each < 0 for each in differences))
    return ScoreComparison(
        name=name,
        kind=kind,
        pairs=len(both),
        before=mean_before,
        after=mean_after,
        difference=mean_after - mean_before,
        interval=mean_interval(differences, rows),
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


class _Both(Struct, frozen=True):
    """The values of a score in the pairs that have it on both sides; ``examples`` only if one may have several."""

    before: Sequence[Score]
    after: Sequence[Score]
    examples: Sequence[str] | None

    def __len__(self) -> int:
        return len(self.after)


def _both(name: str, before: Columns, after: Columns, pairs: Pairs) -> _Both:
    old, new = picked(before.score(name), pairs.before), picked(after.score(name), pairs.after)
    examples = picked(before.examples, pairs.before) if before.is_sampled else None
    if None in old or None in new:
        known = [was is not None and now is not None for was, now in zip(old, new, strict=True)]
        old, new = list(compress(old, known)), list(compress(new, known))
        examples = examples and list(compress(examples, known))
    return _Both(old, new, examples)


def _by_example(
    old: Sequence[float], new: Sequence[float], examples: Sequence[str] | None
) -> tuple[list[float], list[int]]:
    """The change of each example, since samples of one example are not independent, and how many rows it has.

    That is the mean of its rows' differences; without ``examples`` each has one row.
    """
    if examples is None:
        return list(map(sub, new, old)), [1] * len(old)
    sums: dict[str, list[float]] = {}
    for example, was, now in zip(examples, old, new, strict=True):
        found = sums.setdefault(example, [0.0, 0.0, 0])
        found[0] += was
        found[1] += now
        found[2] += 1
    differences = [after / rows - was / rows for was, after, rows in sums.values()]
    return differences, [int(rows) for _, _, rows in sums.values()]


def _side_noise(side: Columns, name: str) -> Noise | None:
    if not side.is_sampled:
        return None
    groups: dict[str, list[float]] = {}
    for example, score in zip(side.examples, side.score(name), strict=True):
        if score is not None:
            groups.setdefault(example, []).append(_number(score))
    return noise(groups.values())


def _numbers(scores: Sequence[Score]) -> list[float]:
    """The numbers of scores that have one; no zero is negative."""
    return [score + 0.0 for score in scores]  # type: ignore[operator]


def _number(score: Score) -> float:
    """The number of a score that has one."""
    return as_number(score) or 0.0


def _noise_value(found: Noise | None) -> Json:
    if found is None:
        return None
    return {"examples": found.examples, "within": found.within, "of_mean": found.of_mean}
