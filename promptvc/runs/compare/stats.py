"""How certain a difference between two runs is: an interval, a test, and the noise within one run.

If there is too little data, the result is None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

CONFIDENCE = 0.95
RESAMPLES = 10_000
"""The number of resamples if drawing them is cheap."""
FEWEST_RESAMPLES = 2_000
"""The least number, for very many differences that are all distinct."""
SEED = 20_231_106
_DRAWS = 30_000_000
"""The most single draws for one interval; above, there are fewer resamples."""
_BLOCK = 1 << 21
_DRAWS_OF_ONE_COUNT = 25
"""How many single draws take about as long as one count from a multinomial."""


class Interval(Struct, frozen=True):
    """A confidence interval, both ends included."""

    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether the interval includes zero."""
        return self.low <= 0 <= self.high

    def to_value(self) -> list[float]:
        """``[low, high]``."""
        return [self.low, self.high]


def mean_interval(
    differences: Sequence[float], rows: Sequence[int] | None = None, *, seed: int = SEED
) -> Interval | None:
    """The 95% interval of the mean of paired differences, by the percentile bootstrap; None for fewer than two.

    Each difference belongs to one example and is the mean over its ``rows`` (by default one); the mean is over all
    rows, as it is shown. Each resample draws as many differences as there are, with replacement, each with all of its
    rows, and takes the mean. There are `RESAMPLES` resamples, or fewer for more than 3,000 mostly distinct differences,
    but never below `FEWEST_RESAMPLES`. The interval runs from the 2.5th to the 97.5th percentile of these means (Efron
    and Tibshirani, An Introduction to the Bootstrap, 13.3). The same differences, in any order, always give the same
    interval.

    How often each distinct difference is drawn is multinomial, so pass/fail scores, with three distinct differences,
    take the same short time for 100 rows and for 100,000.
    """
    import numpy as np

    given: Floats = np.asarray(differences, dtype=np.float64)
    if len(given) < 2:
        return None
    if (given == given[0]).all():
        return Interval(float(given[0]), float(given[0]))
    random = np.random.default_rng(seed)
    means = _means_of_resamples(random, given, rows if rows and len(set(rows)) > 1 else None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _means_of_resamples(random: np.random.Generator, given: Floats, rows: Sequence[int] | None) -> Floats:
    """The means of resamples; ``rows`` of each difference, None if all have the same number."""
    import numpy as np

    sizes: Floats | None = None
    if rows is None:
        sums, times = np.unique(given, return_counts=True)
    else:
        pairs = np.column_stack((given, np.asarray(rows, dtype=np.float64)))
        distinct, times = np.unique(pairs, axis=0, return_counts=True)
        sizes = distinct[:, 1]
        sums = distinct[:, 0] * sizes
    if len(sums) * _DRAWS_OF_ONE_COUNT < len(given) or len(sums) <= 3:
        return _means_by_count(random, sums, sizes, times)
    return _means_by_draw(random, np.repeat(sums, times), None if sizes is None else np.repeat(sizes, times))


def _means_by_count(random: np.random.Generator, sums: Floats, sizes: Floats | None, times: Any) -> Floats:
    import numpy as np

    total = int(times.sum())
    resamples = _resamples(len(sums) * _DRAWS_OF_ONE_COUNT)
    means: Floats = np.empty(resamples)
    block = max(1, _BLOCK // len(sums))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.multinomial(total, times / total, size)
        means[start : start + size] = drawn @ sums / (total if sizes is None else drawn @ sizes)
    return means


def _means_by_draw(random: np.random.Generator, sums: Floats, sizes: Floats | None) -> Floats:
    import numpy as np

    total = len(sums)
    resamples = _resamples(total)
    means: Floats = np.empty(resamples)
    block = max(1, _BLOCK // total)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.integers(0, total, (size, total), dtype=np.int32)
        rows = total if sizes is None else sizes[drawn].sum(axis=1)
        means[start : start + size] = sums[drawn].sum(axis=1) / rows
    return means


def _resamples(draws: int) -> int:
    """The number of resamples if one takes so many draws."""
    return max(FEWEST_RESAMPLES, min(RESAMPLES, _DRAWS // draws))


def sign_test(better: int, worse: int) -> float:
    """The two-sided p of so many pairs better and so many worse if both were equally likely; 1 without pairs.

    For pass/fail scores this is McNemar's exact test: unchanged pairs say nothing, and of the others half are expected
    to be fixed and half broken (McNemar, Psychometrika 12, 1947). Exact: the tails of the binomial are summed.
    ``sign_test(1, 5) -> 0.21875``
    """
    pairs, fewer = better + worse, min(better, worse)
    if not pairs:
        return 1.0
    log_term = (
        math.lgamma(pairs + 1) - math.lgamma(fewer + 1) - math.lgamma(pairs - fewer + 1) - pairs * math.log(2)
    )
    sum_, term = 1.0, 1.0
    for left in range(fewer, 0, -1):  # from the largest term down, each computed from the previous
        term *= left / (pairs - left + 1)
        sum_ += term
        if term < sum_ * 1e-17:
            break
    return min(1.0, 2 * math.exp(log_term + math.log(sum_)))


class Noise(Struct, frozen=True):
    """How much the scores of one side differ among the samples of the same example.

    - ``examples``: how many have at least two scored samples;
    - ``within``: the standard deviation among samples of one example, pooled over the examples;
    - ``of_mean``: the standard error of the side's mean from this noise alone: how far it would move if the same
      examples were sampled again.
    """

    examples: int
    within: float
    of_mean: float


def noise(groups: Iterable[Sequence[float]]) -> Noise | None:
    """The noise within a side, from its scores by example; None if no example has two of them.

    ``within`` is the root of the mean variance of the examples (each with n - 1), ``of_mean`` the root of the sum
    of samples · variance, divided by the number of samples: the mean is that of the rows.
    """
    variances, of_sums, rows = list[float](), list[float](), 0
    for scores in groups:
        count = len(scores)
        if count < 2:
            continue
        mean = math.fsum(scores) / count
        variance = math.fsum((score - mean) ** 2 for score in scores) / (count - 1)
        variances.append(variance)
        of_sums.append(variance * count)
        rows += count
    if not variances:
        return None
    count = len(variances)
    return Noise(count, math.sqrt(math.fsum(variances) / count), math.sqrt(math.fsum(of_sums)) / rows)
