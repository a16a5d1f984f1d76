import json
import re
from pathlib import Path

import numpy as np
import pytest

from changedetect.catalog import scene_from_item
from changedetect.catalog.items import MIN_BANDS
from changedetect.errors import CatalogError
from changedetect.sensors import COMMON_BANDS, SENSORS

ITEMS = Path(__file__).parent / "items"
CODES = np.arange(65536).reshape(256, 256)


def sensors_in_fixtures():
    for path in ITEMS.glob("*.json"):
        try:
            yield scene_from_item(json.loads(path.read_text())).sensor
        except CatalogError:
            continue


@pytest.fixture(params=SENSORS)
def sensor(request):
    return SENSORS[request.param]


def test_every_sensor_has_an_item_in_the_fixtures(sensor):
    assert sensor.name in set(sensors_in_fixtures()), f"write tests/items/*.json in the shape of a {sensor.title} item"


def test_a_sensor_can_be_compared_and_its_bands_told_apart(sensor):
    held = {"nir" if common == "nir08" else common for common in sensor.assets}
    assert len(held & set(COMMON_BANDS)) >= MIN_BANDS
    keys = [key for names in sensor.assets.values() for key in names]
    assert len(keys) == len(set(keys))
    assert all(sensor.assets.values())
    assert sensor.qa_assets
    assert not set(keys) & set(sensor.qa_assets)


def test_a_sensors_numbers_are_reflectance(sensor):
    darkest, brightest = (dn * sensor.scale + sensor.offset for dn in (1, 65535 if sensor.nodata == 0 else 32767))
    assert -0.21 <= darkest <= 0.001
    assert brightest > 1
    assert float(sensor.nodata).is_integer()
    assert 10 <= sensor.gsd_m <= 30


def test_a_sensors_quality_codes_are_decoded(sensor):
    codes = CODES % 256 if sensor.qa_nodata == 255 else CODES
    quality = sensor.decode_qa(codes)
    for name in ("nodata", "cloud", "shadow", "snow", "water"):
        mask = getattr(quality, name)
        assert (mask.shape, mask.dtype) == (CODES.shape, np.dtype(bool))
        assert mask.any()
        assert not mask.all()
    assert sensor.decode_qa(np.array([[int(sensor.qa_nodata)]])).nodata.all()


def test_a_sensor_is_known_by_name(sensor):
    assert SENSORS[sensor.name] is sensor
    assert re.fullmatch(r"[a-z0-9-]+", sensor.name)
    assert sensor.title
    assert all(re.fullmatch(r"(sentinel|landsat)-\d", platform) for platform in sensor.platforms)
    assert not sensor.marks.search("")
    assert not sensor.marks.search("sentinel-1-rtc")


@pytest.mark.parametrize(
    ("name", "code", "what"),
    [
        ("sentinel-2-l2a", 0, {"nodata"}),
        ("sentinel-2-l2a", 1, {"nodata"}),
        ("sentinel-2-l2a", 3, {"shadow"}),
        ("sentinel-2-l2a", 5, set()),
        ("sentinel-2-l2a", 6, {"water"}),
        ("sentinel-2-l2a", 9, {"cloud"}),
        ("sentinel-2-l2a", 11, {"snow"}),
        ("sentinel-2-l2a", 255, {"nodata"}),
        ("landsat-8-9-c2-l2", 0, {"nodata"}),
        ("landsat-8-9-c2-l2", 1, {"nodata"}),
        ("landsat-8-9-c2-l2", 21824, set()),
        ("landsat-8-9-c2-l2", 22280, {"cloud"}),
        ("landsat-8-9-c2-l2", 23888, {"shadow"}),
        ("landsat-4-7-c2-l2", 5504, {"water"}),
        ("hls-s30", 255, {"nodata"}),
        ("hls-l30", 0b01000000, set()),
        ("hls-l30", 0b01000010, {"cloud"}),
        ("hls-s30", 0b10000100, {"cloud"}),
        ("hls-s30", 0b00001000, {"shadow"}),
        ("hls-s30", 0b00110000, {"snow", "water"}),
        ("ga-s2-ard-3", 0, {"nodata"}),
        ("ga-ls8-9-ard-3", 1, set()),
        ("ga-ls8-9-ard-3", 2, {"cloud"}),
        ("ga-ls5-7-ard-3", 3, {"shadow"}),
        ("ga-s2-ard-3", 4, {"snow"}),
        ("ga-s2-ard-3", 5, {"water"}),
        ("ga-s2-ard-3", 255, {"nodata"}),
    ],
)
def test_quality_codes_mean_what_the_providers_say(name, code, what):
    quality = SENSORS[name].decode_qa(np.array([[code]]))
    flags = ("nodata", "cloud", "shadow", "snow", "water")
    assert {flag for flag in flags if getattr(quality, flag).all()} == what


def test_a_band_number_means_another_band_on_another_sensor():
    assert "SR_B5" in SENSORS["landsat-8-9-c2-l2"].assets["nir08"]
    assert "SR_B5" in SENSORS["landsat-4-7-c2-l2"].assets["swir16"]
    assert "B05" in SENSORS["hls-l30"].assets["nir08"]
    assert all("B05" not in keys for keys in SENSORS["hls-s30"].assets.values())
    assert SENSORS["ga-s2-ard-3"].assets["swir16"] == SENSORS["ga-ls8-9-ard-3"].assets["swir22"] == ("nbart_swir_2",)
