"""`compare` on two scenes: products as people download them, and STAC items. Scenes are simulated."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import changedetect
from changedetect.errors import ChangeDetectError
from changedetect.testing import Acquisition, farmland, observe, write_scene
from changedetect.testing.http_server import FileServer
from changedetect.testing.products import write_bundle, write_safe

LAND = farmland("sim-land", west=500_040, north=5_100_000, epsg=32634, size_m=(1200, 1200), seed=8)
SAMPLE = Path(__file__).parents[1] / "sample_tiles"


def seen(year, sensor="sentinel-2-l2a"):
    moment = datetime(year, 7, 10, 9, 36, tzinfo=UTC)
    return observe(LAND, Acquisition(sensor=sensor, moment=moment, seed=year))


def as_safe(folder, year):
    return write_safe(seen(year), folder)


def as_zip(folder, year):
    return write_safe(seen(year), folder, zipped=True)


def as_landsat(folder, year):
    return write_bundle(seen(year, "landsat-8-9-c2-l2"), folder, packed="tar")


def as_item(folder, year):
    item = write_scene(seen(year), folder)
    path = folder / f"{year}.json"
    item.save_object(dest_href=str(path), include_self_link=False)
    return path


@pytest.mark.parametrize("write", [as_safe, as_zip, as_landsat, as_item])
def test_two_scenes_are_compared_whatever_they_are_packed_in(tmp_path, write):
    before, after = write(tmp_path, 2022), write(tmp_path, 2023)
    result = changedetect.compare(before, after, out=tmp_path / "out")
    assert result.status == "ok"
    assert result.summary["before_scenes"] == result.summary["after_scenes"] == 1
    assert result.summary["clear_fraction"] > 0.5
    assert result.provenance["before"]["window"].startswith("2022-07-10")
    assert result.provenance["calibrated"]
    assert "reflectance" in result.provenance["before"]["scenes"][0]["decisions"][0]
    assert (tmp_path / "out" / "changes.geojson").exists()


def test_an_item_behind_a_url_is_compared(tmp_path):
    for year in (2022, 2023):
        path = as_item(tmp_path, year)
        path.write_text(path.read_text().replace(f"{tmp_path}/", ""))
    with FileServer(tmp_path) as server:
        result = changedetect.compare(f"{server.url}/2022.json", f"{server.url}/2023.json")
    local = changedetect.compare(tmp_path / "2022.json", tmp_path / "2023.json")
    assert result.status == "ok"
    assert np.array_equal(result.change_map.changed, local.change_map.changed)


def test_the_xml_decides_the_offset_of_old_and_new_baselines(tmp_path):
    old = Acquisition(
        sensor="sentinel-2-l2a", moment=datetime(2018, 7, 10, 9, 36, tzinfo=UTC), seed=1, baseline="02.08"
    )
    result = changedetect.compare(write_safe(observe(LAND, old), tmp_path), as_safe(tmp_path, 2023))
    told = [result.provenance[date]["scenes"][0]["decisions"][0] for date in ("before", "after")]
    assert "offset 0" in told[0]
    assert "-0.1" in told[1]
    # The same ground with the offset wrong by 0.1 would differ in every pixel.
    preview = result.preview
    gap = np.nanmedian(preview.after.data, axis=(1, 2)) - np.nanmedian(preview.before.data, axis=(1, 2))
    assert np.abs(gap[:3]).max() < 0.05


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("2022.json", "raster.tif"), "is a scene and"),
        (("2022.json", "catalog.json"), "holds no single scene"),
        (("2022.json", "far.json"), "do not overlap"),
    ],
)
def test_what_can_not_be_compared_is_one_line(tmp_path, names, said):
    as_item(tmp_path, 2022)
    (tmp_path / "raster.tif").touch()
    (tmp_path / "catalog.json").write_bytes((SAMPLE / "catalog.json").read_bytes())
    far = farmland("far", west=600_000, north=5_200_020, epsg=32634, size_m=(240, 240), seed=8)
    there = observe(far, Acquisition(sensor="sentinel-2-l2a", moment=datetime(2023, 7, 1, 9, tzinfo=UTC), seed=1))
    write_scene(there, tmp_path).save_object(dest_href=str(tmp_path / "far.json"), include_self_link=False)
    with pytest.raises(ChangeDetectError, match=said) as caught:
        changedetect.compare(*(tmp_path / name for name in names))
    assert "\n" not in str(caught.value)
