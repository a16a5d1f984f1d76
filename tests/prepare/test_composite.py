from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from prepare_cases import CLOUD, GRID, OLI_FILL, VEGETATION, of_scene, tile

from changedetect.errors import NoScenesError
from changedetect.prepare import PrepareOptions, added_up, halo_px, make_composites
from changedetect.prepare.composite import METHODS

AS_SEEN = PrepareOptions(cloud_dilation_m=0, keep_roofs=False, reject_outliers=False)
BANDS = ("blue", "red", "nir", "swir16")


def composite(tiles, options):
    return make_composites(tiles, [tile(VEGETATION)], options).before


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
    made = composite(tiles, AS_SEEN)
    wanted = np.full(data.shape[1:], np.nan, dtype=np.float32)
    some = seen.any(axis=0)
    wanted[:, some] = np.nanmedian(np.where(seen[:, None], data, np.nan)[:, :, some], axis=0)
    np.testing.assert_allclose(made.data, wanted, rtol=1e-6)
    np.testing.assert_array_equal(made.looks, seen.sum(axis=0))
    np.testing.assert_array_equal(made.valid, some)
    assert made.data.dtype == np.float32
    assert np.isnan(made.data[:, ~made.valid]).all()


@given(st.permutations(range(5)), st.sampled_from(sorted(METHODS)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_scenes_does_not_matter(order, method):
    tiles, _, _ = looks_of(1, 5, 0.6)
    options = replace(AS_SEEN, composite=method)
    wanted, made = composite(tiles, options), composite([tiles[n] for n in order], options)
    np.testing.assert_array_equal(made.data, wanted.data)
    assert made.scene_ids == wanted.scene_ids == tuple(f"day-{day}" for day in range(5))


@pytest.mark.parametrize("method", METHODS)
def test_one_look_is_itself_and_nodata_stays_out(method):
    valid = np.ones(GRID.shape, dtype=bool)
    valid[:5] = False
    data = np.random.default_rng(2).uniform(0, 1, (2, *GRID.shape)).astype(np.float32)
    made = composite([tile(VEGETATION, valid=valid, data=data)], PrepareOptions(composite=method))
    np.testing.assert_array_equal(made.data[:, valid], data[:, valid])
    np.testing.assert_array_equal(made.valid, valid)


@pytest.mark.parametrize("method", sorted({*METHODS} - {"median"}))
def test_other_composites_take_all_bands_from_one_clear_look(method):
    tiles, data, seen = looks_of(5, 5, 0.6)
    made = composite(tiles, replace(AS_SEEN, composite=method))
    same = (made.data == data).all(axis=1) & seen
    np.testing.assert_array_equal(same.any(axis=0), made.valid)
    np.testing.assert_array_equal(made.looks, seen.sum(axis=0))


def test_the_medoid_is_the_look_nearest_to_the_median():
    data = np.array([[0.1, 0.5], [0.2, 0.2], [0.9, 0.3]], dtype=np.float32)  # the median is 0.2, 0.3
    tiles = [
        tile(VEGETATION, data=np.broadcast_to(one[:, None, None], (2, *GRID.shape)), day=n)
        for n, one in enumerate(data)
    ]
    made = composite(tiles, replace(AS_SEEN, composite="medoid"))
    assert made.data[:, 0, 0].tolist() == data[1].tolist()


def test_recent_is_the_latest_and_least_cloudy_that_of_the_clearest_scene():
    tiles, data, seen = looks_of(6, 3, 0.7)
    recent = composite(tiles, replace(AS_SEEN, composite="recent"))
    np.testing.assert_array_equal(recent.data[:, seen[2]], data[2][:, seen[2]])
    np.testing.assert_array_equal(recent.data[:, seen[1] & ~seen[2]], data[1][:, seen[1] & ~seen[2]])
    covers = (30.0, 5.0, None)
    told = [of_scene(one, cloud_cover=cover) for one, cover in zip(tiles, covers, strict=True)]
    clearest = composite(told, replace(AS_SEEN, composite="least-cloudy"))
    np.testing.assert_array_equal(clearest.data[:, seen[1]], data[1][:, seen[1]])
    np.testing.assert_array_equal(clearest.data[:, seen[0] & ~seen[1]], data[0][:, seen[0] & ~seen[1]])


def test_a_cloud_on_one_date_leaves_no_trace():
    data = np.full((2, *GRID.shape), 0.2, dtype=np.float32)
    qa = np.full(GRID.shape, VEGETATION)
    qa[10:20, 10:20] = CLOUD
    bright = data.copy()
    bright[:, 8:22, 8:22] = 0.9  # thin edges that the quality band misses
    made = composite(
        [tile(qa, data=bright, day=0), tile(VEGETATION, data=data, day=1)], PrepareOptions(cloud_dilation_m=40)
    )
    np.testing.assert_array_equal(made.data, data)
    assert made.looks.min() == 1


def test_pixels_of_too_few_looks_are_not_valid():
    tiles, _, seen = looks_of(3, 4, 0.5)
    made = composite(tiles, replace(AS_SEEN, min_looks=3))
    np.testing.assert_array_equal(made.valid, seen.sum(axis=0) >= 3)
    np.testing.assert_array_equal(np.isnan(made.data).any(axis=0), ~made.valid)


def test_the_spread_tells_looks_that_contradict_each_other():
    ground = np.full((2, *GRID.shape), 0.2, dtype=np.float32)
    cloudy = ground.copy()
    cloudy[:, 5:9, 5:9] = 0.6  # a cloud that no quality band tells
    qa = np.full(GRID.shape, VEGETATION)
    qa[20:, :] = CLOUD
    made = composite([tile(qa, data=cloudy, day=0), tile(VEGETATION, data=ground, day=1)], AS_SEEN)
    assert made.spread[5:9, 5:9] == pytest.approx(0.2 * 2**0.5), "half of 0.4 in two bands"
    assert not made.spread[10:18].any()
    assert np.isinf(made.spread[20:]).all(), "one look can't be contradicted"
    three = composite(
        [tile(VEGETATION, data=date, day=day) for day, date in enumerate((cloudy, ground, ground))], AS_SEEN
    )
    assert not three.spread.any(), "two of three agree"
    assert composite([tile(VEGETATION, data=ground)], AS_SEEN).spread is None


def test_tall_tiles_are_composited_in_strips_without_a_seam(monkeypatch):
    tiles, _, _ = looks_of(4, 5, 0.7)
    options = PrepareOptions(cloud_dilation_m=0)
    wanted = composite(tiles, options)
    monkeypatch.setattr("changedetect.prepare.composite.STRIP_ROWS", 7)
    monkeypatch.setattr("changedetect.prepare.outliers.STRIP_ROWS", 7)
    again = composite(tiles, options)
    np.testing.assert_array_equal(again.data, wanted.data)
    np.testing.assert_array_equal(again.spread, wanted.spread)


def test_a_tile_that_nobody_saw_is_empty_and_no_scene_at_all_is_an_error():
    made = composite([tile(OLI_FILL, sensor="landsat-8-9-c2-l2")], PrepareOptions())
    assert not made.valid.any()
    assert not made.looks.any()
    for windows in (([], [tile(VEGETATION)]), ([tile(VEGETATION)], [])):
        with pytest.raises(NoScenesError, match="no scene"):
            make_composites(*windows, PrepareOptions())


WIDE = GeoBox((100, 120), Affine(30, 0, 500_000, 0, -30, 5_100_000), "EPSG:32634")


def blotched(seed, count, day):
    """Scenes full of bright blotches, fixed and not, called cloud and not: every rule has work."""
    land = np.random.default_rng(9).uniform(0.02, 0.15, (4, *WIDE.shape))
    roofs = blocks(np.random.default_rng(10), 0.2, 5)
    rng = np.random.default_rng(seed)
    tiles = []
    for number in range(count):
        data = land * rng.uniform(0.9, 1.1)
        data[:, roofs] = 0.6 * rng.uniform(0.97, 1.03)
        cloud, shade = blocks(rng, 0.1, 10), blocks(rng, 0.1, 10)
        data[:, cloud], data[2:, shade] = rng.uniform(0.3, 0.9), 0.02
        qa = np.where((cloud & (rng.random() < 0.5)) | roofs, CLOUD, VEGETATION)
        tiles.append(tile(qa, data=data, day=day + number, grid=WIDE, bands=BANDS))
    return tiles


def blocks(rng, share, side):
    return np.kron(rng.random((100 // side, 120 // side)) < share, np.ones((side, side))) > 0


def cut(tiles, rows, cols):
    return [
        replace(
            one,
            geobox=one.geobox[rows, cols],
            data=one.data[:, rows, cols],
            valid=one.valid[rows, cols],
            qa=one.qa[rows, cols],
        )
        for one in tiles
    ]


@given(seed=st.integers(0, 999), top=st.integers(0, 90), left=st.integers(0, 110))
@settings(max_examples=8, deadline=None)
def test_a_tile_with_its_halo_equals_the_whole(seed, top, left):
    options = PrepareOptions(cloud_dilation_m=30)
    before, after = blotched(seed, 3, 0), blotched(seed + 1, 4, 400)
    whole = make_composites(before, after, options)
    halo = halo_px(30.0, options)
    assert halo < 30
    rows, cols = (
        slice(max(first - halo, 0), min(first + 10 + halo, size))
        for first, size in zip((top, left), WIDE.shape, strict=True)
    )
    part = make_composites(cut(before, rows, cols), cut(after, rows, cols), options)
    inner = (slice(top - rows.start, top - rows.start + 10), slice(left - cols.start, left - cols.start + 10))
    for name in ("before", "after"):
        np.testing.assert_array_equal(
            getattr(part, name).data[:, *inner], getattr(whole, name).data[:, top : top + 10, left : left + 10]
        )


def test_accounts_of_tiles_add_up():
    options = PrepareOptions(cloud_dilation_m=20)
    before, after = blotched(3, 3, 0), blotched(4, 4, 400)
    whole = make_composites(before, after, options)
    assert {one.scene_id for one in whole.accounts} == {one.scene.scene_id for one in (*before, *after)}
    assert sum(one.roof_px for one in whole.accounts) > 100
    assert sum(one.outlier_px for one in whole.accounts) > 100
    assert sum(one.looks_px for one in whole.accounts[:3]) == whole.before.looks.sum()
    parts = [
        make_composites(before, after, options, owned).accounts
        for owned in ((slice(0, 17), slice(None)), (slice(17, None), slice(0, 9)), (slice(17, None), slice(9, None)))
    ]
    assert added_up(one for part in parts for one in part) == whole.accounts
