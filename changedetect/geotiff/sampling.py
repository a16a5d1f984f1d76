"""Sampling of arrays at fractional pixel coordinates: the kernels under `geotiff.read`.

Why not GDAL's warper: rasterio 1.4 refuses or ignores an exact transformer (`tolerance=0`), GDAL derives the kernel's
size from each chunk, and its unified nodata lets one band's 0 bleed where another band has data. Here a pixel depends
on its own coordinates alone, so a tile equals the same pixels of the whole.

Coordinates count from the array's top left corner: pixel `i` covers `[i, i + 1)`, its centre is `i + 0.5`. `cols` and
`rows` only have to broadcast to (y, x): (1, x) and (y, 1) on axis-aligned grids. Invalid pixels have no weight.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedetect.types import BoolArray, Float64Array

Coordinates = tuple[Float64Array, Float64Array]
"""Columns and rows, fractional."""

MIN_AREA_SHARE = 0.5
"""An average stands for a pixel when at least this share of it has data."""


def nearest(data: NDArray[Any], valid: BoolArray, at: Coordinates) -> tuple[NDArray[Any], BoolArray]:
    """Take the pixel under each point: (band, y, x) of the data's own type, and (band, y, x) validity.

    >>> at = np.array([[1.5, 2.5]]), np.array([[0.5]])
    >>> values, valid = nearest(np.array([[[1, 2], [3, 4]]]), np.ones((1, 2, 2), dtype=bool), at)
    >>> values.tolist(), valid.tolist()
    ([[[2, 2]]], [[[True, False]]])
    """
    rows, cols, inside = _indexes(data.shape, np.floor(at[1]), np.floor(at[0]))
    if rows.shape[-1] == 1 and cols.shape[0] == 1:  # whole rows, then columns: five times as fast as point by point
        rows, cols = rows.ravel(), cols.ravel()
        return data[:, rows].take(cols, axis=-1), valid[:, rows].take(cols, axis=-1) & inside
    return data[:, rows, cols], valid[:, rows, cols] & inside


def bilinear(data: NDArray[Any], valid: BoolArray, at: Coordinates) -> tuple[NDArray[Any], BoolArray]:
    """Interpolate between the four nearest centres, over the valid ones with their weights renormalised.

    Valid is what has a valid pixel under the point itself: data never grow into nodata. Plain four-point weights at
    any ratio; a much coarser grid wants `average`.

    >>> between = np.array([[1.0]]), np.array([[0.5]])
    >>> values, valid = bilinear(np.array([[[1, 3]]]), np.ones((1, 1, 2), dtype=bool), between)
    >>> values.tolist()
    [[[2.0]]]
    """
    numbers = np.where(valid, data, 0).astype(working_type(data.dtype), copy=False)
    if at[0].shape[0] == 1 and at[1].shape[-1] == 1:
        total, weights = (_separately(planes, at) for planes in (numbers, valid.astype(numbers.dtype)))
    else:
        total, weights = _by_point(numbers, valid, at)
    centre = nearest(valid, valid, at)[1] & (weights > 0)
    return np.divide(total, weights, out=total, where=centre), centre


def _separately(planes: NDArray[np.floating], at: Coordinates) -> NDArray[np.floating]:
    """(band, y, x) four-point sums of `planes` where columns and rows don't depend on each other: one by one."""
    for axis, places in ((-1, at[0].ravel()), (-2, at[1].ravel())):
        first = np.floor(places - 0.5)
        share = (places - 0.5 - first).astype(planes.dtype)
        near, far = (_weighted(planes, axis, step) for step in ((first, 1 - share), (first + 1, share)))
        near += far
        planes = near
    return planes


def _weighted(
    planes: NDArray[np.floating], axis: int, step: tuple[Float64Array, NDArray[np.floating]]
) -> NDArray[np.floating]:
    """Rows or columns of `planes`, each times its weight; nothing where there is none."""
    places, weight = step
    inside = (places >= 0) & (places < planes.shape[axis])
    taken = np.take(planes, np.where(inside, places, 0).astype(np.intp), axis=axis)
    factor = np.where(inside, weight, 0).astype(planes.dtype)
    taken *= factor if axis == -1 else factor[:, None]
    return taken


def _by_point(
    numbers: NDArray[np.floating], valid: BoolArray, at: Coordinates
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """(band, y, x) sums of weighted numbers, and of the weights, point by point."""
    left, top = np.floor(at[0] - 0.5), np.floor(at[1] - 0.5)
    across, down = (at[0] - 0.5 - left).astype(numbers.dtype), (at[1] - 0.5 - top).astype(numbers.dtype)
    shape = np.broadcast_shapes(at[0].shape, at[1].shape)
    total = np.zeros((numbers.shape[0], *shape), dtype=numbers.dtype)
    weights = np.zeros_like(total)
    for step_y, weight_y in ((0, 1 - down), (1, down)):
        for step_x, weight_x in ((0, 1 - across), (1, across)):
            rows, cols, inside = _indexes(numbers.shape, top + step_y, left + step_x)
            weight = weight_y * weight_x * (valid[:, rows, cols] & inside)
            total += weight * numbers[:, rows, cols]
            weights += weight
    return total, weights


def average(data: NDArray[Any], valid: BoolArray, at: Iterable[Coordinates]) -> tuple[NDArray[Any], BoolArray]:
    """Mean of the valid pixels under several points spread evenly over each pixel of the result.

    Valid where at least half of the points (`MIN_AREA_SHARE`) have data.
    """
    numbers = np.where(valid, data, 0).astype(working_type(data.dtype))
    total: Any = 0.0
    count: Any = 0
    points = 0
    for point in at:
        values, usable = nearest(numbers, valid, point)
        total = total + np.where(usable, values, 0)
        count = count + usable.astype(np.int32)
        points += 1
    return np.divide(total, np.maximum(count, 1)).astype(numbers.dtype), count >= max(MIN_AREA_SHARE * points, 1)


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the float type that holds every number of `dtype`: float32 up to 16 bits, else float64.

    >>> working_type(np.dtype("uint16")).name, working_type(np.dtype("int32")).name
    ('float32', 'float64')
    """
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def _indexes(shape: tuple[int, ...], rows: Any, cols: Any) -> tuple[NDArray[Any], NDArray[Any], BoolArray]:  # noqa: ANN401 - broadcasting arrays
    """Whole indexes clipped into the array, and where they did not need it (NaN and infinite points are outside)."""
    height, width = shape[-2:]
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    row = np.clip(np.nan_to_num(rows, nan=0, posinf=0, neginf=0), 0, height - 1).astype(np.intp)
    col = np.clip(np.nan_to_num(cols, nan=0, posinf=0, neginf=0), 0, width - 1).astype(np.intp)
    return row, col, np.asarray(inside)
