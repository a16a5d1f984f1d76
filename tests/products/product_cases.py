"""Simulated products, what they must give back, and ways to damage them; for the tests of this folder."""

from datetime import UTC, datetime

import numpy as np
import pytest
from shapely.geometry import box

from changedetect import geotiff
from changedetect.catalog.products import scene_of_product
from changedetect.errors import CatalogError
from changedetect.model import Window
from changedetect.sensors import SENSORS
from changedetect.testing import Acquisition, farmland, observe

YEAR = Window.parse("2023-01-01/2023-12-31")
WORLD = box(-180, -90, 180, 90)
MOMENT = datetime(2023, 7, 1, 9, 36, 11, tzinfo=UTC)
SAFE = "S2A_MSIL2A_20230701T093611_N0510_R036_T34TER_20230701T183611.SAFE"
BUNDLE = "LC08_L2SP_187027_20230701_20230713_02_T1"


def look(sensor, baseline="05.10", moment=MOMENT):
    land = farmland("products", west=500_040, north=5_100_000, epsg=32634, size_m=(240, 240), seed=2)
    return observe(land, Acquisition(sensor=sensor, moment=moment, seed=1, baseline=baseline, wedge=0.4))


def same_pixels(scene, observation):
    """Every band of a scene, read from its file and calibrated, is what the simulator saw; so is the quality layer."""
    assert scene.sensor == observation.acquisition.sensor
    assert set(scene.bands) == set(observation.bands) == set(SENSORS[scene.sensor].assets)
    scale = SENSORS[scene.sensor].scale
    for name, (numbers, grid) in observation.bands.items():
        asset = scene.bands[name]
        data, valid = geotiff.read(asset.href, grid, nodata=asset.nodata)
        assert geotiff.info(asset.href).geobox == grid
        np.testing.assert_array_equal(valid, numbers != 0)
        assert 0 < valid.sum() < valid.size
        exact = numbers * scale + observation.acquisition.offset
        np.testing.assert_array_equal((data[0] * asset.scale + asset.offset)[valid], exact[valid])
    codes, _ = geotiff.read(scene.qa.href, observation.qa[1], nodata=scene.qa.nodata)
    np.testing.assert_array_equal(codes[0], observation.qa[0])


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refusal(path):
    """The one line that a product is refused with."""
    with pytest.raises(CatalogError) as caught:
        scene_of_product(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)
