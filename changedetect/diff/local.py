"""Neighbourhood operations that see only valid pixels and give the same answer on a tile as on the whole.

Each one reaches a fixed number of pixels; a tile read with that halo reproduces the whole bit for bit, because every
output pixel is summed over the same neighbours in the same order.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from changedetect.types import BoolArray, FloatArray

GAUSSIAN_REACH = 4.0
"""Where a Gaussian is cut off, in standard deviations (scipy's default; the tail beyond is 6e-5)."""
_FLAT = 1e-20
"""Product of two variances of reflectance below which rounding is all there is."""


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
    filled = np.where(valid, data, 0).astype(np.float64)
    count = np.maximum(_box(valid.astype(np.float64), size_px), 1)
    mean = _box(filled, size_px) / count
    variance = np.maximum(_box(filled * filled, size_px) / count - mean * mean, 0)
    return np.where(valid, np.sqrt(variance), np.nan).astype(np.float32)


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
    x, y = (np.where(valid, image, 0).astype(np.float64) for image in (one, other))
    count = np.maximum(_box(valid.astype(np.float64), size_px), 1)
    mean_x, mean_y = _box(x, size_px) / count, _box(y, size_px) / count
    variance = (_box(x * x, size_px) / count - mean_x**2) * (_box(y * y, size_px) / count - mean_y**2)
    shared = _box(x * y, size_px) / count - mean_x * mean_y
    rho = np.divide(shared, np.sqrt(np.maximum(variance, 0)), out=np.zeros_like(shared), where=variance > _FLAT)
    return np.clip(rho, -1, 1).astype(np.float32)


def _box(values: NDArray[np.float64], size_px: int) -> NDArray[np.float64]:
    """Sum over a square window."""
    # Explicit sums: scipy's uniform_filter keeps a running one, whose rounding depends on where a tile starts.
    ones = np.ones(size_px)
    rows = ndi.correlate1d(values, ones, axis=0, mode="constant")
    return np.asarray(ndi.correlate1d(rows, ones, axis=1, mode="constant"))
