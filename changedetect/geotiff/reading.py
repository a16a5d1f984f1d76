"""Reading rasters: the header, and the numbers on any grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window

from changedetect.errors import RasterError
from changedetect.geotiff.grids import aligned_window, covering_window, points, samples_per_side, size_ratio
from changedetect.geotiff.opening import with_raster
from changedetect.geotiff.sampling import Coordinates, average, bilinear, nearest, working_type
from changedetect.types import BoolArray

ResamplingName = Literal["nearest", "bilinear", "average", "auto"]
"""`nearest` for codes, `bilinear` for finer or similar grids, `average` for coarser ones; `auto` picks of these two."""

_COARSER = 1.5
"""From this ratio of pixel sizes on, `auto` averages: four-point weights would leave source pixels out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterInfo:
    """What a raster's header says."""

    href: str
    """Path or URL."""
    geobox: GeoBox
    """CRS, transform and shape."""
    band_names: tuple[str, ...]
    """Band descriptions in lower case, `''` where a band has none."""
    dtype: str
    """numpy name of the first band's type."""
    nodata: float | None
    """The declared nodata number; None where none is declared."""
    scales: tuple[float, ...]
    """Declared factor of each band, 1 where none is declared."""
    offsets: tuple[float, ...]
    """Declared offset of each band, added after scaling."""


def info(href: str | Path) -> RasterInfo:
    """Read a raster's header; `RasterError` when it can't be opened or does not say where it lies."""

    def look(source: DatasetReader) -> RasterInfo:
        return RasterInfo(
            href=str(href),
            geobox=GeoBox.from_rio(source),
            band_names=tuple((name or "").strip().lower() for name in source.descriptions),
            dtype=str(source.dtypes[0]),
            nodata=source.nodata,
            scales=tuple(float(scale) for scale in source.scales),
            offsets=tuple(float(offset) for offset in source.offsets),
        )

    return with_raster(str(href), look)


def read(
    href: str | Path,
    geobox: GeoBox,
    *,
    indexes: Sequence[int] = (1,),
    resampling: ResamplingName = "nearest",
    nodata: float | Sequence[float] | None = None,
) -> tuple[NDArray[Any], BoolArray]:
    """Read bands of a raster on a grid: the raw numbers, without scale and offset.

    Parameters
    ----------
    href : str or Path
        Path or URL.
    geobox : GeoBox
        The grid asked for; parts outside the raster are invalid.
    indexes : sequence of int
        Bands, from 1.
    resampling : {"nearest", "bilinear", "average", "auto"}
        Used only where the grid is not the raster's own. `bilinear` and `average` weigh valid source pixels only and
        give floats.
    nodata : float or sequence of float, optional
        Numbers that mean no data, besides the raster's own declaration, which always counts. So do NaN, infinity,
        internal masks and alpha bands.

    Returns
    -------
    data : array, (band, y, x)
        Numbers; where not `valid` they mean nothing.
    valid : bool array, (y, x)
        True where every band has data. With `bilinear`, where the source pixel under the centre has data.

    Raises
    ------
    RasterError
        The raster can't be opened or read, or has no CRS, or lacks a band.
    """
    absent = () if nodata is None else tuple(nodata) if isinstance(nodata, Sequence) else (nodata,)

    def pixels(source: DatasetReader) -> tuple[NDArray[Any], BoolArray]:
        if missing := [index for index in indexes if not 1 <= index <= source.count]:
            msg = f"{href} has no band {missing[0]}: ask for 1 to {source.count}"
            raise RasterError(msg)
        if aligned := aligned_window(GeoBox.from_rio(source), geobox):
            return _read_window(source, aligned, indexes, absent)
        return _resample(source, geobox, indexes, resampling, absent)

    data, valid = with_raster(str(href), pixels)
    return data, np.asarray(valid.all(axis=0))


def cost(href: str | Path, geobox: GeoBox, *, index: int = 1) -> int:
    """Bytes that `read` fetches for a grid: compressed, of whole blocks. Only the header is read.

    Where a format does not tell the size of its blocks (JPEG 2000), half of their size in memory.

    Raises
    ------
    RasterError
        The raster can't be opened.
    """

    def blocks(source: DatasetReader) -> int:
        own = GeoBox.from_rio(source)
        window = aligned_window(own, geobox) or covering_window(own, points(own, geobox), margin=3)
        high, wide = source.block_shapes[index - 1]
        rows, cols = (
            range(max(span.start, 0) // side, -(-min(span.stop, size) // side))
            for span, side, size in zip(window, (high, wide), source.shape, strict=True)
        )
        told = [source.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=index) for row in rows for col in cols]
        guess = high * wide * np.dtype(source.dtypes[index - 1]).itemsize // 2
        # A block that no tag tells of is empty in a sparse TIFF, but unknown where no block has a tag.
        return sum(int(size) for size in told if size) if any(told) else guess * len(told)

    return with_raster(str(href), blocks)


