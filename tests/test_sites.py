"""Site lists in every form a person keeps them, and what is said when one is wrong."""

import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, Point, Polygon, box

from changedetect.errors import ChangeDetectError, ConfigError, SiteListError
from changedetect.model import Site
from changedetect.sites import SiteOptions, read_sites

GEOD = Geod(ellps="WGS84")
SQUARE = box(129.5, 42.4, 129.51, 42.41)


def area_m2(site: Site) -> float:
    return abs(float(GEOD.geometry_area_perimeter(shapely.orient_polygons(site.geometry))[0]))


def table(folder: Path, text: str, name: str = "sites.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def geojson(folder: Path, *features: tuple[Any, dict[str, Any]]) -> Path:
    path = folder / "sites.geojson"
    collection = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": g, "properties": p} for g, p in features],
    }
    path.write_text(json.dumps(collection))
    return path


def polygon(*ring: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def test_a_table_of_points_becomes_circles(tmp_path: Path) -> None:
    path = table(
        tmp_path, "Site_ID,Name,Latitude,Longitude,radius_m,source\na,Tumangang,42.4,130.6,500,\nb,,39.8,127.6,,press\n"
    )
    first, second = read_sites(path)
    assert (first.site_id, first.name, dict(first.properties)) == ("a", "Tumangang", {})
    assert (second.site_id, second.name, dict(second.properties)) == ("b", "b", {"source": "press"})
    # A 64-corner polygon lies 0.16 % inside its circle.
    assert area_m2(first) == pytest.approx(3.14159 * 500**2, rel=3e-3)
    assert area_m2(second) == pytest.approx(3.14159 * 1000**2, rel=3e-3)
    assert GEOD.inv(127.6, 39.8, *second.geometry.exterior.coords[0])[2] == pytest.approx(1000, abs=0.01)


@settings(deadline=None)
@given(lat=st.floats(-80, 80), lon=st.floats(-180, 180), radius=st.floats(50, 20_000))
def test_a_circle_has_its_area_anywhere_and_stays_in_range(lat: float, lon: float, radius: float) -> None:
    frame = gpd.GeoDataFrame({"radius_m": [radius]}, geometry=[Point(lon, lat)], crs="EPSG:4326")
    (site,) = read_sites(frame)
    assert area_m2(site) == pytest.approx(3.14159265 * radius**2, rel=3e-3)
    assert site.geometry.is_valid
    west, south, east, north = site.geometry.bounds
    assert west >= -180
    assert east <= 180
    assert -90 <= south < north <= 90


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_may_be_any_spreadsheets(tmp_path: Path, separator: str, start: str) -> None:
    text = start + "\n".join(separator.join(row) for row in (["id", "x", "y"], ["007", "1.5", "2.5"], ["", "", ""]))
    (site,) = read_sites(table(tmp_path, text))
    assert site.site_id == "007"
    assert site.geometry.contains(Point(1.5, 2.5))


def test_a_table_of_wkt_keeps_polygons_and_buffers_lines(tmp_path: Path) -> None:
    path = table(tmp_path, f'id;WKT;radius\na;{SQUARE.wkt};9\nb;"LINESTRING (10 50, 10.1 50)";100\n')
    square, line = read_sites(path)
    assert square.geometry.equals(SQUARE)
    assert square.properties == {"radius": "9"}
    length = GEOD.inv(10, 50, 10.1, 50)[2]
    assert area_m2(line) == pytest.approx(length * 200 + 3.14159 * 100**2, rel=1e-3)


@pytest.mark.parametrize(
    ("suffix", "driver"), [("gpkg", "GPKG"), ("geojson", "GeoJSON"), ("kml", "LIBKML"), ("shp", "ESRI Shapefile")]
)
def test_vector_files_of_any_driver(tmp_path: Path, suffix: str, driver: str) -> None:
    path = tmp_path / f"sites.{suffix}"
    frame = gpd.GeoDataFrame({"Name": ["One", "Two"]}, geometry=[SQUARE, box(0, 0, 0.01, 0.01)], crs="EPSG:4326")
    frame.to_file(path, driver=driver)
    one, two = read_sites(path)
    assert [one.site_id, one.name, two.site_id] == ["one", "One", "two"]
    assert one.geometry.normalize().equals_exact(SQUARE.normalize(), 1e-9)


def test_every_folder_of_a_kmz_is_read(tmp_path: Path) -> None:
    def folder(name: str, lon: float) -> str:
        point = f"<Point><coordinates>{lon},50,12</coordinates></Point>"
        return f"<Folder><name>{name}</name><Placemark><name>{name} pier</name>{point}</Placemark></Folder>"

    kml = f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folder("A", 10)}{folder("B", 11)}</Document></kml>'
    path = tmp_path / "sites.kmz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("doc.kml", kml)
    assert [site.site_id for site in read_sites(path)] == ["a-pier", "b-pier"]
    assert not any(site.geometry.has_z for site in read_sites(path))


