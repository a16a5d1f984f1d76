"""Tiny sites on simulated ground, and what a run over them leaves."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import box

from changedetect.config import RunConfig
from changedetect.model import Site, Window
from changedetect.testing import Acquisition, Feature, farmland, observe, write_catalog, write_scene

WEST, NORTH, EPSG = 500_040.0, 5_100_000.0, 32634
SIDE_M = 320.0
TO_LONLAT = Transformer.from_crs(EPSG, 4326, always_xy=True)
SENSOR = "sentinel-2-l2a"


def in_metres(x: float, y: float, width: float, height: float):
    """A rectangle by the metres of its upper left corner east and south of the land's."""
    return box(WEST + x, NORTH - y - height, WEST + x + width, NORTH - y)


def lonlat(geometry):
    return shapely.transform(geometry, lambda xy: np.column_stack(TO_LONLAT.transform(*xy.T)))


def write_land(folder: Path, size_m: tuple[float, float], halls: list[tuple[float, float, float, float]]) -> Path:
    """A catalog of two looks before and two after the halls were built; `size_m` is height and width."""
    land = farmland("batch", west=WEST, north=NORTH, epsg=EPSG, size_m=size_m, seed=5)
    features = tuple(
        Feature(feature_id=f"hall-{number}", geometry=in_metres(*hall), cover="white_roof", built=date(2023, 1, 10))
        for number, hall in enumerate(halls)
    )
    land = replace(land, features=features)
    moments = [(2022, 7, 5), (2022, 8, 4), (2023, 7, 10), (2023, 8, 9)]
    looks = [
        Acquisition(sensor=SENSOR, moment=datetime(*day, 9, 36, tzinfo=UTC), seed=number, baseline="04.00")
        for number, day in enumerate(moments)
    ]
    return write_catalog([write_scene(observe(land, look), folder) for look in looks], folder)


def options(catalog: Path) -> RunConfig:
    return RunConfig(
        catalog=(str(catalog),), before=Window.parse("2022-06/2022-09"), after=Window.parse("2023-06/2023-09")
    )


def tiny_sites(columns: int, rows: int) -> tuple[Site, ...]:
    """Squares of 320 m side by side."""
    return tuple(
        Site(
            site_id=f"s{row}{column}",
            name=f"site {row} {column}",
            geometry=lonlat(in_metres(SIDE_M * column, SIDE_M * row, SIDE_M, SIDE_M)),
        )
        for row in range(rows)
        for column in range(columns)
    )


def digests(out: Path) -> dict[str, str]:
    """Every file but those that tell when it was or how long it took, and what is in it."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in {"run.json", "done.json", "report.html"}
    }
