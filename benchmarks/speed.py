"""How fast `compare` is beside decoding the same files, what it keeps in memory, and how its rivals fare.

    python benchmarks/speed.py                        some minutes: squares of 27 km, start-up, ten sites over a network
    python benchmarks/speed.py --full                 up to a whole Sentinel-2 tile as well
    python benchmarks/speed.py --side 5490 --skip network

Two dates of a simulated tile (`whole_tile.py`), four bands at 10 m, two at 20 m and SCL, are kept in `--data` and made
once. All that is compared runs in one go, each in a process of its own with as many processors; decoding comes before
and after. Time is told twice: by the clock, and of the processors (user and system), which other programs on the
machine disturb less. Figures go into the tables of docs/performance.md.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import accuracy
import loading
import numpy as np
import odc.stac
import otb
import pystac
import rasterio
from rivals import NDBI_GAIN, irmad_chi_square
from whole_tile import EPSG, files_of, whole_tile

import changedetect
from changedetect import tiling
from changedetect.catalog import scene_at
from changedetect.geotiff.options import GDAL_OPTIONS
from changedetect.lonlat import footprint
from changedetect.model import Composite, Pair, Site
from changedetect.parallel import processors
from changedetect.testing.http_server import FileServer

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
SIDES, FULL_SIDES = (2744,), (2744, 5490, 10980)
IRMAD_PX = 3000
"""Side up to which IR-MAD in plain numpy fits the memory of a laptop."""
STARTS = 7
_MAIN = "from changedetect.cli import main; main()"
_ALL = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
IMPORTED_LATE = ("rasterio", "geopandas")
Told = Mapping[str, float]


def decode(items: tuple[Path, Path]) -> None:
    """Read every pixel of both dates, a row of blocks at a time."""

    def read(path: Path) -> int:
        with rasterio.open(path) as source:
            return sum(int(source.read(1, window=window)[0, 0]) for window in _rows(source))

    with rasterio.Env(GDAL_CACHEMAX=GDAL_OPTIONS["GDAL_CACHEMAX"]), ThreadPoolExecutor(processors()) as pool:
        list(pool.map(read, [path for item in items for path in files_of(item)]))


def _rows(source: rasterio.DatasetReader) -> Iterable[rasterio.windows.Window]:
    step = source.block_shapes[0][0]
    for top in range(0, source.height, step):
        yield rasterio.windows.Window(0, top, source.width, min(step, source.height - top))


def compare(items: tuple[Path, Path]) -> None:
    """Our way, outputs included."""
    with tempfile.TemporaryDirectory() as folder:
        changedetect.compare(*items, out=folder)


def ndbi_script(items: tuple[Path, Path]) -> None:
    """What a user of odc-stac writes in ten lines: NDBI of both dates, one threshold; clouds are left in."""
    dates = []
    for item in items:
        page = pystac.Item.from_file(item)
        cube = odc.stac.load([page], bands=("nir", "swir16"), crs=f"EPSG:{EPSG}", resolution=10, resampling="bilinear")
        nir, swir = (cube[name].values[0].astype(np.float32) for name in ("nir", "swir16"))
        dates.append((swir - nir) / (swir + nir))
    mask = dates[1] - dates[0] > NDBI_GAIN
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "mask.npy", mask)


def irmad(items: tuple[Path, Path]) -> None:
    """IR-MAD in plain numpy on the whole of both dates."""
    scenes = [scene_at(item) for item in items]
    with rasterio.open(files_of(items[0])[0]) as source:
        grid = tiling.site_grid(Site(site_id="tile", name="", geometry=scenes[0].footprint), scenes)[
            : source.height, : source.width
        ]
    dates = []
    for scene in scenes:
        tile = tiling.read_scene(scene, grid, tiling.common_bands(scenes))
        looks = tile.valid.astype(np.uint8)
        dates.append(Composite(geobox=grid, bands=tile.bands, data=tile.data, valid=tile.valid, looks=looks))
    irmad_chi_square(Pair(before=dates[0], after=dates[1]))


WORK: Mapping[str, Callable[[tuple[Path, Path]], None]] = {
    "decoding": decode,
    "changedetect compare": compare,
    "odc-stac + NDBI > 0.10": ndbi_script,
    "IR-MAD, plain numpy": irmad,
    otb.NAME: lambda items: otb.mad([files_of(item)[:-1] for item in items]),
}


def measured(command: list[str]) -> Told:
    """Seconds by the clock and of the processors, and MiB at most, of a process."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def whole_tiles(data: Path, sides: Iterable[int]) -> list[str]:
    """The table of sizes and rivals."""
    lines = [
        "| pixels | what | wall s | CPU s | wall / decoding | CPU / decoding | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    missing = {} if otb.installed() else {otb.NAME: "not installed"}
    for side in sides:
        whole_tile(data, side)
        names = [name for name in WORK if name not in missing and (name != "IR-MAD, plain numpy" or side <= IRMAD_PX)]
        told = {}
        for name in [*names, "decoding"]:
            one = measured([sys.executable, __file__, "--do", name, "--side", str(side), "--data", str(data)])
            # The better of two: other programs only ever slow it down.
            told[name] = min(told.get(name, one), one, key=lambda run: run["cpu"])
            _say(f"{side}: {name} {one['wall']:.1f} s, {one['cpu']:.1f} s of processors, {one['mib']:.0f} MiB")
        base = told["decoding"]
        for name, one in told.items():
            ratios = f"{one['wall'] / base['wall']:.1f} | {one['cpu'] / base['cpu']:.1f}"
            lines.append(f"| {side}² | {name} | {one['wall']:.1f} | {one['cpu']:.1f} | {ratios} | {one['mib']:.0f} |")
        lines += [
            f"| {side}² | {name} | {'n/a: ' + missing[name] if name in missing else 'n/a'} | | | | |"
            for name in WORK
            if name not in names
        ]
    return lines


def start_up() -> list[str]:
    """Seconds of `changedetect --help` beside importing what prints it; what `import changedetect` loads."""
    commands = {
        "import typer, rich": [sys.executable, "-c", "import typer, rich"],
        "changedetect --help": [sys.executable, "-c", f"import sys; sys.argv = {['changedetect', '--help']}; {_MAIN}"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(STARTS):
        for name, command in commands.items():
            before = _used_s(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, capture_output=True)
            best[name] = min(best[name], _used_s(resource.RUSAGE_CHILDREN) - before)
    ratio = best["changedetect --help"] / best["import typer, rich"]
    asked = f"import changedetect, sys; print([n for n in {IMPORTED_LATE} if n in sys.modules])"
    late = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
    return [
        "| start-up | CPU s, least of 7 | ratio |",
        "|---|---|---|",
        f"| `import typer, rich` | {best['import typer, rich']:.2f} | 1 |",
        f"| `changedetect --help` | {best['changedetect --help']:.2f} | {ratio:.2f} |",
        f"| of {' and '.join(IMPORTED_LATE)}, `import changedetect` imports | {late} | |",
    ]


def network(count: int, latency_ms: float) -> list[str]:
    """`run` end to end beside reading alone, over a network that delays every answer."""
    with tempfile.TemporaryDirectory() as folder:
        root, grids = Path(folder), loading.site_grids(count)
        for number, (date, asset) in enumerate((date, asset) for date in loading.DATES for asset in loading.ASSETS):
            path = root / "cogs" / date / f"{asset}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            loading.write_cog(path, loading.ASSETS[asset], grids, number)
        with FileServer(root, latency_s=latency_ms / 1000) as server:
            items = loading.write_items(root, server.url, count)
            _write_catalog(root / "catalog", items, count)
            told = {}
            for name in ("read", "run", "read"):
                one = measured([sys.executable, __file__, "--do", name, "--side", str(count), "--data", str(root)])
                told[name] = min(told.get(name, one), one, key=lambda run: run["seconds"])
                _say(f"network: {name} {one['seconds']:.1f} s")
    ratio = told["run"]["seconds"] / told["read"]["seconds"]
    return [
        f"| {count} sites of 9 km², {latency_ms:g} ms | wall s | / reading |",
        "|---|---|---|",
        f"| reading alone | {told['read']['seconds']:.1f} | 1 |",
        f"| `run`, outputs included | {told['run']['seconds']:.1f} | {ratio:.2f} |",
    ]


def _write_catalog(folder: Path, items: Path, count: int) -> None:
    """A static catalog where every site has scenes of its own: each is said to cover that site alone."""
    catalog = pystac.Catalog("network", "simulated")
    for number, (pages, grid) in enumerate(zip(json.loads(items.read_text()), loading.site_grids(count), strict=True)):
        for page in pages:
            item = pystac.Item.from_dict(page)
            outline = footprint(grid.pad(5))
            item.id, item.geometry, item.bbox = f"{item.id}-{number}", outline.__geo_interface__, list(outline.bounds)
            catalog.add_item(item)
    catalog.normalize_and_save(str(folder), catalog_type=pystac.CatalogType.SELF_CONTAINED)


def run_sites(root: Path, count: int) -> Told:
    """Seconds of `run` over the sites of `network`."""
    sites = [
        Site(site_id=f"site-{number}", name="", geometry=footprint(grid))
        for number, grid in enumerate(loading.site_grids(count))
    ]
    started = time.perf_counter()
    changedetect.run(
        sites, catalog=root / "catalog" / "catalog.json", before="2023-06", after="2024-06", out=root / "out"
    )
    return {"seconds": time.perf_counter() - started}


def do(name: str, side: int, data: Path) -> None:
    """In a process of its own: one piece of work, its costs as JSON."""
    told: Told = {}
    if name == "read":
        told = loading.load("changedetect", data / "items.json", side)
    elif name == "run":
        told = run_sites(data, side)
    else:
        items, before, started = whole_tile(data, side), _used_s(*_ALL), time.perf_counter()
        WORK[name](items)
        told = {"wall": time.perf_counter() - started, "cpu": _used_s(*_ALL) - before}
    print(json.dumps({**told, "mib": _peak_mib()}))


def _peak_mib() -> float:
    """Most memory of this process so far, or of a program that it ran.

    Not by `getrusage` alone, which on Linux counts the parent that forked the process, too.
    """
    status, programs = Path("/proc/self/status"), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if not status.exists():
        return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, programs) / 1024
    (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
    return max(int(line.split()[1]), programs) / 1024


def _used_s(*who: int) -> float:
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the tables, and write them into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="sides 2744, 5490 and 10980; 20 sites")
    parser.add_argument("--side", type=int, action="append", help="another side, pixels of 10 m, even")
    parser.add_argument("--skip", action="append", default=[], choices=["tiles", "startup", "network"])
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "changedetect-speed")
    parser.add_argument("--do", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        do(given.do, given.side[0], given.data)
        return
    makers = {
        "tiles": lambda: whole_tiles(given.data, given.side or (FULL_SIDES if given.full else SIDES)),
        "startup": start_up,
        "network": lambda: network(20 if given.full else 10, 60),
    }
    text = DOCUMENT.read_text(encoding="utf-8")
    where = f"{processors()} of {os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}"
    command = " ".join(["benchmarks/speed.py", *sys.argv[1:]])
    for name in [name for name in makers if name not in given.skip]:
        lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}` on {where}.", "", *makers[name]()]
        print("\n".join(lines), end="\n\n")
        text = accuracy.put(name, lines, text)
        beside = DOCUMENT.with_suffix(".part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(DOCUMENT)


if __name__ == "__main__":
    main()
