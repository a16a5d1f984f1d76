"""Neighbourhood operations against scipy and plain numpy, and tile against whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from changedetect.diff.local import gaussian_halo_px, local_correlation, local_deviation, smooth
from changedetect.types import BoolArray, FloatArray

HOLES = pytest.mark.parametrize("share", [0.0, 0.2], ids=["all-valid", "with-holes"])


def image(seed: int, share_invalid: float, shape: tuple[int, ...] = (30, 34)) -> tuple[FloatArray, BoolArray]:
    rng = np.random.default_rng(seed)
    valid = rng.random(shape[-2:]) >= share_invalid
    return np.where(valid, rng.random(shape), np.nan).astype(np.float32), valid


def windowed_deviation(data: FloatArray, valid: BoolArray, size: int) -> FloatArray:
    out, reach = np.full(data.shape, np.nan), size // 2
    for row, col in zip(*np.nonzero(valid), strict=True):
        window = np.s_[max(row - reach, 0) : row + reach + 1, max(col - reach, 0) : col + reach + 1]
        out[row, col] = data[window][valid[window]].std(dtype=np.float64)
    return out


@HOLES
@pytest.mark.parametrize("sigma_px", [0.5, 1.0, 1.5])
def test_smooth_is_a_gaussian_mean_over_valid_pixels(share: float, sigma_px: float) -> None:
    data, valid = image(1, share)
    total = ndi.gaussian_filter(np.where(valid, data, 0).astype(np.float64), sigma_px, mode="constant")
    weight = ndi.gaussian_filter(valid.astype(np.float64), sigma_px, mode="constant")
    np.testing.assert_allclose(smooth(data, valid, sigma_px), np.where(valid, total / weight, np.nan), rtol=2e-6)


def test_smooth_far_from_edges_and_holes_is_scipys_own() -> None:
    data, valid = image(2, 0)
    inside = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(smooth(data, valid, 1.0)[inside], ndi.gaussian_filter(data, 1.0)[inside], rtol=1e-5)


def test_smooth_takes_bands_one_by_one() -> None:
    data, valid = image(3, 0.1, (3, 20, 22))
    together = smooth(data, valid, 1.0)
    np.testing.assert_array_equal(together, np.stack([smooth(band, valid, 1.0) for band in data]))


@HOLES
@pytest.mark.parametrize("size_px", [3, 5])
def test_local_deviation_is_the_deviation_of_each_window(share: float, size_px: int) -> None:
    data, valid = image(4, share)
    np.testing.assert_allclose(
        local_deviation(data, valid, size_px), windowed_deviation(data, valid, size_px), rtol=1e-4
    )


def test_flat_ground_has_no_deviation_even_when_bright() -> None:
    assert local_deviation(np.full((9, 9), 0.8, np.float32), np.ones((9, 9), bool), 3).max() < 1e-6


@HOLES
def test_invalid_stays_invalid_and_never_counts(share: float) -> None:
    data, valid = image(5, share)
    poisoned = np.where(valid, data, 1e6).astype(np.float32)
    for result, again in (
        (smooth(data, valid, 1.0), smooth(poisoned, valid, 1.0)),
        (local_deviation(data, valid, 3), local_deviation(poisoned, valid, 3)),
    ):
        np.testing.assert_array_equal(np.isnan(result), ~valid)
        np.testing.assert_array_equal(result, again)


@HOLES
def test_correlation_is_that_of_the_valid_neighbours(share: float) -> None:
    one, valid = image(6, share)
    other = (0.5 * one + 0.3 * image(7, 0)[0]).astype(np.float32)
    poisoned = np.where(valid, one, 1e3).astype(np.float32)
    rho = local_correlation(poisoned, other, valid, 5)
    for row, col in ((2, 3), (10, 10), (15, 20)):
        part = np.s_[max(row - 2, 0) : row + 3, max(col - 2, 0) : col + 3]
        seen = valid[part]
        assert rho[row, col] == pytest.approx(np.corrcoef(one[part][seen], other[part][seen])[0, 1], abs=1e-5)
    assert not local_correlation(np.ones_like(one), one, valid, 5).any(), "flat ground has no pattern"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.tuples(*[st.integers(0, 29)] * 4), st.sampled_from([0.5, 1.0, 1.5]))
def test_a_tile_with_its_halo_equals_the_whole_bit_for_bit(
    seed: int, edges: tuple[int, int, int, int], sigma_px: float
) -> None:
    data, valid = image(seed, 0.15)
    (top, bottom), (left, right) = sorted(edges[:2]), sorted(edges[2:])
    bottom, right = bottom + 1, right + 1

    def check(halo: int, whole: FloatArray, on_tile: FloatArray) -> None:
        inner = np.s_[top - max(top - halo, 0) :, left - max(left - halo, 0) :]
        np.testing.assert_array_equal(on_tile[inner][: bottom - top, : right - left], whole[top:bottom, left:right])

    halo = gaussian_halo_px(sigma_px)
    part = np.s_[max(top - halo, 0) : bottom + halo, max(left - halo, 0) : right + halo]
    check(halo, smooth(data, valid, sigma_px), smooth(data[part], valid[part], sigma_px))
    part = np.s_[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2]
    check(2, local_deviation(data, valid, 5), local_deviation(data[part], valid[part], 5))
    mirrored = np.ascontiguousarray(data[:, ::-1])
    whole = local_correlation(data, mirrored, valid, 5)
    check(2, whole, local_correlation(data[part], mirrored[part], valid[part], 5))


def test_the_halo_is_no_smaller_than_the_reach() -> None:
    for sigma_px in (0.5, 1.0, 1.5):
        point = np.zeros((25, 25), np.float32)
        point[12, 12] = 1
        touched = np.nonzero(smooth(point, np.ones_like(point, dtype=bool), sigma_px))[0]
        assert 12 - touched.min() <= gaussian_halo_px(sigma_px)
