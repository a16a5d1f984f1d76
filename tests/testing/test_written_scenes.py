from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac
import pytest

from changedetect.catalog import scene_from_item
from changedetect.errors import ConfigError, OutputError
from changedetect.testing import (
    Acquisition,
    farmland,
    observe,
    write_bundle,
    write_catalog,
    write_safe,
    write_scene,
)
from changedetect.testing.stac import mgrs_square

MOMENT = datetime(2023, 7, 20, 9, 36, tzinfo=UTC)
KEYS = {
    "sentinel-2-l2a": {"blue", "green", "red", "nir", "nir08", "swir16", "swir22", "scl"},
    "landsat-8-9-c2-l2": {"blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel"},
}


def scene(sensor, seed=1, baseline="05.00"):
    land = farmland("tiny", west=500_040, north=5_100_000, epsg=32634, size_m=(240, 240), seed=2)
    return observe(land, Acquisition(sensor=sensor, moment=MOMENT, seed=seed, baseline=baseline))


@pytest.mark.parametrize("sensor", list(KEYS))
def test_a_written_catalog_is_a_catalog(tmp_path, sensor):
    item = write_scene(scene(sensor), tmp_path / "files")
    root = write_catalog([item], tmp_path)
    (read,) = pystac.Catalog.from_file(root).get_items(recursive=True)
    assert set(read.assets) == KEYS[sensor]
    assert read.properties["changedetect:simulated"] is True
    for asset in read.assets.values():
        assert not Path(asset.href).is_absolute()
        assert Path(str(asset.get_absolute_href())).is_file()
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


@pytest.mark.parametrize(
    ("sensor", "baseline", "offset"),
    [("sentinel-2-l2a", "02.04", 0.0), ("sentinel-2-l2a", "05.00", -0.1), ("landsat-8-9-c2-l2", "", -0.2)],
)
def test_the_catalog_stage_reads_the_calibration_that_was_written(tmp_path, sensor, baseline, offset):
    item = write_scene(scene(sensor, baseline=baseline), tmp_path)
    found = scene_from_item(item)
    assert found.sensor == sensor
    assert {asset.offset for asset in found.bands.values()} == {offset}
    assert item.assets["red"].extra_fields["raster:bands"][0]["offset"] == offset
    assert found.epsg == 32634
    assert 20 < (found.sun_elevation_deg or 0) < 70


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_catalog([write_scene(scene("sentinel-2-l2a"), tmp_path / name / "sentinel-2-c1-l2a")], tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 8 + 3
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_two_scenes_of_one_name_are_refused(tmp_path):
    items = [write_scene(scene("sentinel-2-l2a", seed), tmp_path) for seed in (1, 2)]
    with pytest.raises(OutputError, match=items[0].id):
        write_catalog(items, tmp_path)


@pytest.mark.parametrize(
    ("west", "north", "square"),
    [(470_040, 5_190_000, "34TDS"), (430_020, 5_222_400, "34TDT"), (520_020, 5_160_000, "34TES")],
)
def test_squares_of_the_military_grid(west, north, square):
    land = farmland("square", west=west, north=north, epsg=32634, size_m=(240, 240), seed=2)
    assert mgrs_square(land.geobox) == square


def test_asset_numbers_are_the_observation_s(tmp_path):
    seen = scene("sentinel-2-l2a")
    item = write_scene(seen, tmp_path)
    import rasterio  # noqa: PLC0415 - the oracle

    with rasterio.open(item.assets["swir16"].href) as source:
        np.testing.assert_array_equal(source.read(1), seen.bands["swir16"][0])
        assert (source.nodata, source.crs.to_epsg(), source.res) == (0, 32634, (20, 20))


def test_a_product_is_written_of_its_own_sensor_only(tmp_path):
    with pytest.raises(ConfigError, match="use write_safe"):
        write_bundle(scene("sentinel-2-l2a"), tmp_path)
    with pytest.raises(ConfigError, match="use write_bundle"):
        write_safe(scene("landsat-8-9-c2-l2"), tmp_path)


def test_the_same_observation_gives_the_same_product_byte_for_byte(tmp_path):
    seen = scene("sentinel-2-l2a")
    one, other = (write_safe(seen, tmp_path / name, zipped=True).read_bytes() for name in "ab")
    assert one == other
