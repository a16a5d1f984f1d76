import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from prepare_cases import CLOUD, GRID, OLI_CLEAR, OLI_CLOUD, OLI_FILL, SHADOW, SNOW, VEGETATION, of_scene, tile
from scipy import ndimage as ndi

from changedetect.errors import ConfigError
from changedetect.prepare import PrepareOptions, clear_sky
from changedetect.prepare.masks import SATURATED, count_around, grow, looks_of

AS_SEEN = PrepareOptions(cloud_dilation_m=0)


def near(mask, distance_m, pixel_m):
    """Every pixel against every masked one: what dilation in metres means."""
    rows, cols = np.indices(mask.shape)
    far = np.full(mask.shape, np.inf)
    for row, col in np.argwhere(mask):
        far = np.minimum(far, np.hypot((rows - row) * pixel_m[0], (cols - col) * pixel_m[1]))
    return far <= distance_m


@pytest.mark.parametrize(
    ("sensor", "code", "clear"),
    [
        ("sentinel-2-l2a", VEGETATION, True),
        ("sentinel-2-l2a", 5, True),
        ("sentinel-2-l2a", 6, True),
        ("sentinel-2-l2a", 7, True),
        ("sentinel-2-l2a", 0, False),
        ("sentinel-2-l2a", 1, False),
        ("sentinel-2-l2a", SHADOW, False),
        ("sentinel-2-l2a", 8, False),
        ("sentinel-2-l2a", CLOUD, False),
        ("sentinel-2-l2a", 10, False),
        ("sentinel-2-l2a", SNOW, False),
        ("landsat-8-9-c2-l2", OLI_CLEAR, True),
        ("landsat-8-9-c2-l2", OLI_CLOUD, False),
        ("landsat-8-9-c2-l2", OLI_FILL, False),
        ("landsat-4-7-c2-l2", 1 << 4, False),
        ("landsat-4-7-c2-l2", 1 << 5, False),
        ("landsat-4-7-c2-l2", 1 << 7, True),
    ],
)
def test_only_seen_ground_is_clear(sensor, code, clear):
    assert clear_sky(tile(code, sensor=sensor), AS_SEEN).all() == clear


def test_what_has_no_data_is_not_clear():
    valid = np.random.default_rng(0).random(GRID.shape) > 0.3
    np.testing.assert_array_equal(clear_sky(tile(VEGETATION, valid=valid), AS_SEEN), valid)


def test_saturated_pixels_are_not_clear():
    data = np.full((2, *GRID.shape), 0.3)
    data[1, 4, 5], data[0, 6, 7] = SATURATED, SATURATED - 0.01
    covered = ~clear_sky(tile(VEGETATION, data=data), AS_SEEN)
    assert np.argwhere(covered).tolist() == [[4, 5]]


def test_a_quality_band_alone_is_enough():
    alone = tile(VEGETATION, data=np.empty((0, *GRID.shape)), bands=())
    assert clear_sky(alone, AS_SEEN).all()


def test_tiles_of_one_pass_are_one_look():
    left = np.zeros(GRID.shape, dtype=bool)
    left[:, :30] = True
    one = of_scene(tile(VEGETATION, valid=left), scene_id="one", platform="sentinel-2a")
    two = of_scene(tile(VEGETATION), scene_id="two", platform="sentinel-2a")
    looks = looks_of([two, one])
    assert [look.tile.scene.scene_id for look in looks] == ["one", "two"]
    np.testing.assert_array_equal(looks[0].first, left)
    np.testing.assert_array_equal(looks[1].first, ~left)


@given(seed=st.integers(0, 99), radius=st.integers(0, 12))
@settings(max_examples=20, deadline=None)
def test_pixels_are_counted_in_squares(seed, radius):
    mask = np.random.default_rng(seed).random((11, 17)) < 0.4
    padded = np.pad(mask, radius)
    side = 2 * radius + 1
    wanted = [[padded[r : r + side, c : c + side].sum() for c in range(17)] for r in range(11)]
    np.testing.assert_array_equal(count_around(mask, radius), wanted)


@given(
    seed=st.integers(0, 99),
    distance=st.sampled_from([0.0, 10.0, 14.0, 25.0, 60.0]),
    width=st.sampled_from([8.0, 10.0]),
)
@settings(max_examples=25, deadline=None)
def test_clouds_and_shadows_grow_by_metres_and_snow_does_not(seed, distance, width):
    rng = np.random.default_rng(seed)
    grid = GeoBox((20, 24), Affine(width, 0, 500_000, 0, -10, 5_100_000), "EPSG:32634")
    qa = rng.choice([VEGETATION, CLOUD, SHADOW, SNOW], grid.shape, p=[0.97, 0.01, 0.01, 0.01])
    clear = clear_sky(tile(qa, grid=grid), PrepareOptions(cloud_dilation_m=distance))
    covered = near((qa == CLOUD) | (qa == SHADOW), distance, (10.0, width))
    np.testing.assert_array_equal(clear, ~covered & (qa != SNOW))


@given(seed=st.integers(0, 99), top=st.integers(0, 30), left=st.integers(0, 40), distance=st.floats(0, 150))
@settings(max_examples=30, deadline=None)
def test_a_tile_with_its_halo_equals_the_whole(seed, top, left, distance):
    options = PrepareOptions(cloud_dilation_m=distance)
    qa = np.where(np.random.default_rng(seed).random(GRID.shape) < 0.01, CLOUD, VEGETATION)
    whole = clear_sky(tile(qa), options)
    halo = math.ceil(distance / 10)
    rows = slice(max(top - halo, 0), min(top + 10 + halo, GRID.shape[0]))
    cols = slice(max(left - halo, 0), min(left + 10 + halo, GRID.shape[1]))
    part = clear_sky(tile(qa[rows, cols], grid=GRID[rows, cols]), options)
    inner = (slice(top - rows.start, top - rows.start + 10), slice(left - cols.start, left - cols.start + 10))
    np.testing.assert_array_equal(part[inner], whole[top : top + 10, left : left + 10])


def test_a_grid_in_degrees_is_measured_in_metres():
    grid = GeoBox((41, 41), Affine(1e-4, 0, 20, 0, -1e-4, 60), "EPSG:4326")
    qa = np.full(grid.shape, VEGETATION)
    qa[20, 20] = CLOUD
    covered = ~clear_sky(tile(qa, grid=grid), PrepareOptions(cloud_dilation_m=50))
    # At 60 degrees north a ten-thousandth is 11.1 m of latitude and 5.6 m of longitude.
    assert covered[:, 20].sum() == 2 * 4 + 1
    assert covered[20].sum() == 2 * 8 + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"cloud_dilation_m": -1},
        {"cloud_dilation_m": 2001},
        {"cloud_dilation_m": float("nan")},
        {"max_cloud_cover": 101},
        {"max_cloud_cover": -0.5},
        {"min_looks": 0},
    ],
)
def test_wrong_options_are_named_with_their_value(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=f"{name} is {value}"):
        PrepareOptions(**wrong)


@pytest.mark.parametrize(("pixel_m", "distance_m"), [((10.0, 10.0), 60.0), ((30.0, 20.0), 90.0), ((7.3, 9.1), 45.5)])
def test_growing_by_rows_is_growing_by_distance(pixel_m, distance_m):
    mask = np.random.default_rng(5).random((40, 30)) < 0.01
    away_m = ndi.distance_transform_edt(~mask, sampling=pixel_m)
    np.testing.assert_array_equal(grow(mask, distance_m, pixel_m), away_m <= distance_m + 1e-6)
