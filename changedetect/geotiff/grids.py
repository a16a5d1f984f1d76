"""Where the pixels of one grid lie on another: arithmetic on grids, no file."""

from functools import lru_cache
from math import ceil, floor

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from changedetect.errors import RasterError
from changedetect.geotiff.sampling import Coordinates
from changedetect.grid import pixel_size_m
from changedetect.types import Float64Array

_ALIGNED_PX = 1e-3
"""Grids that differ by less than this many pixels are the same: coordinates in degrees carry rounding noise."""

_SNAP = 2.0**20
"""Source coordinates are rounded to this part of a pixel, a thousandth of what registration can reach."""


def aligned_window(own: GeoBox, geobox: GeoBox) -> tuple[slice, slice] | None:
    """Rows and columns of `own` that are the pixels of `geobox` (they may lie outside), None when it is off grid."""
    if own.crs != geobox.crs:
        return None
    step = _step(own, geobox)
    stretch = np.abs(step[:2, :2] - np.eye(2)).max() * max(own.shape)
    col, row = round(step[0, 2]), round(step[1, 2])
    if max(stretch, abs(step[0, 2] - col), abs(step[1, 2] - row)) > _ALIGNED_PX:
        return None
    return slice(row, row + geobox.shape[0]), slice(col, col + geobox.shape[1])


def covering_window(own: GeoBox, at: Coordinates, margin: int) -> tuple[slice, slice]:
    """Rows and columns of `own` that hold every point and `margin` pixels around, cut to the raster."""
    spans = []
    for axis, size in ((at[1], own.shape[0]), (at[0], own.shape[1])):
        finite = axis[np.isfinite(axis)]
        start, stop = (floor(finite.min()) - margin, floor(finite.max()) + margin + 1) if finite.size else (0, 0)
        spans.append(slice(min(max(start, 0), size), min(max(stop, 0), size)))
    return spans[0], spans[1]


def points(own: GeoBox, geobox: GeoBox, *, across: float = 0.5, down: float = 0.5) -> Coordinates:
    """Where a point of each pixel of `geobox` lies in pixels of `own` (the centre, unless told otherwise)."""
    height, width = geobox.shape
    columns = np.arange(width, dtype=np.float64)[None, :] + across
    lines = np.arange(height, dtype=np.float64)[:, None] + down
    return _to_pixels(own, geobox, columns, lines)


def _to_pixels(own: GeoBox, geobox: GeoBox, cols: Float64Array, rows: Float64Array) -> Coordinates:
    """Carry points from pixels of `geobox` to pixels of `own`."""
    x, y = _apply(geobox.affine, cols, rows)
    if own.crs != geobox.crs:
        x, y = np.broadcast_arrays(x, y)
        x, y = _transformer(_wkt(geobox), _wkt(own)).transform(x, y)
    cols, rows = _apply(~own.affine, x, y)
    # Points on the edge between two pixels must not be decided by rounding noise.
    return np.round(cols * _SNAP) / _SNAP, np.round(rows * _SNAP) / _SNAP


def size_ratio(own: GeoBox, geobox: GeoBox) -> float:
    """How many pixels of `own` fit side by side in one of `geobox`, along the longer side."""
    if own.crs == geobox.crs:
        return float(np.linalg.norm(_step(own, geobox)[:2, :2], axis=0).max())
    return max(big / small for big, small in zip(pixel_size_m(geobox), pixel_size_m(own), strict=True))


def samples_per_side(own: GeoBox, geobox: GeoBox) -> int:
    """How many points along each side of a pixel of `geobox` see every pixel of `own` below it.

    They lie half a pixel of `own` apart, or closer: a whole ratio of sizes gives the exact mean of the pixels below.
    """
    return 2 * max(1, ceil(size_ratio(own, geobox) - 0.05))


def overlap(own: GeoBox, other: GeoBox) -> tuple[slice, slice]:
    """Rows and columns of `own` that another grid touches; empty slices when it touches none."""
    height, width = other.shape
    along = np.linspace(0, 1, 65)
    ends = np.zeros_like(along)
    cols = np.concatenate([along, along, ends, ends + 1]) * width
    rows = np.concatenate([ends, ends + 1, along, along]) * height
    at = _to_pixels(own, other, cols, rows)
    spans = []
    for axis, size in ((at[1], own.shape[0]), (at[0], own.shape[1])):
        finite = axis[np.isfinite(axis)]
        start, stop = (floor(finite.min()), ceil(finite.max())) if finite.size else (0, 0)
        spans.append(slice(min(max(start, 0), size), min(max(stop, 0), size)))
    return spans[0], spans[1]


def lonlat_bounds(geobox: GeoBox) -> tuple[float, float, float, float]:
    """Bounds of a grid in degrees: west, south, east, north."""
    bounds = _transformer(_wkt(geobox), "EPSG:4326").transform_bounds(*geobox.boundingbox)
    return float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])


def _step(own: GeoBox, geobox: GeoBox) -> Float64Array:
    """3 x 3 matrix from pixels of `geobox` to pixels of `own`, for grids of one CRS."""
    to_own = np.array(tuple(~own.affine), dtype=np.float64).reshape(3, 3)
    return np.asarray(to_own @ np.array(tuple(geobox.affine), dtype=np.float64).reshape(3, 3))


def _apply(transform: Affine, x: Float64Array, y: Float64Array) -> Coordinates:
    """Apply an affine transform; without rotation, columns stay a row of numbers and rows a column of numbers."""
    if transform.b == 0 and transform.d == 0:
        return transform.a * x + transform.c, transform.e * y + transform.f
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f


@lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _wkt(geobox: GeoBox) -> str:
    if geobox.crs is None:
        msg = f"a grid of {tuple(geobox.shape)} pixels has no CRS: give it one, GeoBox(shape, transform, crs)"
        raise RasterError(msg)
    return str(geobox.crs.to_wkt())
