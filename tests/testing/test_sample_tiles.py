import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pystac
import pytest
from shapely.geometry import shape

from changedetect.config import load_config
from changedetect.sites import read_sites

FOLDER = Path(__file__).parents[2] / "sample_tiles"
SIMULATED = {"sim-factory", "sim-crossing", "sim-control", "sim-factory-landsat"}


@cache
def items() -> list[pystac.Item]:
    return list(pystac.Catalog.from_file(FOLDER / "catalog.json").get_items(recursive=True))


def sites():
    return {site.site_id: site for site in read_sites(FOLDER / "sites.geojson")}


def test_it_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 12e6


def test_every_raster_belongs_to_an_item_and_every_asset_is_there():
    hrefs = Counter(
        Path(str(asset.get_absolute_href())).resolve() for item in items() for asset in item.assets.values()
    )
    assert set(hrefs) == {path.resolve() for path in FOLDER.rglob("*.tif")}
    assert set(hrefs.values()) == {1}


def test_scenes_say_whether_they_are_simulated():
    flags = Counter(item.properties["changedetect:simulated"] for item in items())
    assert flags[True] == 27
    assert flags[False] == 16
    assert all(item.id.startswith("nrt-") for item in items() if not item.properties["changedetect:simulated"])


@pytest.mark.parametrize("site_id", [*sorted(SIMULATED), "romania-road"])
def test_every_site_is_seen_in_both_windows_of_the_run_file(site_id):
    config = load_config(FOLDER / "run.toml")
    site = sites()[site_id]
    here = [item for item in items() if shape(item.geometry).intersects(site.geometry)]
    for window in config.windows():
        assert sum(item.datetime in window for item in here) >= 3
    landscapes = {item.properties.get("changedetect:landscape", "romania-road") for item in here}
    assert landscapes == {site_id}


def test_the_run_file_names_the_catalog_beside_it():
    (catalog,) = load_config(FOLDER / "run.toml").catalog
    assert Path(catalog).resolve() == (FOLDER / "catalog.json").resolve()


def test_truth_lies_inside_its_site_and_none_at_the_control():
    for site_id in SIMULATED:
        found = json.loads((FOLDER / "truth" / f"{site_id}.geojson").read_text())["features"]
        assert (len(found) == 0) == ("control" in site_id)
        for feature in found:
            assert sites()[site_id].geometry.contains(shape(feature["geometry"]))
            assert feature["properties"]["kind"] in {"construction", "clearing"}
            if "landsat" in site_id:
                assert feature["properties"]["area_m2"] >= 6000


def test_baselines_are_mixed():
    both = {item.properties["s2:processing_baseline"] >= "04.00" for item in items() if "grid:code" in item.properties}
    assert both == {True, False}


def test_the_real_scenes_that_hide_their_clouds_are_there():
    import rasterio  # noqa: PLC0415 - the oracle

    by_id = {item.id: item for item in items()}
    for day in ("2018-08-15", "2019-07-11"):
        item = by_id[f"nrt-romania-{day}"]
        layers = {}
        for key in ("blue", "scl"):
            with rasterio.open(str(item.assets[key].get_absolute_href())) as source:
                layers[key] = source.read(1)
        scl = np.kron(layers["scl"], np.ones((2, 2)))
        called_ground = np.isin(scl, (2, 4, 5, 6, 7))
        assert called_ground.mean() > 0.95
        assert (layers["blue"][called_ground] > 600).sum() > 100


def test_the_live_list_reads_and_names_its_sources():
    live = read_sites(FOLDER / "sites_live.csv")
    assert len(live) >= 4
    assert all(site.properties["source"] and site.properties["note"] for site in live)
