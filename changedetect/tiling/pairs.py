"""Two rasters of the same ground: the grid and bands they share, and their pixels on it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.errors import BandError, PairError
from changedetect.geotiff import RasterInfo
from changedetect.model import Composite
from changedetect.redaction import redact
from changedetect.sensors import COMMON_BANDS
from changedetect.tiling.bands import MIN_BANDS, band_indexes
from changedetect.tiling.scenes import calibrate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPair:
    """Two rasters that can be compared, and how; no pixel is read yet."""

    geobox: GeoBox
    """The grid of `before`, cropped to what `after` covers."""
    bands: tuple[str, ...]
    """Common names of the bands both have, in the order of `COMMON_BANDS`."""
    before: RasterInfo
    """The earlier raster."""
    after: RasterInfo
    """The later raster."""
    before_indexes: tuple[int, ...]
    """Where `bands` are in `before`, from 1."""
    after_indexes: tuple[int, ...]
    """Where `bands` are in `after`, from 1."""


def open_rasters(before: str | Path, after: str | Path) -> RasterPair:
    """Look at two rasters and decide grid and bands.

    Raises
    ------
    RasterError
        One can't be opened, or does not say where it lies.
    BandError
        The bands of one can't be told apart, or they share fewer than three.
    PairError
        They do not overlap.
    """
    first, second = geotiff.info(before), geotiff.info(after)
    rows, cols = geotiff.overlap(first.geobox, second.geobox)
    if rows.stop <= rows.start or cols.stop <= cols.start:
        msg = (
            f"{before} and {after} do not overlap: they cover {_where(first)} and {_where(second)}"
            " (west, south, east, north): give two dates of the same place"
        )
        raise PairError(msg)
    bands, before_indexes, after_indexes = _match(first, second)
    return RasterPair(
        geobox=first.geobox[rows, cols],
        bands=bands,
        before=first,
        after=second,
        before_indexes=before_indexes,
        after_indexes=after_indexes,
    )


def read_rasters(pair: RasterPair, geobox: GeoBox) -> tuple[Composite, Composite]:
    """Read both rasters on a grid (the pair's or a tile of it): declared scale and offset applied, else raw.

    On the rasters' own grid pixels are read as they are; an `after` on another grid is interpolated, or averaged where
    it is much finer. `looks` is 1 where a raster has data in every band.
    """
    return (
        _read(pair.before, pair.before_indexes, pair.bands, geobox),
        _read(pair.after, pair.after_indexes, pair.bands, geobox),
    )


def _read(raster: RasterInfo, indexes: tuple[int, ...], bands: tuple[str, ...], geobox: GeoBox) -> Composite:
    numbers, valid = geotiff.read(raster.href, geobox, indexes=indexes, resampling="auto")
    data = np.empty(numbers.shape, dtype=np.float32)
    for layer, index, raw in zip(data, indexes, numbers, strict=True):
        layer[:] = calibrate(raw, valid, raster.scales[index - 1], raster.offsets[index - 1])
    return Composite(
        geobox=geobox,
        bands=bands,
        data=data,
        valid=valid,
        looks=valid.astype(np.uint8),
        scene_ids=(PurePath(redact(raster.href)).name,),
    )


def _match(before: RasterInfo, after: RasterInfo) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Give the shared bands and where they are in each raster."""
    first, second = band_indexes(before), band_indexes(after)
    _choose_nir(first, second)
    bands = tuple(name for name in COMMON_BANDS if name in first and name in second)
    if len(bands) < MIN_BANDS:
        msg = (
            f"{before.href} ({', '.join(first)}) and {after.href} ({', '.join(second)}) share {len(bands)} of the bands"
            f" {', '.join(COMMON_BANDS)}: 3 are needed"
        )
        raise BandError(msg)
    return bands, tuple(first[name] for name in bands), tuple(second[name] for name in bands)


def _choose_nir(first: dict[str, int], second: dict[str, int]) -> None:
    """Let `nir08` stand in for `nir`, the same band in both rasters where that can be."""
    both: list[Mapping[str, int]] = [first, second]
    if all("nir" in bands for bands in both):
        return
    alike = all("nir08" in bands for bands in both)
    if not alike and all("nir" in bands or "nir08" in bands for bands in both):
        log.warning("nir is compared with nir08: they differ a little over everything green")
    for bands in (first, second):
        if "nir08" in bands and (alike or "nir" not in bands):
            bands["nir"] = bands["nir08"]


def _where(raster: RasterInfo) -> str:
    return ", ".join(f"{edge:.4f}" for edge in geotiff.lonlat_bounds(raster.geobox))
