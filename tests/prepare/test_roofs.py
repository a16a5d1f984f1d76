"""Halls and clouds that quality bands call the same: on simulated scenes, told apart by time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from prepare_cases import CLOUD, OLI_CLOUD, of_scene
from rasterio.features import rasterize
from scipy import ndimage as ndi
from shapely.geometry import box

from changedetect.model import BandAsset, Scene, Tile
from changedetect.prepare import PrepareOptions, make_composites
from changedetect.prepare.masks import looks_of
from changedetect.prepare.roofs import roofs_called_cloud
from changedetect.sensors import SENSORS
from changedetect.testing import Acquisition, Feature, farmland, observe
from changedetect.testing.farmland import block
from changedetect.testing.textures import smooth_noise

S2, LANDSAT = "sentinel-2-l2a", "landsat-8-9-c2-l2"
BANDS = ("blue", "green", "red", "swir16")
HALL = block(500_340, 5_099_700, (160, 120), 17)
BARE = farmland("roofs", west=500_040, north=5_100_000, epsg=32634, size_m=(600, 600), seed=5)
BUILT = replace(
    BARE, features=(Feature(feature_id="hall", geometry=HALL, cover="white_roof", built=date(2022, 12, 1)),)
)
BEFORE, AFTER = (
    [datetime(year, 6, 3, 9, 36, tzinfo=UTC) + timedelta(days=24 * n) for n in range(4)] for year in (2022, 2023)
)


def seen(land, day, sensor=S2):
    """One clear overpass on the grid of the finest bands, nothing called cloud."""
    looked = observe(land, Acquisition(sensor=sensor, moment=day, seed=day.toordinal()))
    grid = looked.bands["red"][1]

    def on_grid(layer):
        factor = grid.shape[0] // layer.shape[0]
        return np.kron(layer, np.ones((factor, factor), dtype=layer.dtype))

    scale = SENSORS[sensor].scale
    data = np.stack([on_grid(looked.bands[band][0]) for band in BANDS]) * scale + looked.acquisition.offset
    qa = np.where(SENSORS[sensor].decode_qa(on_grid(looked.qa[0])).cloud, 0, on_grid(looked.qa[0]))
    qa = np.where(qa == 0, 7 if sensor == S2 else 21824, qa)
    asset = BandAsset(href="nowhere.tif")
    scene = Scene(
        scene_id=f"{day:%Y%m%d}",
        sensor=sensor,
        datetime=day,
        footprint=box(20, 45, 22, 47),
        bands=dict.fromkeys(BANDS, asset),
        qa=asset,
    )
    valid = np.ones(grid.shape, dtype=bool)
    return Tile(scene=scene, geobox=grid, bands=BANDS, data=data.astype(np.float32), valid=valid, qa=qa)


@pytest.fixture(scope="module")
def windows():
    """Clear scenes by sensor: before, after without anything built, after with a hall."""
    return {
        sensor: [
            [seen(land, day, sensor) for day in days] for land, days in ((BARE, BEFORE), (BARE, AFTER), (BUILT, AFTER))
        ]
        for sensor in (S2, LANDSAT)
    }


def called_cloud(one):
    """The tile with whatever is bright called cloud, on pixels of 20 m, or grown by three as Landsat's are."""
    bright = one.data[:3].mean(axis=0) > 0.4
    if one.scene.sensor == LANDSAT:
        grown = ndi.binary_dilation(bright, iterations=3)
        return replace(one, qa=np.where(bright, OLI_CLOUD, np.where(grown, 21824 | 2, one.qa)))
    coarse = bright.reshape(bright.shape[0] // 2, 2, bright.shape[1] // 2, 2).any(axis=(1, 3))
    return replace(one, qa=np.where(np.kron(coarse, np.ones((2, 2))) > 0, CLOUD, one.qa))


def under_cloud(one, rng, *, brightness=(0.3, 0.9)):
    """The tile with a cloud that hangs over the hall's place, of another shape and brightness each time."""
    rows, cols = np.indices(one.qa.shape)
    middle = np.array(one.qa.shape) / 2 + rng.normal(0, 3, 2)
    radius = one.qa.shape[0] / 4 * rng.uniform(0.7, 1.3)
    depth = 1.2 - np.hypot(rows - middle[0], cols - middle[1]) / radius + 0.35 * smooth_noise(rng, one.qa.shape, 4)
    opacity = np.clip(3 * depth, 0, 1)
    tops = rng.uniform(*brightness) * (1 + 0.1 * smooth_noise(rng, one.qa.shape, 3))
    cloud = tops * np.array([1.0, 0.98, 0.97, 0.65])[:, None, None]
    data = (one.data * (1 - opacity) + opacity * cloud).astype(np.float32)
    return replace(one, data=data, qa=np.where(opacity > 0.3, CLOUD, one.qa))


def hall_on(one):
    return rasterize([(HALL, 1)], out_shape=one.qa.shape, transform=one.geobox.affine) > 0


def freed(window, other):
    return np.stack(roofs_called_cloud(looks_of(window), looks_of(other)))


@pytest.mark.parametrize("sensor", [S2, LANDSAT])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_new_hall_called_cloud_on_every_date_is_seen(windows, sensor, count):
    before, _, after = windows[sensor]
    after = [called_cloud(one) for one in after[:count]]
    hall = hall_on(after[0])
    kept = make_composites(before, after, PrepareOptions())
    lost = make_composites(before, after, PrepareOptions(keep_roofs=False))
    assert not lost.after.valid[hall].any()
    assert kept.after.valid.all()
    assert kept.after.looks[hall].min() >= count - 1
    assert np.median(kept.after.data[:3, hall]) > 0.6
    np.testing.assert_array_equal(kept.before.data, lost.before.data)


def test_a_hall_that_is_gone_is_seen_before(windows):
    _, bare, built = windows[S2]
    there = [called_cloud(one) for one in built]
    later = [of_scene(one, datetime=one.scene.datetime + timedelta(days=365)) for one in bare]
    made = make_composites(there, later, PrepareOptions())
    assert made.before.valid.all()


def test_a_hall_that_stands_in_both_windows_is_seen_in_both(windows):
    after = [called_cloud(one) for one in windows[S2][2]]
    earlier = [
        of_scene(one, datetime=one.scene.datetime - timedelta(days=365), scene_id=f"e{n}")
        for n, one in enumerate(after)
    ]
    made = make_composites(earlier, after, PrepareOptions())
    assert made.before.valid.all()
    assert made.after.valid.all()


def test_a_real_cloud_over_the_hall_on_one_date_stays_one(windows):
    before, _, after = windows[S2]
    clouded = under_cloud(after[1], np.random.default_rng(3))
    after = [called_cloud(after[0]), clouded, called_cloud(after[2]), called_cloud(after[3])]
    hall = hall_on(clouded)
    made = make_composites(before, after, PrepareOptions())
    assert made.after.valid[hall].all()
    assert not freed(after, before)[1].any()
    accounts = {one.scene_id: one for one in made.accounts}
    assert accounts[clouded.scene.scene_id].roof_px == 0
    assert accounts[after[0].scene.scene_id].roof_px >= hall.sum()


@pytest.mark.parametrize("brightness", [(0.3, 0.9), (0.75, 0.9), (0.82, 0.83)])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_clouds_over_one_place_on_every_date_stay_clouds(windows, brightness, count):
    before, bare, _ = windows[S2]
    for seed in range(6):
        rng = np.random.default_rng([seed, count])
        after = [under_cloud(one, rng, brightness=brightness) for one in bare[:count]]
        assert np.mean([one.qa == CLOUD for one in after], axis=0).max() == 1
        assert not freed(after, before).any()


def test_one_date_alone_and_no_other_window_tell_nothing(windows):
    before, _, after = windows[S2]
    after = [called_cloud(one) for one in after]
    assert not freed(after[:1], before).any()
    assert not freed(after, [replace(one, qa=np.zeros_like(one.qa)) for one in before]).any()
    unseen = [replace(one, bands=("nir", "swir16", "swir22", "nir08")) for one in after]
    assert not freed(unseen, before).any()


def test_what_was_as_often_called_cloud_before_and_differs_is_left(windows):
    before, _, after = windows[S2]
    hall = hall_on(before[0])
    before = [replace(one, qa=np.where(hall, CLOUD, one.qa)) for one in before]
    assert not freed([called_cloud(one) for one in after], before)[:, hall].any()


def test_two_tiles_of_one_pass_are_no_two_dates(windows):
    before, _, after = windows[S2]
    one = called_cloud(after[0])
    twice = [of_scene(one, scene_id=name, platform="sentinel-2a") for name in ("T34TDS", "T34TDT")]
    assert not freed(twice, before).any()
