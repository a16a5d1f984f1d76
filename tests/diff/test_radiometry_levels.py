"""A date whose reflectance is off is recognised and put right; an honest one is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from changedetect.comparison import change_map, choose, read_both_ways
from changedetect.config import RunConfig
from changedetect.diff.levels import fit_levels, level
from changedetect.ground import ground_of_pair
from changedetect.model import KIND_CODES, Pair
from changedetect.testing import simulated_pair
from changedetect.types import BoolArray, WindowName

ERRORS = {
    "a forgotten processing offset": ((1,) * 6, (0.05,) * 6),
    "gains by turns": ((1.25, 0.8, 1.25, 0.8, 1.25, 0.8), (0,) * 6),
    "gains and offsets": ((0.8, 1.25, 0.9, 1.1, 0.8, 1.25), (-0.05, 0.05, 0.03, -0.05, 0.02, -0.04)),
    "haze": ((0.85, 0.88, 0.92, 0.97, 1, 1), (0.05, 0.045, 0.04, 0.02, 0.01, 0)),
}


def off(pair: Pair, date: WindowName, error: str) -> Pair:
    gain, offset = (np.array(values, dtype=np.float32)[:, None, None] for values in ERRORS[error])
    one = getattr(pair, date)
    wrong = replace(one, data=one.data * gain + offset)
    return replace(pair, before=wrong) if date == "before" else replace(pair, after=wrong)


def put_right(pair: Pair) -> Pair:
    return level(pair, fit_levels(pair))


def construction(pair: Pair) -> BoolArray:
    """(y, x) True on polygons of construction and clearing."""
    config = RunConfig()
    ground = ground_of_pair(pair, config)
    forward, backward = read_both_ways(ground, config)
    kind = change_map(forward, choose(forward, backward, ground, config), ground).kind
    return (kind == KIND_CODES["construction"]) | (kind == KIND_CODES["clearing"])


def moved_share(one: BoolArray, other: BoolArray) -> float:
    return float((one ^ other).sum() / one.sum())


@pytest.fixture(scope="module")
def suburb(make_pair, scenery, roof) -> Pair:
    """Settled ground, on which two roofs were built."""
    before, after = scenery(0, 160)
    after[:, 30:42, 42:56], after[:, 100:110, 100:112] = roof, 0.8 * roof
    return make_pair(before, after)


@pytest.fixture(scope="module")
def farmland():
    """Farmland in two Augusts, and the construction there."""
    return simulated_pair(2)


@pytest.fixture(scope="module")
def found(suburb, farmland):
    return {"suburb": construction(suburb), "farmland": construction(farmland[0])}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_honest_dates_are_left_alone(seed):
    pair, _ = simulated_pair(seed)
    assert put_right(pair) is pair


@pytest.mark.parametrize("date", ["before", "after"])
@pytest.mark.parametrize("error", ERRORS)
def test_the_date_that_is_off_is_named_and_put_right(farmland, date, error):
    pair = off(farmland[0], date, error)
    levels = fit_levels(pair)
    assert levels.off == date
    assert levels.mismatch > 1
    assert f"{date} looks less like land" in levels.reason
    other = "after" if date == "before" else "before"
    assert getattr(level(pair, levels), other) is getattr(pair, other)


@pytest.mark.parametrize("date", ["before", "after"])
def test_whatever_the_error_in_all_bands_the_result_is_the_same(farmland, date):
    everywhere = [error for error in ERRORS if error != "haze"]
    first, *others = [put_right(off(farmland[0], date, error)) for error in everywhere]
    for one in others:
        np.testing.assert_allclose(getattr(one, date).data, getattr(first, date).data, rtol=0, atol=2e-5)


@pytest.mark.parametrize("date", ["before", "after"])
@pytest.mark.parametrize("error", ["a forgotten processing offset", "gains and offsets"])
def test_on_settled_ground_polygons_change_by_less_than_one_percent(suburb, found, date, error):
    assert found["suburb"].sum() > 250
    assert moved_share(found["suburb"], construction(put_right(off(suburb, date, error)))) < 0.01


@pytest.mark.parametrize("date", ["before", "after"])
def test_on_farmland_what_was_built_changes_by_less_than_one_percent(farmland, found, date):
    pair, truth = farmland
    near = ndi.binary_dilation(truth, iterations=2)
    here, wrong = found["farmland"] & near, off(pair, date, "gains and offsets")
    assert moved_share(here, construction(put_right(wrong)) & near) < 0.01


def test_without_it_polygons_change_by_far_more(farmland, found):
    assert moved_share(found["farmland"], construction(off(farmland[0], "after", "gains and offsets"))) > 0.1


def test_tiles_equal_the_whole(farmland):
    pair = off(farmland[0], "after", "haze")
    levels, rows = fit_levels(pair), np.s_[40:70]
    whole = level(pair, levels)
    dates = [
        replace(one, geobox=pair.geobox[rows, :], data=one.data[:, rows], valid=one.valid[rows], looks=one.looks[rows])
        for one in (pair.before, pair.after)
    ]
    part = level(Pair(before=dates[0], after=dates[1]), levels)
    np.testing.assert_array_equal(part.after.data, whole.after.data[:, rows])


def test_the_unseen_stays_unseen(suburb):
    hidden = np.zeros(suburb.valid.shape, dtype=bool)
    hidden[:40] = True
    wrong = off(suburb, "after", "haze")
    data = np.where(hidden, np.nan, wrong.after.data).astype(np.float32)
    pair = replace(wrong, after=replace(wrong.after, data=data, valid=~hidden))
    np.testing.assert_array_equal(np.isnan(put_right(pair).after.data).all(axis=0), hidden)


def test_what_has_no_level_is_left_alone(suburb):
    wrong = off(suburb, "after", "haze")
    raw = replace(wrong, calibrated=False)
    assert fit_levels(raw).off is None
    assert "raw numbers" in fit_levels(raw).reason
    few = np.zeros(suburb.valid.shape, dtype=bool)
    few[:2] = True
    assert "too few pixels" in fit_levels(replace(wrong, after=replace(wrong.after, valid=few))).reason


def test_unlike_dates_that_both_look_like_land_are_left_alone(suburb):
    darker = replace(suburb.after, data=np.float32(0.55) * suburb.after.data)
    levels = fit_levels(replace(suburb, after=darker))
    assert levels.off is None
    assert levels.mismatch > 1
    assert "neither date looks clearly less like land" in levels.reason
