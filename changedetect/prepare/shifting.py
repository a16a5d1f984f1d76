"""Move two dates onto each other: whole pixels for free, the rest shared between them by one sharp interpolation.

Every output pixel is a weighted sum over the same few neighbours in the same order, so a tile read with
`shift_halo_px` gives the same bytes as the whole.
"""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from changedetect.model import Composite, Pair
from changedetect.prepare.alignment import Alignment
from changedetect.prepare.blocks import Dates
from changedetect.types import BoolArray, Float64Array, FloatArray

KERNEL_REACH_PX = 4
"""Pixels that the interpolation looks to each side. At the worst, a quarter of a pixel off, it passes 0.985 of what has
0.35 cycles a pixel (three lobes: 0.93), which is where the optics leave little; more lobes ring farther from roofs."""
_LEAST_WEIGHT = 0.5
"""Share of the kernel that must lie on valid pixels: with less, what is left of a kernel with negative lobes amplifies
noise."""

_Number = TypeVar("_Number", bound=np.generic)


def shift_halo_px(limit_px: float) -> int:
    """Pixels that `align` looks beyond the ones it computes, for shifts up to `limit_px` along either axis.

    >>> shift_halo_px(5.0)
    9
    """
    return math.ceil(limit_px) + KERNEL_REACH_PX


def align(pair: Pair, alignment: Alignment) -> Pair:
    """Both dates of a tile where the ground lies halfway between them; the very same pair where nothing is applied.

    Right wherever `shift_halo_px` of the tile lie around a pixel, or the site ends. A pixel is valid where the nearest
    pixel of its date is, so that a mask moves by whole pixels and never grows; where neighbours are missing the
    remaining weights make up for them.
    """
    if not alignment.applied or alignment.measured is None:
        return pair
    whole, offsets = alignment.measured.shift.split()
    return replace(
        pair,
        before=_resampled(pair.before, (0, 0), offsets["before"]),
        after=_resampled(pair.after, whole, offsets["after"]),
    )


def aligned_dates(dates: Dates, alignment: Alignment | None) -> Dates:
    """`align` on the arrays of a block."""
    if alignment is None or not alignment.applied or alignment.measured is None:
        return dates
    whole, offsets = alignment.measured.shift.split()
    before = resample(dates.before, dates.before_valid, offsets["before"])
    after = resample(moved(dates.after, whole), moved(dates.after_valid, whole), offsets["after"])
    return Dates(*before, *after)


def _resampled(date: Composite, whole: tuple[int, int], offset: tuple[float, float]) -> Composite:
    valid = moved(date.valid, whole)
    data, valid = resample(moved(date.data, whole), valid, offset)
    data[:, ~valid] = np.nan
    looks = np.where(valid, moved(date.looks, whole), 0)
    spread = None if date.spread is None else moved(date.spread, whole)
    return replace(date, data=data, valid=valid, looks=looks, spread=spread)


def moved(array: NDArray[_Number], whole: tuple[int, int]) -> NDArray[_Number]:
    """`array` (..., y, x) sampled `whole` rows down and columns to the right; 0 or False from outside."""
    if whole == (0, 0):
        return array
    out = np.zeros_like(array)
    (rows, to_rows), (cols, to_cols) = (
        _taken(step, length) for step, length in zip(whole, array.shape[-2:], strict=True)
    )
    out[..., to_rows, to_cols] = array[..., rows, cols]
    return out


def _taken(step: int, length: int) -> tuple[slice, slice]:
    """What is left of a side when it is sampled `step` further on: where it comes from, and where it goes."""
    start, stop = min(max(step, 0), length), max(min(length, length + step), 0)
    return slice(start, stop), slice(start - step, stop - step) if stop > start else slice(0, 0)


def resample(data: FloatArray, valid: BoolArray, offset: tuple[float, float]) -> tuple[FloatArray, BoolArray]:
    """Sample away from the pixel centres, over valid pixels only.

    Parameters
    ----------
    data
        (band, y, x); its values where not `valid` are ignored.
    valid
        (y, x) True where usable.
    offset
        Rows and columns from each pixel's centre to where it is sampled, at most half a pixel each.

    Returns
    -------
    data
        (band, y, x) float32; 0 where not valid.
    valid
        (y, x) True where the pixel itself is valid and enough of its neighbours are.
    """
    weight = interpolated(valid.astype(np.float32), offset)
    kept = valid & (weight >= _LEAST_WEIGHT)
    out = np.zeros(data.shape, dtype=np.float32)
    for plane, layer in zip(data, out, strict=True):
        total = interpolated(np.where(valid, plane, 0).astype(np.float32), offset)
        np.divide(total, weight, out=layer, where=kept)
    return out, kept


def interpolated(planes: FloatArray, offset: tuple[float, float]) -> FloatArray:
    """`planes` (..., y, x) sampled `offset` rows and columns from the pixel centres; what lies outside counts as 0."""
    out = planes
    for axis, part in zip((-2, -1), offset, strict=True):
        if part:
            out = ndi.correlate1d(out, kernel(part), axis=axis, mode="constant")
    return np.asarray(out, dtype=np.float32)


def kernel(offset: float) -> Float64Array:
    """Weights that sample `offset` pixels from the centre: a sinc under a sinc window (Duchon 1979).

    Lanczos filter, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2, `KERNEL_REACH_PX` lobes, normalised to sum 1.

    >>> bool(np.allclose(kernel(0.0), [0, 0, 0, 0, 1, 0, 0, 0, 0]))
    True
    """
    distance = np.arange(-KERNEL_REACH_PX, KERNEL_REACH_PX + 1) - offset
    inside = np.abs(distance) < KERNEL_REACH_PX
    weights = np.where(inside, np.sinc(distance) * np.sinc(distance / KERNEL_REACH_PX), 0)
    return np.asarray(weights / weights.sum())
