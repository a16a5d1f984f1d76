"""`search` and `run --dry-run`: what there is and what would be read, before it is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from command_line import run
from odc.geo.geobox import GeoBox

import changedetect
from changedetect import geotiff
from changedetect.testing.http_server import FileServer

SAMPLE = Path(__file__).parents[1] / "sample_tiles"
WINDOWS = ("--before", "2016-06/2016-10", "--after", "2017-06/2017-10")


def test_search_tells_how_clear_each_scene_is_over_the_site():
    sites = [one for one in changedetect.read_sites(SAMPLE / "sites.geojson") if one.site_id == "sim-control"]
    config = changedetect.load_config(SAMPLE / "run.toml")
    found = changedetect.search(sites, config=config)
    assert [one.window for one in found] == ["before"] * 4 + ["after"] * 3
    assert all(one.clear_fraction <= one.coverage <= 1 for one in found)
    assert max(one.coverage for one in found) > 0.95
    clear = {one.scene.scene_id[10:18]: one.clear_fraction for one in found}
    assert max(clear.values()) > 0.95
    assert min(clear.values()) < 0.6
    # The tile's own cloud cover is another number: that of the whole scene.
    assert any(abs(1 - one.scene.cloud_cover / 100 - one.clear_fraction) > 0.02 for one in found)


def test_search_still_lists_what_can_not_be_looked_at(tmp_path, caplog):
    sites = [one for one in changedetect.read_sites(SAMPLE / "sites.geojson") if one.site_id == "sim-control"]
    config = changedetect.load_config(SAMPLE / "run.toml")
    item = json.loads(next(SAMPLE.glob("sentinel-2-c1-l2a/S2A_T34TES_20160622*/*.json")).read_text())
    item["assets"]["scl"]["href"] = "gone.tif"
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
    config = replace(config, catalog=(str(tmp_path / "items.json"),))
    sites = [replace(site, geometry=changedetect.catalog.scene_from_item(item).footprint) for site in sites]
    (one,) = changedetect.search(sites, config=config)
    assert (one.clear_fraction, one.coverage) == (None, None)
    assert "gone.tif" in caplog.text


def test_the_search_table_has_a_row_a_scene(capfd):
    assert run("search", SAMPLE / "sites.geojson", "--config", SAMPLE / "run.toml") == 0
    table = capfd.readouterr().out
    for column in ("date", "sensor", "clear", "coverage", "catalog"):
        assert column in table
    assert table.count("S2A_T34") >= 14


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path, capfd):
    arguments = (SAMPLE / "sites.geojson", "--config", SAMPLE / "run.toml", "-o", tmp_path / "out", "--dry-run")
    assert run("run", *arguments) == 0
    plan = capfd.readouterr().out
    assert "nrt-romania-2016-08-05" in plan
    assert "to be read: " in plan
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_can_not_be_read(tmp_path, capfd):
    (tmp_path / "sites.csv").write_text("name,lat,lon,radius_m\nfar,10,100,500\n")
    arguments = (tmp_path / "sites.csv", "--catalog", SAMPLE / "catalog.json", *WINDOWS, "-o", tmp_path / "out")
    assert run("run", *arguments, "--dry-run") == 3
    assert "nothing to read: no scene over the site" in " ".join(capfd.readouterr().out.split())


def damaged(tmp_path, **bands):
    """The scenes of one sample site as a file of items, a band of the last replaced or, where None, taken away."""
    raws = []
    for path in sorted(SAMPLE.glob("sentinel-2-*/S2*/*.json")):
        raw = json.loads(path.read_text())
        if raw["properties"].get("changedetect:landscape") == "sim-control":
            for asset in raw["assets"].values():
                asset["href"] = str((path.parent / asset["href"]).resolve())
            raws.append(raw)
    for name, href in bands.items():
        raws[-1]["assets"][name]["href"] = href
        if href is None:
            del raws[-1]["assets"][name]
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": raws}))
    sites = json.loads((SAMPLE / "sites.geojson").read_text())
    sites["features"] = [one for one in sites["features"] if one["properties"]["id"] == "sim-control"]
    (tmp_path / "sites.geojson").write_text(json.dumps(sites))
    return (tmp_path / "sites.geojson", "--catalog", tmp_path / "items.json", *WINDOWS)


def test_a_dry_run_goes_round_a_dead_band_as_a_run_does(tmp_path, capfd):
    assert run("run", *damaged(tmp_path, red="gone.tif"), "--dry-run") == 0
    plan = capfd.readouterr().out
    assert "20170925" not in plan
    assert "20170816" in plan


def test_a_scene_that_lacks_bands_does_not_cost_the_others_theirs(tmp_path):
    arguments = damaged(tmp_path, swir16=None, swir22=None, nir08=None)
    assert run("run", *arguments, "-o", tmp_path / "out") == 0
    record = json.loads((tmp_path / "out" / "sites" / "sim-control" / "provenance.json").read_text())["provenance"]
    assert record["bands"] == ["blue", "green", "red", "nir", "swir16", "swir22"]
    assert "lacks swir16, swir22" in record["worked_around"]


def test_a_site_that_can_not_be_searched_does_not_cost_the_others(tmp_path, capfd):
    (tmp_path / "sites.csv").write_text("id,lat,lon,radius_m\nfar,10,100,500\nroad,45.5,24.5,500\n")
    assert run("search", tmp_path / "sites.csv", "--catalog", SAMPLE / "catalog.json", *WINDOWS) == 3
    assert "far: no scene in 2016-06-01/2016-10-31 nor in 2017-06-01/2017-10-31" in capfd.readouterr().err


@pytest.mark.parametrize("place", [(0, 0), (500, 700), (1400, 1400)])
def test_the_bytes_of_the_plan_are_the_bytes_on_the_wire(tmp_path, place):
    grid = GeoBox((1500, 1500), Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32634")
    numbers = np.random.default_rng(0).integers(1, 60_000, (1, *grid.shape), dtype=np.uint16)
    (tmp_path / "tile").mkdir()
    geotiff.write_cog(tmp_path / "tile" / "red.tif", numbers, grid, band_names=("red",), nodata=0)
    row, col = place
    window = grid[row : row + 300, col : col + 300]
    with FileServer(tmp_path) as server:
        href = f"{server.url}/tile/red.tif"
        told = geotiff.cost(href, window)
        server.reset_log()
        geotiff.read(href, window)
        sent = sum(one.bytes_sent for one in server.log)
    # Ranges are fetched in chunks of 16 kB.
    assert told <= sent + 16_384
    assert sent <= told + 3 * 32_768
