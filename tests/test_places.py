"""Sites where grids end: across two UTM zones, across the antimeridian, near the pole. Scenes are simulated."""

from datetime import UTC, datetime

import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Point, box

import changedetect
from changedetect.lonlat import around, cut_antimeridian, footprint
from changedetect.model import Site, Window
from changedetect.testing import Acquisition, farmland, observe, write_catalog, write_scene
from changedetect.tiling import site_grid

SIZE_M = 900
JULY = ("2022-07", "2023-07")


def middle(land):
    to_lonlat = Transformer.from_crs(land.epsg, 4326, always_xy=True)
    return to_lonlat.transform(*land.geobox.extent.centroid.coords[0])


def land_around(lon, lat, epsg):
    """Farmland whose middle is at a point, on the pixels of a zone."""
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    west, north = round((x - SIZE_M / 2) / 60) * 60, round((y + SIZE_M / 2) / 60) * 60
    return farmland(f"sim-{epsg}", west=west, north=north, epsg=epsg, size_m=(SIZE_M, SIZE_M), seed=5)


def catalog_of(lands, folder):
    items = []
    for land in lands:
        for year in (2022, 2023):
            moment = datetime(year, 7, 10, 9, lands.index(land), tzinfo=UTC)
            seen = observe(land, Acquisition(sensor="sentinel-2-l2a", moment=moment, seed=year))
            items.append(write_scene(seen, folder))
    return write_catalog(items, folder)


PLACES = {
    "antimeridian, from the west": (179.9999, 65.0, [32660]),
    "antimeridian, both zones": (180.0, 65.0, [32660, 32601]),
    "two zones": (24.0, 47.0, [32634, 32635]),
    "beyond 83 degrees": (27.0, 83.4, [32635]),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_site_is_seen_whole_wherever_grids_end(tmp_path, name):
    lon, lat, zones = PLACES[name]
    lands = [land_around(lon, lat, epsg) for epsg in zones]
    circle = around(Point(lon, lat), 250)
    site = Site(
        site_id="edge", name=name, geometry=MultiPolygon(shapely.get_parts(cut_antimeridian(circle.geoms[0])).tolist())
    )
    catalog = catalog_of(lands, tmp_path)
    result = changedetect.run([site], catalog=catalog, before=JULY[0], after=JULY[1])
    (one,) = result.results
    assert (one.status, one.reason) == ("ok", "")
    assert one.summary["clear_fraction"] > 0.95
    assert one.summary["before_scenes"] == one.summary["after_scenes"] == 1
    grid = one.provenance["grid"]
    assert grid["crs"] in {f"EPSG:{zone}" for zone in zones}
    assert all(45 <= side <= 60 for side in grid["shape"])


@pytest.mark.parametrize(
    ("outline", "epsg"),
    [
        (MultiPolygon([box(179.9, -17, 180, -16.9), box(-180, -17, -179.8, -16.9)]), 32701),
        (MultiPolygon([box(179.7, 65, 180, 65.1), box(-180, 65, -179.9, 65.1)]), 32660),
        (box(10, 85, 11, 85.1), 3413),
        (box(10, -82, 11, -81.9), 3031),
    ],
)
def test_the_grid_of_a_place_without_scenes_is_the_usual_one(outline, epsg):
    grid = site_grid(Site(site_id="edge", name="", geometry=outline), [])
    assert grid.crs.epsg == epsg
    # In the projection the site is one piece, however it is cut in degrees.
    assert max(grid.shape) * 10 < 60_000


def test_a_window_finds_both_sides_of_the_antimeridian(tmp_path):
    lands = [land_around(180.0, 65.0, epsg) for epsg in (32660, 32601)]
    catalog = changedetect.open_catalog(catalog_of(lands, tmp_path))
    for lon in (179.9995, -179.9995):
        spot = box(lon - 1e-5, 64.9999, lon + 1e-5, 65.0001)
        assert len(catalog.search(spot, Window.parse(JULY[0]))) == 2
    assert footprint(lands[0].geobox).geom_type == "MultiPolygon"
    assert abs(abs(middle(lands[0])[0]) - 180) < 0.01
