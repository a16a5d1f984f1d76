"""What detectors look at: the two dates, sharp and smoothed, as square roots of reflectance.

The square root evens out noise that grows with brightness (the variance-stabilising transform of a Poisson variable,
Bartlett 1936, doi:10.2307/2983678), so that a bright roof and a dark wood are judged by one measure.
"""

from dataclasses import dataclass, replace

import numpy as np

from changedetect.diff.local import filled, gaussian_halo_px, smooth
from changedetect.diff.radiometry import IndexScale, Normalisation
from changedetect.grid import mean_pixel_m
from changedetect.model import Pair
from changedetect.types import BoolArray, FloatArray

SMOOTHING_M = 10.0
"""Standard deviation of the smoothing on the ground: about one Sentinel-2 pixel, the usual misregistration."""

SMOOTHING_LIMITS_PX = (0.5, 1.5)
"""Smoothing in pixels stays between these: less does nothing, more erases halls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Two dates, per pixel; on a tile the arrays are (band, y, x), in a sample (band, pixel)."""

    bands: tuple[str, ...]
    """Common names."""
    before: FloatArray
    """Square root of reflectance, earlier date; 0 where not `valid`."""
    after: FloatArray
    """The same, later date."""
    before_smooth: FloatArray
    """`before` after Gaussian smoothing over valid neighbours."""
    after_smooth: FloatArray
    """`after`, likewise."""
    valid: BoolArray
    """(y, x) or (pixel,) True where both dates are valid."""

    def swapped(self) -> "Features":
        """The same with the dates exchanged."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            before_smooth=self.after_smooth,
            after_smooth=self.before_smooth,
        )

    def normalised(self, normalisation: Normalisation) -> "Features":
        """The same with the earlier date on the radiometry of the later one."""
        return replace(
            self,
            before=normalisation.apply(self.before),
            before_smooth=normalisation.apply(self.before_smooth),
        )

    def reflectance(self, scale: IndexScale) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Smoothed reflectance of both dates by common name, for indices.

        `scale` is the later date's: `normalised` has put the earlier one on its radiometry.
        """
        before = scale.apply(np.maximum(self.before_smooth, 0) ** 2)
        after = scale.apply(np.maximum(self.after_smooth, 0) ** 2)
        return dict(zip(self.bands, before, strict=True)), dict(zip(self.bands, after, strict=True))


def smoothing_px(pixel_m: float) -> float:
    """Standard deviation of the smoothing in pixels of `pixel_m` metres.

    >>> smoothing_px(10.0), smoothing_px(30.0)
    (1.0, 0.5)
    """
    low, high = SMOOTHING_LIMITS_PX
    return min(max(SMOOTHING_M / pixel_m, low), high)


def halo_px(pixel_m: float) -> int:
    """Pixels that `features_of` looks beyond the ones it computes."""
    return gaussian_halo_px(smoothing_px(pixel_m))


def features_of(pair: Pair) -> Features:
    """Features of a tile; depends on nothing farther than `halo_px`."""
    valid = pair.valid
    sigma = smoothing_px(mean_pixel_m(pair.geobox))

    def root(data: FloatArray) -> FloatArray:
        return np.where(valid, np.sqrt(np.maximum(filled(data), 0)), np.float32(0))

    before, after = root(pair.before.data), root(pair.after.data)
    return Features(
        bands=pair.bands,
        before=before,
        after=after,
        before_smooth=filled(smooth(before, valid, sigma)),
        after_smooth=filled(smooth(after, valid, sigma)),
        valid=valid,
    )
