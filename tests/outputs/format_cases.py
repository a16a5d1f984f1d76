"""Folders of runs to be exported: every sort of site, every sort of name."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
from affine import Affine
from odc.geo.geobox import GeoBox
from output_cases import make_changes, make_pair, make_result
from shapely import Polygon, box, union_all
from shapely.geometry.base import BaseGeometry

from changedetect.changes import empty_changes
from changedetect.lonlat import cut_antimeridian
from changedetect.model import Site, SiteResult
from changedetect.outputs import write_run, write_site

BEFORE, AFTER = "2023-05-01/2023-05-31", "2024-05-01/2024-05-31"
NASTY = "<img src=x onerror=alert(1)> & \"q\" 'a' \x0b\x01 ]]> مصنع 🏭"
FINISHED = "2024-06-01T12:00:00+00:00"
LOOKS = ("2023-05-03", "2023-08-01", "2024-02-01", "2024-03-01", "2024-05-04")

TIMELINE = {
    "last_clear_without": "2023-05-03",
    "first_seen": "2024-03-01",
    "confirmed_on": None,
    "gone_on": None,
    "phases": [
        {"name": "Site Preparation", "after": "2023-05-03", "by": "2023-08-01"},
        {"name": "Active Construction", "after": "2023-08-01", "by": "2024-03-01"},
    ],
    "looks": {
        "datetime": [f"{day}T02:00:00+00:00" for day in LOOKS],
        "scene_id": ["S2A_1", "S2B_2", "LC08_3", "LC09_4", "S2A_5"],
        "shows": ["without", "between", "cloudy", "with", "with"],
        "share": [0.0, 0.5, None, 0.9, 1.0],
        "clear_fraction": [1.0, 1.0, 0.0, 1.0, 1.0],
    },
}


def site(site_id: str = "a", name: str = "공장 A", kinds: Sequence[str] = ("construction",)) -> SiteResult:
    """A compared site with a change a kind: each 0.001 degrees wide, the first dated."""
    base = make_result()
    west, south = 129.001, 41.991
    squares = [box(west + i * 0.002, south, west + i * 0.002 + 0.001, south + 0.001) for i in range(len(kinds))]
    return replace(
        base,
        site=replace(base.site, site_id=site_id, name=name),
        changes=changes(site_id, name, kinds, squares),
        summary={**base.summary, "before": BEFORE, "after": AFTER, "n_changes": len(kinds), "area_m2": 400.0},
        provenance=provenance(site_id),
    )


def changes(site_id: str, name: str, kinds: Sequence[str], outlines: Sequence[BaseGeometry]) -> gpd.GeoDataFrame:
    frame = make_changes(outlines)
    frame["change_id"] = [f"{site_id}-{i}" for i in range(len(kinds))]
    frame["site_id"], frame["site_name"], frame["kind"] = site_id, name, list(kinds)
    frame["before"], frame["after"] = BEFORE, AFTER
    frame["confidence"] = [0.9 - 0.3 * (i % 3) for i in range(len(kinds))]
    for column in ("last_clear_without", "first_seen", "confirmed_on", "status"):
        frame[column] = None
    if len(frame):
        first = frame.index[0]
        frame.loc[first, ["last_clear_without", "first_seen", "status"]] = ["2023-05-03", "2024-03-01", "confirmed"]
    return frame


def provenance(site_id: str) -> dict[str, object]:
    item = "https://me:secret@stac.example/v1/collections/sentinel-2-l2a/items/S2A_1?token=secret"
    scene = {"id": "S2A_1", "catalog": "https://stac.example/v1?token=secret", "item": item}
    local = {"id": "S2B_2", "catalog": "/data/catalog.json", "item": None}
    return {
        "before": {"scenes": [scene], "window": BEFORE},
        "after": {"scenes": [local], "window": AFTER},
        "grid": {"crs": "EPSG:32652", "shape": [40, 50], "transform": [10.0, 0.0, 5e5, 0.0, -10.0, 4.65e6]},
        "calibrated": True,
        "detector": "whitened",
        "timeline": {"changes": {f"{site_id}-0": TIMELINE}},
    }


def across(site_id: str = "over-180") -> SiteResult:
    """A site on the antimeridian, a change of two halves 0.002 degrees wide."""
    base = site(site_id)
    grid = GeoBox((40, 50), Affine(10, 0, 833_728, 0, -10, 5_000), "EPSG:32660")
    ground = cut_antimeridian(Polygon([(179.998, 0.041), (180.003, 0.041), (180.003, 0.045), (179.998, 0.045)]))
    found = union_all([box(179.999, 0.042, 180, 0.044), box(-180, 0.042, -179.999, 0.044)])
    return replace(
        base,
        site=Site(site_id=site_id, name="over 180", geometry=ground),
        changes=changes(site_id, "over 180", ["construction"], [found]),
        change_map=None,
        preview=make_pair(grid),
    )


def failed(site_id: str = "f") -> SiteResult:
    nowhere = Site(site_id=site_id, name="nowhere", geometry=Polygon())
    return SiteResult(site=nowhere, status="failed", reason="row 3: no <geometry>", changes=empty_changes())


def undated(site_id: str = "rasters") -> SiteResult:
    """Two rasters without dates, changes without a timeline."""
    base = site(site_id)
    found = base.changes.assign(before=None, after=None, last_clear_without=None, first_seen=None, status=None)
    told = {key: value for key, value in base.summary.items() if key not in {"before", "after"}}
    record = {"before": {"raster": "a.tif"}, "after": {"raster": "b.tif"}, "calibrated": False}
    return replace(base, changes=found, summary=told, provenance=record)


def publish(results: Sequence[SiteResult], out: Path) -> Path:
    """Write the outputs of a run, as a run does."""
    for result in results:
        write_site(result, out)
    record = {
        "finished": FINISHED,
        "versions": {"changedetect": "0.1.0.dev3"},
        "sites": {result.site.site_id: {"status": result.status} for result in results},
    }
    write_run(results, out, record)
    return out


CASES = {
    "no sites": list[SiteResult](),
    "one site": [site()],
    "no changes": [replace(site(), changes=empty_changes())],
    "weird names": [site("w.-_1", NASTY, ["construction", "removal", "other", "clearing"]), site("b", "=1+1")],
    "antimeridian": [across()],
    "failed": [failed(), site()],
    "poor": [replace(site(), status="poor", reason="too cloudy", changes=empty_changes())],
    "rasters": [undated()],
}


def load(path: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return told
