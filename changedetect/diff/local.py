"""Neighbourhood operations that see only valid pixels and give the same answer on a tile as on the whole.

Each one reaches a fixed number of pixels; a tile read with that halo reproduces the whole bit for bit, because every
output pixel is summed over the same neighbours in the same order.
"""

from typing import Any

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


def gaussian_weights(sigma_px: float) -> Float64Array:
    """(n + 1,) what a pixel counts in `smooth`, along one axis, and its neighbours to either side one by one."""
    reach = gaussian_halo_px(sigma_px)
    weights = np.exp(-0.5 / (sigma_px * sigma_px) * np.arange(-reach, reach + 1) ** 2)
    return np.asarray((weights / weights.sum())[reach:])


def smooth(
    data: NDArray[np.floating],
    valid: BoolArray,
    sigma_px: float,
    *,
    missing: float = float("nan"),
    weight: FloatArray | None = None,
) -> FloatArray:
    """Gaussian mean over the valid neighbours (normalised convolution, Knutsson & Westin 1993, CVPR).

    Parameters
    ----------
    data
        (y, x) or (band, y, x); its values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    sigma_px
        Standard deviation, pixels.
    missing
        What stands where not `valid`.
    weight
        `smoothing_weight`, where it is known already.

    Returns
    -------
    float32, the shape of `data`.

    >>> image, seen = np.ones((5, 5)), np.ones((5, 5), bool)
    >>> seen[2, 2] = False
    >>> bool(np.nanmax(np.abs(smooth(image, seen, 1.0) - 1)) < 1e-6)
    True
    """
    planes, keep = data if data.ndim == 3 else data[None], _bits(valid)
    weight = smoothing_weight(valid, sigma_px) if weight is None else weight
    out = np.empty(planes.shape, dtype=np.float32)
    for plane, smoothed in zip(planes, out, strict=True):
        np.divide(_gaussian(_seen(plane, keep), sigma_px), weight, out=smoothed)
        _blank(smoothed, keep, missing)
    return out if data.ndim == 3 else out[0]


def smoothing_weight(valid: BoolArray, sigma_px: float) -> FloatArray:
    """(y, x) share of a Gaussian that lies on valid pixels; never 0."""
    return np.maximum(_gaussian(valid.astype(np.float32), sigma_px), np.finfo(np.float32).tiny)


def _gaussian(plane: FloatArray, sigma_px: float) -> FloatArray:
    return np.asarray(ndi.gaussian_filter(plane, sigma_px, mode="constant", truncate=GAUSSIAN_REACH))


def _bits(valid: BoolArray) -> NDArray[np.uint32]:
    """All bits of a number where valid, none elsewhere: to mask by them takes a tenth of the time of `numpy.where`."""
    return np.negative(valid.astype(np.int32)).view(np.uint32)


def _seen(plane: NDArray[np.floating], keep: NDArray[np.uint32]) -> FloatArray:
    """A float32 copy with 0 where there are no bits to `keep`, whatever stood there."""
    return np.bitwise_and(plane.astype(np.float32, copy=False).view(np.uint32), keep).view(np.float32)


def _blank(plane: FloatArray, keep: NDArray[np.uint32], missing: float) -> None:
    """Put `missing` where there are no bits to `keep`."""
    bits = plane.view(np.uint32)
    bits &= keep
    if missing:
        bits |= ~keep & np.float32(missing).view(np.uint32)


def masked(planes: FloatArray, valid: BoolArray) -> FloatArray:
    """A copy of (..., y, x) with 0 where not `valid`."""
    return _seen(planes, _bits(valid))


def window_count(valid: BoolArray, size_px: int) -> FloatArray:
    """(y, x) valid pixels in the square window of each, 1 where there is none."""
    return np.asarray(np.maximum(_box(valid.astype(np.uint16), size_px), 1).astype(np.float32))


def local_deviation(
    data: NDArray[np.floating], valid: BoolArray, size_px: int, count: FloatArray | None = None
) -> FloatArray:
    """Standard deviation over the valid pixels of a square window.

    Parameters
    ----------
    data
        (y, x); its values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    size_px
        Side of the window, odd.
    count
        `window_count`, where it is known already.

    Returns
    -------
    (y, x) float32 in the unit of `data`; NaN where not `valid`.
    """
    keep = _bits(valid)
    _, variance = _moments(_seen(data, keep), window_count(valid, size_px) if count is None else count, size_px)
    deviation: FloatArray = np.sqrt(variance, out=variance)
    _blank(deviation, keep, np.nan)
    return deviation


def local_correlation(
    one: NDArray[np.floating],
    other: NDArray[np.floating],
    valid: BoolArray,
    size_px: int,
    count: FloatArray | None = None,
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
    count
        `window_count`, where it is known already.

    Returns
    -------
    (y, x) float32, -1 to 1; 0 where either is flat.
    """
    keep = _bits(valid)
    x, y = (_seen(image, keep) for image in (one, other))
    count = window_count(valid, size_px) if count is None else count
    (mean_x, variance_x), (mean_y, variance_y) = (_moments(image, count, size_px) for image in (x, y))
    shared = _box(x * y, size_px)
    shared /= count
    shared -= np.multiply(mean_x, mean_y, out=mean_x)
    product = np.multiply(variance_x, variance_y, out=variance_x)
    flat = product <= 0
    shared /= np.sqrt(np.maximum(product, np.finfo(np.float32).tiny, out=product), out=product)
    shared *= ~flat
    return np.asarray(np.clip(shared, -1, 1, out=shared))


def _moments(image: FloatArray, count: FloatArray, size_px: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a square window of `count` valid pixels; the others are 0 in `image`."""
    mean, square = _box(image, size_px), _box(image * image, size_px)
    mean /= count
    square /= count
    least = square * np.float32(_ROUNDING)
    square -= mean * mean
    square *= square >= least
    return mean, square


def filled(data: FloatArray) -> FloatArray:
    """`data` with 0 for NaN."""
    return masked(data, ~np.isnan(data))


def _box(values: NDArray[Any], size_px: int) -> NDArray[Any]:
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
