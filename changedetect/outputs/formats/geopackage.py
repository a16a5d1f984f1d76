"""`changes.gpkg`: changes and sites as layers that QGIS opens coloured, for the style lies in the same file.

OGC GeoPackage 1.3 (OGC 12-128r17), and the table `layer_styles` as QGIS writes it by "Save style in database".
"""

import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from changedetect.errors import OutputError
from changedetect.outputs.files import plain, whole
from changedetect.outputs.formats.published import Published
from changedetect.outputs.formats.qgis_style import changes_style, sites_style

_SITE_TEXT = ("site_id", "site_name", "status", "reason", "before", "after", "rule", "warnings")
_SITE_NUMBERS = ("n_changes", "n_construction", "n_clearing", "area_m2", "clear_fraction", "shift")

_STYLES_TABLE = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
  styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)"""


_STYLES: Mapping[str, tuple[Callable[[], str], str]] = MappingProxyType(
    {
        "changes": (changes_style, "the colour is the kind, how solid it is the confidence"),
        "sites": (sites_style, "outlines, dashed where a site was not compared"),
    }
)
"""What draws each layer's style, and what is said of it."""


def write_geopackage(published: Published, path: Path) -> None:
    """Write the layers `changes` and `sites`, each with its default style.

    Raises
    ------
    OutputError
        The file can't be written, or a site's files can't be read.
    """
    layers = {"changes": published.changes, "sites": _sites(published)}  # readers that ask for no layer get the first
    with whole(path) as beside, tempfile.TemporaryDirectory(dir=path.parent, prefix=".gpkg-") as scratch:
        part = Path(scratch) / "part.gpkg"
        try:
            for name, frame in layers.items():
                pyogrio.write_dataframe(
                    frame,
                    part,
                    layer=name,
                    driver="GPKG",
                    geometry_type="MultiPolygon",
                    promote_to_multi=True,
                    dataset_options={"VERSION": "1.3"},  # which older QGIS open without a warning
                )
            with closing(sqlite3.connect(part)) as database:
                _add_styles(database, published.finished)
                # A file written in one go: how often GDAL wrote to the other depends on the clock, and is kept in it.
                database.execute("VACUUM INTO ?", (str(beside),))
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, sqlite3.Error) as error:
            msg = f"{path} can't be written ({error}): check the folder, its rights and the free space"
            raise OutputError(" ".join(msg.split())) from error


def _sites(published: Published) -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    outlines = []
    for place in published.sites():
        known = {**place.summary, "site_id": place.site.site_id, "site_name": place.site.name}
        known |= {"status": place.status, "reason": place.reason}
        rows.append({name: plain(known.get(name)) for name in (*_SITE_TEXT, *_SITE_NUMBERS)})
        outlines.append(None if place.site.geometry.is_empty else shapely.force_2d(place.site.geometry))
    table = pd.DataFrame(rows, columns=[*_SITE_TEXT, *_SITE_NUMBERS])
    kinds = dict.fromkeys(_SITE_TEXT, "string") | dict.fromkeys(_SITE_NUMBERS, "float64")
    return gpd.GeoDataFrame(table.astype(kinds), geometry=gpd.GeoSeries(outlines, crs="EPSG:4326"))


def _add_styles(database: sqlite3.Connection, moment: datetime) -> None:
    """Put in the styles, and the run's end for every time of writing: the same run gives the same bytes."""
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")  # the form that OGC 12-128r17, table 1 asks for
    with database:
        database.execute(_STYLES_TABLE)
        for layer, (style, about) in _STYLES.items():
            (column,) = database.execute(
                "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
            ).fetchone()
            database.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
                " styleQML, styleSLD, useAsDefault, description, owner, ui, update_time)"
                " VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', NULL, ?)",
                (layer, column, layer, style(), about, stamp),
            )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)"
            " VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)"
        )
        database.execute("UPDATE gpkg_contents SET last_change = ?", (stamp,))
