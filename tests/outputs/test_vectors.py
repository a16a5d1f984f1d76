"""GeoJSON by RFC 7946 and GeoParquet by its 1.1 specification, judged by other people's readers."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from geojson_pydantic import FeatureCollection
from hypothesis import example, given, settings
from hypothesis import strategies as st
from output_cases import make_changes
from shapely.geometry import MultiPolygon, Polygon, box

from changedetect.changes import CHANGE_COLUMNS, empty_changes
from changedetect.outputs.vectors import conform, gather, publish, write_geojson, write_geoparquet

GEO_SCHEMA = {
    "type": "object",
    "required": ["version", "primary_column", "columns"],
    "properties": {
        "version": {"const": "1.1.0"},
        "primary_column": {"const": "geometry"},
        "columns": {
            "type": "object",
            "required": ["geometry"],
            "additionalProperties": {
                "type": "object",
                "required": ["encoding", "geometry_types"],
                "properties": {
                    "encoding": {"const": "WKB"},
                    "geometry_types": {
                        "type": "array",
                        "uniqueItems": True,
                        "items": {"pattern": "^(Polygon|MultiPolygon)$"},
                    },
                    "crs": {"type": "object", "required": ["$schema", "type"]},
                    "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
                    "covering": {
                        "type": "object",
                        "required": ["bbox"],
                        "properties": {
                            "bbox": {
                                "type": "object",
                                "required": ["xmin", "ymin", "xmax", "ymax"],
                                "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2},
                            }
                        },
                    },
                },
            },
        },
    },
}
"""The rules of https://geoparquet.org/releases/v1.1.0/ that bear on a file of polygons."""


def geojson(path: Path, changes: gpd.GeoDataFrame) -> dict[str, Any]:
    write_geojson(path, conform(changes))
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    FeatureCollection.model_validate(document)
    assert set(document) == {"type", "features"}
    return document


def rings(geometry: dict[str, Any]) -> list[list[list[list[float]]]]:
    return [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]


def test_geojson_says_what_the_frame_says(tmp_path: Path) -> None:
    document = geojson(tmp_path / "a.geojson", make_changes([box(129, 42, 129.001, 42.001), box(0, 0, 0.1, 0.1)]))
    first = document["features"][0]
    assert first["id"] == first["properties"]["change_id"] == "a-0"
    assert tuple(first["properties"]) == CHANGE_COLUMNS[:-1]
    assert first["properties"]["confidence"] == 0.3
    assert first["properties"]["delta_ndvi"] is None
    assert first["properties"]["after"] is None
    assert first["properties"]["site_name"] == "공장 A"


def test_gdal_opens_it_as_lon_lat(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    geojson(path, make_changes([box(129, 42, 129.001, 42.001)]))
    frame = pyogrio.read_dataframe(path)
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry[0].bounds == pytest.approx((129, 42, 129.001, 42.001))
    assert frame["area_m2"][0] == 400


def test_no_changes_is_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    assert geojson(path, empty_changes()) == {"type": "FeatureCollection", "features": []}
    assert len(pyogrio.read_dataframe(path)) == 0


def test_the_right_hand_rule_holds_for_holes_too(tmp_path: Path) -> None:
    holed = box(0, 0, 1, 1).difference(box(0.4, 0.4, 0.6, 0.6))
    document = geojson(tmp_path / "a.geojson", make_changes([holed, holed.reverse(), MultiPolygon([box(3, 3, 4, 4)])]))
    for feature in document["features"]:
        for exterior, *holes in rings(feature["geometry"]):
            assert shapely.LinearRing(exterior).is_ccw
            assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)


@pytest.mark.parametrize(
    "polygon",
    [
        Polygon([(179.9, 0), (-179.9, 0), (-179.9, 0.1), (179.9, 0.1)]),
        Polygon([(179.9, 0), (179.9, 0.1), (-179.9, 0.1), (-179.9, 0)]),
        box(179.9, 0, 180.1, 0.1),
        box(-180.1, 0, -179.9, 0.1),
    ],
)
def test_polygons_are_cut_at_the_antimeridian(polygon: Polygon) -> None:
    west, east = sorted(publish(polygon).geoms, key=lambda part: part.bounds[0])
    assert west.equals(box(-180, 0, -179.9, 0.1))
    assert east.equals(box(179.9, 0, 180, 0.1))


