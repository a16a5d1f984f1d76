"""Laws that hold for every pair, whatever its pixels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import equals_exact

from changedetect.comparison import change_map, changes_frame, choose, read_both_ways
from changedetect.config import RunConfig
from changedetect.diff import DiffOptions
from changedetect.ground import ground_of_pair
from changedetect.lonlat import footprint
from changedetect.model import KIND_CODES, UNKNOWN, Pair, Site
from changedetect.testing import simulated_pair
from changedetect.tiling import TilingOptions
from changedetect.types import BoolArray

ALL_KINDS = RunConfig(kinds=("construction", "clearing", "removal", "other"))


def outcome(pair: Pair, config: RunConfig = ALL_KINDS):
    ground = ground_of_pair(pair, config)
    forward, backward = read_both_ways(ground, config)
    chosen = choose(forward, backward, ground, config)
    site = Site(site_id="law", name="law", geometry=footprint(ground.grid))
    return changes_frame(site, chosen, ground, (None, None)), change_map(forward, chosen, ground)


def hidden(pair: Pair, where: BoolArray) -> Pair:
    """The pair with pixels of the later date made invalid."""
    data = np.where(where, np.nan, pair.after.data).astype(np.float32)
    return replace(pair, after=replace(pair.after, data=data, valid=pair.after.valid & ~where))


@pytest.fixture(scope="module")
def pair() -> Pair:
    return simulated_pair(1, (96, 112), [(np.s_[20:30, 30:44], "white_roof"), (np.s_[60:70, 70:80], "concrete")])[0]


@pytest.fixture(scope="module")
def whole(pair):
    return outcome(pair)


def test_what_was_built_is_found(whole):
    changes, _ = whole
    assert (changes["kind"] == "construction").sum() >= 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_image_against_itself_gives_nothing(seed):
    pair, _ = simulated_pair(seed, (64, 64), [])
    changes, painted = outcome(replace(pair, after=pair.before))
    assert len(changes) == 0
    assert not painted.changed.any()
    assert not painted.kind.any()


@pytest.mark.parametrize("tile_px", [24, 37, 64])
def test_tiles_merged_equal_the_whole(pair, whole, tile_px):
    changes, painted = outcome(pair, replace(ALL_KINDS, tiling=TilingOptions(tile_px=tile_px)))
    for name in ("changed", "kind"):
        assert np.array_equal(getattr(painted, name), getattr(whole[1], name))
    assert np.allclose(painted.confidence, whole[1].confidence, atol=1e-6)
    assert changes["change_id"].tolist() == whole[0]["change_id"].tolist()
    assert changes["kind"].tolist() == whole[0]["kind"].tolist()
    assert all(equals_exact(changes.geometry.values, whole[0].geometry.values, 0))


def test_tiles_merged_equal_the_whole_for_a_detector_that_looks_around(pair):
    config = replace(ALL_KINDS, diff=DiffOptions(detector="context"))
    _, whole = outcome(pair, config)
    _, painted = outcome(pair, replace(config, tiling=TilingOptions(tile_px=37)))
    assert (whole.changed[22:28, 33:41] == 1).all()
    for name in ("changed", "kind"):
        assert np.array_equal(getattr(painted, name), getattr(whole, name))


def test_area_is_pixels_times_pixel_area_and_the_polygon_holds_it(pair, whole):
    changes, painted = whole
    metric = changes.to_crs(pair.geobox.crs.to_wkt())
    assert np.allclose(metric.area, changes["area_m2"], rtol=0.05)
    assert np.allclose(changes["area_m2"] % 100, 0)
    for kind in ("construction", "clearing"):
        pixels = (painted.kind == KIND_CODES[kind]).sum()
        assert changes.loc[changes["kind"] == kind, "area_m2"].sum() == pytest.approx(pixels * 100)


def test_swapping_the_dates_swaps_construction_and_removal(pair, whole):
    there, back = whole[0], outcome(pair.swapped())[0]
    for one, other in ((there, back), (back, there)):
        built = one[one["kind"] == "construction"].set_index("change_id")
        gone = other[other["kind"] == "removal"].set_index("change_id")
        assert sorted(built.index) == sorted(gone.index)
        assert built.geometry.geom_equals(gone.geometry, align=True).all()
    assert (there["kind"] == "construction").any()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**16), share=st.floats(0.02, 0.3))
def test_invalid_stays_invalid(seed, share):
    pair, _ = simulated_pair(2, (64, 64), [(np.s_[20:30, 30:44], "white_roof")])
    where = np.random.default_rng(seed).random((64, 64)) < share
    changes, painted = outcome(hidden(pair, where))
    for band in ("changed", "confidence", "kind"):
        assert np.array_equal(getattr(painted, band) == UNKNOWN, where)
    for kind in ("construction", "clearing"):
        pixels = (painted.kind == KIND_CODES[kind]).sum()
        assert changes.loc[changes["kind"] == kind, "area_m2"].sum() == pytest.approx(pixels * 100)
