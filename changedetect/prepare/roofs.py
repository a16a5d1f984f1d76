"""Roofs that quality bands call cloud.

New white roofs are as bright as clouds, and the masks of Sentinel-2 and Landsat often delete them (python-fmask issue
72, CoastSat issue 534): the very thing that is looked for. But a roof stands still. What is called cloud at one place
on most dates of a window, with one brightness and with its hard edges at one place, and was clear and darker in the
other window (or is as bright there: an old roof), is no cloud. A cloud that hangs over the same place on every date has
another brightness and other edges each time.

Every decision looks at one pixel through time and at a fixed neighbourhood (`roof_reach_px`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from changedetect.grid import pixel_size_m
from changedetect.prepare.masks import Look, count_around, grow
from changedetect.types import BoolArray, FloatArray, IntArray

_BRIGHT = 0.25
"""Visible reflectance from which ground is mistaken for cloud."""
_DARKER, _DARKER_SHARE = 0.08, 0.25
"""How much darker the ground was before: reflectance, and share of what it is now."""
_STEADY, _STEADY_SHARE = 0.02, 0.08
"""How far one thing's reflectance wanders between dates: a constant (aerosol left over), a share (angles of sun and
view)."""
_STEADY_RANGE = 0.35
"""And a share of the range among neighbours: a third of a pixel of misregistration."""
_HARD = 0.15
"""Change of visible reflectance from one pixel to the next that is an edge, as a share of the roof's: with the point
spread of Sentinel-2, half the step from dark ground is reached."""
_EDGE_M = 200.0
"""How far around a roof its edges are sought: half the width of the widest hall that is found."""
_EDGES, _SAME_EDGES = 6, 0.75
"""A date speaks for a roof with so many pixels of edge, when this share of its edges is where half of all dates have
one, and it has this share of those. On simulated scenes halls keep 0.87 and more of either; of clouds that hang over
one place on two to six dates none keeps both."""
_AROUND_PX = 2
"""Edges are sought this far around what is bright and called cloud."""
_RIM_M, _RIM_PX = 40.0, 4
"""How far around a roof quality bands are not believed: mixed pixels of a band of 20 m, and the three pixels by which
Landsat's and HLS's clouds are grown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    """A window in visible light; arrays are (y, x)."""

    visible: FloatArray
    """(look, y, x) mean of the visible bands, NaN where there is no look."""
    flagged: BoolArray
    """(look, y, x) called cloud."""
    dates: IntArray
    """Number of looks."""
    usual: FloatArray
    """Median of all looks, the lower one of an even number."""
    steady: FloatArray
    """How far one thing's looks may lie apart."""


def roof_reach_px(pixel_m: float) -> int:
    """Pixels that `roofs_called_cloud` looks beyond the ones it decides."""
    return _edge_px(pixel_m) + math.ceil(_rim_m(pixel_m) / pixel_m) + 5


def _edge_px(pixel_m: float) -> int:
    return math.ceil(_EDGE_M / pixel_m)


def _rim_m(pixel_m: float) -> float:
    return max(_RIM_M, _RIM_PX * pixel_m)


def roofs_called_cloud(window: Sequence[Look], other: Sequence[Look]) -> list[BoolArray]:
    """Find what is called cloud in a window and is a roof; `other` is the window to compare with.

    Most dates of the window have to show the same bright thing with the same edges, whether or not they call it cloud;
    one date alone can't tell.

    Returns
    -------
    list of BoolArray
        (y, x) for each look: True where its cloud is to be seen as ground.
    """
    nothing = [np.zeros_like(look.cloud) for look in window]
    if len(window) < 2 or not other or not _visible_bands(window[0]):
        return nothing
    here = _history(window)
    called = here.flagged.any(axis=0) & (np.nan_to_num(here.usual) >= _BRIGHT)
    if not called.any():
        return nothing
    there = _history(other)
    pixel_m = pixel_size_m(window[0].tile.geobox)
    fixed = _fixed_edges(here, called, _edge_px(min(pixel_m)))
    with np.errstate(invalid="ignore"):
        steady = np.abs(here.visible - here.usual) <= here.steady
    speaks = (fixed & steady).sum(axis=0)
    core = called & (speaks >= 2) & (2 * speaks > here.dates) & (_was_darker(here.usual, there) | _stood(here, there))
    core &= count_around(core, 1) >= 4
    if not core.any():
        return nothing
    near = grow(core, _rim_m(min(pixel_m)), pixel_m)
    return [
        _freed(look.cloud & near, agrees & _as_usual(look, here)) for look, agrees in zip(window, fixed, strict=True)
    ]


