"""The simulator's standard suite: two growing places and one where nothing is built, each seen in three ways.

Seven scenes a window under 20-50 % cloud. Seeds are not those of the tests and samples: fields, crops, clouds, noise
and misregistration differ, what is built does not.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import pandas as pd
import pystac
from rasterio.features import rasterize
from shapely.affinity import translate

from changedetect import Site, evaluate, geotiff, run
from changedetect.evaluation import Evaluation
from changedetect.lonlat import footprint
from changedetect.model import UNKNOWN
from changedetect.testing import (
    Acquisition,
    Landscape,
    control,
    factory,
    observe,
    rail_crossing,
    truth,
    write_catalog,
    write_scene,
)

S2, LANDSAT = "sentinel-2-l2a", "landsat-8-9-c2-l2"
CLOUD = (0.35, 0.2, 0.5, 0.25, 0.45, 0.3, 0.4)
"""Cloud cover of the seven scenes of a window."""
WINDOWS: Mapping[str, tuple[str, int, tuple[str, ...]]] = MappingProxyType(
    {
        "winter": (S2, 2016, ("01-04", "01-14", "02-03", "02-13", "02-23", "03-04", "03-14")),
        "summer": (S2, 2016, ("06-12", "07-02", "07-12", "07-22", "08-11", "08-21", "09-10")),
        "later": (S2, 2017, ("06-17", "07-07", "07-17", "07-27", "08-16", "08-26", "09-15")),
        "coarse": (LANDSAT, 2017, ("06-16", "07-02", "07-18", "08-03", "08-19", "09-04", "09-20")),
    }
)
"""Sensor, year and days of what is seen; everything is built between `summer` and `later`."""
CASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "two summers": ("summer", "later"),
        "winter and summer": ("winter", "later"),
        "Sentinel-2 and Landsat": ("summer", "coarse"),
    }
)
"""Windows that are compared."""
PLACES = MappingProxyType({"factory": factory, "rail crossing": rail_crossing, "control": control})
SEEDS = (801, 802)
"""Nothing was chosen by these. What looks count (`timeline.believing`) was by 501 and 502, the test for thin clouds
(`timeline.veils`) and how halls are outlined (`diff.soil_line`) looking at 601 and 602, too."""
LANDS: tuple[tuple[str, int], ...] = tuple(product(PLACES, SEEDS))
"""Place and seed of every landscape of the suite."""
MOSTLY = 0.5
"""Share of a building on known ground from which on it could be found."""
APART_DEGREES = 2.0
"""Results are pooled side by side, far enough apart for `evaluate` to take each for a place of its own: a shift in
longitude alone changes no length and no area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What was found at one landscape in one case."""

    case: str
    """Key of `CASES`."""
    status: str
    """Of the site's result: `ok`, `poor` or `failed`."""
    changes: gpd.GeoDataFrame
    """Lon/lat polygons with `kind` and `confidence`."""
    reference: gpd.GeoDataFrame
    """Lon/lat polygons with `kind`, what was built, and `seen`, the share of each on known ground; empty at the
    control."""
    extent: gpd.GeoDataFrame
    """The landscape's outline, lon/lat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The figures of some landscapes, as printed."""

    sites: str
    """How many were compared, and how many of them had a pair too poor for polygons."""
    recall: str
    """New buildings found, with the interval."""
    of_seen: str
    """The same of those that lie mostly on ground that both dates saw clear."""
    false_rate: str
    """False construction per 100 km2 of the control sites, with the interval."""
    calibration: str
    """Expected calibration error, and of how many predictions."""


