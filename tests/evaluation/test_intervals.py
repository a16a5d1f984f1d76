"""Bootstrap intervals and calibration against independent computations."""

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from changedetect.evaluation import EvaluateOptions
from changedetect.evaluation.bootstrap import accuracies
from changedetect.evaluation.calibration import calibrate

MANY = EvaluateOptions(resamples=20_000)


def flags(hits: int, misses: int):
    return np.column_stack([[1.0] * hits + [0.0] * misses, np.ones(hits + misses)])


def test_a_counted_share_has_the_percentiles_of_the_binomial():
    precision, recall, f1 = accuracies(flags(30, 10), flags(18, 2), MANY)
    assert (precision.value, recall.value) == (0.75, 0.9)
    assert f1.value == pytest.approx(2 * 0.75 * 0.9 / 1.65)
    assert precision.low == pytest.approx(binom.ppf(0.025, 40, 0.75) / 40, abs=0.026)  # one object is 0.025
    assert precision.high == pytest.approx(binom.ppf(0.975, 40, 0.75) / 40, abs=0.026)
    assert min(precision.low, recall.low) < f1.low < f1.value < f1.high < 1


def test_an_area_share_has_the_interval_of_a_ratio_of_sums():
    rng = np.random.default_rng(1)
    area = rng.lognormal(8, 1, 50)
    common = area * rng.uniform(0, 1, 50)
    precision, _, _ = accuracies(np.column_stack([common, area]), flags(1, 1), MANY)
    oracle = bootstrap(
        (common, area),
        lambda c, a, axis: c.sum(axis=axis) / a.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="percentile",
        rng=rng,
    ).confidence_interval
    assert (precision.low, precision.high) == pytest.approx((oracle.low, oracle.high), abs=0.01)


def test_the_seed_fixes_the_interval():
    one, same, other = (accuracies(flags(7, 5), flags(4, 9), EvaluateOptions(seed=seed))[2] for seed in (1, 1, 2))
    assert one == same
    assert (one.value, one.low) != (other.value, other.low) or one.high != other.high


def test_too_few_objects_have_no_interval():
    precision, recall, f1 = accuracies(flags(1, 0), np.empty((0, 2)), MANY)
    assert (precision.value, precision.low, precision.high) == (1, None, None)
    assert (recall, f1) == (None, None)


def test_a_calibrated_confidence_has_a_small_error_and_a_bold_one_a_large():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 20_000)
    right = rng.uniform(0, 1, 20_000) < confidence
    honest, bold = calibrate(confidence, right), calibrate(np.sqrt(confidence), right)
    assert honest.expected_error < 0.02
    assert bold.expected_error == pytest.approx(2 / 3 - 1 / 2, abs=0.02)  # the mean of sqrt(p) - p
    assert honest.brier == pytest.approx(1 / 6, abs=0.01)  # the mean of p (1 - p)
    assert [one.predicted for one in honest.bins] == [2000] * 10


def test_equal_confidences_share_a_bin_and_missing_ones_are_left_out():
    confidence = np.array([0.9] * 30 + [0.2] * 10 + [np.nan] * 5)
    result = calibrate(confidence, np.array([True] * 27 + [False] * 18))
    assert [(one.predicted, one.right) for one in result.bins] == [(10, 0.0), (30, 0.9)]
    assert result.expected_error == pytest.approx(0.25 * 0.2)
    assert calibrate(np.full(3, np.nan), np.ones(3, dtype=bool)) is None
