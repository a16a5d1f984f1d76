"""Changes as GeoJSON (RFC 7946) and as GeoParquet 1.1, with the same content."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.changes import CHANGE_COLUMNS, COUNT_COLUMNS, empty_changes
from changedetect.lonlat import cut_antimeridian, polygons_of
from changedetect.outputs.files import plain, whole

_DECIMALS = 7
"""Decimals of a degree that are kept: 1 cm, a thousandth of a pixel."""


def write_geojson(path: Path, changes: gpd.GeoDataFrame) -> None:
    """Write RFC 7946 GeoJSON, one feature a line, with `change_id` as the feature's id; no changes is a valid file.

    `changes` is as `conform` gives it.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    with whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        columns = [name for name in CHANGE_COLUMNS if name != "geometry"]
        rows = changes[columns].itertuples(index=False, name=None)
        for number, (row, geometry) in enumerate(zip(rows, changes.geometry, strict=True)):
            properties = {name: plain(value) for name, value in zip(columns, row, strict=True)}
            feature = {
                "type": "Feature",
                "id": properties["change_id"],
                "geometry": shapely.geometry.mapping(geometry),
                "properties": properties,
            }
            file.write((",\n" if number else "\n") + json.dumps(feature, ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")


def write_geoparquet(path: Path, changes: gpd.GeoDataFrame) -> None:
    """Write GeoParquet 1.1 with a bounding box column; `changes` is as `conform` gives it.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    with whole(path) as beside:
        changes.to_parquet(beside, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True)


def conform(changes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring changes into the form that is published.

    The columns of `CHANGE_COLUMNS`, in order, text as text, counts as Int64 and other numbers as float64 with six
    decimals, even where all are missing; geometries in lon/lat (EPSG:4326), cut at the antimeridian, rounded to seven
    decimals, valid, exterior rings counterclockwise.
    """
    kinds = _kinds()
    frame = changes.to_crs(4326)
    columns = {
        name: frame[name].astype("float64").round(6) if kinds[name] == np.float64 else frame[name].astype("string")
        for name in CHANGE_COLUMNS
        if name != "geometry"
    }
    columns |= {name: pd.to_numeric(frame[name]).astype("float64").astype("Int64") for name in COUNT_COLUMNS}
    geometry = gpd.GeoSeries([publish(one) for one in frame.geometry], index=frame.index, crs="EPSG:4326")
    return gpd.GeoDataFrame(columns, geometry=geometry, index=frame.index, crs="EPSG:4326")


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, Any]:
    """Type of each column of a frame of changes; making one for every site takes longer than writing its files."""
    return dict(empty_changes().dtypes)


def gather(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Stack the changes of many sites, `conform`ed; none of them may have any."""
    filled = [frame.to_crs(4326) for frame in frames if len(frame)]
    return conform(gpd.GeoDataFrame(pd.concat(filled, ignore_index=True)) if filled else empty_changes())


def publish(geometry: BaseGeometry) -> BaseGeometry:
    """Make one lon/lat geometry fit for RFC 7946: cut, rounded, valid after rounding, right-hand rule.

    >>> from shapely import Polygon
    >>> publish(Polygon([(0, 0), (0, 0.123456789), (1, 1)])).exterior.is_ccw
    True
    """
    if _is_published(geometry):  # read back from a file: the same bytes again
        return geometry
    # What repairing collapses to lines is no ground.
    areas = polygons_of(shapely.make_valid(geometry))
    cut = shapely.union_all([cut_antimeridian(area) for area in areas.geoms])
    # The precision model keeps rings simple where rounding alone would let edges cross.
    snapped = shapely.set_precision(cut, 10.0**-_DECIMALS)
    rounded = shapely.transform(snapped, lambda xy: np.round(xy, _DECIMALS))
    return shapely.orient_polygons(rounded if not rounded.is_empty and rounded.is_valid else cut)


def _is_published(geometry: BaseGeometry) -> bool:
    """Whether `publish` has nothing to do but to begin rings elsewhere."""
    parts = shapely.get_parts(geometry)
    coordinates = shapely.get_coordinates(geometry)
    return bool(
        all(part.geom_type == "Polygon" and part == shapely.orient_polygons(part) for part in parts)
        and (np.round(coordinates, _DECIMALS) == coordinates).all()
        and shapely.is_valid(geometry)
        and all(cut_antimeridian(part) is part for part in parts)
    )
