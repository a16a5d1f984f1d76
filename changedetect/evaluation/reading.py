"""Reading predictions, references and extents: any vector file becomes lon/lat polygons with a role."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from changedetect.errors import EvaluationError
from changedetect.lonlat import mended

logger = logging.getLogger(__name__)

Source: TypeAlias = str | Path | gpd.GeoDataFrame
"""A vector file, the folder of a run, or a table in memory."""
Role = Literal["positive", "ignored", "negative"]
"""What a polygon says: built or cleared here; no matter; nothing of the sort."""

CLASSES: Mapping[str, tuple[str, Role]] = MappingProxyType(
    {
        "construction": ("construction", "positive"),
        "clearing": ("clearing", "positive"),
        "cleared": ("clearing", "positive"),
        "removal": ("removal", "negative"),
        "removed": ("removal", "negative"),
        "other": ("other", "negative"),
        "resurfaced": ("resurfaced", "ignored"),
        "unsure": ("unsure", "ignored"),
    }
)
"""Words of a `class` or `kind` column: the kind they mean and the role they have."""


def read_polygons(source: Source, what: str) -> gpd.GeoDataFrame:
    """Read a table of polygons: valid, lon/lat, column names in lower case; rows without an area are left out.

    Parameters
    ----------
    source : str, Path or GeoDataFrame
        The folder of a run stands for its `changes.geojson`.
    what : str
        What it is to the reader, for messages: `predictions`, `reference`, `extent`.

    Raises
    ------
    EvaluationError
        It can't be read, has no CRS, holds no degrees after reprojection, or has rows but no polygon among them.
    """
    name = name_of(source, what)
    frame = source if isinstance(source, gpd.GeoDataFrame) else _load(Path(source), what)
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        msg = f"{name} has no geometry: give {what} as polygons (GeoJSON, GeoPackage, GeoParquet)"
        raise EvaluationError(msg)
    if frame.crs is None:
        msg = f"{name} has no coordinate system: set one (EPSG:4326 if its coordinates are lon/lat)"
        raise EvaluationError(msg)
    outlines = frame.geometry.to_crs(4326)
    ground = [_ground(geometry, f"{name}, row {row}") for row, geometry in enumerate(outlines, start=1)]
    table = pd.DataFrame(frame.drop(columns=frame.active_geometry_name)).reset_index(drop=True)
    table.columns = pd.Index([str(column).lower() for column in table.columns])
    table = table.loc[:, ~table.columns.duplicated()]
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(ground, index=table.index, crs="EPSG:4326"))
    whole = frame[~frame.geometry.is_empty].reset_index(drop=True)
    if len(frame) and not len(whole):
        msg = f"{name} holds no polygon in its {len(frame)} rows: give {what} as polygons, not points or lines"
        raise EvaluationError(msg)
    if len(whole) < len(frame):
        logger.warning("%s: left out %d of %d rows, which have no area", name, len(frame) - len(whole), len(frame))
    return whole


def name_of(source: Source, what: str) -> str:
    """Path of a file, or what a table in memory is to the reader."""
    return what if isinstance(source, gpd.GeoDataFrame) else str(source)


def roles(frame: gpd.GeoDataFrame, column: str | None, name: str) -> pd.DataFrame:
    """Kind and role of every row, from its word in `column`; without a column all are positives of no kind.

    Raises
    ------
    EvaluationError
        A row has no word, or one that `CLASSES` does not know.
    """
    if column is None:
        return pd.DataFrame({"kind": "", "role": "positive"}, index=frame.index)
    words = frame[column].astype("string").str.strip().str.lower().fillna("")
    if strange := sorted(set(words) - CLASSES.keys()):
        row = int(np.flatnonzero(words == strange[0])[0]) + 1
        said = f"has {column} {strange[0]!r}" if strange[0] else f"has no {column}"
        msg = f"{name}, row {row} {said}: use {', '.join(CLASSES)}"
        raise EvaluationError(msg)
    known = [CLASSES[word] for word in words]
    return pd.DataFrame(known, columns=["kind", "role"], index=frame.index)


def read_extent(source: Source | BaseGeometry) -> BaseGeometry:
    """Read the ground that was looked at: every polygon of a file, in one.

    Raises
    ------
    EvaluationError
        It can't be read, or has no polygon.
    """
    if isinstance(source, BaseGeometry):
        source = gpd.GeoDataFrame(geometry=[source], crs="EPSG:4326")
    frame = read_polygons(source, "extent")
    if not len(frame):
        msg = f"{name_of(source, 'extent')} is empty: draw the ground that was looked at as a polygon"
        raise EvaluationError(msg)
    return shapely.union_all(frame.geometry.to_numpy())


def _load(path: Path, what: str) -> gpd.GeoDataFrame | pd.DataFrame:
    path = path / "changes.geojson" if path.is_dir() else path
    if not path.is_file():
        msg = f"{what} {path} is no file: check the path"
        raise EvaluationError(msg)
    try:
        if path.suffix.lower() in {".parquet", ".geoparquet"}:
            return gpd.read_parquet(path)
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        if len(layers) > 1:
            msg = f"{path} has {len(layers)} layers ({', '.join(layers)}): give a file with one"
            raise EvaluationError(msg)
        return pyogrio.read_dataframe(path, layer=layers[0] if layers else None)
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{what} {path} can't be read ({error}): give GeoJSON, GeoPackage or GeoParquet"
        raise EvaluationError(" ".join(msg.split())) from error


def _ground(geometry: BaseGeometry | None, where: str) -> BaseGeometry:
    if geometry is None or geometry.is_empty:
        return MultiPolygon()
    try:
        return mended(shapely.force_2d(geometry))
    except ValueError as error:
        x, y = shapely.get_coordinates(geometry)[0]
        msg = f"{where} lies at {x:.10g}, {y:.10g}, which is no lon/lat: set the file's coordinate system"
        raise EvaluationError(msg) from error