def overview(href: str | Path, side_px: int, *, index: int = 1) -> NDArray[Any]:
    """Read a whole band thinned to at most `side_px` a side, from a COG's overviews: (y, x) raw numbers.

    Raises
    ------
    RasterError
        The raster can't be opened or read.
    """

    def thinned(source: DatasetReader) -> NDArray[Any]:
        step = max(1, -(-max(source.shape) // side_px))
        shape = (-(-source.height // step), -(-source.width // step))
        return np.asarray(source.read(index, out_shape=shape))

    return with_raster(str(href), thinned)


def _read_window(
    source: DatasetReader, window: tuple[slice, slice], indexes: Sequence[int], absent: Sequence[float]
) -> tuple[NDArray[Any], BoolArray]:
    """Raw numbers and (band, y, x) validity of a rectangle that may reach beyond the raster.

    Whoever rewrites a raster may give nodata another number: what it declares and what the caller knows both count.
    """
    rows, cols = window
    shape = (len(indexes), max(rows.stop - rows.start, 0), max(cols.stop - cols.start, 0))
    dtype = np.dtype(source.dtypes[indexes[0] - 1])
    top, bottom = max(rows.start, 0), min(rows.stop, source.height)
    left, right = max(cols.start, 0), min(cols.stop, source.width)
    if bottom <= top or right <= left:
        return np.zeros(shape, dtype=dtype), np.zeros(shape, dtype=bool)
    part = Window(left, top, right - left, bottom - top)
    numbers = source.read(list(indexes), window=part)
    good = np.isfinite(numbers) if np.issubdtype(numbers.dtype, np.inexact) else np.ones(numbers.shape, dtype=bool)
    declared = [source.nodatavals[index - 1] for index in indexes]
    for number in {number for number in (*absent, *declared) if number is not None}:
        if _fits(number, numbers.dtype):
            good &= numbers != numbers.dtype.type(number)
    masked = [MaskFlags.per_dataset in source.mask_flag_enums[index - 1] for index in indexes]
    if any(masked):  # an internal mask or an alpha band
        good &= source.read_masks(list(indexes), window=part) > 0
    if numbers.shape == shape and numbers.dtype == dtype:  # as nearly always: no second copy
        return numbers, good
    data, valid = np.zeros(shape, dtype=dtype), np.zeros(shape, dtype=bool)
    inside = slice(top - rows.start, bottom - rows.start), slice(left - cols.start, right - cols.start)
    data[:, *inside], valid[:, *inside] = numbers, good
    return data, valid


def _fits(number: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number can occur in a type at all, and be found by comparing: -9999 is no uint16."""
    if not np.isfinite(number):
        return False
    if np.issubdtype(dtype, np.floating):
        return True
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= number <= limits.max


def _resample(
    source: DatasetReader,
    geobox: GeoBox,
    indexes: Sequence[int],
    resampling: ResamplingName,
    absent: Sequence[float],
) -> tuple[NDArray[Any], BoolArray]:
    """Read on a grid that is not the raster's own: (band, y, x) data and validity."""
    own = GeoBox.from_rio(source)
    if resampling == "auto":
        resampling = "average" if size_ratio(own, geobox) > _COARSER else "bilinear"
    count = samples_per_side(own, geobox) if resampling == "average" else 1
    centres = points(own, geobox)
    window = covering_window(own, centres, margin=count + 2)
    data, valid = _read_window(source, window, indexes, absent)
    if data.size == 0:
        shape = (len(indexes), *geobox.shape)
        empty = np.zeros(shape, data.dtype if resampling == "nearest" else working_type(data.dtype))
        return empty, np.zeros(shape, dtype=bool)

    def within(at: Coordinates) -> Coordinates:
        return at[0] - window[1].start, at[1] - window[0].start

    if resampling == "nearest":
        return nearest(data, valid, within(centres))
    if resampling == "bilinear":
        return bilinear(data, valid, within(centres))
    steps = [(step + 0.5) / count for step in range(count)]
    spread = (within(points(own, geobox, across=across, down=down)) for down in steps for across in steps)
    return average(data, valid, spread)
