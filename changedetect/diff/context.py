"""What the surroundings of a pixel do not explain of its change: sibling regression over rings.

Kondmann et al. (2022), Spatial context awareness for unsupervised change detection in optical satellite images
(SiROC), IEEE TGRS 60, doi:10.1109/TGRS.2021.3130842. Theirs: a pixel is modelled by its distant neighbours at one
date, the model is asked about the other date, and what it misses is change; a season or haze that touches the
neighbours, too, cancels (half-sibling regression, Schölkopf et al. 2016, doi:10.1073/pnas.1511656113). In the program
they published the later value is foretold as the earlier one times the neighbours' sum of products of both dates over
their sum of squares of the earlier one: a regression through the origin. The neighbours are those of mutually
exclusive square rings, out to 200 pixels; absolute errors are averaged over the bands, each ring is thresholded by
Otsu, and the rings vote.

Ours differs: the regression has an intercept, for haze adds light where shade takes it away; its errors are in units of
their own standard error, which the same sums give, so that restless surroundings count for less; both directions are
asked; the rings end at 300 m, so that a tile needs no wide halo; no Otsu, no vote.
"""

from dataclasses import dataclass

import numpy as np

from changedetect.diff.local import box_sum
from changedetect.types import BoolArray, Float64Array, FloatArray

Rings = tuple[tuple[int, int], ...]
"""Inner and outer half-width of square rings, pixels."""

RINGS_M = ((100.0, 200.0), (200.0, 300.0))
"""Inner and outer half-width of the square rings: beyond a hall of 200 m, and within what fields under one season, or
one breath of haze, share. In growing suburbs rings of 50 to 150 m find but half as much new area as these: there the
neighbours were built, too."""
_FEWEST = 3
"""Independent neighbours that a line needs: two for itself, one to tell its scatter."""
_FLAT = 2.5e-7
"""Least variance by which a predictor is told to lie outside its ring: (5e-4)², see `whitened.NOISE_FLOOR`."""
_NOTHING = 1e-12
"""Variance of a predictor below which it is constant but for rounding, and foretells the ring's mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How well each date is foretold by the other one and the surroundings; on tiles and in samples as `Features`."""

    missed: FloatArray
    """(2, band, ...) what prediction misses, square roots of reflectance: of the later date by the earlier one, and of
    the earlier by the later; NaN where too few neighbours are valid, or the pixel is not."""
    spread: FloatArray
    """(2, band, ...) standard error of the prediction; NaN likewise."""

    def swapped(self) -> "Context":
        """The same with the dates exchanged."""
        return Context(missed=self.missed[::-1], spread=self.spread[::-1])

    def picked(self, rows: slice, cols: slice) -> "Context":
        """That of some rows and columns of a tile."""
        return Context(missed=self.missed[..., rows, cols], spread=self.spread[..., rows, cols])

    def at(self, where: BoolArray) -> "Context":
        """That of the pixels of a tile that are True in (y, x) `where`, row by row."""
        return Context(missed=self.missed[..., where], spread=self.spread[..., where])


def rings_px(pixel_m: float) -> Rings:
    """Inner and outer half-width of the rings in pixels of `pixel_m` metres; none is empty.

    >>> rings_px(10.0), rings_px(30.0)
    (((10, 20), (20, 30)), ((3, 7), (7, 10)))
    """
    rings, last = [], 0
    for inner_m, outer_m in RINGS_M:
        inner = max(round(inner_m / pixel_m), last)
        last = max(round(outer_m / pixel_m), inner + 1)
        rings.append((inner, last))
    return tuple(rings)


def rings_halo_px(pixel_m: float) -> int:
    """Pixels that `context_of` looks beyond the ones it computes."""
    return max(outer for _, outer in rings_px(pixel_m))


def context_of(dates: tuple[FloatArray, FloatArray], valid: BoolArray, pixel_m: float, sigma_px: float) -> Context:
    """Predict each pixel of either date from the other date and its rings.

    Ordinary least squares, a line a band and ring, over the ring's valid pixels; the standard error is that of a new
    observation (Draper & Smith 1998, Applied regression analysis, doi:10.1002/9781118625590). Of several rings the
    errors and their variances are averaged.

    Parameters
    ----------
    dates
        (band, y, x) each: smoothed square roots of reflectance, 0 where not `valid`; earlier, later.
    valid
        (y, x) True where both dates are usable.
    pixel_m
        Side of a pixel.
    sigma_px
        Standard deviation of the Gaussian that `dates` were smoothed by: white noise keeps one independent value in
        4 pi sigma² pixels.
    """
    alike_px = max(4 * np.pi * sigma_px**2, 1.0)
    rings = rings_px(pixel_m)
    counts = _over_rings(valid.astype(np.float64), rings)
    seen = [valid & (count >= _FEWEST * alike_px) for count in counts]
    known = np.sum(seen, axis=0)
    missed, spread = (np.full((2, *dates[0].shape), np.nan, dtype=np.float32) for _ in range(2))
    for band, (before, after) in enumerate(zip(*dates, strict=True)):
        fits = _lines(before.astype(np.float64), after.astype(np.float64), counts, rings)
        for way in range(2):
            error, variance = np.zeros(valid.shape), np.zeros(valid.shape)
            for enough, count, line in zip(seen, counts, fits, strict=True):
                one_error, one_variance = (line if way == 0 else line.swapped()).predicted(count / alike_px)
                error += np.where(enough, one_error, 0)
                variance += np.where(enough, one_variance, 0)
            there = known > 0
            missed[way, band, there] = error[there] / known[there]
            spread[way, band, there] = np.sqrt(variance[there] / known[there])
    return Context(missed=missed, spread=spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One date against the other over each pixel's ring, (y, x) each."""

    x: Float64Array
    """The pixel's distance from the ring's mean, predicting date."""
    y: Float64Array
    """The same, predicted date."""
    xx: Float64Array
    """Variance over the ring, predicting date."""
    yy: Float64Array
    """The same, predicted date."""
    xy: Float64Array
    """Covariance over the ring."""

    def swapped(self) -> "_Line":
        return _Line(x=self.y, y=self.x, xx=self.yy, yy=self.xx, xy=self.xy)

    def predicted(self, independent: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Error of the prediction, and its variance, from so many independent neighbours."""
        slope = self.xy / np.maximum(self.xx, _NOTHING)
        scatter = np.maximum(self.yy - slope * self.xy, 0)
        count = np.maximum(independent, 1)
        return self.y - slope * self.x, scatter * (1 + (1 + self.x**2 / np.maximum(self.xx, _FLAT)) / count)


def _lines(before: Float64Array, after: Float64Array, counts: list[Float64Array], rings: Rings) -> list[_Line]:
    """Of one band, a line a ring."""
    sums = [_over_rings(plane, rings) for plane in (before, after, before**2, after**2, before * after)]
    lines = []
    for count, *ring in zip(counts, *sums, strict=True):
        mean_x, mean_y, xx, yy, xy = (total / np.maximum(count, 1) for total in ring)
        lines.append(
            _Line(
                x=before - mean_x,
                y=after - mean_y,
                xx=np.maximum(xx - mean_x**2, 0),
                yy=np.maximum(yy - mean_y**2, 0),
                xy=xy - mean_x * mean_y,
            )
        )
    return lines


def _over_rings(plane: Float64Array, rings: Rings) -> list[Float64Array]:
    """Sum of a plane over each pixel's rings."""
    boxes = {half: box_sum(plane, half) for half in {half for ring in rings for half in ring}}
    return [boxes[outer] - boxes[inner] for inner, outer in rings]
