"""Wall to wall: every object comes out once and whole, wherever the grid's edges fall."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from batch_cases import EPSG, in_metres, lonlat, options, write_land
from command_line import run
from shapely.geometry import box

from changedetect import batch
from changedetect.changes import CHANGE_COLUMNS, empty_changes
from changedetect.errors import ConfigError, SiteListError
from changedetect.model import Site, SiteResult
from changedetect.wall import cells, parse_length_m, read_area, unite

CELL_M, OVERLAP_M = 600.0, 200.0
AREA = in_metres(360, 0, 1200, 1200)
"""Four cells of 600 m."""


def metric(frame):
    return frame.to_crs(EPSG)


def sighting(site: Site, outlines, kind="construction") -> SiteResult:
    """What a cell that misses nothing sees of the outlines: what lies on the ground it looks at."""
    seen = metric(gpd.GeoSeries([site.geometry], crs=4326)).iloc[0].buffer(0.5)
    there = [part for one in outlines for part in shapely.get_parts(one.intersection(seen)) if part.area > 1]
    columns = {name: [np.nan] * len(there) for name in CHANGE_COLUMNS if name != "geometry"}
    columns |= {"site_id": [site.site_id] * len(there), "kind": [kind] * len(there)}
    columns |= {
        "area_m2": [part.area for part in there],
        "change_id": [f"{site.site_id}-{n}" for n in range(len(there))],
    }
    changes = gpd.GeoDataFrame(columns, geometry=there, crs=EPSG).to_crs(4326) if there else empty_changes()
    return SiteResult(site=site, status="ok", changes=changes, summary={"n_changes": len(there)})


def published(outlines, area=AREA):
    results = list(unite(sighting(site, outlines) for site in cells(lonlat(area), CELL_M, OVERLAP_M)))
    frames = [metric(result.changes) for result in results if len(result.changes)]
    return results, [one for frame in frames for one in frame.geometry]


def iou(one, other) -> float:
    return one.intersection(other).area / one.union(other).area


def test_an_area_is_covered_once():
    sites = cells(lonlat(AREA), CELL_M, OVERLAP_M)
    assert len(sites) == 4
    own = [shapely.from_wkt(site.properties["cell_own"]) for site in sites]
    assert iou(shapely.union_all(own), AREA) > 0.9999
    assert sum(one.area for one in own) == pytest.approx(AREA.area, rel=1e-4)
    for site, one in zip(sites, own, strict=True):
        seen = metric(gpd.GeoSeries([site.geometry], crs=4326)).iloc[0]
        assert seen.buffer(0.1).covers(one.buffer(OVERLAP_M, join_style="mitre"))


def test_cells_keep_their_names_when_the_outline_grows():
    small = {site.site_id for site in cells(lonlat(AREA), CELL_M, OVERLAP_M)}
    large = {site.site_id for site in cells(lonlat(AREA.buffer(500)), CELL_M, OVERLAP_M)}
    assert small < large


@pytest.mark.parametrize(
    "outline",
    [
        in_metres(500, 200, 100, 80),  # in the middle of a cell
        in_metres(920, 200, 100, 80),  # across an edge
        in_metres(900, 560, 100, 80),  # across a corner
        in_metres(960, 300, 60, 60),  # along an edge
        in_metres(380, 280, 1100, 40),  # larger than the overlap, across two cells
        in_metres(380, 100, 1100, 1000).difference(in_metres(420, 140, 1020, 920)),  # a ring through all four
    ],
)
def test_an_object_comes_out_once_and_whole(outline):
    results, out = published([outline])
    assert len(out) == 1
    assert iou(out[0], outline) > 0.9
    assert sum(result.summary["n_changes"] for result in results) == 1
    assert sum(result.summary["area_m2"] for result in results) == pytest.approx(outline.area, rel=0.02)


def test_many_objects_come_out_once_each():
    chance = np.random.default_rng(3)
    taken: list = []
    while len(taken) < 25:
        x, y, width, height = chance.uniform((380, 20, 20, 20), (1400, 1050, 150, 150))
        one = in_metres(x, y, width, height)
        if not any(one.distance(other) < 15 for other in taken) and AREA.covers(one):
            taken.append(one)
    out = published(taken)[1]
    assert len(out) == 25
    assert all(max(iou(one, other) for other in out) > 0.98 for one in taken)


def test_what_lies_outside_the_area_is_nobodys():
    assert published([in_metres(200, 200, 80, 80), in_metres(310, 500, 80, 60)])[1] == []


def test_a_large_thing_does_not_swallow_its_neighbour():
    road, hall = in_metres(380, 280, 1100, 30), in_metres(900, 340, 80, 60)
    assert len(published([road, hall])[1]) == 2


def test_sightings_that_differ_are_one_object():
    sites = cells(lonlat(AREA), CELL_M, OVERLAP_M)
    hall = in_metres(920, 200, 100, 80)
    told = [sighting(site, [shapely.affinity.translate(hall, 10 * n, 0)]) for n, site in enumerate(sites)]
    out = [result for result in unite(told) if len(result.changes)]
    assert len(out) == 1
    assert len(out[0].changes) == 1
    assert out[0].changes["site_id"].tolist() == [out[0].site.site_id]


def test_a_failed_neighbour_costs_only_its_own_ground():
    sites = cells(lonlat(AREA), CELL_M, OVERLAP_M)
    hall = in_metres(920, 200, 100, 80)
    told = [sighting(site, [hall]) for site in sites]
    told[0] = SiteResult(site=sites[0], status="failed", reason="no scene", changes=empty_changes())
    assert sum(len(result.changes) for result in unite(told)) == 1


def test_sites_of_a_list_pass_as_they_are():
    site = Site(site_id="a", name="a", geometry=lonlat(AREA))
    result = sighting(site, [in_metres(500, 200, 100, 80)])
    assert list(unite([result])) == [result]


def test_a_grid_finds_what_one_site_finds(tmp_path):
    halls = [(930, 200, 60, 60), (920, 580, 80, 50), (400, 850, 90, 60)]
    config = options(write_land(tmp_path, (1400.0, 1900.0), halls))
    whole = Site(site_id="one", name="one", geometry=lonlat(AREA))
    one = metric(batch.run([whole], config=config).changes)
    out = tmp_path / "out"
    grid = metric(batch.run(cells(lonlat(AREA), CELL_M, OVERLAP_M), config=config, out=out).changes)
    assert iou(one.union_all(), grid.union_all()) > 0.9
    doubles = [a.intersection(b).area for n, a in enumerate(grid.geometry) for b in grid.geometry[:n]]
    assert max(doubles) < 100
    for hall in halls:
        assert (grid.intersection(in_metres(*hall)).area > 0.5 * in_metres(*hall).area).sum() == 1
    written = gpd.read_file(out / "changes.geojson")
    assert written["change_id"].tolist() == grid["change_id"].tolist()
    assert written["change_id"].is_unique


def test_the_command_makes_the_sites_itself(tmp_path, capfd):
    catalog = write_land(tmp_path, (640.0, 640.0), [(250, 250, 90, 60)])
    area = tmp_path / "area.geojson"
    area.write_text(shapely.to_geojson(lonlat(in_metres(60, 60, 500, 500))))
    arguments = ("--catalog", catalog, "--before", "2022-06/2022-09", "--after", "2023-06/2023-09", "--workers", 1)
    out = tmp_path / "out"
    assert run("run", "--aoi", area, "--grid", "300m", "--set", "overlap_m=100", *arguments, "-o", out) == 0
    assert len(json.loads((out / "run.json").read_text())["sites"]) == len(list((out / "sites").iterdir())) >= 4
    assert run("run", area, "--aoi", area, *arguments, "-o", out) == 2
    assert run("run", *arguments, "-o", out) == 2
    assert "--aoi" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["10", "km", "-3km", "0m", "3 miles"])
def test_a_length_without_a_unit_is_refused(text):
    with pytest.raises(ConfigError, match="10km or 500m"):
        parse_length_m(text)


@pytest.mark.parametrize(("cell_m", "overlap_m"), [(100, 0), (1000, 1500), (1000, -1)])
def test_cells_that_can_not_be_are_refused(cell_m, overlap_m):
    with pytest.raises(ConfigError, match="cells of"):
        cells(lonlat(AREA), cell_m, overlap_m)


@pytest.mark.parametrize("content", ["", "{}", '{"type": "Point", "coordinates": [20, 46]}'])
def test_an_area_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "area.geojson"
    path.write_text(content)
    with pytest.raises(SiteListError, match="area"):
        read_area(path)


def test_polygons_of_a_file_are_one_area(tmp_path):
    path = tmp_path / "area.gpkg"
    parts = gpd.GeoDataFrame(
        geometry=[box(500_000, 5_000_000, 500_900, 5_001_000), box(500_900, 5_000_000, 502_000, 5_001_000)], crs=EPSG
    )
    parts.to_file(path)
    area = metric(gpd.GeoSeries([read_area(path)], crs=4326)).iloc[0]
    assert area.area == pytest.approx(2e6, rel=1e-3)
