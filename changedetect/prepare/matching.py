"""How well two dates match at a given shift, and which way to go to match better.

The likelihood of a shift is that of a line fitted afresh in every neighbourhood: `-log(1 - rho^2) / 2`, summed over
neighbourhoods and bands, where rho is the correlation of the two dates' fine structure there. So gain and offset may
differ from field to field, contrast may even be inverted between seasons, and ground that changed has no say.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from changedetect.prepare.alignment import Shift
from changedetect.prepare.blocks import Dates
from changedetect.prepare.shifting import interpolated, moved
from changedetect.types import BoolArray, Float64Array, FloatArray

_FINE_PX, _COARSE_PX = 0.6, 1.5
"""Structure is what is left between two Gaussians: the first takes the noise and aliasing that make an image disagree
with itself a fraction of a pixel on, the second what season and haze do to whole fields. Chosen among 0.5-1.2 and 1.5-5
by the error on simulated pairs."""
_WINDOW_PX = 2.0
"""Standard deviation of a neighbourhood: a line of two parameters on some 25 pixels."""
_COVER_PX = 1.5
"""A pixel counts by how much of a Gaussian of this width around it is valid, so that the edge of a mask, which stays
where it is when the ground moves, has no say."""
_UNEXPLAINED = 0.03
"""Share of structure that is never shared: keeps a few perfect neighbourhoods from deciding alone."""
_NOISE_SHARE = 0.01
"""Noise in the variance of structure: a neighbourhood with less than this has none."""
_STRUCTURED = 0.5
"""Part of the site's mean structure at which a neighbourhood counts half in the residual."""
_ROUNDING = 1e-6
"""Structure below this part of the largest value comes from 24 bits of mantissa."""
_TINY: np.float32 = np.float32(1e-6)
"""Keeps ground that is not seen from dividing by zero."""
_SLOPE = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / 12
"""Central difference, exact to fourth order."""


class Structure(NamedTuple):
    """Fine structure of both dates on one block."""

    before: FloatArray
    """(band, y, x), unit variance over the site."""
    before_weight: FloatArray
    """(y, x) 0-1: how surely valid."""
    after: FloatArray
    """As `before`."""
    after_weight: FloatArray
    """As `before_weight`."""


class Look(NamedTuple):
    """What a block says at a shift."""

    slope: Float64Array
    """(2,) derivative of the log likelihood by dy and dx."""
    curvature: Float64Array
    """(2, 2) its negative second derivative (Gauss-Newton)."""
    weight: float
    """Pixels that had a say."""
    unshared: float
    """Sum over pixels with structure of the share that the dates do not share."""
    structured: float
    """Number of these pixels; `unshared / structured` is the residual, 0-1."""


def structures_of(dates: list[Dates]) -> list[Structure]:
    """Fine structure of the blocks of a site, each band and date scaled to unit variance over all of them."""
    found = [
        Structure(*_structure(one.before, one.before_valid), *_structure(one.after, one.after_valid)) for one in dates
    ]
    before = _scale([(one.before, one.before_weight) for one in found], max(_size(one.before) for one in dates))
    after = _scale([(one.after, one.after_weight) for one in found], max(_size(one.after) for one in dates))
    return [Structure(one.before / before, one.before_weight, one.after / after, one.after_weight) for one in found]


def _structure(data: FloatArray, valid: BoolArray) -> tuple[FloatArray, FloatArray]:
    seen = valid.astype(np.float32)
    known = np.where(valid, data, 0).astype(np.float32)
    fine, coarse = (
        gaussian(known, sigma) / np.maximum(gaussian(seen, sigma), np.float32(1e-3)) for sigma in (_FINE_PX, _COARSE_PX)
    )
    # Half of the neighbourhood is missing at the edge of a mask: nothing there, everything where all is valid.
    cover = np.clip(2 * gaussian(seen, _COVER_PX) - 1, 0, 1) ** 2 * seen
    return np.asarray((fine - coarse) * (cover > 0), dtype=np.float32), cover.astype(np.float32)


