"""What the pixels of an object say on average, summed tile by tile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from changedetect.diff import indices
from changedetect.diff.engine import Fitted, new_structure
from changedetect.diff.features import features_of
from changedetect.grid import TileSpec
from changedetect.model import Pair
from changedetect.types import Float64Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Means over each object, by the name of what was measured; NaN where it could not be."""

    pixels: IntArray
    """(object,) size; object `i` is label `i + 1`."""
    means: Mapping[str, Float64Array]
    """Name → (object,) mean. Settled names: `magnitude`, `angle`, and `<index>_before`, `<index>_after` for `ndvi`
    `ndbi` `bsi` `redness` `brightness`. On structured pixels only: `texture_before`, `texture_after`, `excess_gain`,
    `structure`."""


def gather(fitted: Fitted, tiles: Iterable[tuple[TileSpec, Pair]], labels: IntArray) -> Evidence:
    """Means over the objects of `labels` (y, x) on the site's grid: 0 none, 1..n objects."""
    count = int(labels.max(initial=0))
    sums: dict[str, Float64Array] = {}
    weights: dict[str, Float64Array] = {}
    for spec, pair in tiles:
        own = labels[spec.rows, spec.cols]
        if not own.any():
            continue
        for name, plane in _planes(fitted, pair).items():
            inner = plane[spec.inner]
            counted = (own > 0) & np.isfinite(inner)
            index = own[counted]
            sums.setdefault(name, np.zeros(count + 1))
            weights.setdefault(name, np.zeros(count + 1))
            sums[name] += np.bincount(index, weights=inner[counted], minlength=count + 1)
            weights[name] += np.bincount(index, minlength=count + 1)
    means = {
        name: np.divide(total, weights[name], out=np.full(count + 1, np.nan), where=weights[name] > 0)[1:]
        for name, total in sums.items()
    }
    return Evidence(pixels=np.bincount(labels.ravel(), minlength=count + 1)[1:], means=means)


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
    return planes


_INDICES = {
    "ndvi": (indices.ndvi, {"nir", "red"}),
    "ndbi": (indices.ndbi, {"swir16", "nir"}),
    "bsi": (indices.bsi, {"swir16", "red", "nir", "blue"}),
    "redness": (indices.redness, {"red", "blue"}),
    "brightness": (indices.brightness, {"red"}),
}
