"""The rows of a site list, whatever file or frame they stand in; nothing in them is believed yet."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from changedetect.errors import SiteListError

_TABLES = {".csv", ".tsv", ".txt"}
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("site_id", "siteid", "id"),
    "name": ("site_name", "name", "title"),
    "lat": ("lat", "latitude", "y"),
    "lon": ("lon", "lng", "long", "longitude", "x"),
    "radius": ("radius_m", "radius"),
    "wkt": ("wkt", "geometry", "geom", "the_geom"),
}
"""Column names that mean the same, preferred first; case does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a list, before anything in it is believed."""

    where: str
    """`line 3` of a text table, `feature 2` of anything else."""
    cells: Mapping[str, Any]
    """Cells that say something, by column, ready for JSON."""
    geometry: BaseGeometry | None
    """Lon/lat; None in a table, whose cells hold it."""

    def column(self, key: str) -> str | None:
        """Name of the filled column that means `key` (of `_ALIASES`), None without one."""
        lowered = {name.strip().lower(): name for name in self.cells}
        return next((lowered[alias] for alias in _ALIASES[key] if alias in lowered), None)

    def text(self, key: str) -> str:
        """Text under `key`, empty without one; 7.0 is 7, for GDAL makes floats of integers with gaps."""
        column = self.column(key)
        value = "" if column is None else self.cells[column]
        return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()

    def number(self, key: str) -> float:
        """Read the number under `key`."""
        column = self.column(key)
        if column is None:
            msg = f"{key} is empty: fill it in"
            raise SiteListError(msg)
        try:
            return float(self.cells[column])
        except (TypeError, ValueError):
            msg = f"{column} is {self.cells[column]!r}: write a decimal number, as in 38.25"
            raise SiteListError(msg) from None


def rows_of_file(path: Path) -> Iterator[Row]:
    """Rows of a text table, or of anything that GDAL reads; `SiteListError` when it can't be read."""
    if not path.is_file():
        msg = f"site list {path} is no file: check the path"
        raise SiteListError(msg)
    try:
        if path.suffix.lower() in _TABLES:
            yield from _rows_of_table(path)
            return
        # Every folder of a KML is a layer; a layer of geometry type None is a table beside the map (styles, notes).
        layers = pyogrio.list_layers(path)
        names = [name for name, kind in layers if kind is not None] or [name for name, _ in layers]
        # The XML id of a KML feature is its editor's, made anew at each export.
        dropped = ["id"] if path.suffix.lower() in {".kml", ".kmz"} else []
        for name in names:
            frame = pyogrio.read_dataframe(path, layer=name).drop(columns=dropped, errors="ignore")
            yield from rows_of_frame(frame, str(path), f"layer {name!r}, " if len(names) > 1 else "")
    except (OSError, UnicodeDecodeError, csv.Error, pyogrio.errors.DataSourceError) as error:
        msg = f"site list {path} can't be read ({error}): give GeoJSON, GeoPackage, KML or UTF-8 CSV"
        raise SiteListError(" ".join(msg.split())) from error


def _rows_of_table(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=max(",;\t", key=header.count))
        columns = [column.strip() for column in next(reader, [])]
        for values in reader:
            where = f"line {reader.line_num}"
            if len(values) > len(columns) and any(values[len(columns) :]):
                msg = f"{path}, {where}: {len(values)} cells under {len(columns)} columns: quote text that has commas"
                raise SiteListError(msg)
            if any(value.strip() for value in values):
                _check_columns(columns, str(path))
                yield Row(where=where, cells=_filled(columns, values), geometry=None)


def rows_of_frame(frame: pd.DataFrame, listed: str, prefix: str = "") -> Iterator[Row]:
    """Rows of a frame with geometry, or with columns that say where; messages begin with `listed`."""
    geometries: Iterable[BaseGeometry | None] = [None] * len(frame)
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        if frame.crs is None:
            msg = f"{listed} {prefix}has no coordinate system: set one (EPSG:4326 if its coordinates are lon/lat)"
            raise SiteListError(msg)
        geometries = [Point() if geometry is None else geometry for geometry in frame.geometry.to_crs(4326)]
        frame = frame.drop(columns=frame.active_geometry_name)
    elif len(frame):
        _check_columns([str(column) for column in frame.columns], listed)
    columns = [str(column) for column in frame.columns]
    values = frame.itertuples(index=False, name=None)
    for number, (cells, geometry) in enumerate(zip(values, geometries, strict=True), start=1):
        yield Row(where=f"{prefix}feature {number}", cells=_filled(columns, cells), geometry=geometry)


def _check_columns(columns: Sequence[str], listed: str) -> None:
    row = Row(where="", cells=dict.fromkeys(columns), geometry=None)
    if not (row.column("wkt") or (row.column("lat") and row.column("lon"))):
        msg = f"{listed} has no geometry: name columns lat and lon, or wkt; found {', '.join(columns) or 'none'}"
        raise SiteListError(msg)


def _filled(columns: Sequence[str], values: Iterable[Any]) -> dict[str, Any]:
    """Cells that say something, as JSON can hold them."""
    cells: dict[str, Any] = {}
    for column, value in zip(columns, values, strict=False):
        plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        if (isinstance(plain, str) and not plain.strip()) or (pd.api.types.is_scalar(plain) and pd.isna(plain)):
            continue
        if isinstance(plain, date):
            plain = plain.isoformat()
        cells[column] = plain if isinstance(plain, str | int | float | list | dict) else str(plain)
    return cells