def _scale(parts: list[tuple[FloatArray, FloatArray]], size: float) -> FloatArray:
    """(band, 1, 1) standard deviation; infinite for a band without structure but for rounding."""
    energy = np.sum([(data * data * weight).sum(axis=(1, 2), dtype=np.float64) for data, weight in parts], axis=0)
    pixels = sum(float(weight.sum(dtype=np.float64)) for _, weight in parts)
    scale = np.sqrt(energy / max(pixels, 1.0))
    return np.where(scale > _ROUNDING * size, scale, np.inf).astype(np.float32)[:, None, None]


def _size(data: FloatArray) -> float:
    return float(np.abs(data).max(initial=0))


def look(structure: Structure, inner: tuple[slice, slice], shift: Shift) -> Look:
    """Match one block, moved by a shift as `shifting.align` would."""
    before, after, weight = _moved(structure, shift)
    rho, both = correlation(before, after, weight)
    alone = 1 - rho * rho
    # A pixel counts by what the neighbourhoods it belongs to make of it (the adjoint of the window is the window).
    pull = gaussian(rho / ((alone + np.float32(_UNEXPLAINED)) * both), _WINDOW_PX) * weight
    before_y, before_x = (_slope(before, axis) for axis in (-2, -1))
    after_y, after_x = (_slope(after, axis) for axis in (-2, -1))

    def total(plane: NDArray[np.floating]) -> float:
        return float(plane[..., *inner].sum(dtype=np.float64))

    slope = [
        total(pull * (one * before - after * other)) / 2 for one, other in ((after_y, before_y), (after_x, before_x))
    ]
    across = total(pull * (after_y * before_x + after_x * before_y)) / 2
    along = [total(pull * after_y * before_y), total(pull * after_x * before_x)]
    structured = both / (both + np.float32(_STRUCTURED) * gaussian(weight, _WINDOW_PX) + _TINY) * weight
    return Look(
        slope=np.array(slope),
        curvature=np.array([[along[0], across], [across, along[1]]]),
        weight=float(weight[inner].sum(dtype=np.float64)),
        unshared=total(alone * structured),
        structured=total(structured),
    )


def correlation(before: FloatArray, after: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlation of two structures in the neighbourhood of each pixel, and their strength there.

    Parameters
    ----------
    before, after
        (band, y, x) of unit variance.
    weight
        (y, x) 0-1.

    Returns
    -------
    rho
        (band, y, x) -1 to 1.
    strength
        (band, y, x) root of the product of the weighted mean squares.
    """
    floor = np.float32(_NOISE_SHARE) * gaussian(weight, _WINDOW_PX) + _TINY
    squares = [gaussian(weight * one * one, _WINDOW_PX) + floor for one in (before, after)]
    strength: FloatArray = np.sqrt(squares[0] * squares[1])
    return gaussian(weight * before * after, _WINDOW_PX) / strength, strength


def _moved(structure: Structure, shift: Shift) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Both dates where the ground lies halfway, and the weight of each pixel."""
    whole, offsets = shift.split()
    before = interpolated(structure.before, offsets["before"])
    after = interpolated(moved(structure.after, whole), offsets["after"])
    return before, after, structure.before_weight * moved(structure.after_weight, whole)


def gaussian(planes: FloatArray, sigma_px: float) -> FloatArray:
    """Gaussian mean over the last two axes; what lies outside counts as 0."""
    return np.asarray(
        ndi.gaussian_filter(planes, sigma_px, mode="constant", truncate=3.0, axes=(-2, -1)), dtype=np.float32
    )


def _slope(planes: FloatArray, axis: int) -> FloatArray:
    return np.asarray(ndi.correlate1d(planes, _SLOPE, axis=axis, mode="constant"), dtype=np.float32)
