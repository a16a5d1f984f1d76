"""The tables of the ledger, as an OGC GeoPackage that QGIS and GDAL open (OGC 12-128r19).

Clause numbers below are that standard's. Rows have keys made of what they say, so that the same facts give the same
rows, whatever the order in which they were learnt.
"""

import hashlib
import sqlite3
import struct
from collections.abc import Mapping
from types import MappingProxyType

import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from changedetect.lonlat import polygons_of

APPLICATION_ID, USER_VERSION = 0x47504B47, 10400
"""`GPKG`, version 1.4.0 (1.1.1.1.1, requirement 2)."""
_WGS84 = 4326

TABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "alerts": (
            "features",
            """change_id TEXT NOT NULL UNIQUE, site_id TEXT NOT NULL, site_name TEXT NOT NULL, kind TEXT NOT NULL,
            state TEXT NOT NULL, status TEXT NOT NULL, confidence REAL NOT NULL, area_m2 REAL NOT NULL,
            before TEXT NOT NULL, after TEXT NOT NULL, last_clear_without TEXT, first_seen TEXT, confirmed_on TEXT,
            n_clear_looks INTEGER, delta_ndvi REAL, delta_ndbi REAL, delta_bsi REAL, delta_brightness REAL,
            magnitude REAL, reported_on TEXT NOT NULL, found_on TEXT NOT NULL, event_on TEXT NOT NULL,
            missed INTEGER NOT NULL, larger INTEGER NOT NULL, sure_on TEXT, grown_on TEXT, grown_m2 REAL NOT NULL,
            verdict TEXT NOT NULL, note TEXT NOT NULL, merged_into TEXT""",
        ),
        "sites": (
            "features",
            """site_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, seen_until TEXT NOT NULL, compared_on TEXT,
            reason TEXT NOT NULL, summary TEXT NOT NULL""",
        ),
        "history": (
            "attributes",
            """change_id TEXT NOT NULL, number INTEGER NOT NULL, happened_on TEXT NOT NULL, event TEXT NOT NULL,
            area_m2 REAL NOT NULL, text TEXT NOT NULL""",
        ),
        "timelines": ("attributes", "change_id TEXT NOT NULL UNIQUE, told TEXT NOT NULL"),
        "watch": ("attributes", "name TEXT NOT NULL UNIQUE, value TEXT NOT NULL"),
    }
)
"""Name, data type (1.1.3.1.1; attributes: 2.4) and columns beside the key and the geometry."""

_FRAME = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
"""
"""Definitions of annex C, tables 18 to 20."""


def create(connection: sqlite3.Connection) -> None:
    """Make an empty ledger (1.1.1 to 1.1.3, 2.1, 2.4)."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")
    connection.executescript(_FRAME)
    undefined = [
        ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
    ]
    wgs84 = ("WGS 84", _WGS84, "EPSG", _WGS84, CRS.from_epsg(_WGS84).to_wkt("WKT1_GDAL"), "longitude, latitude")
    connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", [*undefined, wgs84])
    for name, (data_type, columns) in TABLES.items():
        is_map = data_type == "features"
        geometry = "geom MULTIPOLYGON, " if is_map else ""
        connection.execute(f"CREATE TABLE {name} (fid INTEGER PRIMARY KEY NOT NULL, {geometry}{columns})")
        row = (name, data_type, name, "1970-01-01T00:00:00.000Z", _WGS84 if is_map else 0)
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change, srs_id) VALUES (?, ?, ?, ?, ?)",
            row,
        )
        if is_map:
            connection.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTIPOLYGON', ?, 0, 0)", (name, _WGS84)
            )


def put(connection: sqlite3.Connection, table: str, key: tuple[str, ...], values: Mapping[str, object]) -> None:
    """Write a row, in place of the one of that key."""
    row = {"fid": _fid(table, *key), **values}
    marks = ", ".join("?" * len(row))
    sql = f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - names of our own
    connection.execute(sql, tuple(row.values()))


def touch(connection: sqlite3.Connection, day: str) -> None:
    """Note the week of the last change, and the bounds of what there is (1.1.3.1.1: informative)."""
    for table, (data_type, _) in TABLES.items():
        bounds: tuple[float | None, ...] = (None,) * 4
        if data_type == "features":
            blobs = [row[0] for row in connection.execute(f"SELECT geom FROM {table}")]  # noqa: S608 - names of our own
            if blobs:
                bounds = tuple(float(edge) for edge in shapely.total_bounds([from_blob(blob) for blob in blobs]))
        connection.execute(
            "UPDATE gpkg_contents SET last_change = ?, min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?",
            (f"{day}T00:00:00.000Z", *bounds, table),
        )


def _fid(*key: str) -> int:
    """A key for good: 48 bits of a hash, exact in every program; a million rows share one with odds of 1 to 500."""
    return int.from_bytes(hashlib.sha256("\x1f".join(key).encode()).digest()[:6], "big") + 1


def to_blob(geometry: BaseGeometry) -> bytes:
    """Encode polygons as StandardGeoPackageBinary: header without envelope, little endian, then WKB (2.1.3)."""
    ground = polygons_of(geometry)
    flags = 0b00000001 | (0b00010000 if ground.is_empty else 0)
    header = struct.pack("<2sBBi", b"GP", 0, flags, _WGS84)
    return header + bytes(shapely.to_wkb(ground, byte_order=1))


def from_blob(blob: bytes) -> BaseGeometry:
    """Decode one, whichever envelope another program gave it (2.1.3, table 7)."""
    envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 0b111]
    return shapely.from_wkb(blob[8 + envelope :])
