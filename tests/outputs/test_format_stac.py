"""STAC: the core schemas hold, the extensions' rules too, and the folder can be moved."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from format_cases import CASES, across, failed, load, publish, site, undated
from pystac.validation import validate_dict

from changedetect.outputs.formats import export


def items(out: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: load(path) for path in sorted(out.glob("stac/*/*.json"))}


@pytest.mark.parametrize("case", CASES)
def test_core_schemas_hold(case, tmp_path):
    out = publish(CASES[case], tmp_path)
    export(out, ["stac"])
    collection = load(out / "stac" / "collection.json")
    assert validate_dict(collection)
    found = items(out)
    assert set(found) == {one.site.site_id for one in CASES[case] if one.status != "failed"}
    for item in found.values():
        # The core schemas come with pystac; those of extensions lie on the web, and have tests of their own below.
        assert validate_dict({**item, "stac_extensions": []})


def test_extensions_are_declared_where_their_fields_are(tmp_path):
    export(publish([site()], tmp_path), ["stac"])
    item = items(tmp_path)["a"]
    declared = {re.sub(r".*\.io/([a-z]+)/.*", r"\1", url) for url in item["stac_extensions"]}
    used = set(re.findall(r"['\"](\w+):[a-z]", str([item["properties"], item["assets"]])))
    prefixes = {"proj": "projection"}
    assert {prefixes.get(name, name) for name in used} - {"changedetect"} == declared


def test_projection_and_bands_are_those_of_the_file(tmp_path):
    export(publish([site()], tmp_path), ["stac"])
    asset = items(tmp_path)["a"]["assets"]["change_map"]
    with rasterio.open(tmp_path / "stac" / "a" / asset["href"]) as source:
        assert asset["proj:code"] == f"EPSG:{source.crs.to_epsg()}"
        assert asset["proj:shape"] == list(source.shape)
        assert asset["proj:transform"] == list(source.transform)[:6]
        assert asset["raster:spatial_resolution"] == source.res[0]
        assert [band["name"] for band in asset["bands"]] == list(source.descriptions)
        assert (asset["data_type"], asset["nodata"]) == (source.dtypes[0], source.nodata)
        painted = set(np.unique(source.read(3)))
    classes = {one["value"]: one for one in asset["bands"][2]["classification:classes"]}
    assert painted <= set(classes)
    assert {one["name"] for one in classes.values()} >= {"construction", "clearing", "removal", "other"}
    # classification 2.0: a class has an integer value and a name of letters, digits, "-" and "_".
    for one in classes.values():
        assert isinstance(one["value"], int)
        assert re.fullmatch(r"[0-9A-Za-z_-]+", one["name"])


def test_processing_tells_software_and_time(tmp_path):
    export(publish([site()], tmp_path), ["stac"])
    told = items(tmp_path)["a"]["properties"]
    assert told["processing:software"] == {"changedetect": "0.1.0.dev3"}
    assert told["processing:datetime"] == "2024-06-01T12:00:00Z"
    assert "1 scenes before, 1 scenes after" in told["processing:lineage"]


def test_time_is_from_the_first_to_the_last_day_compared(tmp_path):
    export(publish([site(), undated()], tmp_path), ["stac"])
    dated, rasters = (items(tmp_path)[name]["properties"] for name in ("a", "rasters"))
    assert (dated["datetime"], dated["start_datetime"], dated["end_datetime"]) == (
        None, "2023-05-01T00:00:00Z", "2024-05-31T23:59:59Z",
    )  # fmt: skip
    assert rasters["datetime"] == "2024-06-01T12:00:00Z"
    assert "start_datetime" not in rasters


def test_sources_are_linked_where_their_api_is_known_without_secrets(tmp_path):
    export(publish([site()], tmp_path), ["stac"])
    item = items(tmp_path)["a"]
    links = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert links == ["https://stac.example/v1/collections/sentinel-2-l2a/items/S2A_1"]
    assert item["properties"]["changedetect:after_scenes"] == ["S2B_2"], "a folder of this machine is no address"


def test_the_folder_can_be_moved(tmp_path):
    export(publish([site("a"), site("b"), failed()], tmp_path / "out"), ["stac"])
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    collection = pystac.read_file(str(tmp_path / "elsewhere" / "stac" / "collection.json"))
    assert isinstance(collection, pystac.Collection)
    found = list(collection.get_items())
    assert [item.id for item in found] == ["a_20230501_20240531", "b_20230501_20240531"]
    for item in found:
        assert item.get_collection() is collection
        assert set(item.assets) == {"changes", "change_map", "preview", "before", "after", "provenance"}
        for asset in item.assets.values():
            assert Path(asset.get_absolute_href() or "").is_file()
        assert [link.href for link in item.links if link.rel == "self"] in ([], [item.get_self_href()])


def test_a_box_across_the_antimeridian_has_its_west_beyond_its_east(tmp_path):
    export(publish([across()], tmp_path), ["stac"])
    west, south, east, north = items(tmp_path)["over-180"]["bbox"]
    assert (west, south, east, north) == pytest.approx((179.998, 0.041, -179.997, 0.045))
    assert load(tmp_path / "stac" / "collection.json")["extent"]["spatial"]["bbox"] == [[-180, south, 180, north]]


def test_items_of_earlier_runs_are_gone(tmp_path):
    export(publish([site("a"), site("b")], tmp_path), ["stac"])
    export(publish([site("b")], tmp_path), ["stac"])
    assert list(items(tmp_path)) == ["b"]
