"""Intervals, tests and noise, with scipy and numpy as second opinions."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.runs.compare.stats import Interval, mean_interval, noise, sign_test

OUTCOMES = st.sampled_from([-1.0, 0.0, 1.0])
NUMBERS = st.floats(-100, 100, allow_nan=False).map(lambda number: round(number, 3))


def differences(least: int = 2) -> st.SearchStrategy[list[float]]:
    """Pass/fail tables with many ties, and tables of numbers that are mostly distinct."""
    return st.one_of(
        st.lists(OUTCOMES, min_size=least, max_size=400), st.lists(NUMBERS, min_size=least, max_size=120)
    )


def scipy_means(values: list[float]) -> np.ndarray:
    """The means of scipy's paired bootstrap, whose percentiles are its interval."""
    after = np.array(values)
    found = scipy.stats.bootstrap(
        (after, np.zeros(len(after))),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=5000,
        random_state=7,
        vectorized=True,
    )
    return found.bootstrap_distribution


# --- the bootstrap ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(differences())
def test_the_interval_is_that_of_scipy_up_to_chance(values: list[float]) -> None:
    found = mean_interval(values)
    assert found is not None
    # Few means are possible for a small table, so an end of the interval can jump from one to the next by chance.
    # What has to agree is the share of scipy's means beyond it: 2.5 %, give or take 1.6, which is four deviations.
    means, tiny = scipy_means(values), 1e-9
    assert (means < found.low - tiny).mean() <= 0.041
    assert (means <= found.low + tiny).mean() >= 0.009
    assert (means > found.high + tiny).mean() <= 0.041
    assert (means >= found.high - tiny).mean() >= 0.009


@given(differences(), st.randoms())
def test_the_interval_does_not_depend_on_the_order_and_is_the_same_each_time(values, random) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)
    assert mean_interval(values) == mean_interval(shuffled) == mean_interval(values)


@given(differences())
def test_the_interval_lies_within_the_differences(values: list[float]) -> None:
    found = mean_interval(values)
    assert found is not None
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_both_ways_of_drawing_agree() -> None:
    numbers = np.random.default_rng(3).normal(0.1, 1, 5000)
    fine, coarse = mean_interval(list(numbers)), mean_interval(list(numbers.round(1)))
    assert fine is not None
    assert coarse is not None
    assert fine.low == pytest.approx(coarse.low, abs=0.003)
    assert fine.high == pytest.approx(coarse.high, abs=0.003)


@pytest.mark.parametrize(("values", "expected"), [([], None), ([1.0], None), ([0.5] * 9, Interval(0.5, 0.5))])
def test_too_few_differences_have_no_interval_and_equal_ones_have_no_width(values, expected) -> None:
    assert mean_interval(values) == expected


def test_the_interval_of_a_normal_sample_is_that_of_theory() -> None:
    numbers = np.random.default_rng(5).normal(2, 3, 4000)
    found = mean_interval(list(numbers))
    assert found is not None
    error = 1.96 * numbers.std(ddof=1) / math.sqrt(len(numbers))
    assert found.low == pytest.approx(numbers.mean() - error, abs=0.1 * error)
    assert found.high == pytest.approx(numbers.mean() + error, abs=0.1 * error)


@given(differences(), st.integers(1, 4))
def test_examples_with_as_many_rows_each_have_the_interval_of_their_differences(values, rows) -> None:
    assert mean_interval(values, [rows] * len(values)) == mean_interval(values)


def test_uneven_examples_are_drawn_with_all_of_their_rows() -> None:
    random = np.random.default_rng(7)
    rows = random.integers(1, 9, 400)
    values = random.normal(0, 1, 400) / rows + 0.2
    found = mean_interval(list(values), rows.tolist())
    assert found is not None
    mean = (values * rows).sum() / rows.sum()
    error = 1.96 * math.sqrt((((values - mean) * rows) ** 2).sum()) / rows.sum()  # of a ratio of sums
    assert found.low == pytest.approx(mean - error, abs=0.15 * error)
    assert found.high == pytest.approx(mean + error, abs=0.15 * error)
    order = random.permutation(400)
    assert mean_interval(list(values[order]), rows[order].tolist()) == found
    few = mean_interval([0.0, 1.0] * 50, [1, 3] * 50)
    assert few is not None
    assert few.low < 0.75 < few.high


def test_a_hundred_thousand_pairs_take_little_time() -> None:
    random = np.random.default_rng(1)
    started = time.process_time()
    assert mean_interval(list(random.choice([-1.0, 0.0, 1.0], 100_000, p=[0.1, 0.7, 0.2]))) is not None
    assert mean_interval(list(random.normal(0, 1, 100_000))) is not None
    assert time.process_time() - started < 10


# --- the exact test ---------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_sign_test_is_the_binomial_test_of_scipy(better: int, worse: int) -> None:
    expected = scipy.stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert sign_test(better, worse) == pytest.approx(expected, rel=1e-8, abs=1e-270)  # below, scipy gives 0


@given(st.integers(0, 60), st.integers(0, 60))
def test_small_tables_are_exact(better: int, worse: int) -> None:
    pairs = better + worse
    tail = sum(math.comb(pairs, count) for count in range(min(better, worse) + 1))
    assert sign_test(better, worse) == pytest.approx(min(1, 2 * tail / 2**pairs), rel=1e-12)


def test_large_tables_are_no_trouble() -> None:
    assert sign_test(50_000, 50_000) == 1
    assert sign_test(0, 100_000) == 0  # smaller than any float
    assert sign_test(49_800, 50_200) == pytest.approx(scipy.stats.binomtest(49_800, 100_000).pvalue, rel=1e-7)


# --- noise within a side ----------------------------------------------------------------------------------


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), max_size=5), max_size=30))
def test_noise_is_the_pooled_deviation_within_groups(groups: list[list[float]]) -> None:
    found = noise(groups)
    several = [group for group in groups if len(group) > 1]
    if not several:
        assert found is None
        return
    assert found is not None
    variances = [np.var(group, ddof=1) for group in several]
    of_sums = [np.var(group, ddof=1) * len(group) for group in several]
    assert found.examples == len(several)
    assert found.within == pytest.approx(math.sqrt(np.mean(variances)))
    assert found.of_mean == pytest.approx(math.sqrt(sum(of_sums)) / sum(map(len, several)))


def test_the_noise_of_a_mean_is_how_far_it_moves_when_drawn_again() -> None:
    random = np.random.default_rng(2)
    chances = random.random(200)
    draws = (random.random((500, 200, 4)) < chances[:, None]).astype(float)
    found = noise(draws[0].tolist())
    assert found is not None
    assert found.of_mean == pytest.approx(draws.mean(axis=(1, 2)).std(), rel=0.15)
