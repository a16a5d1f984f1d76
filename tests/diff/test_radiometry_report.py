"""What is told of a normalisation, and where it is refused."""

import numpy as np
import pytest

from changedetect.diff import DiffOptions, fit
from changedetect.diff.radiometry import Normalisation, describe, fit_normalisation
from changedetect.sensors import COMMON_BANDS

PX = 4000


def look(seed: int, noise: float = 0.004):
    """Reflectance of ground, and of a second look at it."""
    rng = np.random.default_rng(seed)
    ground = rng.uniform(0.05, 0.4, (6, PX))
    return ground, ground + rng.normal(0, noise, ground.shape)


def told(before, after, normalisation=None):
    roots = tuple(np.sqrt(np.maximum(date, 0)).astype(np.float32) for date in (before, after))
    everywhere = np.ones(PX, dtype=bool)
    normalisation = normalisation or fit_normalisation(*roots, everywhere)
    return describe(normalisation, roots, roots, COMMON_BANDS, np.ones(6))


def test_a_gain_is_told_in_reflectance():
    before, after = look(0)
    for band in told(before, 1.2 * after):
        assert band.gain == pytest.approx(1.2, abs=0.02)
        assert band.offset == pytest.approx(0, abs=0.005)
        assert band.refused == ""
        assert band.r2 > 0.99
        assert band.difference_before == pytest.approx(1.4826 * np.median(0.2 * before), rel=0.05)
        assert band.difference_after == pytest.approx(1.2 * 0.004, rel=0.15)
        assert band.noise_floor == pytest.approx(1.2 * 0.004, rel=0.15)


def test_nothing_is_left_between_a_date_and_itself():
    before, _ = look(1)
    for band in told(before, before):
        assert (band.gain, band.offset, band.r2) == pytest.approx((1, 0, 1), abs=1e-6)
        assert band.difference_after == pytest.approx(0, abs=1e-6)
        assert band.refused == ""


def test_a_line_that_takes_the_dates_apart_is_refused_in_words():
    before, after = look(2)
    # Most of the band is the same at both dates; a fifth of it, which IR-MAD was wrong about, would turn the line.
    after[3, ::5] = 0.45 - before[3, ::5]
    bands = {band.band: band for band in told(before, after)}
    assert bands["nir"].refused == "a line takes the dates farther apart"
    assert (bands["nir"].gain, bands["nir"].offset) == (1, 0)
    assert bands["nir"].difference_after == bands["nir"].difference_before
    assert bands["red"].refused == ""


def test_a_refused_line_is_the_identity():
    before, after = look(2)
    after[3, ::5] = 0.45 - before[3, ::5]
    roots = [np.sqrt(np.maximum(date, 0)).astype(np.float32) for date in (before, after)]
    fitted = fit_normalisation(roots[0], roots[1], np.ones(PX, dtype=bool))
    np.testing.assert_array_equal(fitted.apply(roots[0])[3], roots[0][3])


def test_raw_numbers_are_told_in_what_stands_for_reflectance():
    before, after = look(3)
    roots = tuple(np.sqrt(200 * date).astype(np.float32) for date in (before, np.maximum(after, 0)))
    same = Normalisation(gain=np.ones(6), offset=np.zeros(6))
    raw = describe(same, roots, roots, COMMON_BANDS, np.full(6, 1 / 200))
    for one, other in zip(raw, told(before, after, same), strict=True):
        assert one.noise_floor == pytest.approx(other.noise_floor, rel=1e-3)
        assert one.difference_before == pytest.approx(other.difference_before, rel=1e-3)


def test_the_engine_tells_of_every_band(make_pair, make_sample, scenery):
    sample = make_sample(make_pair(*scenery(noise=0.01)))
    bands = fit(sample, DiffOptions(), calibrated=True).radiometry
    assert [band.band for band in bands] == list(COMMON_BANDS)
    for band in bands:
        # Two looks, each off by 0.01 in square roots, differ by 0.028 sqrt(r) in reflectance r; smoothed by much less.
        assert 0.002 < band.difference_after < 0.025
        assert band.noise_floor < band.difference_after
