"""Neighbourhood operations that see only valid pixels and give the same answer on a tile as on the whole.

Each one reaches a fixed number of pixels; a tile read with that halo reproduces the whole bit for bit, because every
output pixel is summed over the same neighbours in the same order.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from changedetect.types import BoolArray, Float64Array, FloatArray

GAUSSIAN_REACH = 4.0
"""Where a Gaussian is cut off, in standard deviations (scipy's default; the tail beyond is 6e-5)."""
_ROUNDING = 1e-6
"""Share of a mean square below which a variance is rounding: eight times the resolution of single precision."""


def gaussian_halo_px(sigma_px: float) -> int:
    """Pixels that `smooth` looks beyond the one it computes."""
    return int(GAUSSIAN_REACH * sigma_px + 0.5)


def smooth(data: NDArray[np.floating], valid: BoolArray, sigma_px: float) -> FloatArray:
    """Gaussian mean over the valid neighbours (normalised convolution, Knutsson & Westin 1993, CVPR).

    Parameters
    ----------
    data
        (y, x) or (band, y, x); its values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    sigma_px
        Standard deviation, pixels.

    Returns
    -------
    float32, the shape of `data`; NaN where not `valid`.

    >>> image, seen = np.ones((5, 5)), np.ones((5, 5), bool)
    >>> seen[2, 2] = False
    >>> bool(np.nanmax(np.abs(smooth(image, seen, 1.0) - 1)) < 1e-6)
    True
    """
    planes = data if data.ndim == 3 else data[None]
    weight = ndi.gaussian_filter(valid.astype(np.float32), sigma_px, mode="constant", truncate=GAUSSIAN_REACH)
    out = np.full(planes.shape, np.nan, dtype=np.float32)
    for plane, smoothed in zip(planes, out, strict=True):
        filled = np.where(valid, plane, 0).astype(np.float32)
        total = ndi.gaussian_filter(filled, sigma_px, mode="constant", truncate=GAUSSIAN_REACH)
        np.divide(total, weight, out=smoothed, where=valid)
    return out if data.ndim == 3 else out[0]


def local_deviation(data: NDArray[np.floating], valid: BoolArray, size_px: int) -> FloatArray:
    """Standard deviation over the valid pixels of a square window.

    Parameters
    ----------
    data
        (y, x); its values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    size_px
        Side of the window, odd.

    Returns
    -------
    (y, x) float32 in the unit of `data`; NaN where not `valid`.
    """
    image = np.where(valid, data, 0).astype(np.float32)
    count = np.maximum(_box(valid.astype(np.float32), size_px), 1)
    _, variance = _moments(image, count, size_px)
    return np.where(valid, np.sqrt(variance), np.float32(np.nan))


def local_correlation(
    one: NDArray[np.floating], other: NDArray[np.floating], valid: BoolArray, size_px: int
) -> FloatArray:
    """Pearson's correlation of two images over the valid pixels of a square window.

    Parameters
    ----------
    one, other
        (y, x); their values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    size_px
        Side of the window, odd.

    Returns
    -------
    (y, x) float32, -1 to 1; 0 where either is flat.
    """
    x, y = (np.where(valid, image, 0).astype(np.float32) for image in (one, other))
    count = np.maximum(_box(valid.astype(np.float32), size_px), 1)
    (mean_x, variance_x), (mean_y, variance_y) = (_moments(image, count, size_px) for image in (x, y))
    shared = _box(x * y, size_px) / count - mean_x * mean_y
    product = variance_x * variance_y
    rho = np.divide(shared, np.sqrt(product), out=np.zeros_like(shared), where=product > 0)
    return np.asarray(np.clip(rho, -1, 1), dtype=np.float32)


def _moments(image: FloatArray, count: FloatArray, size_px: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a square window of `count` valid pixels; the others are 0 in `image`."""
    mean, square = _box(image, size_px) / count, _box(image * image, size_px) / count
    variance = square - mean * mean
    variance[variance < np.float32(_ROUNDING) * square] = 0
    return mean, variance


def filled(data: FloatArray) -> FloatArray:
    """`data` with 0 for NaN."""
    return np.where(np.isnan(data), np.float32(0), data)


def _box(values: FloatArray, size_px: int) -> FloatArray:
    """Sum over a square window."""
    # The same neighbours in the same order wherever a tile starts; a running sum (scipy's uniform_filter) rounds by
    # where it began.
    for axis in (0, 1):
        source, total = np.moveaxis(values, axis, 0), values.copy()
        target = np.moveaxis(total, axis, 0)
        for away in range(1, size_px // 2 + 1):
            target[away:] += source[:-away]
            target[:-away] += source[away:]
        values = total
    return values


def box_sum(values: Float64Array, half_px: int) -> Float64Array:
    """Sum over the square window that reaches `half_px` beyond each pixel; beyond the edges there is nothing.

    Windows of 2, 4, 8... pixels are added up from their halves, and the whole from those: few additions for a wide
    window, in an order that does not depend on where a tile starts.
    """
    padded = np.pad(values, half_px)
    return np.ascontiguousarray(_runs(_runs(padded, 2 * half_px + 1).T, 2 * half_px + 1).T)


def _runs(values: Float64Array, length: int) -> Float64Array:
    """Sum of every `length` rows that follow each other."""
    count = len(values) - length + 1
    total, done, step = np.zeros_like(values[:count]), 0, 1
    while True:
        if length & step:
            total += values[done : done + count]
            done += step
        if 2 * step > length:
            return total
        values = values[:-step] + values[step:]
        step *= 2
