"""What the pixels of an object say on average, summed tile by tile."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from changedetect.components import counted
from changedetect.diff import indices
from changedetect.diff.engine import Fitted, barren_of, structure
from changedetect.diff.measured import Measured
from changedetect.grid import TileSpec, mean_pixel_m
from changedetect.model import Pair
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What was summed over the objects of one tile."""

    members: IntArray
    """(member,) labels of the objects, ascending."""
    planes: Mapping[str, tuple[Float64Array, Float64Array]]
    """Name → (member,) sum, and number of finite values in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Evidence of one tile."""

    means: Sums
    """About the objects."""
    patterns: Mapping[str, Sums]
    """Band → moments of both dates over the objects and what lies around them."""


def tally(fitted: Fitted, measured: Measured, spec: TileSpec, labels: IntArray) -> Tally:
    """Sum the evidence of one tile over its objects; `labels` are (y, x) on the site's grid: 0 none, 1..n objects."""
    own, wide = np.zeros((2, *measured.dry.shape), dtype=labels.dtype)
    own[spec.inner] = labels[spec.rows, spec.cols]
    reach_px = round(SURROUNDINGS_M / mean_pixel_m(spec.grid))
    wide[spec.inner] = _widened(labels[spec.padded], reach_px)[spec.inner]
    around, pair, patterns = wide > 0, measured.pair, {}
    for name in sorted(set(PATTERN_BANDS) & set(pair.bands)):
        x, y = (date.data[pair.bands.index(name)][around].astype(np.float64) for date in (pair.before, pair.after))
        both = np.where(pair.valid[around], 0 * x * y, np.nan)
        seen = {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        patterns[name] = _sums(wide[around], {moment: plane + both for moment, plane in seen.items()})
    inside = own > 0
    planes = _planes(fitted, measured, inside) if inside.any() else {}
    return Tally(means=_sums(own[inside], planes), patterns=patterns)


def _widened(labels: IntArray, reach_px: int) -> IntArray:
    """Objects with all within `reach_px` of them that is nearer to no other."""
    out = labels.copy()
    height, width = labels.shape
    steps = range(-reach_px, reach_px + 1)
    # By distance, then by direction: who wins does not depend on where a tile starts.
    reach = sorted((dy * dy + dx * dx, dy, dx) for dy in steps for dx in steps if 0 < dy * dy + dx * dx <= reach_px**2)
    for _, dy, dx in reach:
        target = out[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)]
        source = labels[max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)]
        np.copyto(target, source, where=target == 0)
    return out


def _sums(labels: IntArray, planes: Mapping[str, FloatArray | Float64Array]) -> Sums:
    """Sum (pixel,) planes over objects; what is not finite does not count."""
    members, index = np.unique(labels, return_inverse=True)
    summed = {}
    for name, values in planes.items():
        counted = np.isfinite(values)
        total = np.bincount(index[counted], weights=values[counted], minlength=len(members)).astype(np.float64)
        summed[name] = total, np.bincount(index[counted], minlength=len(members)).astype(np.float64)
    return Sums(members=members, planes=summed)


class Gathering:
    """Evidence about the objects of `labels`, put together tile by tile."""

    def __init__(self, labels: IntArray) -> None:
        self._pixels = counted(labels)
        self._means = _Means(len(self._pixels))
        self._patterns = {name: _Means(len(self._pixels)) for name in PATTERN_BANDS}

    def add(self, tile: Tally) -> None:
        """Add what one tile says."""
        self._means.add(tile.means)
        for name, sums in tile.patterns.items():
            self._patterns[name].add(sums)

    def evidence(self) -> Evidence:
        """All that was added."""
        likeness = [_correlation(moments) for one in self._patterns.values() if (moments := one.all())]
        told = self._means.all() | ({"likeness": np.min(likeness, axis=0)} if likeness else {})
        return Evidence(pixels=self._pixels[1:], means=told)


class _Means:
    """Means over objects, summed tile by tile."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._sums: dict[str, Float64Array] = {}
        self._weights: dict[str, Float64Array] = {}

    def add(self, tile: Sums) -> None:
        """Add the sums of a tile."""
        for name, (total, weight) in tile.planes.items():
            self._sums.setdefault(name, np.zeros(self._count))[tile.members] += total
            self._weights.setdefault(name, np.zeros(self._count))[tile.members] += weight

    def all(self) -> dict[str, Float64Array]:
        """Name → (object,) mean, NaN where there was none."""
        nothing = np.full(self._count, np.nan)
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


def _planes(fitted: Fitted, measured: Measured, inside: BoolArray) -> dict[str, FloatArray]:
    """(pixel,) what is said of the pixels of a tile that are True in (y, x) `inside`."""
    features = measured.features.at(inside).normalised(fitted.normalisation)
    before, after = features.reflectance(fitted.scales[1])
    planes = {"magnitude": fitted.strength(features), "angle": indices.spectral_angle(before, after)}
    for name, (index, needed) in _INDICES.items():
        if needed <= set(before):
            planes[f"{name}_before"], planes[f"{name}_after"] = index(before), index(after)
    barren = np.zeros(inside.shape, dtype=bool)
    barren[inside] = barren_of(fitted, after)
    found = structure(fitted, measured, barren)
    strength = found.strength[inside]
    new = strength > 1
    for name in ("texture_before", "texture_after", "excess_gain"):
        planes[name] = np.where(new, getattr(found, name)[inside], np.nan)
    planes["structure"] = np.where(new, strength, np.nan)
    planes["structured"] = np.where(features.valid, new, np.nan).astype(np.float32)
    agreement = _agreement(measured.pair, inside)
    return planes | agreement | {f"{name}_new": np.where(new, plane, np.nan) for name, plane in agreement.items()}


def _agreement(pair: Pair, inside: BoolArray) -> dict[str, FloatArray]:
    """How far the looks of a window lie apart, how large the change is beside that, and where there is but one look."""
    known = [date.spread[inside] for date in (pair.before, pair.after) if date.spread is not None]
    if not known:
        return {}
    spread = np.max(known, axis=0)
    squares = [
        (after[inside] - before[inside]) ** 2 for before, after in zip(pair.before.data, pair.after.data, strict=True)
    ]
    change = np.sqrt(np.sum(squares, axis=0))
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
