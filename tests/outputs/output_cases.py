"""A finished site, with changes whose truth is known."""

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from changedetect.changes import CHANGE_COLUMNS, COUNT_COLUMNS
from changedetect.model import ChangeMap, Composite, Pair, Site, SiteResult

GRID = GeoBox((40, 50), Affine(10, 0, 500_000, 0, -10, 4_650_000), "EPSG:32652")
BANDS = ("blue", "green", "red", "nir")


def make_changes(geometries: Sequence[BaseGeometry]) -> gpd.GeoDataFrame:
    n = len(geometries)
    values: dict[str, Any] = {
        "change_id": [f"a-{i}" for i in range(n)],
        "site_id": ["a"] * n,
        "site_name": ["공장 A"] * n,
        "kind": ["construction"] * n,
        "confidence": np.full(n, np.float32(0.3), dtype=np.float32),
        "area_m2": [400.0] * n,
        "before": ["2023-05-01/2023-05-31"] * n,
        "after": [None] * n,
        "delta_ndvi": [float("nan")] * n,
    }
    columns = {
        name: values.get(name, [3.0 if name in COUNT_COLUMNS else 0.1] * n)
        for name in CHANGE_COLUMNS
        if name != "geometry"
    }
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs="EPSG:4326")


def make_pair(grid: GeoBox = GRID, bands: tuple[str, ...] = BANDS, *, calibrated: bool = True) -> Pair:
    rng = np.random.default_rng(7)
    shape = tuple(grid.shape)

    def date() -> Composite:
        data = rng.uniform(0.02, 0.3, (len(bands), *shape)).astype(np.float32)
        valid = np.ones(shape, dtype=bool)
        return Composite(geobox=grid, bands=bands, data=data, valid=valid, looks=valid.astype(np.uint8))

    return Pair(before=date(), after=date(), calibrated=calibrated)


def make_result() -> SiteResult:
    shape = tuple(GRID.shape)
    changed = np.zeros(shape, dtype=np.uint8)
    changed[5:9, 5:9], changed[0] = 1, 255
    found = box(5, 5, 9, 9)
    ring = [(500_000 + 10 * x, 4_650_000 - 10 * y) for x, y in found.exterior.coords]
    changes = gpd.GeoDataFrame(make_changes([found]).drop(columns="geometry"), geometry=[type(found)(ring)], crs=32652)
    return SiteResult(
        site=Site(site_id="a", name="공장 A", geometry=box(129, 41.99, 129.01, 42), properties={"source": "press"}),
        status="ok",
        changes=changes.to_crs(4326),
        change_map=ChangeMap(geobox=GRID, changed=changed, confidence=changed * np.float32(0.5), kind=changed),
        preview=make_pair(),
        summary={
            "n_changes": 1,
            "clear_fraction": np.float32(0.5),
            "mode": "surface",
            "after": "2024-05-01/2024-05-31",
        },
        provenance={"href": "https://host/a.tif?sig=secret", "shift_px": np.float64("nan")},
    )
