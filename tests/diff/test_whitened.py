"""The whitened residual against scipy's Mahalanobis distance, and what classes are for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, mahalanobis

from changedetect.diff.features import Features
from changedetect.diff.whitened import fit_whitened, whitened_square, whitening_of
from changedetect.sensors import COMMON_BANDS
from changedetect.types import BoolArray, FloatArray

PIXELS = 20_000
ALL = np.ones(PIXELS, dtype=bool)


def features(before: FloatArray, after: FloatArray) -> Features:
    """Features that smoothing left alone."""
    before, after = before.astype(np.float32), after.astype(np.float32)
    return Features(
        bands=COMMON_BANDS[: len(before)],
        before=before,
        after=after,
        before_smooth=before,
        after_smooth=after,
        valid=np.ones(before.shape[1:], bool),
    )


def two_covers() -> tuple[Features, BoolArray]:
    """A quiet town and fields that vary ten times as much: (6, PIXELS), and True where fields."""
    rng = np.random.default_rng(1)
    field = np.arange(PIXELS) % 2 == 1
    before = np.where(field, 0.6, 0.2) + rng.normal(0, 0.02, (6, PIXELS))
    return features(before, before + rng.normal(0, 1, (6, PIXELS)) * np.where(field, 0.05, 0.005)), field


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_length_is_scipys_mahalanobis_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    covariance, centre, points = root @ root.T + 0.1 * np.eye(4), rng.normal(size=4), rng.normal(size=(4, 6))
    expected = [mahalanobis(point, centre, np.linalg.inv(covariance)) for point in points.T]
    np.testing.assert_allclose(np.sqrt(whitened_square(points, centre, whitening_of(covariance))), expected, rtol=1e-5)


def test_one_class_is_mahalanobis_under_the_quieter_half() -> None:
    rng = np.random.default_rng(2)
    before = rng.uniform(0.2, 0.5, (6, PIXELS))
    sample = features(before, before + rng.normal(0, 0.02, before.shape) + 0.01)
    residual = (sample.after_smooth - sample.before_smooth).astype(np.float64)
    noise = fit_whitened(sample, ALL, classes=1)

    centre = np.median(residual, axis=1)
    first = cdist(residual.T, centre[None], "mahalanobis", VI=np.linalg.inv(np.cov(residual)))[:, 0]
    quiet = residual[:, first <= np.median(first)]
    # The floor and the prior (200 pixels' worth of the whole) belong to the method's definition.
    covariance = (quiet.shape[1] * np.cov(quiet) + 200 * np.cov(residual)) / (quiet.shape[1] + 200)
    covariance += 5e-4**2 * np.eye(6)
    expected = cdist(residual.T, np.median(quiet, axis=1)[None], "mahalanobis", VI=np.linalg.inv(covariance))
    np.testing.assert_allclose(noise.distance(sample), expected[:, 0], rtol=5e-3)


def test_a_noisy_class_is_judged_by_its_own_noise() -> None:
    sample, field = two_covers()
    by_class = fit_whitened(sample, ALL, classes=2).distance(sample)
    as_one = fit_whitened(sample, ALL, classes=1).distance(sample)
    # Not quite 1: the covariance of the whole, worth 200 pixels, is large beside a quiet class's own.
    assert np.median(by_class[field]) / np.median(by_class[~field]) < 2.5
    assert np.median(as_one[field]) / np.median(as_one[~field]) > 5


def test_a_small_change_in_a_quiet_class_is_found_only_with_classes() -> None:
    sample, field = two_covers()
    town = np.nonzero(~field)[0][:40]
    sample.after_smooth[:, town] += 0.04
    for classes, found in ((2, True), (1, False)):
        distance = fit_whitened(sample, ALL, classes=classes).distance(sample)
        assert (np.median(distance[town]) > 3 * np.percentile(distance[field], 75)) == found


def test_pixels_go_to_the_nearest_centre() -> None:
    sample, _ = two_covers()
    noise = fit_whitened(sample, ALL, classes=5)
    scaled = sample.before / noise.scale[:, None]
    squares = ((scaled[None] - noise.centres[:, :, None]) ** 2).sum(axis=1)
    labels = noise.classify(sample.before)
    chosen = squares[labels, np.arange(PIXELS)]
    np.testing.assert_allclose(chosen, squares.min(axis=0), rtol=1e-3)
    assert len(np.unique(labels)) == 5


def test_the_same_sample_gives_the_same_noise() -> None:
    sample, _ = two_covers()
    first, second = (fit_whitened(sample, ALL, classes=4) for _ in range(2))
    for name in ("scale", "centres", "medians", "whitening"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_class_too_small_to_measure_takes_the_noise_of_the_site() -> None:
    rng = np.random.default_rng(3)
    before = np.tile(np.where(np.arange(PIXELS) % 2, 0.6, 0.2), (6, 1))
    before[:, :20] = 0.95
    sample = features(before, before + rng.normal(0, 0.01, before.shape) + 0.05 * before)
    noise = fit_whitened(sample, ALL, classes=3)
    labels = noise.classify(sample.before)
    assert sorted(np.bincount(labels)) == [20, 9990, 9990]
    residual = sample.after_smooth - sample.before_smooth
    np.testing.assert_allclose(noise.medians[labels[0]], np.median(residual, axis=1), atol=1e-6)
    np.testing.assert_allclose(noise.medians[labels[21]], np.full(6, 0.03), atol=0.002)


def test_distance_of_a_pixel_does_not_depend_on_the_block_it_is_read_in() -> None:
    sample, _ = two_covers()
    noise = fit_whitened(sample, ALL, classes=3)
    whole = noise.distance(sample)
    part = features(sample.before[:, 700:1111], sample.after[:, 700:1111])
    np.testing.assert_array_equal(noise.distance(part), whole[700:1111])


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_flat_ground_is_no_singularity(level: float) -> None:
    sample = features(np.full((6, 500), level), np.full((6, 500), level))
    distance = fit_whitened(sample, np.ones(500, bool), classes=6).distance(sample)
    np.testing.assert_array_equal(distance, 0)
