"""Bring two dates onto one radiometry, and raw numbers onto something like reflectance.

Relative radiometric normalisation on the no-change pixels of IR-MAD: Canty & Nielsen (2008),
doi:10.1016/j.rse.2007.07.013.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from changedetect.diff.irmad import fit_irmad
from changedetect.types import BoolArray, Float64Array, FloatArray

NO_CHANGE_SHARE = 0.5
"""Share of the ground taken as unchanged. Half is safe: no pair worth comparing changed more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """A line per band, before → after, on the square root of reflectance."""

    gain: Float64Array
    """(band,) slope."""
    offset: Float64Array
    """(band,) intercept, in square roots of reflectance."""

    def apply(self, before: FloatArray) -> FloatArray:
        """`before` (band, ...) on the radiometry of the later date."""
        shape = (-1,) + (1,) * (before.ndim - 1)
        gain, offset = self.gain.astype(np.float32), self.offset.astype(np.float32)
        return before * gain.reshape(shape) + offset.reshape(shape)


def no_change_half(before: FloatArray, after: FloatArray) -> BoolArray:
    """(pixel,) True on the half of the pixels that IR-MAD finds least changed; inputs are (band, pixel)."""
    chi_square = fit_irmad(before, after).chi_square(before, after)
    return np.asarray(chi_square <= np.quantile(chi_square, NO_CHANGE_SHARE))


def fit_normalisation(before: FloatArray, after: FloatArray, no_change: BoolArray) -> Normalisation:
    """Least squares per band on the unchanged pixels; a band without contrast keeps gain 1.

    Parameters
    ----------
    before, after
        (band, pixel) square roots of reflectance.
    no_change
        (pixel,) True where unchanged.
    """
    x, y = before[:, no_change].astype(np.float64), after[:, no_change].astype(np.float64)
    mean_x, mean_y = x.mean(axis=1), y.mean(axis=1)
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    variance = (dx * dx).sum(axis=1)
    gain = np.where(variance > 0, (dx * dy).sum(axis=1) / np.where(variance > 0, variance, 1), 1.0)
    return Normalisation(gain=gain, offset=mean_y - gain * mean_x)


TYPICAL_LAND: Mapping[str, float] = MappingProxyType(
    {"blue": 0.05, "green": 0.075, "red": 0.075, "nir": 0.22, "swir16": 0.19, "swir22": 0.12}
)
"""Surface reflectance of ordinary mixed land: what the medians of an uncalibrated scene are scaled to."""
DARK_PERCENTILE, DARK_SHARE = 0.1, 0.95
"""The darkest pixels are taken for almost black, and most of their value for haze and sensor offset (dark-object
subtraction, Chavez 1988, doi:10.1016/0034-4257(88)90019-3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexScale:
    """Makes numbers reflectance-like, so that indices and their limits mean something: `(x - dark) * gain`.

    Change itself is measured on the numbers as they are; only indices are computed on the scaled ones.
    """

    dark: Float64Array
    """(band,) what is subtracted; 0 for reflectance."""
    gain: Float64Array
    """(band,) factor; 1 for reflectance."""

    def apply(self, data: FloatArray) -> FloatArray:
        """`data` (band, ...) as reflectance, never negative."""
        shape = (-1,) + (1,) * (data.ndim - 1)
        dark, gain = self.dark.astype(np.float32), self.gain.astype(np.float32)
        return np.asarray(np.maximum((data - dark.reshape(shape)) * gain.reshape(shape), 0), dtype=np.float32)


def fit_index_scale(values: FloatArray, bands: Sequence[str], *, calibrated: bool) -> IndexScale:
    """Scale of one date from its (band, pixel) values; the identity where they are reflectance already."""
    if calibrated:
        return IndexScale(dark=np.zeros(len(bands)), gain=np.ones(len(bands)))
    dark = DARK_SHARE * np.percentile(values, DARK_PERCENTILE, axis=1).astype(np.float64)
    typical = np.array([TYPICAL_LAND[name] for name in bands])
    middle = np.median(values, axis=1) - dark
    return IndexScale(dark=dark, gain=typical / np.where(middle > 0, middle, 1))
