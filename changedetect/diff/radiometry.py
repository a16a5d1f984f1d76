"""Bring two dates onto one radiometry, and raw numbers onto something like reflectance.

Relative radiometric normalisation on unchanged pixels that the pair itself tells, after Canty & Nielsen (2008),
doi:10.1016/j.rse.2007.07.013, who tell them by IR-MAD.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from changedetect.types import BoolArray, Float64Array, FloatArray

NO_CHANGE_SHARE = 0.5
"""Share of the ground taken as unchanged. Half is safe: no pair worth comparing changed more than that."""

WORSE_BY = 1.05
"""A line is refused where the difference grows by more than this factor: less is chance, and a refusal for it would
make the result depend on whether a band was off."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRadiometry:
    """How one band was brought onto the later date, and what difference is left where nothing changed.

    In reflectance, or in what stands for it where the numbers are raw.
    """

    band: str
    """Common name."""
    gain: float
    """Slope of the line at the band's median; 1 where it was refused."""
    offset: float
    """Intercept of the line at the band's median; 0 where it was refused."""
    r2: float
    """Share of the later date's variance that the earlier one explains, 0-1."""
    difference_before: float
    """Size of the difference as the dates came: 1.4826 times its median."""
    difference_after: float
    """The same with the line applied: what is left of radiometry, sensor noise and season."""
    noise_floor: float
    """Robust standard deviation of what is left after smoothing, which a change must stand out of."""
    refused: str
    """Why the line was not applied, in words; empty where it was."""


def no_change_half(before: NDArray[np.floating], after: NDArray[np.floating]) -> BoolArray:
    """(pixel,) True on the half of the pixels that changed least; inputs are (band, pixel).

    Each band of each date is freed of its median and scaled by its median absolute deviation, so gains and offsets do
    not matter; the differences are scaled the same way, and their absolute values summed over the bands. IR-MAD in its
    place is slower and no better: docs/accuracy.md.
    """
    difference = np.abs(_standardised(_standardised(after) - _standardised(before)))
    change = difference.sum(axis=0)
    return np.asarray(change <= np.quantile(change, NO_CHANGE_SHARE))


def _standardised(values: NDArray[np.floating]) -> Float64Array:
    """(band, pixel) freed of every band's median, in units of its median absolute deviation; flat bands become 0."""
    centred = values.astype(np.float64) - np.median(values, axis=1, keepdims=True)
    deviation = np.median(np.abs(centred), axis=1, keepdims=True)
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0))


def fit_normalisation(before: FloatArray, after: FloatArray, no_change: BoolArray) -> Normalisation:
    """Least squares per band on the unchanged pixels; a band without contrast keeps gain 1.

    A band is left as it is where the line fitted to every second unchanged pixel takes the others farther apart. Least
    squares, not a robust or an orthogonal line: the half is free of outliers already, and on real pairs both cost
    accuracy (docs/preparing.md).

    Parameters
    ----------
    before, after
        (band, pixel) square roots of reflectance.
    no_change
        (pixel,) True where unchanged.
    """
    x, y = before[:, no_change].astype(np.float64), after[:, no_change].astype(np.float64)
    gain, offset = least_squares(x, y)
    tried_gain, tried_offset = least_squares(x[:, ::2], y[:, ::2])
    rest_x, rest_y = x[:, 1::2], y[:, 1::2]
    worse = size(rest_y - _on_line(rest_x, tried_gain, tried_offset)) > WORSE_BY * size(rest_y - rest_x)
    return Normalisation(gain=np.where(worse, 1.0, gain), offset=np.where(worse, 0.0, offset))


def least_squares(x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Slope and intercept (band,) of `y` (band, pixel) on `x`; slope 1 where `x` is flat."""
    mean_x, mean_y = x.mean(axis=1), y.mean(axis=1)
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    variance = (dx * dx).sum(axis=1)
    gain = np.where(variance > 0, (dx * dy).sum(axis=1) / np.where(variance > 0, variance, 1), 1.0)
    return gain, mean_y - gain * mean_x


def size(difference: Float64Array) -> Float64Array:
    """(band,) robust size of a (band, pixel) difference about zero: 1.4826 times its median, as of a normal one."""
    return np.asarray(1.4826 * np.median(np.abs(difference), axis=1))


def _on_line(x: Float64Array, gain: Float64Array, offset: Float64Array) -> Float64Array:
    return np.asarray(gain[:, None] * x + offset[:, None])


def describe(
    normalisation: Normalisation,
    sharp: tuple[FloatArray, FloatArray],
    smooth: tuple[FloatArray, FloatArray],
    bands: Sequence[str],
    unit: Float64Array,
) -> tuple[BandRadiometry, ...]:
    """Report a normalisation band by band.

    Parameters
    ----------
    sharp, smooth
        Earlier and later date, (band, pixel) square roots of numbers where unchanged, not normalised.
    bands
        Common names.
    unit
        (band,) what numbers are multiplied by to be reflectance.
    """
    x, y = (date.astype(np.float64) for date in sharp)
    gain, offset = normalisation.gain, normalisation.offset
    fitted = _on_line(x, gain, offset)
    # Of squares of roots: the line a * sqrt(r) + b is (a * sqrt(r) + b)**2 in reflectance r, here by its tangent.
    root = np.median(x, axis=1)
    slope = gain * (gain * root + offset) / np.where(root > 0, root, 1)
    intercept = unit * ((gain * root + offset) ** 2 - slope * root**2)
    left = _on_line(smooth[0].astype(np.float64), gain, offset) ** 2 - smooth[1].astype(np.float64) ** 2
    noise = unit * size(left - np.median(left, axis=1)[:, None])
    as_came, as_left = unit * size(x**2 - y**2), unit * size(fitted**2 - y**2)
    return tuple(
        BandRadiometry(
            band=name,
            gain=float(slope[i]),
            offset=float(intercept[i]),
            r2=_r2(x[i], y[i]),
            difference_before=float(as_came[i]),
            difference_after=float(as_left[i]),
            noise_floor=float(noise[i]),
            refused="" if (gain[i], offset[i]) != (1, 0) or not as_came[i] else "a line takes the dates farther apart",
        )
        for i, name in enumerate(bands)
    )


def _r2(x: Float64Array, y: Float64Array) -> float:
    flat = np.ptp(x) == 0 or np.ptp(y) == 0
    return 1.0 if flat else float(np.corrcoef(x, y)[0, 1] ** 2)


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
        out = np.empty(data.shape, dtype=np.float32)
        for number, plane in enumerate(data):
            out[number] = self.one(number, plane)
        return out

    def one(self, number: int, plane: FloatArray) -> FloatArray:
        """The same of one band (...), by its number."""
        dark, gain = np.float32(self.dark[number]), np.float32(self.gain[number])
        scaled = plane if dark == 0 and gain == 1 else (plane - dark) * gain
        return np.asarray(np.maximum(scaled, 0), dtype=np.float32)


def fit_index_scale(values: FloatArray, bands: Sequence[str], *, calibrated: bool) -> IndexScale:
    """Scale of one date from its (band, pixel) values; the identity where they are reflectance already."""
    if calibrated:
        return IndexScale(dark=np.zeros(len(bands)), gain=np.ones(len(bands)))
    dark = DARK_SHARE * np.percentile(values, DARK_PERCENTILE, axis=1).astype(np.float64)
    typical = np.array([TYPICAL_LAND[name] for name in bands])
    middle = np.median(values, axis=1) - dark
    return IndexScale(dark=dark, gain=typical / np.where(middle > 0, middle, 1))
