"""Where an object lies on the site's grid, and which ground around it tells what it would look like unchanged."""

from dataclasses import dataclass, replace

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from scipy import ndimage as ndi
from shapely.geometry.base import BaseGeometry

from changedetect.grid import pixel_size_m
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

REACH_M = 250.0
"""How far from an object its ring may lie: a field or two away, under the same sky."""
_GAP_M = 20.0
"""Ground left out beside an object: mixed pixels, and what building tramples."""
_NEAR_M = 100.0
"""What lies nearer is under the same small cloud."""
_LEAST_RING_PX, _MOST_RING_PX = 12, 400
_RING_SHARE = 0.25
"""Share of the ground around that may be ring: the most alike quarter."""
_RESERVE = 4
"""The reserve is so many times larger than the ring: it lies in several directions."""
_EPSILON = 1e-4
"""Least spread of a band, reflectance: keeps division by it defined."""
_CORE_SHARE, _CORE_PX = 0.6, 8
"""An object is measured where it changed at least this share as much as its most changed tenth, and on that many pixels
at least: outlines take in what lies beside."""
_USUAL_DRIFT = 0.005
"""Change of reflectance between two windows that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An object and its surroundings on a part of the site's grid; every mask is (y, x) on that part."""

    rows: slice
    """Rows of the site's grid."""
    cols: slice
    """Columns of the site's grid."""
    body: BoolArray
    """True on the object."""
    inside: BoolArray
    """True where the object is measured: on what changed most of it, once that is known (`with_core`)."""
    around: BoolArray
    """True on unchanged ground around it that a ring may be chosen of."""
    near: BoolArray
    """True where `around` lies under the same small cloud as the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Ground around an object that tells what it would look like unchanged; both masks (y, x) on the place's part."""

    own: BoolArray
    """True on the ground most like it."""
    reserve: BoolArray
    """True on ground less like it and more of it, for looks in which a cloud hides the first."""


def own_share(place: Place, gsd_px: float) -> float:
    """Share of what a coarser sensor sees where an object is measured that is the object's own, 0 to 1.

    `gsd_px` is the sensor's pixel in pixels of the grid. A pixel sees a square of its own size; bilinear interpolation
    between pixels blurs twice as much again: three running means in all.
    """
    own = place.body.astype(np.float64)
    for _ in range(3):
        own = ndi.uniform_filter(own, max(round(gsd_px), 1), mode="constant")
    return float(own[place.inside].mean()) if place.inside.any() else 0.0


def place_of(outline: BaseGeometry, grid: GeoBox, quiet: BoolArray) -> Place:
    """Find an object on a grid.

    Parameters
    ----------
    outline
        The object in the grid's CRS.
    grid
        The site's grid.
    quiet
        (y, x) True on ground of the site that was seen and did not change.
    """
    rows, cols, body = body_of(outline, grid)
    away_m = ndi.distance_transform_edt(~body, sampling=pixel_size_m(grid))
    around = (away_m > _GAP_M) & (away_m <= REACH_M) & ndi.binary_erosion(quiet[rows, cols], border_value=1)
    return Place(
        rows=rows,
        cols=cols,
        body=body,
        inside=body,
        around=around,
        near=around & (away_m <= _NEAR_M),
    )


def body_of(outline: BaseGeometry, grid: GeoBox) -> tuple[slice, slice, BoolArray]:
    """Rows and columns of a grid within `REACH_M` of an outline in its CRS, and (y, x) True on the object there."""
    inverse = ~grid.affine
    left, bottom, right, top = outline.bounds
    corners = [inverse @ (x, y) for x in (left, right) for y in (bottom, top)]
    spans = []
    for axis, length, size_m in zip((1, 0), grid.shape, pixel_size_m(grid), strict=True):
        reach = int(np.ceil(REACH_M / size_m))
        low = int(np.floor(min(corner[axis] for corner in corners))) - reach
        high = int(np.ceil(max(corner[axis] for corner in corners))) + reach
        spans.append(slice(max(low, 0), min(max(high, low + 1), length)))
    rows, cols = spans
    return rows, cols, _drawn(outline, grid[rows, cols])


def _drawn(outline: BaseGeometry, part: GeoBox) -> BoolArray:
    """(y, x) pixels whose centre lies in an outline; where none does, all that it touches."""
    for touched in (False, True):
        drawn = geometry_mask(
            [outline], out_shape=tuple(part.shape), transform=part.affine, invert=True, all_touched=touched
        )
        if drawn.any():
            break
    return np.asarray(drawn)


