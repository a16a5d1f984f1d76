"""From one site to thousands: what a run costs beyond its pixels, with more workers, with more area, with more sites.

    python benchmarks/scaling.py            some 3 minutes: 200 tiny sites, up to 16 km2
    python benchmarks/scaling.py --full     some 15 minutes: 1,000 tiny sites, up to 100 km2

Everything is simulated, and read from files that the system has in memory. Figures are printed as JSON; the ratios mean
more than the seconds. `docs/cluster.md` says what follows for 20,000 sites.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import psutil
import pystac
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import box, mapping

from changedetect import completion, making, outputs
from changedetect.concluding import run_record
from changedetect.config import RunConfig
from changedetect.crew import Execution, work_off
from changedetect.geotiff import write_cog
from changedetect.lonlat import footprint
from changedetect.model import Site, Window
from changedetect.outputs.stores import open_store
from changedetect.testing import Acquisition, farmland, observe, write_catalog, write_scene
from changedetect.testing.landscape import Feature
from changedetect.wall import unite

WEST, NORTH, EPSG = 500_040.0, 5_100_000.0, 32634
STAMP_M = 2000.0
MOMENTS = ((2022, 7, 5), (2022, 8, 4), (2023, 7, 10), (2023, 8, 9))
TO_LONLAT = Transformer.from_crs(EPSG, 4326, always_xy=True)


def ground(folder: Path, copies: int) -> RunConfig:
    """A catalog of four looks at `copies` x `copies` times 4 km2, with a few halls on each."""
    land = farmland("scale", west=WEST, north=NORTH, epsg=EPSG, size_m=(STAMP_M, STAMP_M), seed=5)
    halls = [(300, 300, 90, 60), (1200, 400, 60, 120), (700, 1500, 80, 80)]
    features = tuple(
        Feature(feature_id=f"hall-{number}", geometry=square(*hall), cover="white_roof", built=date(2023, 1, 10))
        for number, hall in enumerate(halls)
    )
    land = replace(land, features=features)
    items = []
    for number, day in enumerate(MOMENTS):
        moment = datetime(*day, 9, 36, tzinfo=UTC)
        look = Acquisition(sensor="sentinel-2-l2a", moment=moment, seed=number, baseline="04.00")
        items.append(stamped(write_scene(observe(land, look), folder), copies))
    catalog = write_catalog(items, folder)
    windows = Window.parse("2022-06/2022-09"), Window.parse("2023-06/2023-09")
    return RunConfig(catalog=(str(catalog),), before=windows[0], after=windows[1])


def stamped(item: pystac.Item, copies: int) -> pystac.Item:
    """The item with its rasters laid side by side, each second one mirrored, so that no seam is an edge."""
    for asset in item.assets.values():
        with rasterio.open(asset.href) as source:
            data, transform, nodata = source.read(), source.transform, source.nodata
        rows = [np.concatenate([data[:, :, ::-1] if c % 2 else data for c in range(copies)], axis=2)] * copies
        whole = np.concatenate([row[:, ::-1] if r % 2 else row for r, row in enumerate(rows)], axis=1)
        grid = GeoBox(whole.shape[1:], transform, f"EPSG:{EPSG}")
        write_cog(Path(asset.href), whole, grid, nodata=nodata)
        asset.extra_fields["proj:shape"] = list(whole.shape[1:])
        outline = footprint(grid)
    item.geometry, item.bbox = mapping(outline), list(outline.bounds)
    return item


def square(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """A rectangle by the metres of its upper left corner east and south of the ground's."""
    return box(WEST + x, NORTH - y - height, WEST + x + width, NORTH - y)


def site(name: str, x: float, y: float, side_m: float) -> Site:
    """A square site."""
    flat = square(x, y, side_m, side_m)
    there = shapely.transform(flat, lambda xy: np.column_stack(TO_LONLAT.transform(*xy.T)))
    return Site(site_id=name, name=name, geometry=there)


def tiny_sites(number: int, extent_m: float, side_m: float = 320.0) -> list[Site]:
    """Sites that lie scattered, the same ones every time."""
    chance = np.random.default_rng(1)
    places = chance.uniform(0, extent_m - side_m, (number, 2)).round(-1)
    return [site(f"s{n:05d}", x, y, side_m) for n, (x, y) in enumerate(places)]


