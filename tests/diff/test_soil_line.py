"""Structure that soil does not make: a robust line, fields that shift, roofs that don't."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from changedetect.diff.radiometry import fit_index_scale
from changedetect.diff.soil_line import (
    RESPONSE,
    TAIL,
    Line,
    Structure,
    _robust_line,
    beside_of,
    dry_inside,
    fit_lines,
    structure_halo_px,
    structure_of,
    textures_of,
)
from changedetect.types import FloatArray

LINES = tuple(
    Line(regressor=name, before=(0.01, slope), after=(0.01, slope), scatter=0.004)
    for name, slope in (("red", 0.5), ("swir16", 0.25))
)
FIELD = np.s_[10:30, 12:32]
INSIDE = np.s_[14:26, 16:28]
EVERYWHERE = np.ones((40, 44), dtype=bool)


def soil(red: FloatArray, off_line: FloatArray | float = 0.0) -> dict[str, FloatArray]:
    """Dry ground on both lines but for `off_line`, which is added to blue."""
    planes = {"blue": 0.01 + 0.5 * red + off_line, "green": 0.75 * red, "red": red, "nir": 1.3 * red, "swir16": 2 * red}
    return {name: np.asarray(plane, dtype=np.float32) for name, plane in planes.items()}


def bare(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(0.12, 0.2, EVERYWHERE.shape)


def structure(before, after, valid=EVERYWHERE, barren=EVERYWHERE, lines=LINES) -> Structure:
    textures = textures_of((before, after), valid, lines, 10.0)
    return structure_of(textures, lines, valid, barren & dry_inside(before, after, valid))


def strength(before, after, valid=EVERYWHERE, barren=EVERYWHERE, lines=LINES) -> FloatArray:
    return structure(before, after, valid, barren, lines).strength


def roofs(block: tuple[slice, slice] = FIELD) -> FloatArray:
    """Two-pixel squares off the line by turns, in a block."""
    rows, cols = np.indices(EVERYWHERE.shape) // 2
    off = np.zeros(EVERYWHERE.shape)
    off[block] = np.where((rows + cols) % 2, 0.04, -0.01)[block]
    return off


def test_the_line_ignores_outliers() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0.05, 0.35, 5000)
    y = 0.02 + 0.6 * x + rng.normal(0, 0.004, 5000)
    y[:1000] += rng.uniform(0.05, 0.3, 1000)
    (intercept, slope), scatter = _robust_line(x, y)
    assert slope == pytest.approx(0.6, abs=0.01)
    assert intercept == pytest.approx(0.02, abs=0.004)
    assert scatter == pytest.approx(0.004, rel=0.4)
    least_squares = np.polyfit(x, y, 1)
    assert abs(np.polyval(least_squares, 0.2) - 0.14) > 0.02, "the outliers matter to a plain fit"


def test_the_line_of_ground_without_contrast_is_finite() -> None:
    line, scatter = _robust_line(np.full(100, 0.2), np.full(100, 0.1))
    assert np.isfinite([*line, scatter]).all()


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.09, 0.15))
def test_a_field_that_moves_along_the_line_is_no_structure(shift: float) -> None:
    red = bare()
    ploughed = red.copy()
    ploughed[FIELD] += shift
    assert strength(soil(red), soil(ploughed)).max() < 0.1


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.03, 0.06))
def test_a_field_that_shifts_as_a_whole_has_no_structure_inside(shift: float) -> None:
    off = np.zeros(EVERYWHERE.shape)
    off[FIELD] = shift
    assert strength(soil(bare()), soil(bare(2), off))[INSIDE].max() < 0.1


def test_a_checker_of_roofs_is_structure() -> None:
    found = structure(soil(bare()), soil(bare(2), roofs()))
    assert found.strength[INSIDE].min() > 2
    assert found.strength[:5].max() < 0.1
    assert (found.texture_after[INSIDE] > 5 * found.texture_before[INSIDE]).all()
    # Half the squares at +0.04, half at -0.01, in units of a scatter of 0.004.
    assert found.excess_gain[INSIDE].mean() == pytest.approx(0.015 / 0.004, rel=1e-3)


def test_an_old_village_is_no_new_structure() -> None:
    assert strength(soil(bare(), roofs()), soil(bare(2), roofs())).max() < 0.1


def test_a_village_torn_down_is_no_new_structure() -> None:
    assert strength(soil(bare(), roofs()), soil(bare(2))).max() < 0.1


def test_green_ground_and_ground_near_water_have_no_structure() -> None:
    before, after = soil(bare()), soil(bare(2), roofs())
    barren = EVERYWHERE.copy()
    barren[:20] = False
    green = strength(before, after, barren=barren)
    assert green[:20].max() == 0
    assert green[INSIDE][10:].min() > 1
    pond = {name: plane.copy() for name, plane in before.items()}
    pond["green"][20, 20], pond["nir"][20, 20], pond["swir16"][20, 20] = 0.08, 0.03, 0.02
    wet = strength(pond, after)
    assert wet[20, 19:22].max() == wet[19:22, 20].max() == 0
    assert wet[24, 24] > 1


def test_ground_beside_invalid_pixels_has_no_structure() -> None:
    valid = EVERYWHERE.copy()
    valid[20, 20] = False
    found = strength(soil(bare()), soil(bare(2), roofs()), valid=valid)
    assert found[20, 19:22].max() == found[19:22, 20].max() == 0
    assert found[24, 24] > 1
    assert np.isfinite(found).all()


def test_without_lines_there_is_no_structure() -> None:
    assert strength(soil(bare()), soil(bare(2), roofs()), lines=()).max() == 0


def test_strength_is_a_root_mean_square_over_the_lines() -> None:
    before, after = soil(bare()), soil(bare(2), roofs())
    red, swir = (strength(before, after, lines=LINES[i : i + 1]) for i in range(2))
    both = strength(before, after)
    np.testing.assert_allclose(both, np.sqrt((red**2 + swir**2) / 2), rtol=1e-5)


def test_nothing_beyond_the_halo_matters() -> None:
    halo = structure_halo_px(10.0)
    before, after = soil(bare()), soil(bare(2), roofs(np.s_[2:38, 2:42]))
    whole = strength(before, after)
    part = np.s_[20 - halo : 21 + halo, 22 - halo : 23 + halo]
    cut = [{name: plane[part] for name, plane in date.items()} for date in (before, after)]
    assert strength(*cut, valid=EVERYWHERE[part], barren=EVERYWHERE[part])[halo, halo] == whole[20, 22]


def test_lines_are_fitted_at_each_date_and_need_blue_and_red(make_pair, make_sample, scenery) -> None:
    sample = make_sample(make_pair(*scenery()))
    red = np.random.default_rng(0).uniform(0.05, 0.3, sample.before.shape[1])
    for date, slope in ((sample.before, 0.4), (sample.after, 0.7)):
        date[0], date[2] = np.sqrt(0.01 + slope * red), np.sqrt(red)
    scales = (fit_index_scale(sample.before, sample.bands, calibrated=True),) * 2
    lines = fit_lines(sample, scales)
    assert [line.regressor for line in lines] == ["red", "swir16"]
    assert lines[0].before == pytest.approx((0.01, 0.4), abs=1e-3)
    assert lines[0].after == pytest.approx((0.01, 0.7), abs=1e-3)
    renamed = replace(sample, bands=("coastal", *sample.bands[1:]))
    assert fit_lines(renamed, scales) == ()


@pytest.mark.parametrize("times", [0.5, 3])
def test_beside_is_the_blur_around_what_is_strong_and_nothing_else(times):
    """A square hall, blurred as by an instrument: its edge lies at half its height."""
    hall = np.zeros(EVERYWHERE.shape, dtype=np.float32)
    hall[FIELD] = times * TAIL * 0.62 * 0.004
    red = np.full(EVERYWHERE.shape, 0.15, dtype=np.float32)
    dates = soil(red), soil(red, ndi.gaussian_filter(hall, 0.7))
    for some in (dates, dates[::-1]):
        beside = beside_of(textures_of(some, EVERYWHERE, LINES, 10.0), LINES, EVERYWHERE, 10.0)
        if times < 1:
            assert not beside.any()
            continue
        ring = ndi.binary_dilation(hall > 0, np.ones((7, 7), dtype=bool)) & (hall == 0)
        corners = ndi.binary_dilation(hall > 0, iterations=3)  # the blur takes the tip of a corner
        assert not beside[INSIDE].any()
        assert beside[ring & corners].all()
        assert not beside[~ndi.binary_dilation(hall > 0, np.ones((9, 9), dtype=bool))].any()


def test_a_dimmer_building_beside_a_bright_one_is_no_blur_of_it():
    units = np.zeros(EVERYWHERE.shape, dtype=np.float32)
    units[10:20, 10:20], units[10:20, 21:24] = 60, 8
    unit = max(RESPONSE["red"][0] * 0.004, RESPONSE["red"][1])
    red = np.full(EVERYWHERE.shape, 0.15, dtype=np.float32)
    dates = soil(red), soil(red, ndi.gaussian_filter(units * unit, 0.4))
    beside = beside_of(textures_of(dates, EVERYWHERE, LINES[:1], 10.0), LINES[:1], EVERYWHERE, 10.0)
    assert not beside[10:20, 10:20].any()
    assert not beside[11:19, 22].any()
    assert beside[11:19, 20].all()
    assert beside[11:19, 7:9].all()
