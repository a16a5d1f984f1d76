"""Products of planes: what they are, and that no pixel depends on its place."""

import numpy as np
import pytest
from scipy.cluster import vq

from changedetect.diff.clustering import centres_of
from changedetect.diff.mixing import CHUNK_PX, moments, nearest, squared_length, stacked

SIZES = (1, 5, CHUNK_PX, 20 * CHUNK_PX + 17)


def planes(size, seed=0):
    return np.random.default_rng(seed).normal(0.3, 0.1, (6, size)).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_squared_length_is_that_of_the_matrix_product(size):
    rng, pixels = np.random.default_rng(1), planes(size)
    weights, constants = rng.normal(size=(4, 6)), rng.normal(size=4)
    expected = ((weights @ pixels.astype(np.float64) + constants[:, None]) ** 2).sum(axis=0)
    np.testing.assert_allclose(squared_length(pixels, weights, constants), expected, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_moments_are_weighted_sums_of_products(size):
    pixels = planes(size)
    with_one = np.vstack([pixels.astype(np.float64), np.ones(size)])
    np.testing.assert_allclose(moments(stacked(pixels), None), with_one @ with_one.T, rtol=1e-12)
    weighted = moments(stacked(pixels), lambda stack: stack[:, 0] + 7)  # of fillers, too
    np.testing.assert_allclose(weighted, (with_one * (with_one[0] + 7)) @ with_one.T, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_nearest_is_the_nearest(size):
    pixels, centres = planes(size), planes(10, seed=2).T.astype(np.float64)
    distance = ((pixels[:, None] - centres.T[:, :, None]) ** 2).sum(axis=0)
    np.testing.assert_array_equal(nearest(pixels, centres), distance.argmin(axis=0))


def test_of_equally_near_centres_the_first_is_taken():
    assert nearest([np.full(3, 0.5)], np.array([[1.0], [0.0], [1.0]])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("start", [1, 7, CHUNK_PX - 1, 3 * CHUNK_PX + 5])
def test_a_pixel_is_the_same_to_the_last_bit_wherever_it_stands(start):
    rng, pixels = np.random.default_rng(3), planes(18 * CHUNK_PX + 11)
    weights, constants = rng.normal(size=(7, 6)), rng.normal(size=7)
    whole = squared_length(pixels, weights, constants)
    part = squared_length(pixels[:, start:-3], weights, constants)
    assert part.tobytes() == whole[start:-3].tobytes()


def test_shape_of_a_plane_is_kept():
    pixels = planes(12).reshape(6, 3, 4)
    assert squared_length(pixels, np.eye(6), np.zeros(6)).shape == (3, 4)
    assert nearest(pixels, np.eye(6)).shape == (3, 4)


def test_centres_are_those_of_scipy():
    pixels = np.hstack([planes(900, seed=s) + s for s in range(3)]).astype(np.float64)
    expected, _ = vq.kmeans(pixels.T, 5, iter=5, rng=np.random.default_rng(0))
    np.testing.assert_allclose(centres_of(pixels, 5), expected[np.lexsort(expected.T)], rtol=1e-9)


def test_fewer_different_pixels_than_classes_are_the_centres():
    assert centres_of(np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]]), 10).tolist() == [[1.0, 0.0], [2.0, 0.0]]
