"""The ledger is a GeoPackage, and the feed Atom: as other programs read them."""

import re
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from datetime import datetime

import numpy as np
import pyogrio
import pytest
import shapely
from ledger_cases import SITE

from changedetect.ledger.geopackage import from_blob, to_blob

ATOM, GEORSS = "{http://www.w3.org/2005/Atom}", "{http://www.georss.org/georss}"


def test_gdal_opens_every_layer(watched):
    layers = dict(pyogrio.list_layers(watched / "ledger.gpkg").tolist())
    assert layers == {
        "alerts": "MultiPolygon",
        "sites": "MultiPolygon",
        "history": None,
        "timelines": None,
        "watch": None,
    }
    alerts = pyogrio.read_dataframe(watched / "ledger.gpkg", layer="alerts")
    assert alerts.crs.to_epsg() == 4326
    assert len(alerts) == 2
    assert alerts.within(SITE.geometry.buffer(1e-4)).all()
    info = pyogrio.read_info(watched / "ledger.gpkg", layer="alerts", force_total_bounds=True)
    np.testing.assert_allclose(info["total_bounds"], alerts.total_bounds)


def test_the_tables_are_those_of_the_standard(watched):
    with closing(sqlite3.connect(watched / "ledger.gpkg")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone()[0] == int.from_bytes(b"GPKG", "big")
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 10400
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        told = dict(connection.execute("SELECT table_name, data_type FROM gpkg_contents").fetchall())
        systems = {row[0] for row in connection.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        maps = connection.execute("SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns").fetchall()
    assert told["alerts"] == told["sites"] == "features"
    assert told["history"] == told["timelines"] == told["watch"] == "attributes"
    assert systems == {-1, 0, 4326}
    assert sorted(maps) == [("alerts", "geom", 4326), ("sites", "geom", 4326)]


def test_geometry_survives():
    ring = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 4)])
    assert from_blob(to_blob(ring)).equals(ring)
    with_envelope = bytearray(to_blob(ring))
    with_envelope[3] |= 0b10
    assert from_blob(bytes(with_envelope[:8]) + bytes(32) + bytes(with_envelope[8:])).equals(ring)
    assert from_blob(to_blob(shapely.MultiPolygon())).is_empty


@pytest.fixture
def feed(watched):
    return ET.parse(watched / "feed.xml").getroot()  # noqa: S314 - our own file


def test_the_feed_has_what_atom_requires(feed):
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 2
    ids = []
    for one in (feed, *entries):  # RFC 4287, 4.1.1 and 4.1.2
        for name in ("id", "title", "updated"):
            assert len(one.findall(f"{ATOM}{name}")) == 1
        assert datetime.fromisoformat(one.findtext(f"{ATOM}updated")).tzinfo is not None
        ids.append(one.findtext(f"{ATOM}id"))
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", ids[-1])
    assert len(set(ids)) == len(ids)
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    assert all(one.findtext(f"{ATOM}content") for one in entries)
    updated = [one.findtext(f"{ATOM}updated") for one in entries]
    assert updated == sorted(updated, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == updated[0]


def test_places_are_latitude_first_and_closed(feed):
    places = list(feed.iter(f"{GEORSS}polygon"))
    assert len(places) == 2
    for place in places:
        numbers = np.array(place.text.split(), dtype=float).reshape(-1, 2)
        assert (numbers[0] == numbers[-1]).all()
        assert shapely.box(*SITE.geometry.bounds).buffer(1e-4).contains(shapely.Polygon(numbers[:, ::-1]))