@settings(deadline=None)
@example(
    shapely.MultiPoint([(0.0, -0.00047900924), (0.0, -0.00018099763), (0.00032592957, -0.00036920033)]).buffer(
        2e-4, quad_segs=3
    ),
    180.0,
    0.0,
)
@example(shapely.MultiPoint([(0.0, 0.0), (0.0, 5.256961962457344e-08), (0.0, 1e-12)]).buffer(2e-4, quad_segs=3), 180, 0)
@given(
    st.lists(st.tuples(st.floats(-0.001, 0.001), st.floats(-0.001, 0.001)), min_size=3, max_size=12, unique=True).map(
        lambda points: shapely.MultiPoint(points).buffer(2e-4, quad_segs=3)
    ),
    st.floats(-180, 180),
    st.floats(-80, 80),
)
def test_what_is_published_is_valid_rounded_and_as_large(shape: Polygon, lon: float, lat: float) -> None:
    moved = shapely.transform(shape, lambda xy: xy + (lon, lat))  # noqa: RUF005 - an array
    published = publish(moved)
    assert published.is_valid
    assert not published.is_empty
    coordinates = shapely.get_coordinates(published)
    assert (np.round(coordinates, 7) == coordinates).all()
    assert np.abs(coordinates[:, 0]).max() <= 180
    assert published.area == pytest.approx(moved.area, abs=moved.length * 2e-7)


def test_a_bow_tie_comes_out_valid() -> None:
    tie = publish(Polygon([(0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)]))
    assert tie.is_valid
    assert tie.area == pytest.approx(0.5e-4)


def test_changes_of_many_sites_are_stacked() -> None:
    square = box(0, 0, 1, 1)
    stacked = gather([make_changes([square]), empty_changes(), make_changes([square, square])])
    assert len(stacked) == 3
    assert stacked.crs.to_epsg() == 4326
    for nothing in ([], [empty_changes()]):
        assert tuple(gather(nothing).columns) == CHANGE_COLUMNS


@pytest.mark.parametrize("filled", [True, False])
def test_geoparquet_keeps_its_rules_and_its_types(tmp_path: Path, *, filled: bool) -> None:
    path = tmp_path / "a.parquet"
    changes = make_changes([box(129, 42, 130, 43), box(0, 0, 1, 1)]) if filled else empty_changes()
    write_geoparquet(path, conform(changes))
    schema = pq.read_schema(path)
    geo = json.loads(schema.metadata[b"geo"], parse_constant=pytest.fail)
    jsonschema.validate(geo, GEO_SCHEMA)
    column = geo["columns"]["geometry"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4326}
    assert column.get("bbox") == ([0, 0, 130, 43] if filled else None)
    for corner in ("xmin", "ymin", "xmax", "ymax"):
        assert column["covering"]["bbox"][corner] == ["bbox", corner]
        assert schema.field("bbox").type.field(corner).type == pa.float64()
    for name in ("change_id", "kind", "before", "after"):
        assert pa.types.is_string(schema.field(name).type) or pa.types.is_large_string(schema.field(name).type)
    for name in ("confidence", "area_m2", "delta_ndvi"):
        assert schema.field(name).type == pa.float64()
    assert tuple(schema.names)[: len(CHANGE_COLUMNS)] == CHANGE_COLUMNS


def test_geoparquet_and_geojson_say_the_same(tmp_path: Path) -> None:
    changes = conform(make_changes([Polygon([(179.9, 0), (-179.9, 0), (-179.9, 0.1)])]))
    write_geoparquet(tmp_path / "a.parquet", changes)
    write_geojson(tmp_path / "a.geojson", changes)
    ours = json.loads((tmp_path / "a.geojson").read_text())["features"][0]
    read = gpd.read_parquet(tmp_path / "a.parquet")
    assert shapely.geometry.shape(ours["geometry"]).equals_exact(read.geometry[0], 0)
    row = pq.read_table(tmp_path / "a.parquet", columns=list(CHANGE_COLUMNS[:-1])).to_pylist()[0]
    assert {name: None if value != value else value for name, value in row.items()} == ours["properties"]  # noqa: PLR0124 - NaN
