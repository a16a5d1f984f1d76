"""`changes.csv`: a row a change, safe to open in a spreadsheet."""

import csv
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.changes import CHANGE_COLUMNS
from changedetect.lonlat import eastward
from changedetect.outputs.files import plain, whole
from changedetect.outputs.formats.published import Published
from changedetect.outputs.tables import cell

_COLUMNS = tuple(name for name in CHANGE_COLUMNS if name != "geometry")


def write_csv(published: Published, path: Path) -> None:
    """Write changes with `lon` and `lat` of their centroids, RFC 4180 with line feeds, UTF-8.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    _write(published, path, wkt=False)


def write_csv_wkt(published: Published, path: Path) -> None:
    """Write the same with the outline as well-known text (OGC 06-103r4, 7), for programs: QGIS and PostGIS read it.

    It is kept apart because spreadsheets cut cells of more than 32,767 characters (Excel specifications and limits).

    Raises
    ------
    OutputError
        The file can't be written.
    """
    _write(published, path, wkt=True)


def _write(published: Published, path: Path, *, wkt: bool) -> None:
    changes = published.changes
    with whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_COLUMNS, "lon", "lat", *(["wkt"] if wkt else [])])
        rows = changes[list(_COLUMNS)].astype(object).itertuples(index=False, name=None)
        for row, geometry in zip(rows, changes.geometry, strict=True):
            outline = [shapely.to_wkt(geometry, rounding_precision=7)] if wkt else []
            writer.writerow([*(cell(plain(value)) for value in row), *map(cell, centroid(geometry)), *outline])


def centroid(geometry: BaseGeometry) -> tuple[float, float]:
    """Longitude and latitude of the middle, six decimals; where an outline was cut at the antimeridian, of its whole.

    >>> centroid(shapely.box(-180, 0, -179, 1) | shapely.box(178, 0, 180, 1))[0]
    179.5
    """
    west, _, east, _ = geometry.bounds
    if east - west > 180:
        geometry = eastward(geometry)
    middle = geometry.centroid
    return round((middle.x + 180) % 360 - 180, 6), round(middle.y, 6)