def test_a_projected_frame_comes_out_in_degrees() -> None:
    frame = gpd.GeoDataFrame(geometry=[Point(500_000, 4_649_776)], crs="EPSG:32652")
    (site,) = read_sites(frame, SiteOptions(radius_m=100))
    assert site.site_id == "site-001"
    assert site.geometry.centroid.x == pytest.approx(129, abs=1e-6)
    assert site.geometry.centroid.y == pytest.approx(42, abs=1e-3)


def test_properties_are_fit_for_json(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"n": [1, 2], "x": [0.5, None], "ok": [True, False]}, geometry=[SQUARE, SQUARE], crs=4326)
    frame["day"] = gpd.pd.to_datetime(["2023-05-01", None])
    frame.to_file(tmp_path / "a.gpkg")
    first, second = (dict(site.properties) for site in read_sites(tmp_path / "a.gpkg"))
    assert first == {"n": 1, "x": 0.5, "ok": True, "day": "2023-05-01T00:00:00"}
    assert second == {"n": 2, "ok": False}
    json.dumps([first, second], allow_nan=False)


def test_ids_are_made_unique_only_where_they_are_made_up(tmp_path: Path) -> None:
    rows = [
        "id,name,lat,lon",
        ",Plant №1,1,1",
        ",plant no1!,1,1",
        "plant-no1-3,,1,1",
        ",Plant No1,1,1",
        ",공장,1,1",
        "7,,1,1",
    ]
    ids = [site.site_id for site in read_sites(table(tmp_path, "\n".join(rows)))]
    assert ids == ["plant-no1", "plant-no1-2", "plant-no1-3", "plant-no1-4", "site-005", "7"]


def test_integer_ids_with_gaps_stay_integers() -> None:
    frame = gpd.GeoDataFrame({"id": [7.0, float("nan")]}, geometry=[SQUARE, SQUARE], crs=4326)
    assert [site.site_id for site in read_sites(frame)] == ["7", "site-002"]


def test_a_bow_tie_is_repaired_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = geojson(tmp_path, (polygon((0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)), {"id": "tie"}))
    with caplog.at_level(logging.WARNING, logger="changedetect.sites"):
        (site,) = read_sites(path)
    assert site.geometry.is_valid
    assert site.geometry.area == pytest.approx(0.5e-4)
    assert "site tie: repaired its polygon (Self-intersection" in caplog.text


@pytest.mark.parametrize("turn", [1, -1])
def test_a_polygon_across_the_antimeridian_is_cut(tmp_path: Path, turn: int) -> None:
    ring = [(179.95, 65.0), (-179.95, 65.0), (-179.95, 65.05), (179.95, 65.05)][::turn]
    (site,) = read_sites(geojson(tmp_path, (polygon(*ring), {})))
    assert site.geometry.geom_type == "MultiPolygon"
    west, east = sorted(site.geometry.geoms, key=lambda part: part.centroid.x)
    assert west.bounds == pytest.approx((-180, 65, -179.95, 65.05))
    assert east.bounds == pytest.approx((179.95, 65, 180, 65.05))


