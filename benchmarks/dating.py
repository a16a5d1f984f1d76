"""How honest the dates are: built things and passing ones at simulated sites under cloud, dated by a whole run.

    .venv/bin/python benchmarks/dating.py [--seeds N] [--landsat] [--all-looks] [--keep DIR]

Each site has five things built on days drawn between the two windows and three that come and go; on about 55 of 100
passes it is overcast, on others there are clouds. Prints a Markdown table; about 25 s a seed.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from changedetect import RunConfig, Window, run
from changedetect.lonlat import footprint
from changedetect.model import Site
from changedetect.prepare import PrepareOptions
from changedetect.sensors import SENSORS
from changedetect.testing import Acquisition, Feature, Landscape, farmland, observe, write_catalog, write_scene
from changedetect.testing.sensing import Observation
from changedetect.timeline import TimelineOptions

SIDE_M, WEST, NORTH, EPSG = 900.0, 470_040.0, 5_190_000.0, 32634
BEFORE, AFTER = Window.parse("2022-05/2022-09"), Window.parse("2023-05/2023-09")
LASTING = (
    ("hall", "white_roof", (60, 50), False),
    ("works", "grey_roof", (70, 40), True),
    ("apron", "concrete", (60, 60), False),
    ("yard", "ballast", (80, 50), True),
    ("pad", "graded_earth", (70, 70), False),
)
"""Name, cover, size in metres, and whether its ground lies open for some months first."""
PASSING = (("flood", "turbid_water", (110, 80), (20, 60)), ("convoy", "slate_roof", (70, 40), (8, 25)),
           ("depot", "asphalt", (60, 60), (20, 70)))  # fmt: skip
"""Name, cover, size, and for how many days it is there, at some time of the later window."""
COLUMNS = ("thing", "kind", "status", "area_m2", "in", "either", "narrow", "narrow_said", "width_d", "says", "seed")
"""Of the table of what was found and what was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something on a site, and when."""

    feature: Feature
    """What and where."""
    gone: date | None
    """First day on which it is no longer there; None where it stays."""


def things_of(rng: np.random.Generator) -> list[Thing]:
    """What happens at a site: nine places in a square, one left free."""
    cells = [(row, col) for row in range(3) for col in range(3)]
    order = [cells[number] for number in rng.permutation(len(cells))]
    things = []
    for name, cover, size, opened in LASTING:
        built = date(2022, 10, 5) + timedelta(days=int(rng.integers(0, 205)))
        cleared = built - timedelta(days=int(rng.integers(20, 110))) if opened else None
        cleared = max(cleared, date(2022, 10, 3)) if cleared else None
        shape = _somewhere(rng, order.pop(), size)
        feature = Feature(feature_id=name, geometry=shape, cover=cover, built=built, cleared=cleared)
        things.append(Thing(feature=feature, gone=None))
    for name, cover, size, (least, most) in PASSING:
        lasts = int(rng.integers(least, most))
        built = AFTER.start + timedelta(days=int(rng.integers(0, (AFTER.end - AFTER.start).days - lasts)))
        feature = Feature(feature_id=name, geometry=_somewhere(rng, order.pop(), size), cover=cover, built=built)
        things.append(Thing(feature=feature, gone=built + timedelta(days=lasts)))
    return things


def _somewhere(rng: np.random.Generator, cell: tuple[int, int], size: tuple[int, int]) -> BaseGeometry:
    x = WEST + 90 + cell[1] * 270 + float(rng.uniform(0, 100))
    y = NORTH - 190 - cell[0] * 270 - float(rng.uniform(0, 60))
    return box(x, y, x + size[0], y + size[1])


def passes(rng: np.random.Generator, *, landsat: bool) -> Iterator[Acquisition]:
    """Every fifth day for Sentinel-2, some left out; every sixteenth for Landsat."""
    day, number = BEFORE.start, 0
    while day <= AFTER.end:
        number += 1
        for sensor, turn in (("sentinel-2-l2a", 5), ("landsat-8-9-c2-l2", 16)):
            if (day - BEFORE.start).days % turn or (sensor.startswith("landsat") and not landsat):
                continue
            if sensor.startswith("sentinel") and rng.random() < 0.3:
                continue
            cloud = float(rng.uniform(0.85, 1.0)) if rng.random() < 0.5 else float(rng.uniform(0, 0.3))
            moment = datetime(day.year, day.month, day.day, 9, 36, tzinfo=UTC)
            yield Acquisition(sensor=sensor, moment=moment, seed=number, cloud_cover=cloud)
        day += timedelta(days=1)


def seen_on(land: Landscape, things: list[Thing], acquisition: Acquisition) -> Observation:
    """Look at a site with what is there that day."""
    day = acquisition.moment.date()
    there = tuple(thing.feature for thing in things if thing.gone is None or day < thing.gone)
    return observe(replace(land, features=there), acquisition)


def clear_over(seen: Observation, shape: BaseGeometry) -> bool:
    """Whether a thing is truly seen."""
    return bool(((seen.cloud < 0.1) & (seen.shadow < 0.2))[_pixels(seen, shape)].mean() > 0.95)


def said_clear(seen: Observation, shape: BaseGeometry) -> bool:
    """Whether the quality band lets one know it: it calls the ground around a thing clear, whatever of its roof."""
    quality = SENSORS[seen.acquisition.sensor].decode_qa(seen.qa[0])
    around = np.zeros(seen.cloud.shape, dtype=bool)
    around[_pixels(seen, shape.buffer(PrepareOptions().cloud_dilation_m))] = True
    around[_pixels(seen, shape)] = False
    return bool((quality.cloud | quality.shadow)[around].mean() < 0.05)


def _pixels(seen: Observation, shape: BaseGeometry) -> tuple[slice, slice]:
    grid, (height, width) = seen.qa[1].affine, seen.cloud.shape
    left, bottom, right, top = shape.bounds
    rows = slice(max(int((top - grid.f) / grid.e), 0), min(int(np.ceil((bottom - grid.f) / grid.e)), height))
    cols = slice(max(int((left - grid.c) / grid.a), 0), min(int(np.ceil((right - grid.c) / grid.a)), width))
    return rows, cols


def one_site(seed: int, folder: Path, config: RunConfig, *, landsat: bool) -> pd.DataFrame:
    """Run over a site; a row a change, and a row a thing that was not found."""
    rng = np.random.default_rng([seed, 900])
    land = farmland(f"s{seed}", west=WEST, north=NORTH, epsg=EPSG, size_m=(SIDE_M, SIDE_M), seed=seed)
    things = things_of(rng)
    items, looks = [], []
    for acquisition in passes(rng, landsat=landsat):
        seen = seen_on(land, things, acquisition)
        shapes = [thing.feature.geometry for thing in things]
        clear = [clear_over(seen, shape) for shape in shapes]
        said = [one and said_clear(seen, shape) for one, shape in zip(clear, shapes, strict=True)]
        looks.append((acquisition.moment.date(), clear, said))
        items.append(write_scene(seen, folder / "scenes"))
    catalog = write_catalog(items, folder / "scenes")
    site = Site(site_id=land.name, name=land.name, geometry=footprint(land.geobox))
    result = run([site], catalog=catalog, before=BEFORE, after=AFTER, config=config).results[0]
    told = result.provenance.get("timeline", {})
    lost = 1 - float(np.mean([clear for _, clear, _ in looks]))
    print(f"seed {seed}: {len(items)} scenes, {told.get('scenes_read')} read, {lost:.0%} of looks lost {result.reason}")
    return pd.DataFrame(_rows(result.changes.to_crs(EPSG), things, looks)).assign(seed=seed)


def _rows(
    changes: gpd.GeoDataFrame, things: list[Thing], looks: list[tuple[date, list[bool], list[bool]]]
) -> Iterator[dict[str, object]]:
    found = set()
    for change in changes.itertuples():
        shared = [change.geometry.intersection(thing.feature.geometry).area for thing in things]
        at = int(np.argmax(shared))
        thing = things[at]
        is_it = shared[at] > 0.3 * min(change.geometry.area, thing.feature.geometry.area)
        row = {
            "thing": thing.feature.feature_id if is_it else "nothing",
            "kind": change.kind,
            "status": change.status,
            "area_m2": change.area_m2,
        }
        if is_it:
            found.add(at)
            clear, said = ([look[0] for look in looks if look[which][at]] for which in (1, 2))
            row |= _dated(change, thing, clear, said)
        yield row
    for at, thing in enumerate(things):
        if at not in found:
            yield {"thing": thing.feature.feature_id, "status": "not found"}


def _dated(change: object, thing: Thing, clear: list[date], said: list[date]) -> dict[str, object]:
    days = [getattr(change, name) for name in ("last_clear_without", "first_seen")]
    if not all(isinstance(day, str) for day in days):
        return {}
    low, high = (date.fromisoformat(day) for day in days)
    true = thing.feature.built
    opened = thing.feature.cleared
    return {
        "in": low < true <= high,
        "either": low < true <= high or (opened is not None and low < opened <= high),
        "narrow": _narrow((low, high), true, clear),
        "narrow_said": _narrow((low, high), true, said),
        "width_d": (high - low).days,
        "says": f"{low}..{high} true {opened or ''} {true}",
    }


def _narrow(bracket: tuple[date, date], true: date, looks: list[date]) -> bool:
    """Whether a bracket lies within the looks next to the true day."""
    before = max((day for day in looks if day < true), default=date.min)
    after = min((day for day in looks if day >= true), default=date.max)
    return bracket[0] >= before and bracket[1] <= after


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--landsat", action="store_true")
    parser.add_argument("--all-looks", action="store_true")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    config = RunConfig(timeline=TimelineOptions(all_looks=given.all_looks))
    tables = []
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            place = given.keep / str(seed) if given.keep else Path(folder)
            tables.append(one_site(seed, place, config, landsat=given.landsat))
    table = pd.concat(tables, ignore_index=True).reindex(columns=list(COLUMNS))  # where nothing is found, too
    with pd.option_context("display.width", 220, "display.max_rows", None, "display.max_columns", None):
        print(table.sort_values(["thing", "seed"]).to_string(index=False))
    lasting = [name for name, *_ in LASTING]
    sure = table[table["thing"].isin(lasting) & (table["status"] == "confirmed") & (table["area_m2"] >= 1600)]
    passing = table[table["thing"].isin([name for name, *_ in PASSING])]
    confirmed = table[table["status"] == "confirmed"]
    print("\n| measure | figure |\n|---|---|")
    for name, text in (
        ("in", "true day in the bracket"),
        ("either", "or the day of clearing"),
        ("narrow", "no wider than the clear looks next to it"),
        ("narrow_said", "or those that quality bands call clear"),
    ):
        print(f"| {text} | {int(sure[name].sum())} of {len(sure)} |")
    print(f"| median width | {sure['width_d'].median():.0f} d |")
    print(f"| status of lasting things | {dict(Counter(table[table['thing'].isin(lasting)]['status']))} |")
    print(f"| status of passing things | {dict(Counter(passing['status']))} |")
    print(f"| confirmed where there is nothing | {int((confirmed['thing'] == 'nothing').sum())} of {len(confirmed)} |")


if __name__ == "__main__":
    main()
