"""What is green or wet afterwards is no construction, on any site's own scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.diff.gates import GreenScale, fit_green_scale, not_green_or_wet
from changedetect.sensors import COMMON_BANDS

SCALE = GreenScale(bare_ndvi=0.1, dense_ndvi=0.8)
MEADOW = (0.03, 0.06, 0.04, 0.42, 0.20, 0.10)
SOIL = (0.07, 0.10, 0.14, 0.24, 0.32, 0.26)
CONCRETE = (0.20, 0.23, 0.25, 0.28, 0.30, 0.27)
WHITE_ROOF = (0.60, 0.60, 0.58, 0.55, 0.40, 0.30)
WATER = (0.06, 0.05, 0.03, 0.02, 0.01, 0.01)


def ground(*spectra: tuple[float, ...], bands: tuple[str, ...] = COMMON_BANDS) -> dict[str, np.ndarray]:
    planes = dict(zip(COMMON_BANDS, np.float32(spectra).T, strict=True))
    return {name: planes[name] for name in bands}


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (MEADOW, CONCRETE, True),
        (MEADOW, SOIL, True),
        (SOIL, MEADOW, False),
        (MEADOW, MEADOW, False),
        (SOIL, WHITE_ROOF, True),
        (SOIL, WATER, False),
        (WATER, CONCRETE, True),
    ],
)
def test_ground_after(before: tuple[float, ...], after: tuple[float, ...], kept: bool) -> None:  # noqa: FBT001
    assert not_green_or_wet(ground(before), ground(after), SCALE).tolist() == [kept]


def test_without_swir_a_bright_roof_is_no_water() -> None:
    bands = ("green", "red", "nir")
    after = ground(WATER, WHITE_ROOF, bands=bands)
    assert not_green_or_wet(ground(SOIL, SOIL, bands=bands), after, None).tolist() == [False, True]


def test_without_the_bands_nothing_is_ruled_out() -> None:
    assert not_green_or_wet({"red": np.ones(3)}, {"red": np.ones(3)}, None).all()


def test_ground_that_lost_its_green_may_end_greener_than_ground_that_gained_it() -> None:
    # NDVI 0.46 afterwards is greenness 0.51; before: a wood (0.83), bare soil (0.0).
    half = (0.04, 0.06, 0.10, 0.27, 0.20, 0.10)
    assert not_green_or_wet(ground(MEADOW), ground(half), SCALE).all()
    assert not not_green_or_wet(ground(CONCRETE), ground(half), SCALE).any()


@given(st.floats(0.02, 0.3), st.floats(0.4, 0.9))
def test_greenness_is_zero_on_bare_and_one_on_dense_ground(bare: float, dense: float) -> None:
    scale = GreenScale(bare_ndvi=bare, dense_ndvi=dense)
    assert scale.greenness(np.float32([bare, dense])) == pytest.approx([0, 1], abs=1e-4)


def spread_of_ndvi(low: float, high: float) -> dict[str, np.ndarray]:
    """NDVI evenly from low to high, on bright enough ground for the guard in the denominator not to matter."""
    wanted = np.linspace(low, high, 2001)
    return {"red": np.float32(0.5 * (1 - wanted)), "nir": np.float32(0.5 * (1 + wanted))}


def test_the_scale_is_read_off_unchanged_ground() -> None:
    after = spread_of_ndvi(0.0, 1.6 / 2)
    scale = fit_green_scale(after, np.ones(2001, bool), calibrated=True)
    assert scale is not None
    assert (scale.bare_ndvi, scale.dense_ndvi) == pytest.approx((0.05, 0.76), abs=0.002)
    barer = fit_green_scale(after, np.arange(2001) < 1500, calibrated=True)
    assert barer is not None
    assert barer.dense_ndvi == pytest.approx(0.57, abs=0.002)


def test_a_desert_has_no_dense_vegetation_but_raw_numbers_may_have_any_ndvi() -> None:
    after, everywhere = spread_of_ndvi(0.02, 0.12), np.ones(2001, bool)
    desert, raw = (fit_green_scale(after, everywhere, calibrated=known) for known in (True, False))
    assert desert is not None
    assert raw is not None
    assert desert.dense_ndvi == 0.45
    assert raw.dense_ndvi == pytest.approx(0.15, abs=0.01)


def test_bare_ground_stays_within_its_range() -> None:
    green = fit_green_scale(spread_of_ndvi(0.5, 0.9), np.ones(2001, bool), calibrated=True)
    assert green is not None
    assert green.bare_ndvi == 0.10


def test_without_red_or_nir_there_is_no_scale() -> None:
    assert fit_green_scale({"red": np.ones(5, np.float32)}, np.ones(5, bool), calibrated=True) is None
