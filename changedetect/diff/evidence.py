"""What the pixels of an object say on average, summed tile by tile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from skimage.segmentation import expand_labels

from changedetect.diff import indices
from changedetect.diff.engine import Fitted, new_structure
from changedetect.diff.features import features_of
from changedetect.grid import TileSpec, mean_pixel_m
from changedetect.model import Pair
from changedetect.types import Float64Array, FloatArray, IntArray

SURROUNDINGS_M = 20.0
"""The pattern of an object is looked at with so much of the ground around it: its outline is part of it."""
PATTERN_BANDS = ("blue", "red")
"""Bands in which a pattern must be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Means over each object, by the name of what was measured; NaN where it could not be."""

    pixels: IntArray
    """(object,) size; object `i` is label `i + 1`."""
    means: Mapping[str, Float64Array]
    """Name → (object,) mean of `magnitude`, `angle`, `<index>_before` and `<index>_after` for `ndvi` `ndbi` `bsi`
    `redness` `brightness`, and `structured` (share with new structure); where windows have several scenes, `once`
    (share with one look) and, elsewhere, `spread` of the looks and length of the `change`; on structured pixels only
    `texture_before`, `texture_after`, `excess_gain`, `structure`, `once_new`, `spread_new`, `change_new`. And
    `likeness`: how closely the earlier pattern is repeated, -1 to 1."""


def gather(fitted: Fitted, tiles: Iterable[tuple[TileSpec, Pair]], labels: IntArray) -> Evidence:
    """Means over the objects of `labels` (y, x) on the site's grid: 0 none, 1..n objects."""
    count = int(labels.max(initial=0))
    means = _Means(count)
    patterns = {name: _Means(count) for name in PATTERN_BANDS}
    surroundings = labels
    for spec, pair in tiles:
        if surroundings is labels and count:
            surroundings = expand_labels(labels, SURROUNDINGS_M / mean_pixel_m(spec.grid))
        own, wide = labels[spec.rows, spec.cols], surroundings[spec.rows, spec.cols]
        if own.any():
            means.add(own, {name: plane[spec.inner] for name, plane in _planes(fitted, pair).items()})
        for name in set(PATTERN_BANDS) & set(pair.bands):
            if wide.any():
                x, y = (date.data[pair.bands.index(name)][spec.inner] for date in (pair.before, pair.after))
                x, y = (np.where(pair.valid[spec.inner], plane, np.nan).astype(np.float64) for plane in (x, y))
                seen = {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
                patterns[name].add(wide, {moment: plane + 0 * x * y for moment, plane in seen.items()})
    likeness = [_correlation(one.all()) for one in patterns.values() if one.all()]
    told = means.all() | ({"likeness": np.min(likeness, axis=0)} if likeness else {})
    return Evidence(pixels=np.bincount(labels.ravel(), minlength=count + 1)[1:], means=told)


class _Means:
    """Means over objects, summed tile by tile; what is not finite does not count."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._sums: dict[str, Float64Array] = {}
        self._weights: dict[str, Float64Array] = {}

    def add(self, labels: IntArray, planes: Mapping[str, FloatArray | Float64Array]) -> None:
        """Add (y, x) planes of a tile, whose objects are `labels`."""
        for name, plane in planes.items():
            counted = (labels > 0) & np.isfinite(plane)
            index = labels[counted]
            self._sums.setdefault(name, np.zeros(self._count + 1))
            self._weights.setdefault(name, np.zeros(self._count + 1))
            self._sums[name] += np.bincount(index, weights=plane[counted], minlength=self._count + 1)
            self._weights[name] += np.bincount(index, minlength=self._count + 1)

    def all(self) -> dict[str, Float64Array]:
        """Name → (object,) mean, NaN where there was none."""
        nothing = np.full(self._count + 1, np.nan)
        return {
            name: np.divide(total, self._weights[name], out=nothing.copy(), where=self._weights[name] > 0)[1:]
            for name, total in self._sums.items()
        }


def _correlation(moments: Mapping[str, Float64Array]) -> Float64Array:
    """(object,) Pearson's correlation from the means of x, y and their products; NaN where one is flat."""
    x, y = moments["x"], moments["y"]
    variance = (moments["xx"] - x * x) * (moments["yy"] - y * y)
    shared = moments["xy"] - x * y
    return np.divide(shared, np.sqrt(np.maximum(variance, 0)), out=np.full_like(x, np.nan), where=variance > 0)


def _planes(fitted: Fitted, pair: Pair) -> dict[str, FloatArray]:
    features = features_of(pair).normalised(fitted.normalisation)
    before, after = features.reflectance(fitted.scales[1])
    planes = {"magnitude": fitted.strength(features), "angle": indices.spectral_angle(before, after)}
    for name, (index, needed) in _INDICES.items():
        if needed <= set(before):
            planes[f"{name}_before"], planes[f"{name}_after"] = index(before), index(after)
    found = new_structure(fitted, pair, after)
    new = found.strength > 1
    for name in ("texture_before", "texture_after", "excess_gain"):
        planes[name] = np.where(new, getattr(found, name), np.nan)
    planes["structure"] = np.where(new, found.strength, np.nan)
    planes["structured"] = np.where(pair.valid, new, np.nan).astype(np.float32)
    agreement = _agreement(pair)
    return planes | agreement | {f"{name}_new": np.where(new, plane, np.nan) for name, plane in agreement.items()}


def _agreement(pair: Pair) -> dict[str, FloatArray]:
    """How far the looks of a window lie apart, how large the change is beside that, and where there is but one look."""
    known = [date.spread for date in (pair.before, pair.after) if date.spread is not None]
    if not known:
        return {}
    spread = np.max(known, axis=0)
    change = np.sqrt(((pair.after.data - pair.before.data) ** 2).sum(axis=0))
    asked = np.isfinite(spread)
    return {
        "spread": np.where(asked, spread, np.nan),
        "change": np.where(asked, change, np.nan),
        "once": (~asked).astype(np.float32),
    }


_INDICES = {
    "ndvi": (indices.ndvi, {"nir", "red"}),
    "ndbi": (indices.ndbi, {"swir16", "nir"}),
    "bsi": (indices.bsi, {"swir16", "red", "nir", "blue"}),
    "redness": (indices.redness, {"red", "blue"}),
    "brightness": (indices.brightness, {"red"}),
}
