"""Clouds in rasters that come without a mask: told by their shadows.

A white roof and a cloud look alike, but clouds of one moment throw their shadows the same way and about as far (Zhu &
Woodcock 2012, doi:10.1016/j.rse.2011.10.028, match clouds and shadows by the position of the sun; here nobody tells
it, so it is found). Where many new bright patches of a date have dark patches all at one distance and direction, they
are clouds. Where they have not, nothing is taken for a cloud: a town of white roofs throws no shadows a street away.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.signal import fftconvolve

from changedetect.grid import pixel_size_m
from changedetect.model import Composite, Pair
from changedetect.prepare.masks import grow
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

_BRIGHT, _BRIGHTER = 0.25, 0.10
"""Reflectance of a cloud in every visible band, and how much brighter than at the other date."""
_DARK_NIR, _DARKER = 0.15, 0.6
"""NIR reflectance in a cloud's shadow, and as a share of the other date's."""
_FAINT, _FAINTER = 0.14, 0.05
"""The same for thin clouds and the edges of thick ones, once there are clouds; earth is never so bright in blue."""
_PALE_NIR, _PALER = 0.20, 0.75
"""The same for their shadows."""
_THROW_M = (150.0, 4000.0)
"""How far shadows fall: from clouds at 300 m under a high sun to those at 4 km under one of 45 degrees. Nearer than
that are the shadows of halls."""
_MATCHED = 0.5
"""Share of a patch that must have shadow at the common displacement; it may lie under a neighbouring cloud."""
_SLACK_M = 150.0
"""Clouds of one moment differ in height: so much farther or nearer their shadows may fall."""
_CLOUDS, _CLOUDED_M2 = 3, 50_000.0
"""As many patches, and as much ground, must be matched before anything is called a cloud."""
_PATCH_M2 = 5_000.0
"""Smaller patches say nothing about the displacement."""
_CHANCE = 4.0
"""How much oftener than anywhere the ground must be dark where shadows should be."""
_EDGE_M = 120.0
"""How far around clouds and shadows the ground is left out: thin edges, which are neither bright nor dark."""


M = TypeVar("M", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clouded:
    """Clouds of one date."""

    covered: BoolArray
    """(y, x) True on clouds, shadows and what is near them, on the grid of the picture they were found in."""
    throw_m: tuple[float, float]
    """From cloud to shadow: metres east and north of the grid."""
    clouds: int
    """Bright patches that have a shadow there."""


def clouds_by_shadows(pair: Pair) -> tuple[Clouded | None, Clouded | None]:
    """Find clouds at either date of a calibrated pair; None where a date shows none, or has no NIR.

    Only whole-scene views make sense: `pair` is thinned, not cut.
    """
    if "nir" not in pair.bands or not {"blue", "green", "red"} & set(pair.bands) or not pair.calibrated:
        return None, None
    return _clouded(pair.before, pair.after), _clouded(pair.after, pair.before)


def without_clouds(date: Composite, covered: BoolArray) -> Composite:
    """A date with nothing to see where it is `covered` (y, x)."""
    data = np.where(covered, np.float32(np.nan), date.data)
    return replace(date, data=data, valid=date.valid & ~covered, looks=np.where(covered, 0, date.looks))


def _clouded(date: Composite, other: Composite) -> Clouded | None:
    bright, dark = _light(date, other, (_BRIGHT, _BRIGHTER)), _shade(date, other, (_DARK_NIR, _DARKER))
    pixel_m = pixel_size_m(date.geobox)
    area_m2 = pixel_m[0] * pixel_m[1]
    labels, sizes = _patches(bright)
    large = sizes * area_m2 >= _PATCH_M2
    if large.sum() < _CLOUDS or not dark.any():
        return None
    step = _common_step(large[labels], dark & ~bright, date.valid, pixel_m)
    if step is None:
        return None
    clouds = (_matched(labels, dark | bright, date.valid, step, pixel_m) >= _MATCHED) & large
    if clouds.sum() < _CLOUDS or sizes[clouds].sum() * area_m2 < _CLOUDED_M2:
        return None
    faint, pale = _light(date, other, (_FAINT, _FAINTER)), _shade(date, other, (_PALE_NIR, _PALER))
    labels, sizes = _patches(faint)
    # Where the shadow would lie outside the picture (NaN), the company that a patch keeps decides.
    cloud = (~(_matched(labels, pale | faint, date.valid, step, pixel_m) < _MATCHED) & (sizes > 1))[labels]
    shadow = pale & _moved(grow(cloud, _SLACK_M, pixel_m), step)
    return Clouded(
        covered=grow(cloud | shadow, _EDGE_M, pixel_m),
        throw_m=(step[1] * pixel_m[1], -step[0] * pixel_m[0]),
        clouds=int(clouds.sum()),
    )


def _light(date: Composite, other: Composite, limits: tuple[float, float]) -> BoolArray:
    """(y, x) True where a date is so bright, and so much brighter than the other where that is known."""
    visible, usual = _visible(date), _visible(other)
    with np.errstate(invalid="ignore"):
        return np.asarray((visible > limits[0]) & ~(visible - usual < limits[1]))


def _shade(date: Composite, other: Composite, limits: tuple[float, float]) -> BoolArray:
    """(y, x) True where a date is so dark in NIR, absolutely and as a share of the other where that is known."""
    nir, usual = (one.data[one.bands.index("nir")] for one in (date, other))
    with np.errstate(invalid="ignore"):
        return np.asarray((nir < limits[0]) & ~(nir > limits[1] * usual))


def _patches(mask: BoolArray) -> tuple[IntArray, IntArray]:
    """Numbers of connected patches, and (patch + 1,) their sizes in pixels; 0 for what is none."""
    labels, _ = ndi.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels, sizes


def _visible(date: Composite) -> FloatArray:
    """(y, x) the darkest of the visible bands: what is bright in all of them is white."""
    visible = [date.data[at] for at, name in enumerate(date.bands) if name in {"blue", "green", "red"}]
    return np.asarray(np.min(visible, axis=0))


def _common_step(
    bright: BoolArray, dark: BoolArray, seen: BoolArray, pixel_m: tuple[float, float]
) -> tuple[int, int] | None:
    """Rows and columns from bright patches to dark ones that most agree on; None where no step stands out."""
    hits = _overlaps(bright, dark)
    asked = _overlaps(bright, seen & ~bright)
    rows, cols = (np.arange(length) - length // 2 for length in hits.shape)
    away_m = np.hypot(rows[:, None] * pixel_m[0], cols[None, :] * pixel_m[1])
    possible = (away_m >= _THROW_M[0]) & (away_m <= _THROW_M[1]) & (2 * asked > bright.sum())
    share = np.where(possible, hits / np.maximum(asked, 1), 0)
    row, col = np.unravel_index(int(share.argmax()), share.shape)
    usual = float(dark.sum() / max(int((seen & ~bright).sum()), 1))
    if share[row, col] < max(_MATCHED, _CHANCE * usual):
        return None
    return int(rows[row]), int(cols[col])


def _overlaps(one: BoolArray, other: BoolArray) -> FloatArray:
    """How many pixels of `one` lie on `other` when moved by each step; the middle of the array is no step."""
    counts = fftconvolve(other.astype(np.float32), one[::-1, ::-1].astype(np.float32))
    height, width = one.shape
    top, left = height - 1 - height // 2, width - 1 - width // 2
    return np.asarray(np.rint(counts[top : top + height, left : left + width]))


def _matched(
    labels: IntArray, shade: BoolArray, seen: BoolArray, step: tuple[int, int], pixel_m: tuple[float, float]
) -> Float64Array:
    """(patch + 1,) share of each that has shadow, or another cloud, where its shadow should be; NaN where not seen."""
    length_m = float(np.hypot(step[0] * pixel_m[0], step[1] * pixel_m[1]))
    whole = np.bincount(labels.ravel())
    best = np.full(len(whole), np.nan)
    for change_m in np.arange(-_SLACK_M, _SLACK_M + 1, _SLACK_M / 3):
        way = tuple(round(part * (1 + change_m / length_m)) for part in step)
        target = _moved(np.where(seen, labels, 0), (way[0], way[1]))
        asked = np.bincount(target.ravel(), minlength=len(best))
        hit = np.bincount(target[shade & (labels != target)].ravel(), minlength=len(best))
        enough = 2 * asked > whole
        best = np.fmax(best, np.where(enough, hit / np.maximum(asked, 1), np.nan))
    return best


def _moved(array: NDArray[M], step: tuple[int, int]) -> NDArray[M]:
    """An array moved by rows and columns, 0 where nothing came from."""
    out = np.zeros_like(array)
    height, width = array.shape
    (down, right) = step
    if abs(down) < height and abs(right) < width:
        out[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = array[
            max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
        ]
    return out