BAD_TABLES = [
    ("id,lat,lon\na,abc,1", ["line 2 (a): lat is 'abc'", "write a decimal number"]),
    ("id,lat,lon\na,,1", ["line 2 (a): lat is empty"]),
    ("id,lat,lon\na,nan,1", ["line 2 (a)", "not a finite number"]),
    ("id,lat,lon\na,130.6,42.4", ["line 2 (a): lat 130.6 is outside -90 to 90", "swapped"]),
    ("id,lat,lon\na,95,142", ["lat 95 is outside -90 to 90: correct it"]),
    ("id,lat,lon\na,1,200", ["lon 200 is outside -180 to 180"]),
    ("id,lat,lon\na,1,1\nb,1,1\nA,1,1", ["line 4 (A): line 2 has the same id"]),
    ("id,lat,lon,radius_m\na,1,1,-5", ["radius -5 m", "greater than 0"]),
    ("id,lat,lon,radius_m\na,1,1,far", ["radius_m is 'far'"]),
    ("id,lat,lon,radius_m\na,1,1,100000", ["it covers 31,", "over 10,000"]),
    ("id,lat,lon\na b,1,1", ["line 2 (a b): site id 'a b' can't be a folder name"]),
    ("id,lat,lon\na,x,1\nb,1,1\nc,2,y\nd,,", ["line 2 (a)", "(bad rows after this one: 2)"]),
    ("id,name,lat,lon\na,Hamhung, machine complex,1,1", ["line 2: 5 cells under 4 columns", "quote text"]),
    ("id,city,breite\na,b,1", ["has no geometry", "found id, city, breite"]),
    ("id,wkt\na,POINT (1", ["'POINT (1' is no WKT"]),
    ("id,wkt\na,POINT EMPTY", ["it has no geometry"]),
    ("id,lat,lon\n", ["holds no site"]),
    ("", ["holds no site"]),
]


def message_of(path: Path) -> str:
    with pytest.raises(SiteListError) as caught:
        read_sites(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("text", "parts"), BAD_TABLES)
def test_a_bad_table_is_one_clear_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = message_of(table(tmp_path, text))
    assert all(part in message for part in parts), message


BAD_FEATURES = [
    ((None, {"id": "a"}), "feature 1 (a): it has no geometry"),
    ((polygon((42.4, 130.6), (42.5, 130.6), (42.5, 130.7)), {}), "lat and lon look swapped"),
    ((polygon((500000, 4649776), (500100, 4649776), (500100, 4649900)), {}), "set the list's coordinate system"),
    ((polygon((181, 0), (181.1, 0), (181.1, 0.1)), {}), "lon 181.1 is outside"),
    ((polygon((0, 0), (0.1, 0.1), (0.05, 0.05)), {}), "its polygon has no area"),
    ((polygon((0, 0), (5, 0), (5, 5), (0, 5)), {"id": "big"}), "feature 1 (big): it covers 307,"),
]


@pytest.mark.parametrize(("feature", "part"), BAD_FEATURES)
def test_a_bad_feature_is_one_clear_line(tmp_path: Path, feature: tuple[Any, dict[str, Any]], part: str) -> None:
    assert part in message_of(geojson(tmp_path, feature))


def test_files_that_are_no_list(tmp_path: Path) -> None:
    assert "check the path" in message_of(tmp_path / "missing.csv")
    assert "check the path" in message_of(tmp_path)
    assert "can't be read" in message_of(table(tmp_path, "{]", "broken.geojson"))
    assert "holds no site" in message_of(geojson(tmp_path))
    latin = tmp_path / "latin.csv"
    latin.write_bytes("id,name,lat,lon\na,Jõhvi,1,1".encode("latin-1"))
    assert "UTF-8" in message_of(latin)


def test_a_vector_file_without_crs_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "sites.shp"
    frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[SQUARE], crs=4326)
    frame.to_file(path)
    path.with_suffix(".prj").unlink()
    assert "has no coordinate system: set one" in message_of(path)
    with pytest.raises(SiteListError, match="site list has no coordinate system"):
        read_sites(frame.set_crs(None, allow_override=True))


def test_sheets_without_geometry_are_tables_too() -> None:
    frame = gpd.pd.DataFrame({"lat": [42.4], "lon": [130.6]})
    assert read_sites(frame)[0].geometry.contains(Point(130.6, 42.4))


def test_points_and_lines_across_the_antimeridian_stay_small() -> None:
    frame = gpd.GeoDataFrame(geometry=[LineString([(179.99, 10), (-179.99, 10)]), Polygon(SQUARE)], crs=4326)
    line, _ = read_sites(frame, SiteOptions(radius_m=100))
    assert area_m2(line) == pytest.approx(GEOD.inv(179.99, 10, -179.99, 10)[2] * 200 + 3.14159 * 100**2, rel=2e-3)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_options_check_themselves(radius: float) -> None:
    with pytest.raises(ConfigError, match="radius_m"):
        SiteOptions(radius_m=radius)
    assert issubclass(ConfigError, ChangeDetectError)
