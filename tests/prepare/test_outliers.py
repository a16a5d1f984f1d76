from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prepare_cases import GRID, VEGETATION, tile

from changedetect import tiling
from changedetect.catalog import open_catalog
from changedetect.config import load_config
from changedetect.model import Window
from changedetect.prepare import PrepareOptions, make_composites
from changedetect.prepare.masks import clear_of, looks_of
from changedetect.prepare.outliers import outliers
from changedetect.sites import read_sites

SAMPLE = Path(__file__).parents[2] / "sample_tiles"
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
FIELD = np.array([0.05, 0.08, 0.07, 0.30, 0.20, 0.12])
CLOUD = np.array([0.45, 0.44, 0.43, 0.50, 0.30, 0.25])
ROOF = np.array([0.60, 0.62, 0.63, 0.64, 0.50, 0.35])
HAZE = FIELD + np.array([0.080, 0.065, 0.050, 0.040, 0.015, 0.010])
PATCH = np.s_[10:25, 12:30]


def window(count, *marks, seed=0):
    """Looks at a field of some noise; `marks` are (look, place, spectrum or factor)."""
    rng = np.random.default_rng(seed)
    stack = FIELD[None, :, None, None] * (1 + rng.normal(0, 0.04, (count, 1, 1, 1)))
    stack = stack + rng.normal(0, 0.003, (count, len(BANDS), *GRID.shape))
    for look, place, what in marks:
        here = stack[look][:, *place]
        stack[look][:, *place] = here * what if np.isscalar(what) else np.broadcast_to(what[:, None, None], here.shape)
    return looks_of([tile(VEGETATION, data=data, day=16 * day, bands=BANDS) for day, data in enumerate(stack)])


def rejected(looks):
    return outliers(looks, np.stack([clear_of(look, PrepareOptions()) for look in looks]))


@pytest.mark.parametrize("count", [3, 4, 7])
@pytest.mark.parametrize("at", [0, 1, -1])
@pytest.mark.parametrize("what", [CLOUD, HAZE, 0.35], ids=["cloud", "haze", "shadow"])
def test_what_stands_out_on_one_date_is_rejected_there_and_nowhere_else(count, at, what):
    out = rejected(window(count, (at, PATCH, what)))
    assert out[at][PATCH].mean() > 0.97
    out[at][8:27, 10:32] = False
    assert out.mean() < 1e-3


def test_two_missed_clouds_of_four_are_rejected():
    out = rejected(window(4, (0, PATCH, CLOUD), (2, PATCH, CLOUD * 0.8)))
    assert out[[0, 2]][:, *PATCH].all()
    assert not out[[1, 3]].any()


def test_of_two_dates_the_far_brighter_one_is_rejected_and_a_darker_one_is_not():
    out = rejected(window(2, (0, PATCH, CLOUD)))
    assert out[0][PATCH].all()
    assert not out[1].any()
    assert not rejected(window(2, (0, PATCH, 0.35))).any()
    assert not rejected(window(1, (0, PATCH, CLOUD))).any()


def test_single_pixels_are_left_alone():
    spots = [(1, np.s_[row : row + 1, col : col + 1], CLOUD) for row in range(2, 38, 6) for col in range(2, 48, 6)]
    assert not rejected(window(5, *spots)).any()


@pytest.mark.parametrize("first", [2, 3, 4])
def test_a_roof_built_within_the_window_is_no_cloud(first):
    out = rejected(window(6, *[(look, PATCH, ROOF * (1 + 0.02 * (look % 3))) for look in range(first, 6)]))
    assert not out[first:][:, *PATCH].any()


def test_clouds_that_differ_do_not_last():
    out = rejected(window(6, (4, PATCH, CLOUD), (5, PATCH, CLOUD * 1.6)))
    assert out[4:][:, *PATCH].all()