@contextmanager
def timed(spent: dict[str, float], name: str, owner: object, function: str) -> Iterator[None]:
    """Add up the processor time that a function takes: a busy machine does not blur it."""
    real = getattr(owner, function)

    def measured(*arguments: object, **named: object) -> object:
        start = time.process_time()
        try:
            return real(*arguments, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - start

    setattr(owner, function, measured)
    try:
        yield
    finally:
        setattr(owner, function, real)


def overhead(config: RunConfig, number: int, extent_m: float, folder: Path) -> dict[str, float]:
    """What a run of many tiny sites costs beyond comparing each and drawing its files, and its memory."""
    sites, spent, memory = tiny_sites(number, extent_m), {}, {}
    process = psutil.Process()
    started = time.process_time()
    with timed(spent, "compare", making, "run_or_fail"), timed(spent, "draw", completion, "render"):
        done = []
        for made in work_off(sites, config, folder):
            done.append(made.result)
            if len(done) in {number // 10, number}:
                memory[len(done)] = process.memory_info().rss / 2**20
    looped = time.process_time() - started
    told = unite(completion.read_back(open_store(folder), done, provenance=False))
    outputs.write_run(told, folder, run_record(config, done, datetime.now(UTC)))
    concluded = time.process_time() - started - looped
    started = time.process_time()
    assert all(made.kept for made in work_off(sites, config, folder))  # noqa: S101 - else the figure means nothing
    resumed = time.process_time() - started
    first, last = memory.values()
    return {
        "sites": number,
        "compare_ms_a_site": 1000 * spent["compare"] / number,
        "draw_ms_a_site": 1000 * spent["draw"] / number,
        "beyond_ms_a_site": 1000 * (looped - sum(spent.values())) / number,
        "all_together_ms_a_site": 1000 * concluded / number,
        "kept_ms_a_site": 1000 * resumed / number,
        "memory_mib_at_a_tenth": first,
        "memory_mib_more_at_the_end": last - first,
    }


def seconds_of(sites: Sequence[Site], config: RunConfig, execution: Execution | None = None) -> float:
    """Time to make sites, files and all: processor time where this process does it, that of the clock elsewhere."""
    clock = time.process_time if execution is None else time.perf_counter
    with tempfile.TemporaryDirectory() as out:
        started = clock()
        for _ in work_off(sites, config, out, execution):
            pass
        return clock() - started


def workers(config: RunConfig, number: int, extent_m: float) -> dict[str, float]:
    """One process, two, and a cluster of two on this machine; processes are warm in each case."""
    from distributed import LocalCluster  # noqa: PLC0415 - an extra

    sites = tiny_sites(number, extent_m, 1000.0)
    told = {}
    for count in (1, 2):
        seconds_of(sites[:count], config, Execution(workers=count))
        told[f"seconds_with_{count}"] = seconds_of(sites, config, Execution(workers=count))
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        there = Execution(scheduler=cluster.scheduler_address)
        seconds_of(sites[:4], config, there)
        told["seconds_on_a_cluster_of_2"] = seconds_of(sites, config, there)
    told["two_over_one"] = told["seconds_with_1"] / told["seconds_with_2"]
    told["cluster_over_processes"] = told["seconds_on_a_cluster_of_2"] / told["seconds_with_2"]
    return told


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Of log time against log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(config: RunConfig, areas_km2: Sequence[float], counts: Sequence[int], extent_m: float) -> dict[str, object]:
    """Time against the area of one site, and against the number of sites."""
    seconds_of([site("warm", 0, 0, 500)], config)
    by_area, peaks = [], []
    for area in areas_km2:
        by_area.append(seconds_of([site("grown", 0, 0, 1000 * area**0.5)], config))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    by_count = [seconds_of(tiny_sites(count, extent_m), config) for count in counts]
    return {
        "areas_km2": list(areas_km2),
        "seconds_by_area": by_area,
        "peak_mib_by_area": peaks,
        "slope_area": slope(areas_km2, by_area),
        "counts": list(counts),
        "seconds_by_count": by_count,
        "slope_sites": slope(counts, by_count),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000 sites and 100 km2")
    parser.add_argument("--only", choices=["overhead", "workers", "growth"], help="one of them")
    chosen = parser.parse_args()
    copies = 5 if chosen.full else 2
    extent_m = copies * STAMP_M
    with tempfile.TemporaryDirectory() as folder:
        config = ground(Path(folder) / "ground", copies)
        told: dict[str, object] = {}
        if chosen.only in {None, "overhead"}:
            told["overhead"] = overhead(config, 1000 if chosen.full else 200, extent_m, Path(folder) / "out")
        if chosen.only in {None, "workers"}:
            told["workers"] = workers(config, 24 if chosen.full else 12, extent_m)
        if chosen.only in {None, "growth"}:
            areas = (1.0, 4.0, 16.0, 64.0, 99.0) if chosen.full else (1.0, 4.0, 16.0)
            told["growth"] = growth(config, areas, (10, 30, 100) if chosen.full else (5, 15, 45), extent_m)
    print(json.dumps(told, indent=2, default=lambda value: round(value, 3)))


if __name__ == "__main__":
    main()
