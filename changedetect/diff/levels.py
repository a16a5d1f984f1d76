"""A date whose reflectance is off: found by what land can look like, brought onto the other date before all else.

Two calibrated dates differ by a few percent. Where they differ by far more, one carries an error of gain or offset per
band: a forgotten processing offset, a wrong scale, a poor atmospheric correction. Square roots, indices and soil lines
all suffer from it, so it is taken out of the linear numbers, before anything else looks at them.

Which date is off can't be known from two dates alone. What is assumed: land reflects like a mixture of vegetation,
soil, paving and water, and the darkest of it is nearly black in the visible (dark objects, Chavez 1988,
doi:10.1016/0034-4257(88)90019-3). The date of which this is less true is the one that is off; where neither is clearly
so, nothing is touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import optimize

from changedetect.diff.radiometry import WORSE_BY, no_change_half, size
from changedetect.model import Composite, Pair
from changedetect.types import Float64Array, WindowName

LAND: Mapping[str, tuple[float, float, float, float]] = MappingProxyType(
    {
        "blue": (0.03, 0.09, 0.10, 0.05),
        "green": (0.06, 0.13, 0.12, 0.05),
        "red": (0.04, 0.17, 0.13, 0.03),
        "nir": (0.38, 0.26, 0.17, 0.02),
        "swir16": (0.20, 0.34, 0.20, 0.01),
        "swir22": (0.10, 0.28, 0.18, 0.01),
    }
)
"""Round values of the surface reflectance of green vegetation, dry soil, paving and water; of the order of those in
spectral libraries (Baldridge et al. 2009, doi:10.1016/j.rse.2008.11.007), for telling gross errors and no more."""
UNCERTAINTY = (0.005, 0.05)
"""Standard error of good surface reflectance: 0.005 + 5 % (Vermote & Kotchenova 2008, doi:10.1029/2007JD009662)."""
LARGEST_MISMATCH = 1.0
"""Mean difference of unchanged ground, in standard errors of two dates together, that is left alone."""
CLEARLY_WORSE = 0.3
"""How much worse than the other a date must be explained as land, in parts of 0.01 + 10 % of reflectance. Of real and
simulated pairs, honest dates differ by up to 0.18, 19 of 20 with errors of 0.8-1.25 and ±0.05 by more than 0.3."""
_DARKEST, _DARK, _LIFTED = 0.01, 0.04, 0.05
"""This share of the ground is darker than `_DARK` in the visible; a veil of `_LIFTED` over it counts as one part."""
_QUANTILES = (0.25, 0.5, 0.75)
"""Where the dates are compared: of the unchanged half, per band."""
_LEAST_PX, _MOST_PX = 400, 250_000
"""Fewer pixels can't tell, more tell nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What is done to the date that is off: `gain * x + offset` per band, in reflectance."""

    off: WindowName | None
    """Which date; None where both are left as they are."""
    bands: tuple[str, ...]
    """Common names, in the order below."""
    gain: tuple[float, ...]
    """Slope per band; 1 where nothing is done."""
    offset: tuple[float, ...]
    """Intercept per band; 0 where nothing is done."""
    mismatch: float | None
    """Mean difference of unchanged ground in standard errors of two dates; None where it can't be told."""
    reason: str
    """The decision in words."""


