"""A small site that is watched: what is built on it and goes, and how to see it."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from command_line import run
from shapely.geometry import box, mapping

from changedetect.ledger.geopackage import TABLES
from changedetect.lonlat import footprint
from changedetect.model import Site
from changedetect.testing import Acquisition, Feature, farmland, observe, write_catalog, write_scene

WEST, NORTH = 470_040, 5_190_000
LAND = farmland("dated", west=WEST, north=NORTH, epsg=32634, size_m=(600, 600), seed=4)
BASELINE = "2022-05-01/2022-09-30"
FIRST, LAST = date(2022, 5, 4), date(2023, 9, 28)
HALL = Feature(
    feature_id="hall", geometry=box(WEST + 120, NORTH - 220, WEST + 190, NORTH - 160), cover="concrete",
    built=date(2022, 11, 20),
)  # fmt: skip
DEPOT = Feature(
    feature_id="depot", geometry=box(WEST + 380, NORTH - 460, WEST + 450, NORTH - 400), cover="concrete",
    built=date(2023, 4, 20),
)  # fmt: skip
GONE = date(2023, 8, 1)
"""When the depot is gone again."""


def write_archive(folder: Path) -> Path:
    """Scenes every eighth day; each third is overcast."""
    items, day, number = [], FIRST, 0
    while day <= LAST:
        if day.month in range(4, 11):
            there = (HALL, DEPOT) if day < GONE else (HALL,)
            seen = observe(
                replace(LAND, features=there),
                Acquisition(
                    sensor="sentinel-2-l2a",
                    moment=datetime(day.year, day.month, day.day, 9, 36, tzinfo=UTC),
                    seed=number,
                    cloud_cover=0.97 if number % 3 == 2 else 0.04,
                ),
            )
            items.append(write_scene(seen, folder))
        day, number = day + timedelta(days=8), number + 1
    return write_catalog(items, folder)


SITE = Site(site_id="watched", name="A watched place", geometry=footprint(LAND.geobox))


def sites_file(folder: Path) -> Path:
    """The site list."""
    path = folder / "sites.geojson"
    feature = {"type": "Feature", "properties": {"id": "watched", "name": "A watched place"}}
    path.write_text(json.dumps(feature | {"geometry": mapping(SITE.geometry)}))
    return path


def arguments(archive: Path, out: Path, until: date = LAST) -> list[str]:
    """Command line of a `watch`."""
    options = ["--baseline", BASELINE, "--catalog", str(archive), "--set", "watch.every_weeks=6"]
    return ["watch", str(sites_file(archive.parent)), "-o", str(out), "--until", until.isoformat(), *options]


def run_until(archive: Path, out: Path, until: date = LAST) -> int:
    """Watch up to a day."""
    return run(*arguments(archive, out, until))


def rows(out: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a ledger says, table by table."""
    with closing(sqlite3.connect(out / "ledger.gpkg")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608
            for table in (*TABLES, "gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
        }
