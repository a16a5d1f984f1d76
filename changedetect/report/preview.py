"""The compared pixels of a site, as `preview.tif` holds them: read once, cut as often as asked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from changedetect import geotiff
from changedetect.grid import pixel_size_m
from changedetect.types import WINDOW_NAMES, Float64Array, FloatArray, WindowName

LEAST_SIDE_M, MARGIN, LEAST_PX = 800.0, 1.8, 16
"""A picture of a change shows at least so many metres, so many times its longer side, and so many pixels: what lies
around it tells what it is."""

Area = tuple[slice, slice]
"""Rows and columns of the preview's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Both dates of a site; at most some 50 MB."""

    geobox: GeoBox
    """Their grid."""
    bands: tuple[str, ...]
    """Names of the bands of either date."""
    numbers: NDArray[Any]
    """(date and band, y, x) as the file has them: the bands of the earlier date, then those of the later one."""
    calibrated: bool
    """Whether they are reflectance times 10,000 (0: none), and not raw numbers (NaN: none)."""

    def cut(self, area: Area, names: Sequence[str] | None = None) -> dict[WindowName, FloatArray]:
        """(band, y, x) numbers of both dates, NaN where there are none; of the bands of these `names`, or of all."""
        shown = [self.bands.index(name) for name in (self.bands if names is None else names)]
        return {date: self._part(area, shown, date) for date in WINDOW_NAMES}

    def _part(self, area: Area, shown: Sequence[int], date: WindowName) -> FloatArray:
        first = WINDOW_NAMES.index(date) * len(self.bands)
        part = self.numbers[:, area[0], area[1]][[first + number for number in shown]]
        pixels: FloatArray = part.astype(np.float32)
        if self.calibrated:
            pixels[part == 0] = np.nan
        return pixels

    @property
    def whole(self) -> Area:
        """All of it."""
        height, width = self.geobox.shape
        return slice(0, height), slice(0, width)


def open_preview(path: Path) -> Preview:
    """Read a `preview.tif`.

    Raises
    ------
    RasterError
        It can't be read.
    """
    told = geotiff.info(path)
    count = len(told.band_names)
    bands = tuple(name.removeprefix("before_") for name in told.band_names[: count // 2])
    numbers, _ = geotiff.read(path, told.geobox, indexes=range(1, count + 1))
    return Preview(geobox=told.geobox, bands=bands, numbers=numbers, calibrated=told.dtype == "uint16")


def around_change(preview: Preview, geometry: BaseGeometry) -> Area:
    """The square that shows a change (lon/lat) amid its surroundings."""
    pixel_m = min(pixel_size_m(preview.geobox))
    left, top, right, bottom = shapely.bounds(shapely.transform(geometry, to_pixels(preview.geobox)))
    longer = max(right - left, bottom - top)
    side = math.ceil(max(LEAST_SIDE_M / pixel_m, MARGIN * longer, LEAST_PX))
    spans = []
    for middle, size in zip(((top + bottom) / 2, (left + right) / 2), preview.geobox.shape, strict=True):
        start = min(max(round(middle - side / 2), 0), max(size - side, 0))
        spans.append(slice(start, min(start + side, size)))
    return spans[0], spans[1]


def to_pixels(geobox: GeoBox) -> Callable[[Float64Array], Float64Array]:
    """Give a function from lon/lat (point, 2) to column and row on a grid, for `shapely.transform`."""
    there, back = from_lonlat(str(geobox.crs)), ~geobox.affine
    centre = (geobox.affine @ (geobox.shape[1] / 2, geobox.shape[0] / 2))[0]
    in_degrees = geobox.crs is not None and geobox.crs.geographic

    def pixels(lonlat: Float64Array) -> Float64Array:
        x, y = there.transform(*lonlat.T)
        if in_degrees:  # what was cut at the antimeridian lies a whole turn away
            x = (x - centre + 180) % 360 + centre - 180
        return np.column_stack([back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f])

    return pixels


def pixel_under(geobox: GeoBox, lon: float, lat: float) -> tuple[int, int] | None:
    """Row and column of a grid's pixel under a point (degrees); None beyond the grid."""
    ((col, row),) = np.floor(to_pixels(geobox)(np.array([(lon, lat)])))
    height, width = geobox.shape
    return (int(row), int(col)) if 0 <= row < height and 0 <= col < width else None


@cache
def from_lonlat(crs: str) -> Transformer:
    """Degrees into a CRS; finding the way costs milliseconds, so it is kept."""
    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)
