"""What detectors look at: the two dates, sharp and smoothed, as square roots of reflectance.

The square root evens out noise that grows with brightness (the variance-stabilising transform of a Poisson variable,
Bartlett 1936, doi:10.2307/2983678), so that a bright roof and a dark wood are judged by one measure.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from changedetect.diff.context import Context, context_of, rings_halo_px
from changedetect.diff.local import gaussian_halo_px, gaussian_weights, masked, smooth, smoothing_weight
from changedetect.diff.radiometry import IndexScale, Normalisation
from changedetect.grid import mean_pixel_m
from changedetect.model import Pair
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

SMOOTHING_M = 10.0
"""Standard deviation of the smoothing on the ground: about one Sentinel-2 pixel, the usual misregistration."""

SMOOTHING_LIMITS_PX = (0.5, 1.5)
"""Smoothing in pixels stays between these: less does nothing, more erases halls."""

_FEW = 4
"""From every fourth row and column on, computing these alone is faster than computing all."""


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
    context: Context | None = None
    """What the surroundings explain, in the units of the dates as they were read, whatever `normalised`; None where no
    detector asked (`detectors.looks_around`)."""

    def swapped(self) -> "Features":
        """The same with the dates exchanged."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            before_smooth=self.after_smooth,
            after_smooth=self.before_smooth,
            context=self.context and self.context.swapped(),
        )

    def picked(self, rows: slice, cols: slice) -> "Features":
        """Those of some rows and columns of a tile."""
        return replace(
            self,
            before=self.before[:, rows, cols],
            after=self.after[:, rows, cols],
            before_smooth=self.before_smooth[:, rows, cols],
            after_smooth=self.after_smooth[:, rows, cols],
            valid=self.valid[rows, cols],
            context=self.context and self.context.picked(rows, cols),
        )

    def at(self, where: BoolArray) -> "Features":
        """Those of the pixels of a tile that are True in (y, x) `where`, row by row: (band, pixel)."""

        def some(planes: FloatArray) -> FloatArray:
            return np.array([plane[where] for plane in planes])

        return replace(
            self,
            before=some(self.before),
            after=some(self.after),
            before_smooth=some(self.before_smooth),
            after_smooth=some(self.after_smooth),
            valid=self.valid[where],
            context=self.context and self.context.at(where),
        )

    def normalised(self, normalisation: Normalisation) -> "Features":
        """The same with the earlier date on the radiometry of the later one."""
        return replace(
            self,
            before=normalisation.apply(self.before),
            before_smooth=normalisation.apply(self.before_smooth),
        )

    def reflectance(
        self, scale: IndexScale, names: Collection[str] | None = None
    ) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Smoothed reflectance of both dates by common name, for indices; of some `names` alone, if given.

        `scale` is the later date's: `normalised` has put the earlier one on its radiometry.
        """
        wanted = [(number, name) for number, name in enumerate(self.bands) if names is None or name in names]

        def squared(roots: FloatArray) -> dict[str, FloatArray]:
            return {name: scale.one(number, np.maximum(roots[number], 0) ** 2) for number, name in wanted}

        return squared(self.before_smooth), squared(self.after_smooth)


def smoothing_px(pixel_m: float) -> float:
    """Standard deviation of the smoothing in pixels of `pixel_m` metres.

    >>> smoothing_px(10.0), smoothing_px(30.0)
    (1.0, 0.5)
    """
    low, high = SMOOTHING_LIMITS_PX
    return min(max(SMOOTHING_M / pixel_m, low), high)


def halo_px(pixel_m: float, *, context: bool = False) -> int:
    """Pixels that `features_of` looks beyond the ones it computes, with or without their context."""
    return gaussian_halo_px(smoothing_px(pixel_m)) + (rings_halo_px(pixel_m) if context else 0)


def features_of(pair: Pair, *, context: bool = False) -> Features:
    """Features of a tile, with their context or without; depends on nothing farther than `halo_px`."""
    valid, sigma = pair.valid, _sigma_px(pair)
    before, after = _root(pair.before.data, valid), _root(pair.after.data, valid)
    weight = smoothing_weight(valid, sigma)
    before_smooth, after_smooth = (smooth(date, valid, sigma, missing=0, weight=weight) for date in (before, after))
    around = None
    if context:
        around = context_of((before_smooth, after_smooth), valid, mean_pixel_m(pair.geobox), sigma)
    return Features(
        bands=pair.bands,
        before=before,
        after=after,
        before_smooth=before_smooth,
        after_smooth=after_smooth,
        valid=valid,
        context=around,
    )


def features_at(pair: Pair, rows: slice, cols: slice, *, context: bool = False) -> Features:
    """What `features_of` gives where every n-th row and column cross, without computing what lies between.

    Smoothed along columns in those rows alone, then along rows where they cross, by sums in scipy's own order.
    """
    # Rings of neighbours need all pixels between.
    if context or min(rows.step, cols.step) < _FEW:
        return features_of(pair, context=context).picked(rows, cols)
    valid, weights = pair.valid, gaussian_weights(_sigma_px(pair))
    down, right = (np.arange(part.start, part.stop, part.step) for part in (rows, cols))

    def smoothed(plane: FloatArray) -> FloatArray:
        return _weighted(_weighted(plane, down, weights).T, right, weights).T

    seen = valid[rows, cols]
    weight = smoothed(valid.astype(np.float32))
    sharp, smooth_ = (np.empty((2, len(pair.bands), *seen.shape), dtype=np.float32) for _ in range(2))
    for date, one in enumerate((pair.before, pair.after)):
        for band, plane in enumerate(one.data):
            root = _root(plane, valid)
            sharp[date, band] = root[rows, cols]
            np.divide(smoothed(root), weight, out=smooth_[date, band], where=seen)
            smooth_[date, band][~seen] = 0
    return Features(
        bands=pair.bands,
        before=sharp[0],
        after=sharp[1],
        before_smooth=smooth_[0],
        after_smooth=smooth_[1],
        valid=seen,
    )


def _weighted(plane: FloatArray, places: IntArray, weights: Float64Array) -> FloatArray:
    """(place, x) weighted sums about some rows of `plane` (y, x), the farthest first; outside there is nothing."""

    def row(away: int) -> FloatArray:
        at = places + away
        taken: FloatArray = plane[np.clip(at, 0, len(plane) - 1)]
        taken[(at < 0) | (at >= len(plane))] = 0
        return taken

    total = row(0) * weights[0]
    for away in range(len(weights) - 1, 0, -1):
        total += np.add(row(-away), row(away), dtype=np.float64) * weights[away]
    return np.asarray(total, dtype=np.float32)


def _sigma_px(pair: Pair) -> float:
    return smoothing_px(mean_pixel_m(pair.geobox))


def _root(data: FloatArray, valid: BoolArray) -> FloatArray:
    """Square root of (..., y, x), 0 where not valid or negative."""
    seen = masked(data, valid)
    return np.sqrt(np.maximum(seen, 0, out=seen), out=seen)
