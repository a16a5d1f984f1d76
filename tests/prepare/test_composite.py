import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prepare_cases import CLOUD, GRID, OLI_FILL, VEGETATION, tile

from changedetect.errors import NoScenesError
from changedetect.prepare import PrepareOptions, median_composite

AS_SEEN = PrepareOptions(cloud_dilation_m=0)


def looks_of(seed, count, clear):
    """Scenes with clouds at random, `clear` the share that is seen."""
    rng = np.random.default_rng(seed)
    shape = (count, *GRID.shape)
    qa = np.where(rng.random(shape) < clear, VEGETATION, CLOUD)
    data = rng.uniform(0, 1, (count, 2, *GRID.shape)).astype(np.float32)
    return [tile(qa[day], data=data[day], day=day) for day in range(count)], data, qa == VEGETATION


@given(seed=st.integers(0, 999), count=st.integers(1, 7), clear=st.sampled_from([0.0, 0.3, 0.8, 1.0]))
@settings(max_examples=25, deadline=None)
def test_a_composite_is_the_median_of_clear_looks(seed, count, clear):
    tiles, data, seen = looks_of(seed, count, clear)
    made = median_composite(tiles, AS_SEEN)
    wanted = np.full(data.shape[1:], np.nan, dtype=np.float32)
    some = seen.any(axis=0)
    wanted[:, some] = np.nanmedian(np.where(seen[:, None], data, np.nan)[:, :, some], axis=0)
    np.testing.assert_allclose(made.data, wanted, rtol=1e-6)
    np.testing.assert_array_equal(made.looks, seen.sum(axis=0))
    np.testing.assert_array_equal(made.valid, some)
    assert made.data.dtype == np.float32
    assert np.isnan(made.data[:, ~made.valid]).all()


@given(st.permutations(range(5)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_scenes_does_not_matter(order):
    tiles, _, _ = looks_of(1, 5, 0.6)
    wanted, made = median_composite(tiles, AS_SEEN), median_composite([tiles[n] for n in order], AS_SEEN)
    np.testing.assert_array_equal(made.data, wanted.data)
    assert made.scene_ids == wanted.scene_ids == tuple(f"day-{day}" for day in range(5))


def test_one_look_is_itself_and_nodata_stays_out():
    valid = np.ones(GRID.shape, dtype=bool)
    valid[:5] = False
    data = np.random.default_rng(2).uniform(0, 1, (2, *GRID.shape)).astype(np.float32)
    made = median_composite([tile(VEGETATION, valid=valid, data=data)], AS_SEEN)
    np.testing.assert_array_equal(made.data[:, valid], data[:, valid])
    np.testing.assert_array_equal(made.valid, valid)


def test_a_cloud_on_one_date_leaves_no_trace():
    data = np.full((2, *GRID.shape), 0.2, dtype=np.float32)
    qa = np.full(GRID.shape, VEGETATION)
    qa[10:20, 10:20] = CLOUD
    bright = data.copy()
    bright[:, 8:22, 8:22] = 0.9  # thin edges that the quality band misses
    made = median_composite(
        [tile(qa, data=bright, day=0), tile(VEGETATION, data=data, day=1)], PrepareOptions(cloud_dilation_m=40)
    )
    np.testing.assert_array_equal(made.data, data)
    assert made.looks.min() == 1


def test_pixels_of_too_few_looks_are_not_valid():
    tiles, _, seen = looks_of(3, 4, 0.5)
    made = median_composite(tiles, PrepareOptions(cloud_dilation_m=0, min_looks=3))
    np.testing.assert_array_equal(made.valid, seen.sum(axis=0) >= 3)
    np.testing.assert_array_equal(np.isnan(made.data).any(axis=0), ~made.valid)


def test_tall_tiles_are_composited_in_strips_without_a_seam(monkeypatch):
    tiles, _, _ = looks_of(4, 5, 0.7)
    wanted = median_composite(tiles, AS_SEEN)
    monkeypatch.setattr("changedetect.prepare.composite._STRIP_ROWS", 7)
    np.testing.assert_array_equal(median_composite(tiles, AS_SEEN).data, wanted.data)


def test_a_tile_that_nobody_saw_is_empty_and_no_scene_at_all_is_an_error():
    made = median_composite([tile(OLI_FILL, sensor="landsat-8-9-c2-l2")], AS_SEEN)
    assert not made.valid.any()
    assert not made.looks.any()
    with pytest.raises(NoScenesError, match="no scene"):
        median_composite([], AS_SEEN)