def _freed(cloud: BoolArray, roof: BoolArray) -> BoolArray:
    """Cloud that is roof, and single pixels of it among such: they would be grown over all the rest."""
    freed = cloud & roof
    return np.asarray(freed | (cloud & (2 * count_around(freed, 1) > count_around(cloud, 1))))


def _as_usual(look: Look, here: _History) -> BoolArray:
    """Where a look shows what the window mostly shows, not a cloud over it."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(_visible(look) - here.usual) <= here.steady)


def _was_darker(bright: FloatArray, there: _History) -> BoolArray:
    """Clear on most dates of the other window, and clearly darker."""
    clear = np.isfinite(there.visible) & ~there.flagged
    ground = _median(np.where(clear, there.visible, np.float32(np.nan)))
    mostly = (2 * clear.sum(axis=0) >= there.dates) & clear.any(axis=0)
    return np.asarray(mostly & (bright - ground >= np.maximum(_DARKER, _DARKER_SHARE * bright)))


def _stood(here: _History, there: _History) -> BoolArray:
    """As bright in the other window."""
    with np.errstate(invalid="ignore"):
        return np.asarray((there.dates >= 2) & (np.abs(there.usual - here.usual) <= here.steady))


def _fixed_edges(here: _History, called: BoolArray, radius_px: int) -> BoolArray:
    """(look, y, x) True where a look's edges around what is called cloud lie where other dates have theirs too."""
    edges = np.zeros(here.flagged.shape, dtype=bool)
    around = count_around(called, _AROUND_PX) > 0
    least = np.float32(_HARD) * ndi.maximum_filter(np.where(called, here.usual, 0), 2 * _AROUND_PX + 1, mode="nearest")
    for number, visible in enumerate(here.visible):
        steps = [np.abs(ndi.correlate1d(visible, [-0.5, 0, 0.5], axis=axis, mode="nearest")) for axis in (0, 1)]
        with np.errstate(invalid="ignore"):
            edges[number] = around & (np.maximum(*steps) > least)  # NaN compares as False
    times = edges.sum(axis=0)
    lasting = (times >= 2) & (2 * times >= here.dates)
    fixed = np.zeros_like(edges)
    wanted = count_around(lasting, radius_px)
    for number, edge in enumerate(edges):
        more = np.maximum(wanted, count_around(edge, radius_px))
        shared = count_around(edge & lasting, radius_px)
        fixed[number] = (shared >= _EDGES) & (shared >= _SAME_EDGES * more)
    return fixed


def _history(window: Sequence[Look]) -> _History:
    visible = np.stack([np.where(look.first, _visible(look), np.float32(np.nan)) for look in window])
    usual = _median(visible)
    filled = np.nan_to_num(usual)
    spread = ndi.maximum_filter(filled, 3, mode="nearest") - ndi.minimum_filter(filled, 3, mode="nearest")
    return _History(
        visible=visible,
        flagged=np.stack([look.cloud & look.first for look in window]),
        dates=np.isfinite(visible).sum(axis=0),
        usual=usual,
        steady=np.asarray(_STEADY + _STEADY_SHARE * np.abs(usual) + _STEADY_RANGE * spread, dtype=np.float32),
    )


def _median(values: FloatArray) -> FloatArray:
    """Lower median over the first axis, NaN where there is no value."""
    ordered = np.sort(values, axis=0)
    rank = np.maximum(np.isfinite(values).sum(axis=0) - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, rank[None], axis=0)[0])


def _visible_bands(look: Look) -> list[int]:
    return [at for at, band in enumerate(look.tile.bands) if band in {"blue", "green", "red"}]


def _visible(look: Look) -> FloatArray:
    """(y, x) mean reflectance of the visible bands, added up in their order."""
    bands = _visible_bands(look)
    total = np.zeros(look.cloud.shape, dtype=np.float32)
    for at in bands:
        total += look.tile.data[at]
    return total / np.float32(len(bands))
