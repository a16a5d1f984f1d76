"""The rasters of a site, as cloud-optimised GeoTIFFs: what was found, by which tests, and the pixels compared."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from changedetect.decisions import DECISION_BANDS
from changedetect.geotiff import write_cog
from changedetect.model import UNKNOWN, ChangeMap, Pair
from changedetect.types import WINDOW_NAMES, FloatArray

BAND_NAMES = ("changed", "confidence", "kind")
"""Bands of `change_map.tif`, in order."""

REFLECTANCE_SCALE = 10_000
"""Numbers of a calibrated `preview.tif` are reflectance times this, as in Sentinel-2 products."""

SCALE_TAGS: Mapping[str, str] = MappingProxyType({"SCALE": f"{1 / REFLECTANCE_SCALE:g}"})
"""Tags of a raster of such numbers."""


def write_change_map(path: Path, change_map: ChangeMap) -> None:
    """Write the three bands as float32, 255 where unknown; whole or not at all, as `write_cog` does.

    Raises
    ------
    RasterError
        The file can't be written.
    """
    planes = (change_map.changed, np.asarray(change_map.confidence, dtype=np.float32), change_map.kind)
    write_cog(path, planes, change_map.geobox, band_names=BAND_NAMES, nodata=float(UNKNOWN), codes=True)


def write_decisions(path: Path, change_map: ChangeMap) -> None:
    """Write which tests every pixel passed (see `decisions`), where that was kept.

    Raises
    ------
    RasterError
        The file can't be written.
    """
    if change_map.decisions is not None:
        write_cog(path, change_map.decisions, change_map.geobox, band_names=DECISION_BANDS, codes=True)


def write_preview(path: Path, pair: Pair) -> None:
    """Write the pixels of both dates, bands `before_<name>` and then `after_<name>`.

    Reflectance as uint16 times `REFLECTANCE_SCALE`, 0 where there is none; raw numbers as float32, NaN where there is
    none.

    Raises
    ------
    RasterError
        The file can't be written.
    """
    data = [*pair.before.data, *pair.after.data]
    names = [f"{date}_{band}" for date in WINDOW_NAMES for band in pair.bands]
    if pair.calibrated:
        numbers = [_integers(plane) for plane in data]  # one by one: all at once would take 400 MB
        write_cog(path, numbers, pair.geobox, band_names=names, nodata=0.0, tags=SCALE_TAGS)
    else:
        write_cog(path, data, pair.geobox, band_names=names, nodata=float("nan"))


def _integers(data: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    scaled = np.clip(np.nan_to_num(data * REFLECTANCE_SCALE).round(), 1, np.iinfo(np.uint16).max)
    return np.where(np.isfinite(data), scaled, 0).astype(np.uint16)