def simulate(place: str, seed: int) -> list[Simulated]:
    """Look at a landscape in every window, and compare them case by case."""
    land = PLACES[place](seed=seed)
    site = Site(site_id=land.name, name=land.name, geometry=footprint(land.geobox))
    outline = gpd.GeoDataFrame(geometry=[site.geometry], crs="EPSG:4326")
    reference = gpd.GeoDataFrame.from_features(truth(land)["features"], crs="EPSG:4326", columns=["geometry", "kind"])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        seen = {name: _look(land, name, Path(folder)) for name in WINDOWS}
        for number, (case, (before, after)) in enumerate(CASES.items()):
            items = [item.clone() for name in (before, after) for item in seen[name]]
            catalog = write_catalog(items, Path(folder) / f"case-{number}")
            spans = [_span(name) for name in (before, after)]
            out = Path(folder) / f"out-{number}"
            (result,) = run([site], catalog=catalog, before=spans[0], after=spans[1], out=out).results
            found.append(
                Simulated(
                    case=case,
                    status=result.status,
                    changes=result.changes[["kind", "confidence", "geometry"]],
                    reference=reference.assign(seen=_seen(reference, out / "sites" / land.name / "change_map.tif")),
                    extent=outline,
                )
            )
    return found


def _seen(reference: gpd.GeoDataFrame, change_map: Path) -> list[float]:
    """(reference,) share of each on ground that both dates saw clear."""
    if not change_map.exists():
        return [0.0] * len(reference)
    grid = geotiff.info(change_map).geobox
    known = geotiff.read(change_map, grid)[0][0] != UNKNOWN
    shapes = reference.to_crs(str(grid.crs)).geometry
    insides = [rasterize([shape], out_shape=known.shape, transform=grid.affine) > 0 for shape in shapes]
    return [float(known[inside].mean()) for inside in insides]


def _span(window: str) -> str:
    _, year, days = WINDOWS[window]
    return f"{year}-{days[0]}/{year}-{days[-1]}"


def _look(land: Landscape, window: str, folder: Path) -> list[pystac.Item]:
    sensor, year, days = WINDOWS[window]
    first = 100 * list(WINDOWS).index(window)
    return [
        write_scene(
            observe(
                land,
                Acquisition(
                    sensor=sensor,
                    moment=datetime.fromisoformat(f"{year}-{day}T09:36").replace(tzinfo=UTC),
                    seed=first + number,
                    cloud_cover=cloud,
                ),
            ),
            folder,
        )
        for number, (day, cloud) in enumerate(zip(days, CLOUD, strict=True))
    ]


def weigh(some: Sequence[Simulated]) -> Weighed:
    """Pool landscapes: buildings found, false construction where nothing was built, calibration."""
    said, known, extent = (_pooled(some, side) for side in ("changes", "reference", "extent"))
    told = evaluate(said, known, extent=extent)
    known["kind"] = known["kind"].where(known["seen"] >= MOSTLY, "unsure")  # then they count for nothing
    of_seen = evaluate(said, known, extent=extent)
    error = told.calibration
    controls = [one for one in some if one.reference.empty]
    said, extent = _pooled(controls, "changes"), _pooled(controls, "extent")
    alone = evaluate(said[said["kind"] == "construction"], _pooled(controls, "reference"), extent=extent)
    rate = alone.false_alarms_per_100km2
    false = "n/a" if rate is None else f"{rate.value:.1f} [{rate.low:.1f}, {rate.high:.1f}]"
    return Weighed(
        sites=f"{len(some)} ({sum(one.status != 'ok' for one in some)})",
        recall=_recall(told),
        of_seen=_recall(of_seen),
        false_rate=f"{false} ({alone.objects.predicted} on {alone.extent_km2:.0f} km²)",
        calibration="n/a" if error is None else f"{error.expected_error:.3f} ({told.objects.predicted})",
    )


def _recall(told: Evaluation) -> str:
    built = told.by_kind.get("construction")
    if built is None or built.recall is None:
        return "n/a"
    share = built.recall
    interval = "" if share.low is None else f" [{share.low:.2f}, {share.high:.2f}]"
    return f"{share.value:.2f}{interval} ({built.found} of {built.reference})"


def _pooled(some: Sequence[Simulated], side: str) -> gpd.GeoDataFrame:
    moved = []
    for number, one in enumerate(some):
        frame: gpd.GeoDataFrame = getattr(one, side)
        shifted = frame.geometry.map(lambda shape, number=number: translate(shape, xoff=APART_DEGREES * number))
        moved.append(frame.assign(geometry=shifted))
    full = [frame for frame in moved if len(frame)] or moved[:1]
    return gpd.GeoDataFrame(pd.concat(full, ignore_index=True), geometry="geometry", crs="EPSG:4326")