def with_core(place: Place, before: FloatArray, after: FloatArray) -> Place:
    """The place with its inside narrowed to what changed most, against what changed around it.

    Parameters
    ----------
    place
        The object.
    before, after
        (look, band, y, x) as for `choose_ring`.
    """
    drift = middle(after).astype(np.float64) - middle(before)
    known = np.isfinite(drift).all(axis=0)
    around, body = drift[:, known & place.around], known & place.body
    if body.sum() <= _CORE_PX or not around.size:
        return place
    usual = np.median(around, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(around - usual), axis=1, keepdims=True) + _USUAL_DRIFT
    strength = np.sqrt((((drift[:, body] - usual) / spread) ** 2).mean(axis=0))
    least = min(_CORE_SHARE * np.percentile(strength, 90), np.sort(strength)[-_CORE_PX])
    inside = np.zeros_like(place.body)
    inside[body] = strength >= least
    return replace(place, inside=inside)


def choose_ring(place: Place, before: FloatArray, after: FloatArray) -> Ring:
    """Choose the ground around an object that was most like it before, and fared alike since.

    Likeness is looked for look by look: ground of the same cover goes through the same seasons.

    Parameters
    ----------
    place
        The object.
    before, after
        (look, band, y, x) reflectance of the looks of either window on the place's part of the grid, NaN where not
        clear; any number of looks.

    Returns
    -------
    Ring
        Empty when too little ground around was seen.
    """
    candidates = np.flatnonzero(place.around)
    far = _unlikeness(place, before)[candidates]
    known = np.isfinite(far)
    candidates, far = candidates[known], far[known]
    own, reserve = np.zeros_like(place.body), np.zeros_like(place.body)
    ring = Ring(own=own, reserve=reserve)
    if len(candidates) < _LEAST_RING_PX:
        return ring
    wanted = int(np.clip(place.inside.sum(), _LEAST_RING_PX, _MOST_RING_PX))
    wanted = max(min(wanted, int(_RING_SHARE * len(candidates))), _LEAST_RING_PX)
    alike = candidates[np.argsort(far, kind="stable")]
    drift = (middle(after).astype(np.float64) - middle(before)).reshape(len(before[0]), -1)
    own.flat[_least_odd(drift, alike[: 2 * wanted], wanted)] = True
    rest = alike[~own.flat[alike]][: 2 * _RESERVE * wanted]
    reserve.flat[_least_odd(drift, rest, _RESERVE * wanted)] = True
    return ring


def _least_odd(drift: Float64Array, some: IntArray, count: int) -> IntArray:
    """Of pixels, the `count` that changed most like the others; `drift` is (band, pixel)."""
    own = drift[:, some]
    if not np.isfinite(own).any(axis=1).all():  # a window showed none of them
        return some[:count]
    odd = np.nan_to_num(np.abs(own - np.nanmedian(own, axis=1, keepdims=True)), nan=np.inf).sum(axis=0)
    return some[np.argsort(odd, kind="stable")[:count]]


def _unlikeness(place: Place, looks: FloatArray) -> Float64Array:
    """(pixel,) how far each pixel lies from the object's mean, averaged over the looks that show both, NaN for none.

    Bands count by the spread that they have over the part of the grid in the same look.
    """
    flat = looks.reshape(*looks.shape[:2], -1).astype(np.float64)
    total, count = np.zeros(flat.shape[-1]), np.zeros(flat.shape[-1])
    for look in flat:
        seen = np.isfinite(look).all(axis=0)
        own = seen & place.inside.ravel()
        if own.sum() < 0.5 * place.inside.sum():
            continue
        mean = look[:, own].mean(axis=1, keepdims=True)
        spread = np.maximum(look[:, seen].std(axis=1, keepdims=True), _EPSILON)
        far = np.sqrt((((look - mean) / spread) ** 2).mean(axis=0))
        total[seen] += far[seen]
        count[seen] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def middle(looks: FloatArray) -> FloatArray:
    """Median over the first axis without NaN; NaN where there is nothing else."""
    ordered = np.sort(looks, axis=0)
    count = np.isfinite(looks).sum(axis=0)
    if not len(looks):
        return np.full(looks.shape[1:], np.nan, dtype=np.float32)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(looks) - 1)
    pair = np.take_along_axis(ordered, np.stack([low, high]), axis=0)
    return np.asarray(pair.mean(axis=0), dtype=np.float32)
