"""A whole Sentinel-2 tile at two dates, simulated and mosaicked: what the speed of `compare` is measured on.

Stamps of farmland from `changedetect.testing`, mirrored and turned, lie beside each other in an order that chance has
dealt; on one in ten something is built. Written as Earth Search has its Collection 1: a COG a band, deflate, blocks of
1024 pixels at 10 m and 512 at 20 m, and a STAC item a date. Only the stamps and one band are ever in memory.
"""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pystac
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi

from changedetect.lonlat import footprint
from changedetect.model import Pair
from changedetect.testing import simulated_pair
from changedetect.types import FloatArray, IntArray

EPSG, LEFT, TOP = 32634, 499_980, 5_100_000
ASSETS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "swir16": 20, "swir22": 20, "scl": 20}
DATES = {"before": datetime(2022, 8, 10, 9, 36, tzinfo=UTC), "after": datetime(2023, 8, 14, 9, 36, tzinfo=UTC)}
STAMP_PX = 366
BUILT_SHARE = 0.1
"""Stamps on which three things are built: some 270 in a whole tile."""
CLOUD_SHARE = 0.03
_SCALE, _OFFSET = 0.0001, -0.1


def whole_tile(root: Path, side_px: int) -> tuple[Path, Path]:
    """STAC items of both dates of a square of `side_px` pixels of 10 m (an even number), made unless they are there."""
    items = {date: root / f"tile-{side_px}" / date / "item.json" for date in DATES}
    stamps = None if all(path.exists() for path in items.values()) else _stamps()
    for number, (date, path) in enumerate(items.items()):
        if stamps is None or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        dates = [(pair.before, pair.after)[number] for pair in stamps]
        for asset, pixel_m in ASSETS.items():
            if asset == "scl":
                plane = _quality(side_px // 2, number)
            else:
                plane = _mosaic([one.data[one.bands.index(asset)] for one in dates], side_px, number)
                plane = plane if pixel_m == 10 else _halved(plane)
            _write(path.parent / f"{asset}.tif", plane, pixel_m)
        path.write_text(json.dumps(_item(date, side_px).to_dict()))
    return items["before"], items["after"]


def files_of(item: Path) -> list[Path]:
    """The COGs of an item that `whole_tile` wrote."""
    return [item.parent / f"{asset}.tif" for asset in ASSETS]


@cache
def _stamps() -> list[Pair]:
    """Three stamps where nothing is built, then three where something is."""
    shape = (STAMP_PX, STAMP_PX)
    still = [simulated_pair(seed, shape, [])[0] for seed in (1, 2, 3)]
    return still + [simulated_pair(seed, shape)[0] for seed in (4, 5, 6)]


def _mosaic(stamps: list[FloatArray], side_px: int, date: int) -> IntArray:
    """(y, x) uint16 DN: stamps in an order and orientation that is the same at both dates, noise that is not."""
    order = np.random.default_rng(1)
    noise = np.random.default_rng([2, date])
    out = np.empty((side_px, side_px), dtype=np.uint16)
    for top in range(0, side_px, STAMP_PX):
        for left in range(0, side_px, STAMP_PX):
            built = order.random() < BUILT_SHARE
            stamp = np.rot90(stamps[order.integers(3) + 3 * built], order.integers(4))
            stamp = stamp[:, ::-1] if order.random() < 0.5 else stamp
            numbers = (stamp - _OFFSET) / _SCALE + noise.normal(0, 10, stamp.shape)
            place = out[top : top + STAMP_PX, left : left + STAMP_PX]
            place[:] = np.rint(numbers[: place.shape[0], : place.shape[1]]).clip(1, 65535)
    return out


def _halved(plane: IntArray) -> IntArray:
    """Pixels of 20 m."""
    quads = [plane[row::2, col::2].astype(np.uint32) for row in (0, 1) for col in (0, 1)]
    return np.asarray(sum(quads) // 4, dtype=np.uint16)


def _quality(side_px: int, date: int) -> IntArray:
    """(y, x) SCL: vegetation, and clouds over `CLOUD_SHARE` of it."""
    coarse = ndi.gaussian_filter(np.random.default_rng([3, date]).normal(size=(-(-side_px // 16),) * 2), 3)
    cloud = coarse > np.quantile(coarse, 1 - CLOUD_SHARE)
    whole = np.repeat(np.repeat(np.where(cloud, 9, 4).astype(np.uint8), 16, 0), 16, 1)
    return whole[:side_px, :side_px]


def _write(path: Path, plane: IntArray, pixel_m: int) -> None:
    profile = {
        "driver": "GTiff", "height": plane.shape[0], "width": plane.shape[1], "count": 1, "dtype": plane.dtype,
        "crs": f"EPSG:{EPSG}", "transform": Affine(pixel_m, 0, LEFT, 0, -pixel_m, TOP), "nodata": 0,
    }  # fmt: skip
    raw = path.with_suffix(".raw.tif")
    with rasterio.open(raw, "w", **profile) as target:
        target.write(plane, 1)
    options = {"compress": "deflate", "predictor": "YES", "overviews": "AUTO", "num_threads": "ALL_CPUS"}
    rasterio.shutil.copy(raw, path, driver="COG", blocksize=1024 if pixel_m == 10 else 512, **options)
    raw.unlink()


def _item(date: str, side_px: int) -> pystac.Item:
    """In the shape of Earth Search's `sentinel-2-c1-l2a`, hrefs beside the item."""
    whole = GeoBox((side_px, side_px), Affine(10, 0, LEFT, 0, -10, TOP), f"EPSG:{EPSG}")
    outline, moment = footprint(whole), DATES[date]
    properties = {
        "platform": "sentinel-2b", "s2:processing_baseline": "05.10", "proj:epsg": EPSG, "eo:cloud_cover": 3.0,
        "view:sun_elevation": 52.0, "view:sun_azimuth": 155.0,
    }  # fmt: skip
    item = pystac.Item(
        f"S2B_T34TDS_{moment:%Y%m%dT%H%M%S}_L2A", outline.__geo_interface__, list(outline.bounds), moment, properties
    )
    for asset, pixel_m in ASSETS.items():
        band: dict[str, object] = {"nodata": 0, "data_type": "uint8" if asset == "scl" else "uint16"}
        band |= {} if asset == "scl" else {"scale": _SCALE, "offset": _OFFSET}
        told = {
            "proj:shape": [side_px * 10 // pixel_m] * 2,
            "proj:transform": [pixel_m, 0, LEFT, 0, -pixel_m, TOP],
            "raster:bands": [band],
        }
        found = pystac.Asset(f"./{asset}.tif", roles=["data"], media_type=pystac.MediaType.COG, extra_fields=told)
        item.add_asset(asset, found)
    return item
