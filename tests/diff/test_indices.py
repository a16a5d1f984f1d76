"""Indices: bounds for any reflectance, known values, and an angle measured another way."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from changedetect.diff import indices
from changedetect.sensors import COMMON_BANDS
from changedetect.types import FloatArray

RATIOS = (indices.ndvi, indices.ndwi, indices.mndwi, indices.ndbi, indices.bsi, indices.redness)
SPECTRUM = arrays(np.float32, (6, 5), elements=st.floats(-0.25, 2, width=32))
MEADOW = dict(zip(COMMON_BANDS, np.float32([[0.03], [0.06], [0.04], [0.42], [0.20], [0.10]]), strict=True))
WATER = dict(zip(COMMON_BANDS, np.float32([[0.06], [0.05], [0.03], [0.02], [0.01], [0.01]]), strict=True))
SOIL = dict(zip(COMMON_BANDS, np.float32([[0.07], [0.10], [0.14], [0.24], [0.32], [0.26]]), strict=True))


@pytest.mark.parametrize("index", RATIOS)
@given(spectrum=SPECTRUM)
def test_every_ratio_stays_between_minus_one_and_one(
    index: Callable[[indices.Bands], FloatArray], spectrum: FloatArray
) -> None:
    value = index(dict(zip(COMMON_BANDS, spectrum, strict=True)))
    assert value.shape == (5,)
    assert value.dtype == np.float32
    assert np.abs(value).max() <= 1


@pytest.mark.parametrize(
    ("index", "bands", "value"),
    [
        (indices.ndvi, MEADOW, 0.38 / 0.461),
        (indices.ndwi, WATER, 0.03 / 0.071),
        (indices.mndwi, WATER, 0.04 / 0.061),
        (indices.ndbi, SOIL, 0.08 / 0.561),
        (indices.bsi, SOIL, 0.15 / 0.771),
        (indices.redness, SOIL, 0.07 / 0.211),
        (indices.brightness, SOIL, 0.31 / 3),
    ],
)
def test_known_values(index: Callable[[indices.Bands], FloatArray], bands: indices.Bands, value: float) -> None:
    assert float(index(bands)[0]) == pytest.approx(value, rel=1e-5)


@given(arrays(np.float32, (2, 4), elements=st.floats(0, 1, width=32)))
def test_a_difference_turns_with_its_arguments(pair: FloatArray) -> None:
    first, second = pair
    np.testing.assert_array_equal(
        indices.normalised_difference(first, second), -indices.normalised_difference(second, first)
    )


def test_an_unknown_pixel_has_no_index() -> None:
    bands = {name: np.float32([np.nan, 0.2]) for name in COMMON_BANDS}
    for index in RATIOS:
        assert np.isnan(index(bands)).tolist() == [True, False]


def test_brightness_uses_the_visible_bands_there_are() -> None:
    assert float(indices.brightness({"red": np.float32([0.3]), "nir": np.float32([0.9])})[0]) == pytest.approx(0.3)


@given(
    arrays(np.float32, (2, 6), elements=st.floats(0.03125, 1, width=32)),
    st.floats(0.5, 8),
)
def test_spectral_angle_is_the_angle_between_the_vectors_and_blind_to_brightness(
    spectra: FloatArray, gain: float
) -> None:
    u, v = spectra.astype(np.float64)
    # Kahan's formula, exact for small angles where arccos is not.
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    exact = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    before = dict(zip(COMMON_BANDS, spectra[0][:, None], strict=True))
    after = dict(zip(COMMON_BANDS, spectra[1][:, None], strict=True))
    brighter = {name: np.float32(gain) * values for name, values in after.items()}
    # Near zero, arccos in float32 is only good to the root of its epsilon, and the guard against 0 / 0 shows.
    assert float(indices.spectral_angle(before, after)[0]) == pytest.approx(exact, abs=2e-3)
    assert float(indices.spectral_angle(before, brighter)[0]) == pytest.approx(exact, abs=2e-3)


def test_spectral_angle_against_a_direct_arccos() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.uniform(0.02, 0.6, (2, 6, 40)).astype(np.float32)
    cosine = (before * after).sum(0) / np.linalg.norm(before, axis=0) / np.linalg.norm(after, axis=0)
    angle = indices.spectral_angle(
        dict(zip(COMMON_BANDS, before, strict=True)), dict(zip(COMMON_BANDS, after, strict=True))
    )
    np.testing.assert_allclose(angle, np.arccos(cosine), atol=1e-5)
