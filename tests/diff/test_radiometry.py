"""Normalisation recovers a known gain; raw numbers become like reflectance."""

import numpy as np
import pytest

from changedetect.diff.radiometry import (
    DARK_SHARE,
    TYPICAL_LAND,
    Normalisation,
    fit_index_scale,
    fit_normalisation,
    no_change_half,
)
from changedetect.sensors import COMMON_BANDS
from changedetect.types import FloatArray

GAIN = np.array([1.1, 0.9, 1.25, 0.8, 1.0, 1.4])
OFFSET = np.array([0.02, -0.03, 0.0, 0.05, -0.01, 0.01])


def looks(changed_share: float, noise: float = 0.005) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(3)
    ground = rng.uniform(0.15, 0.6, (6, 4000))
    before = ground + rng.normal(0, noise, ground.shape)
    after = GAIN[:, None] * ground + OFFSET[:, None] + rng.normal(0, noise, ground.shape)
    count = int(changed_share * 4000)
    after[:, :count] = rng.uniform(0.3, 0.9, (6, count))
    return before.astype(np.float32), after.astype(np.float32)


def test_gain_and_offset_are_recovered_though_a_fifth_changed() -> None:
    before, after = looks(0.2)
    no_change = no_change_half(before, after)
    fitted = fit_normalisation(before, after, no_change)
    np.testing.assert_allclose(fitted.gain, GAIN, rtol=0.01)
    np.testing.assert_allclose(fitted.offset, OFFSET, atol=0.005)
    everything = fit_normalisation(before, after, np.ones(4000, bool))
    assert np.abs(everything.gain - GAIN).max() > 0.1, "the selection is what makes it robust"


def test_the_no_change_half_is_a_half_and_leaves_the_changed_out() -> None:
    before, after = looks(0.2)
    no_change = no_change_half(before, after)
    assert no_change.mean() == pytest.approx(0.5, abs=0.01)
    assert no_change[:800].mean() < 0.01


def test_normalisation_puts_before_on_the_radiometry_of_after() -> None:
    normalisation = Normalisation(gain=np.array([2.0, 1.0]), offset=np.array([0.5, -0.25]))
    image = np.ones((2, 3, 4), np.float32)
    assert normalisation.apply(image)[:, 0, 0].tolist() == [2.5, 0.75]
    np.testing.assert_array_equal(normalisation.apply(image)[:, 1, 2], normalisation.apply(image[:, 1, 2]))


def test_a_flat_band_keeps_its_gain() -> None:
    before, after = np.full((1, 50), 0.3, np.float32), np.full((1, 50), 0.4, np.float32)
    fitted = fit_normalisation(before, after, np.ones(50, bool))
    assert fitted.gain.tolist() == [1.0]
    assert fitted.offset[0] == pytest.approx(0.1)


def test_identical_dates_are_left_exactly_alone() -> None:
    before, _ = looks(0)
    fitted = fit_normalisation(before, before, np.ones(4000, bool))
    np.testing.assert_array_equal(fitted.apply(before), before)


def test_calibrated_numbers_pass_as_they_are() -> None:
    before, _ = looks(0)
    scale = fit_index_scale(before, COMMON_BANDS, calibrated=True)
    np.testing.assert_array_equal(scale.apply(before), before)


def test_uncalibrated_medians_land_on_typical_land() -> None:
    numbers = np.random.default_rng(0).gamma(4, 20, (6, 5000)).astype(np.float32) + 30
    scale = fit_index_scale(numbers, COMMON_BANDS, calibrated=False)
    medians = np.median(scale.apply(numbers), axis=1)
    assert medians == pytest.approx([TYPICAL_LAND[name] for name in COMMON_BANDS], rel=1e-4)
    np.testing.assert_allclose(scale.dark, DARK_SHARE * np.percentile(numbers, 0.1, axis=1), rtol=1e-5)


def test_reflectance_is_never_negative_nor_undefined() -> None:
    flat = np.full((6, 100), 7, np.float32)
    scale = fit_index_scale(flat, COMMON_BANDS, calibrated=False)
    out = scale.apply(np.zeros((6, 4, 4), np.float32))
    assert out.min() == 0
    assert np.isfinite(out).all()
