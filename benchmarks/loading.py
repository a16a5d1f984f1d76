"""Reading small sites from full-size COGs over a slow network, side by side with odc-stac, in one run.

    .venv/bin/python benchmarks/loading.py [--sites 20] [--rounds 3] [--latency-ms 60]

A server on loopback delays every answer. Each site lies in scenes of its own: sites x 2 dates x 7 assets are as many
URLs. Each loader reads the same pixels in a process of its own, in turns, so that no cache helps and a noisy machine
slows all alike; sites come one after the other, as each is one call of either library. Printed are
ratios of wall time, bytes on the wire against the blocks that intersect the sites, and requests against the fewest
possible. Pixels are noise, simulated.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from shapely.geometry.base import BaseGeometry

from changedetect.lonlat import footprint
from changedetect.testing.http_server import FileServer

EPSG, LEFT, TOP, SIDE_M = 32634, 499_980, 5_100_000, 109_800
SITE_M = 3000
ASSETS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "swir16": 20, "swir22": 20, "scl": 20}
BANDS = tuple(name for name in ASSETS if name != "scl")
DATES = {"before": datetime(2023, 6, 1, 9, 30, tzinfo=UTC), "after": datetime(2024, 6, 1, 9, 30, tzinfo=UTC)}
Work = list[tuple[list[pystac.Item], GeoBox]]
LOADERS = ("changedetect", "odc-stac pool=16", "odc-stac")


def site_grids(count: int) -> list[GeoBox]:
    """Sites spread over the tile, on its 10 m pixels."""
    rng = np.random.default_rng(1)
    corners = rng.integers(0, (SIDE_M - SITE_M) // 10, (count, 2)) * 10
    side = SITE_M // 10
    return [GeoBox((side, side), Affine(10, 0, LEFT + x, 0, -10, TOP - y), f"EPSG:{EPSG}") for x, y in corners]


def write_cog(path: Path, pixel_m: int, grids: list[GeoBox], seed: int) -> None:
    """Write a full-size COG with noise around the sites, blocks as in Sentinel-2 Collection 1."""
    side = SIDE_M // pixel_m
    quality = path.stem == "scl"
    data = np.full((side, side), 4 if quality else 1500, dtype=np.uint8 if quality else np.uint16)
    rng = np.random.default_rng(seed)
    for grid in grids:
        row, col = int((TOP - grid.affine.f) // pixel_m), int((grid.affine.c - LEFT) // pixel_m)
        rows, cols = (slice(max(start // 1024 * 1024, 0), start + 1600) for start in (row, col))
        shape = data[rows, cols].shape
        data[rows, cols] = rng.integers(4, 6, shape) if quality else rng.normal(2200, 400, shape).clip(1001, 9000)
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": data.dtype, "crs": f"EPSG:{EPSG}",
        "transform": Affine(pixel_m, 0, LEFT, 0, -pixel_m, TOP), "nodata": 0,
    }  # fmt: skip
    block = 1024 if pixel_m == 10 else 512
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(data, 1)
        with memory.open() as source:
            rasterio.shutil.copy(
                source, path, driver="COG", compress="deflate", predictor="YES", blocksize=block, overviews="AUTO"
            )


def write_items(root: Path, url: str, count: int) -> Path:
    """Write the STAC items of every site, in the shape of Earth Search's Collection 1."""
    whole = GeoBox((SIDE_M // 10,) * 2, Affine(10, 0, LEFT, 0, -10, TOP), f"EPSG:{EPSG}")
    outline = footprint(whole)
    sites: list[list[dict[str, object]]] = []
    for site in range(count):
        (root / f"site{site}").symlink_to(root / "cogs")
        items = [_item(name, moment, outline, f"{url}/site{site}/{name}") for name, moment in DATES.items()]
        sites.append([item.to_dict() for item in items])
    path = root / "items.json"
    path.write_text(json.dumps(sites))
    return path


def _item(name: str, moment: datetime, outline: BaseGeometry, base: str) -> pystac.Item:
    properties = {"platform": "sentinel-2b", "s2:processing_baseline": "05.10", "proj:epsg": EPSG}
    item = pystac.Item(
        f"S2B_T34TDS_{moment:%Y%m%d}_{name}", outline.__geo_interface__, list(outline.bounds), moment, properties
    )
    item.stac_extensions = ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"]
    for asset, pixel_m in ASSETS.items():
        told = {
            "proj:shape": [SIDE_M // pixel_m] * 2,
            "proj:transform": [pixel_m, 0, LEFT, 0, -pixel_m, TOP],
            "raster:bands": [{"nodata": 0, "data_type": "uint8" if asset == "scl" else "uint16"}],
        }
        href = f"{base}/{asset}.tif"
        item.add_asset(asset, pystac.Asset(href, roles=["data"], media_type=pystac.MediaType.COG, extra_fields=told))
    return item


def load(loader: str, items: Path, count: int) -> dict[str, float]:
    """Load all sites with one loader: seconds, and the mean DN of what was read as a check."""
    sites = [[pystac.Item.from_dict(one) for one in some] for some in json.loads(items.read_text())]
    work = list(zip(sites, site_grids(count), strict=True))
    return _ours(work) if loader == "changedetect" else _odc(work, pool=16 if "pool" in loader else None)


def _ours(work: Work) -> dict[str, float]:
    from changedetect.catalog import scene_from_item  # noqa: PLC0415 - each process imports one loader
    from changedetect.tiling import TilingOptions, read_scenes  # noqa: PLC0415

    threads, total, started = TilingOptions().threads, 0.0, time.perf_counter()
    for pages, grid in work:
        tiles = read_scenes([scene_from_item(page) for page in pages], grid, BANDS, threads)
        total += sum(float(tile.data[0].mean()) for tile in tiles) / len(tiles) * 10_000 + 1000
    return {"seconds": time.perf_counter() - started, "mean": total / len(work)}


def _odc(work: Work, pool: int | None) -> dict[str, float]:
    import odc.stac  # noqa: PLC0415

    odc.stac.configure_rio(cloud_defaults=True)
    how, total, started = {"*": "bilinear", "scl": "nearest"}, 0.0, time.perf_counter()
    for pages, grid in work:
        cube = odc.stac.load(pages, bands=tuple(ASSETS), geobox=grid, pool=pool, resampling=how)
        total += float(cube["blue"].mean())
    return {"seconds": time.perf_counter() - started, "mean": total / len(work)}


def least(root: Path, grids: list[GeoBox]) -> tuple[int, int]:
    """Bytes of the headers and the blocks that intersect the sites, and the fewest requests that can bring them."""
    size = requests = 0
    for path in sorted((root / "cogs").glob("*/*.tif")):
        with rasterio.open(path) as source:
            block = source.block_shapes[0][0]
            places: dict[tuple[int, int], tuple[int, int]] = {}
            for row in range(-(-source.height // block)):
                for col in range(-(-source.width // block)):
                    told = [
                        source.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1) for what in ("OFFSET", "SIZE")
                    ]
                    places[row, col] = (int(told[0]), int(told[1]))
            header = min(offset for offset, _ in places.values())
            size, requests = size + len(grids) * min(header, 32_768), requests + len(grids)
            pixel = source.transform.a
            for grid in grids:
                top, left = (TOP - grid.affine.f) / pixel, (grid.affine.c - LEFT) / pixel
                span = SITE_M / pixel
                rows = range(int(top // block), int((top + span - 1) // block) + 1)
                cols = range(int(left // block), int((left + span - 1) // block) + 1)
                size += sum(places[row, col][1] for row in rows for col in cols)
                requests += len(rows)  # neighbours in a row follow each other in the file
    return size, requests


def main() -> None:
    """Run the benchmark, or, in a process of its own, one loader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=60)
    parser.add_argument("--load", choices=LOADERS, help=argparse.SUPPRESS)
    parser.add_argument("--items", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.load:
        print(json.dumps(load(told.load, told.items, told.sites)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), told)


def measure(root: Path, told: argparse.Namespace) -> None:
    """Write the files, time the loaders in turns, print the ratios."""
    grids = site_grids(told.sites)
    for number, (date, (asset, pixel_m)) in enumerate((d, a) for d in DATES for a in ASSETS.items()):
        path = root / "cogs" / date / f"{asset}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_cog(path, pixel_m, grids, number)
    seconds: dict[str, list[float]] = {loader: [] for loader in LOADERS}
    means, traffic = {}, {}
    with FileServer(root, latency_s=told.latency_ms / 1000) as server:
        items = write_items(root, server.url, told.sites)
        for turn in range(told.rounds):
            for loader in LOADERS[: 3 if turn == 0 else 2]:  # the slow one once
                server.reset_log()
                command = [sys.executable, __file__, "--load", loader, "--items", items, "--sites", str(told.sites)]
                answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                seconds[loader].append(answer["seconds"])
                means[loader] = answer["mean"]
                traffic[loader] = (sum(one.bytes_sent for one in server.log), len(server.log))
    size, requests = least(root, grids)
    ours = statistics.median(seconds["changedetect"])
    print(f"{told.sites} sites x {len(DATES)} dates x {len(ASSETS)} assets, {told.latency_ms:g} ms latency")
    for loader in LOADERS:
        median = statistics.median(seconds[loader])
        sent, asked = traffic[loader]
        print(
            f"{loader:18} {median:6.2f} s = {median / ours:5.2f} x changedetect; bytes {sent / size:.2f} x the blocks"
            f" and headers, requests {asked / requests:.2f} x the fewest; mean DN {means[loader]:.3f}"
        )


if __name__ == "__main__":
    main()
