"""IR-MAD against published numbers, an independent computation, and what theory says of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from changedetect.diff.irmad import _canonical, fit_irmad
from changedetect.diff.mixing import CHUNK_PX, moments, stacked
from changedetect.types import Float64Array

# Head length and breadth of first and second sons, 25 families (Frets 1921).
FRETS_TABLE = """
191 195 181 183 176 208 189 197 188 192 179 183 174 190 188 163 195 186 181 175 192 174 176 197 190
155 149 148 153 144 157 150 159 152 150 158 147 150 159 151 137 155 153 145 140 154 143 139 167 163
179 201 185 188 171 192 190 189 197 187 186 174 185 195 187 161 183 173 182 165 185 178 176 200 187
145 152 149 149 142 152 149 152 159 151 148 147 152 157 158 130 158 148 146 137 152 147 143 158 150
"""
FRETS = np.array([row.split() for row in FRETS_TABLE.strip().splitlines()], dtype=np.float64)


def two_looks(seed: int, bands: int = 4, pixels: int = 4000) -> tuple[Float64Array, Float64Array]:
    """Gaussian ground with correlated bands, seen twice with noise; nothing changes."""
    rng = np.random.default_rng(seed)
    ground = rng.normal(size=(bands, bands)) @ rng.normal(size=(bands, pixels))
    return ground + rng.normal(0, 0.3, ground.shape), ground + rng.normal(0, 0.3, ground.shape)


def by_svd(x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Canonical correlations, and the MAD chi-square, from the SVD of the whitened cross-covariance."""
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    white_x, white_y = (linalg.inv(linalg.sqrtm(np.cov(z, ddof=0))) @ z for z in (x, y))
    left, rho, right = linalg.svd(white_x @ white_y.T / x.shape[1])
    mad = left.T @ white_x - right @ white_y
    return rho, (mad**2 / (2 * (1 - rho[:, None]))).sum(axis=0)


def test_published_canonical_correlations() -> None:
    # Mardia, Kent & Bibby (1979), Multivariate Analysis, example 10.2.1.
    fitted = _canonical(moments(stacked(FRETS), None))
    assert sorted(fitted.correlation) == pytest.approx([0.0537, 0.7885], abs=1e-4)


def test_one_pass_equals_the_svd_of_the_whitened_cross_covariance() -> None:
    x, y = two_looks(1)
    rho, chi_square = by_svd(x, y)
    fitted = fit_irmad(x, y, max_iterations=1)
    np.testing.assert_allclose(np.sort(fitted.correlation), np.sort(rho), atol=1e-5)
    np.testing.assert_allclose(fitted.chi_square(x, y), chi_square, rtol=1e-3, atol=1e-4)


def test_weights_count_like_repeated_pixels() -> None:
    x, y = two_looks(2, pixels=300)
    weights = np.random.default_rng(0).integers(1, 4, 300)
    padded = np.pad(weights, (0, CHUNK_PX - 300), constant_values=9)
    weighted = _canonical(moments(stacked(np.vstack([x, y])), lambda _: padded[None]))
    repeated = _canonical(moments(stacked(np.repeat(np.vstack([x, y]), weights, axis=1)), None))
    np.testing.assert_allclose(weighted.correlation, repeated.correlation, atol=1e-10)
    np.testing.assert_allclose(weighted.mean_before, repeated.mean_before)


def test_canonical_variates_have_unit_variance_and_the_stated_correlation() -> None:
    x, y = two_looks(3)
    fitted = fit_irmad(x, y, max_iterations=1)
    u, v = fitted.weights_before.T @ x, fitted.weights_after.T @ y
    covariance = np.cov(np.vstack([u, v]), ddof=0)
    expected = np.block([[np.eye(4), np.diag(fitted.correlation)], [np.diag(fitted.correlation), np.eye(4)]])
    np.testing.assert_allclose(covariance, expected, atol=1e-4)


def test_unchanged_gaussian_ground_is_chi_square_distributed_in_one_pass() -> None:
    x, y = two_looks(4)
    chi_square = fit_irmad(x, y, max_iterations=1).chi_square(x, y)
    assert chi_square.mean() == pytest.approx(4, rel=0.01)
    assert stats.kstest(chi_square, stats.chi2(4).cdf).pvalue > 0.01


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.05, 20), min_size=8, max_size=8), st.floats(-50, 50))
def test_gain_and_offset_of_a_band_do_not_matter(seed: int, gains: list[float], offset: float) -> None:
    x, y = two_looks(seed, pixels=600)
    gain = np.array(gains)[:, None]
    moved_x, moved_y = x * gain[:4] + offset, y * gain[4:] - 2 * offset
    plain, moved = fit_irmad(x, y, max_iterations=4), fit_irmad(moved_x, moved_y, max_iterations=4)
    np.testing.assert_allclose(moved.chi_square(moved_x, moved_y), plain.chi_square(x, y), rtol=1e-3, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_exchanging_the_dates_exchanges_nothing_else(seed: int) -> None:
    x, y = two_looks(seed, pixels=600)
    forth, back = fit_irmad(x, y, max_iterations=4), fit_irmad(y, x, max_iterations=4)
    np.testing.assert_allclose(back.chi_square(y, x), forth.chi_square(x, y), rtol=1e-3, atol=1e-5)


def test_painted_change_stands_out() -> None:
    x, y = two_looks(5)
    y[:, :200] = y[:, :200][::-1] + 3
    chi_square = fit_irmad(x, y).chi_square(x, y)
    assert np.median(chi_square[:200]) > 20 * np.median(chi_square[200:])
    assert np.percentile(chi_square[:200], 10) > np.percentile(chi_square[200:], 99)


def test_iterating_sharpens_the_change() -> None:
    x, y = two_looks(6)
    y[:, :800] = np.random.default_rng(0).permutation(y[:, :800], axis=1)

    def contrast(iterations: int) -> float:
        chi_square = fit_irmad(x, y, max_iterations=iterations).chi_square(x, y)
        return float(np.median(chi_square[:800]) / np.median(chi_square[800:]))

    assert contrast(30) > 1.5 * contrast(1)


def test_constant_and_repeated_bands_are_no_singularity() -> None:
    x, y = two_looks(7, pixels=500)
    x[1], y[1] = 3.0, 5.0
    x[3], y[3] = x[2], y[2]
    assert np.isfinite(fit_irmad(x, y).chi_square(x, y)).all()


def test_identical_dates_do_not_differ() -> None:
    x, _ = two_looks(8)
    fitted = fit_irmad(x, x)
    assert fitted.correlation.min() > 0.9999
    assert fitted.chi_square(x, x).max() < 1e-6


def test_chi_square_of_a_pixel_is_independent_of_its_neighbours() -> None:
    x, y = two_looks(9, pixels=120)
    fitted = fit_irmad(x, y)
    image_x, image_y = x.reshape(4, 10, 12), y.reshape(4, 10, 12)
    whole = fitted.chi_square(image_x, image_y)
    np.testing.assert_array_equal(fitted.chi_square(image_x[:, 3:8, 5:], image_y[:, 3:8, 5:]), whole[3:8, 5:])
