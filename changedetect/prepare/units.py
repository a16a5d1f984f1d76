"""Which unit the numbers of a raster are in, when nothing says so."""

from dataclasses import dataclass, replace

import numpy as np

from changedetect.errors import PairError
from changedetect.model import Composite, Pair
from changedetect.types import FloatArray

_REFLECTANCE_BELOW = 2.0
"""Reflectance of land rarely exceeds 1; sunlit snow and glint may."""
_SCALED_ABOVE = 300.0
"""Reflectance times 10000 of any scene reaches beyond 3 %; 8-bit numbers end at 255."""
_SCALE = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What the numbers of two dates are divided by to be reflectance."""

    before_divisor: float
    """1 for reflectance and for numbers of no unit, 10000 for scaled reflectance."""
    after_divisor: float
    """The same, later date."""
    calibrated: bool
    """Whether both dates are reflectance then."""


def detect_units(before: FloatArray, after: FloatArray) -> Units:
    """Tell units from values, all finite and of any shape: by the 99th percentile of each date.

    Raises
    ------
    PairError
        A date has no value at all.

    >>> detect_units(np.float32([0.1, 0.3]), np.float32([900, 2500])).after_divisor
    10000.0
    """
    divisors = (_divisor(before, "before"), _divisor(after, "after"))
    if None in divisors:
        return Units(before_divisor=1.0, after_divisor=1.0, calibrated=False)
    return Units(before_divisor=divisors[0] or 1.0, after_divisor=divisors[1] or 1.0, calibrated=True)


def _divisor(values: FloatArray, name: str) -> float | None:
    """Divisor of one date, None where its numbers are no reflectance."""
    if values.size == 0:
        msg = f"{name} has no valid pixel where the two overlap: check its nodata value"
        raise PairError(msg)
    high = float(np.percentile(values, 99))
    if high <= _REFLECTANCE_BELOW:
        return 1.0
    return _SCALE if high > _SCALED_ABOVE else None


def apply_units(pair: Pair, units: Units) -> Pair:
    """The pair in reflectance where `units` says so."""
    return Pair(
        before=_divided(pair.before, units.before_divisor),
        after=_divided(pair.after, units.after_divisor),
        calibrated=units.calibrated,
    )


def _divided(composite: Composite, divisor: float) -> Composite:
    return composite if divisor == 1 else replace(composite, data=composite.data / np.float32(divisor))