def test_ploughing_and_harvest_are_no_clouds():
    """Soil and straw have about half as much blue as red more than a crop (SLUM, PROSAIL: `changedetect.testing`)."""
    soil = np.array([0.087, 0.100, 0.122, 0.169, 0.263, 0.227])
    straw = np.array([0.117, 0.155, 0.173, 0.248, 0.301, 0.249])
    assert not rejected(window(5, (1, PATCH, soil), (3, np.s_[0:8, :], straw))).any()


def test_no_pixel_loses_all_its_looks():
    looks = window(4, (0, PATCH, CLOUD), (1, PATCH, CLOUD * 0.7), (2, PATCH, 0.3), (3, PATCH, 0.3))
    clear = np.stack([clear_of(look, PrepareOptions()) for look in looks])
    assert (clear & ~outliers(looks, clear)).any(axis=0).all()


def test_without_visible_or_infrared_bands_there_is_less_to_tell():
    looks = window(4, (1, PATCH, CLOUD), (2, PATCH, 0.3))
    visible = [replace(look, tile=replace(look.tile, bands=BANDS[:3], data=look.tile.data[:3])) for look in looks]
    infrared = [replace(look, tile=replace(look.tile, bands=BANDS[3:], data=look.tile.data[3:])) for look in looks]
    assert [out.any() for out in rejected(visible)] == [False, True, False, False]
    assert [out.any() for out in rejected(infrared)] == [False, False, True, False]


@pytest.fixture(scope="module")
def romania():
    """Real scenes of a forest by date, on the site's grid."""
    (site,) = [one for one in read_sites(SAMPLE / "sites.geojson") if one.site_id == "romania-road"]
    scenes = open_catalog(SAMPLE / "catalog.json").search(site.geometry, Window.parse("2017-06/2019-12"))
    grid = tiling.site_grid(site, scenes, load_config(SAMPLE / "run.toml").tiling)
    bands = tiling.common_bands(scenes)
    return {f"{one.datetime:%Y-%m-%d}": tiling.read_scene(one, grid, bands) for one in scenes}


CLEAR_DAYS = ("2017-06-06", "2017-07-11", "2017-08-05")


@pytest.mark.parametrize("method", ["median", "medoid", "recent"])
def test_a_clouded_scene_that_scl_calls_clear_leaves_the_composite_as_it_is(romania, method):
    options = PrepareOptions(composite=method)
    clear = [romania[day] for day in CLEAR_DAYS]
    clouded = [*clear, romania["2018-08-15"]]
    assert share_called_clear(romania["2018-08-15"]) > 0.99
    without, within = (make_composites(some, clear, options).before for some in (clear, clouded))
    apart = np.abs(within.data - without.data)[:, without.valid]
    one_less = make_composites(clear[1:], clear, options).before
    noise = np.abs(one_less.data - without.data)[:, without.valid]
    if method != "recent":  # whose latest look stays the same
        assert apart.mean() < 0.1 * noise.mean()
    assert apart.mean() < 0.0015
    blind = make_composites(clouded, clear, replace(options, reject_outliers=False)).before
    assert np.abs(blind.data - without.data)[:, without.valid].mean() > 10 * apart.mean()


def share_called_clear(scene):
    return np.isin(scene.qa, (2, 4, 5, 6, 7))[scene.valid].mean()


def test_missed_parts_of_a_cloud_are_left_out(romania):
    scene = romania["2019-07-11"]
    looks = looks_of([*(romania[day] for day in CLEAR_DAYS), scene])
    clear = np.stack([clear_of(look, PrepareOptions()) for look in looks])
    blue = scene.bands.index("blue")
    usual = np.median([look.tile.data[blue] for look in looks[:3]], axis=0)
    missed = clear[3] & (scene.data[blue] > usual + 0.08)
    assert missed.sum() > 100
    out = outliers(looks, clear)
    assert out[3][missed].mean() > 0.8
    assert out[3][clear[3]].mean() < 0.15
    assert out[:3].mean() < 0.005