def fit_levels(thin: Pair) -> Levels:
    """Decide from a thinned picture of the whole site whether a date is off, and by how much.

    The line is that of the reduced major axis (Kermack & Haldane 1950, doi:10.1093/biomet/37.1-2.30) on the unchanged
    half: unlike least squares it is not flattened by noise, and unlike an orthogonal line it does not depend on the
    scale of either date, so whatever gain and offset the date has, it ends the same.
    """
    valid = thin.valid
    step = max(1, int(valid.sum()) // _MOST_PX)
    x, y = (date.data[:, valid][:, ::step].astype(np.float64) for date in (thin.before, thin.after))
    if not thin.calibrated:
        return _untouched(thin.bands, None, "raw numbers have no level to be off from")
    if x.shape[1] < _LEAST_PX or not set(thin.bands) <= set(LAND):
        return _untouched(thin.bands, None, "too few pixels or bands that land is not known in")
    half = no_change_half(x, y)
    veils = [_veil(date, thin.bands) for date in (x, y)]
    x, y = x[:, half], y[:, half]
    quantiles = [np.quantile(date, _QUANTILES, axis=1) for date in (x, y)]
    mismatch = _mismatch(*quantiles)
    unlike = [_unlike_land(one, thin.bands) + veil for one, veil in zip(quantiles, veils, strict=True)]
    said = f"unchanged ground differs by {mismatch:.1f} standard errors"
    if mismatch <= LARGEST_MISMATCH:
        return _untouched(thin.bands, mismatch, f"{said}, as between calibrated dates")
    if abs(unlike[0] - unlike[1]) < CLEARLY_WORSE:
        return _untouched(thin.bands, mismatch, f"{said}, but neither date looks clearly less like land")
    off: WindowName = "before" if unlike[0] > unlike[1] else "after"
    gain, offset, kept = _lines(*((x, y) if off == "before" else (y, x)))
    refused = [name for name, keep in zip(thin.bands, kept, strict=True) if not keep]
    spared = f"; not {', '.join(refused)}, where that takes them farther apart" if refused else ""
    reason = f"{said} and {off} looks less like land: brought onto the other date{spared}"
    return Levels(
        off=off, bands=thin.bands, gain=tuple(gain), offset=tuple(offset), mismatch=round(mismatch, 3), reason=reason
    )


def _untouched(bands: tuple[str, ...], mismatch: float | None, reason: str) -> Levels:
    none = len(bands)
    known = None if mismatch is None else round(mismatch, 3)
    return Levels(off=None, bands=bands, gain=(1.0,) * none, offset=(0.0,) * none, mismatch=known, reason=reason)


def _mismatch(before: Float64Array, after: Float64Array) -> float:
    """Root mean square difference of (quantile, band) reflectance, in standard errors of two dates."""
    level = np.maximum(np.minimum(before, after), 0)
    error = np.sqrt(2) * (UNCERTAINTY[0] + UNCERTAINTY[1] * level)
    return float(np.sqrt(np.mean(((after - before) / error) ** 2)))


def _unlike_land(quantiles: Float64Array, bands: Sequence[str]) -> float:
    """Root mean square of what no mixture of `LAND` explains of (quantile, band) reflectance; see `CLEARLY_WORSE`."""
    land = np.array([LAND[name] for name in bands])
    total = 0.0
    for spectrum in quantiles:
        weight = 1 / (0.01 + 0.1 * np.maximum(spectrum, 0))
        total += optimize.nnls(land * weight[:, None], spectrum * weight)[1] ** 2
    return float(np.sqrt(total / quantiles.size))


def _veil(reflectance: Float64Array, bands: Sequence[str]) -> float:
    """How much brighter the darkest visible ground of (band, pixel) reflectance is than it should be."""
    visible = [i for i, name in enumerate(bands) if name in {"blue", "green", "red"}]
    if not visible:
        return 0.0
    dark = np.quantile(reflectance[visible], _DARKEST, axis=1)
    return float(np.mean(np.maximum(dark - _DARK, 0)) / _LIFTED)


def _lines(x: Float64Array, y: Float64Array) -> tuple[list[float], list[float], list[bool]]:
    """Gain and offset per band, `x` → `y`, fitted to every second pixel and judged by the others."""
    gain, offset, kept = [], [], []
    for one, other in zip(x, y, strict=True):
        slope, intercept = _major_axis(one[::2], other[::2])
        left = other[1::2] - slope * one[1::2] - intercept
        near = bool(size(left[None])[0] <= WORSE_BY * size((other - one)[None, 1::2])[0])
        gain.append(slope if near else 1.0)
        offset.append(intercept if near else 0.0)
        kept.append(near)
    return gain, offset, kept


def _major_axis(x: Float64Array, y: Float64Array) -> tuple[float, float]:
    slope = float(y.std() / x.std()) if x.std() > 0 and y.std() > 0 else 1.0
    return slope, float(y.mean() - slope * x.mean())


def level(pair: Pair, levels: Levels) -> Pair:
    """The pair with the date that is off on the other's level; the same object where none is.

    Pixel by pixel, so tiles equal the whole.
    """
    if levels.off is None:
        return pair
    date: Composite = getattr(pair, levels.off)
    gain, offset = (np.array(values, dtype=np.float32)[:, None, None] for values in (levels.gain, levels.offset))
    moved = replace(date, data=date.data * gain + offset)
    return replace(pair, before=moved) if levels.off == "before" else replace(pair, after=moved)
