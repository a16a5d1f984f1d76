"""From the staircase of pixels to the edge a person would draw: few corners, straight sides, the same area.

The true border passes between the centre of a pixel that is in and that of its neighbour that is out, so it is half a
pixel from the middle of their common edge at most. An outline is fitted to these middles: sides are least-squares
lines through as many as lie near, corners are where sides meet (as in Selinger 2003, "Potrace: a polygon-based
tracing algorithm", though sides are found otherwise). A rectangle, or another right-angled shape, is taken instead
where it differs from the pixels by no more than rounding to pixels does: halls have right angles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from changedetect.outline_sides import (
    CORNER_PX,
    NEAR_PX,
    REACH_PX,
    ROUNDS,
    Polygons,
    Steps,
    corners_of,
    fit,
    side_of,
    sides_of,
    steps_of,
)
from changedetect.types import BoolArray, Float64Array, IntArray

ROUNDING_PX = 0.25
"""Mean distance that rounding to pixels makes: that of a number from the nearest whole one."""
AREA_TOLERANCE = 0.02
"""Relative change of area above which an outline is refused; the design allows 0.05."""
SLIVER_PX2 = 0.25
"""Ground, in pixels, below which what a neighbour cuts off is nothing."""
_STILL_PX = 1e-4
"""Sides that would move by less stay."""
_EQUAL_PX2 = 1e-6
"""Areas that differ by less are equal."""
MOST_CORNERS = 12
"""Corners of a right-angled ring: more than an H or a T has, and it is the staircase's steps that are squared."""


def outline(exact: Sequence[Polygon], shape: tuple[int, int], scale: tuple[float, float] = (1.0, 1.0)) -> list[Polygon]:
    """Draw the outlines of objects the way a person would.

    Each depends on its own pixels alone, and on the grid's edge where it reaches that.

    Parameters
    ----------
    exact
        (object,) staircases in pixel coordinates (x, y), corners at whole numbers; holes are kept.
    shape
        Rows and columns of their grid, which no outline leaves.
    scale
        Width and height of a pixel in units of the coarser side: `(1, 1)` where pixels are square. Coarser, for it is
        what says how far a pixel's edge may be from the border; half of the finer one would leave the stairs.

    Returns
    -------
    (object,) polygons in pixel coordinates: valid, within `REACH_PX` of every edge's middle, area within
    `AREA_TOLERANCE`. Where no simpler outline is, the staircase itself.
    """
    if not len(exact):
        return []
    drawn = shapely.transform(np.asarray(exact, dtype=object), lambda xy: xy * scale)
    extent = shapely.box(0, 0, shape[1] * scale[0], shape[0] * scale[1])
    left = np.arange(len(drawn))
    # The simplest first; what one way draws well is not tried the next.
    for draw, strict in _WAYS:
        stairs = drawn[left]
        steps = steps_of(stairs, scale)
        outlines = _of_area(draw(stairs, steps), shapely.area(stairs), extent)
        fits = _fits(outlines, stairs) & _near(outlines, stairs, steps)
        if strict:
            fits &= _explains(outlines, stairs)
        drawn[left[fits]] = outlines[fits]
        left = left[~fits]
        if not len(left):
            break
    return list(shapely.transform(drawn, lambda xy: xy / scale))


def apart(outlines: Mapping[int, BaseGeometry], beside: IntArray) -> dict[int, BaseGeometry]:
    """Take from outlines what smaller neighbours cover, too; of equals, the one of the higher number gives way.

    Parameters
    ----------
    outlines
        By number, in pixel coordinates.
    beside
        (pair, 2) numbers of those that touch, the lower first; both are among `outlines`.
    """
    shown = dict(outlines)
    for low, high in beside.tolist():
        loser, winner = (low, high) if outlines[low].area > outlines[high].area + _EQUAL_PX2 else (high, low)
        # Always by the neighbour as drawn, so that what happens farther off has no say.
        if outlines[loser].intersects(outlines[winner]):
            cut = shapely.get_parts(shapely.difference(shown[loser], outlines[winner]))
            large = [part for part in cut if part.area > SLIVER_PX2]
            shown[loser] = shapely.union_all(large) if large else shown[loser]
    return shown


def _polygons(corners: Float64Array, ring: IntArray, owner: IntArray) -> Polygons:
    """(polygon,) outlines from the corners of their rings; with holes that the ring does not hold they are invalid."""
    ring_ends = np.searchsorted(ring, np.arange(len(owner)), side="right")
    # Rings are closed by their first corner.
    closed = np.insert(corners, ring_ends, corners[np.r_[0, ring_ends[:-1]]], axis=0)
    ring_offsets = np.r_[0, ring_ends + np.arange(1, len(owner) + 1)]
    polygon_offsets = np.r_[0, np.cumsum(np.bincount(owner))]
    outlines = shapely.from_ragged_array(shapely.GeometryType.POLYGON, closed, (ring_offsets, polygon_offsets))
    return np.asarray(outlines, dtype=object)


def _free(_: Polygons, steps: Steps) -> Polygons:
    """Outlines whose sides take any direction; where they miss a middle, shorter sides go to it."""
    sides = sides_of(steps)
    outlines = _polygons(corners_of(steps, sides), sides.ring, steps.owner)
    asked = np.arange(len(steps.ring))
    for _round in range(ROUNDS):
        missed = asked[_missed(outlines, steps, asked, NEAR_PX)]
        if not len(missed):
            break
        breaks = np.zeros(len(steps.ring) + 1, dtype=bool)
        breaks[sides.first] = breaks[missed] = breaks[missed + 1] = True
        sides = fit(steps, breaks[:-1])
        outlines = _polygons(corners_of(steps, sides), sides.ring, steps.owner)
        # What missed none is as it was.
        asked = np.flatnonzero(np.isin(steps.polygon, steps.polygon[missed]))
    return outlines


def _bevelled(_: Polygons, steps: Steps) -> Polygons:
    """From each edge's middle to the next: the corners of the pixels are cut off."""
    return _polygons(steps.middle, steps.ring, steps.owner)


def _right_angled(_: Polygons, steps: Steps) -> Polygons:
    """Outlines whose sides take two directions at right angles; None where there are none."""
    sides = sides_of(steps)
    # Directions a quarter turn apart are one when angles are taken four times; long sides know theirs best.
    weight = np.hypot(*sides.spread.T)
    four = (np.bincount(steps.owner[sides.ring], weight * part(4 * sides.angle)) for part in (np.sin, np.cos))
    main = (np.arctan2(*four) / 4)[steps.owner[sides.ring]]
    quarter = np.round((sides.angle - main) / (np.pi / 2)).astype(np.int64)
    # A corner's pixels often make a short slanting side, which tells nothing of the sides that meet there.
    slanting = np.abs(sides.angle - main - quarter * np.pi / 2) > np.pi / 8
    turns = (quarter - quarter[sides.before]) % 4
    kept, turned_back = np.bincount(sides.ring, turns != 0), np.bincount(sides.ring, turns == 2) > 0
    may = np.bincount(steps.owner, turned_back | (kept < 4) | (kept > MOST_CORNERS)) == 0
    breaks = np.zeros(len(steps.ring), dtype=bool)
    ends = (turns != 0) | ~may[steps.owner[sides.ring]]
    breaks[sides.first[ends]] = True
    told = ~slanting[side_of(steps, np.isin(np.arange(len(steps.ring)), sides.first))]
    squared, quarter = fit(steps, breaks, told), quarter[ends]
    # Now that sides are whole, all of a polygon tell its direction together, each turned into the first one's.
    polygon, sign = steps.owner[squared.ring], 1 - 2 * (quarter % 2)
    twice = (np.bincount(polygon, sign * part) for part in squared.spread.T[::-1])
    squared = replace(squared, angle=(np.arctan2(*twice) / 2)[polygon] + quarter * np.pi / 2)
    outlines = _polygons(corners_of(steps, squared, np.inf), squared.ring, steps.owner)
    outlines[~may] = None
    return outlines


def _rectangles(stairs: Polygons, steps: Steps) -> Polygons:
    """Rectangles, in the direction of the smallest around each staircase; None where that has a hole.

    Each side goes through the mean of the middles that are nearest to it.
    """
    around = shapely.get_coordinates(shapely.oriented_envelope(stairs)).reshape(-1, 5, 2)
    corner, along = around[:, 0], around[:, 1] - around[:, 0]
    size = np.column_stack([np.hypot(*along.T), np.hypot(*(around[:, 3] - corner).T)])
    axes = np.stack([along, around[:, 3] - corner], axis=1) / size[:, :, None]
    polygon = steps.polygon
    at = np.einsum("nij,nj->ni", axes[polygon], steps.middle - corner[polygon])
    side = np.abs(np.column_stack([at, at - size[polygon]])).argmin(axis=1)
    # Sides: start of the first axis, start of the second, end of the first, end of the second.
    group, off = polygon * 4 + side, at[np.arange(len(side)), side % 2]
    total = np.bincount(group, minlength=4 * len(stairs))
    mean = (np.bincount(group, off, minlength=4 * len(stairs)) / np.maximum(total, 1)).reshape(-1, 4)
    ends = np.stack([mean[:, [0, 2, 2, 0]], mean[:, [1, 1, 3, 3]]], axis=-1)
    places = corner[:, None] + np.einsum("nki,nij->nkj", ends, axes)
    outlines: Polygons = np.asarray(shapely.polygons(places), dtype=object)
    outlines[(total.reshape(-1, 4) == 0).any(axis=1) | (shapely.get_num_interior_rings(stairs) > 0)] = None
    return outlines


def _of_area(outlines: Polygons, areas: Float64Array, extent: Polygon) -> Polygons:
    """Move all sides out or in together until the area within the grid is right."""
    shapely.prepare(extent)
    for _ in range(3):
        step = (areas - shapely.area(outlines)) / np.maximum(shapely.length(outlines), 1e-9)
        # Less would only double the corners; more than a reach would mend nothing: the outline is wrong.
        off = np.abs(step) > _STILL_PX
        moved = np.clip(step[off], -REACH_PX, REACH_PX)
        with np.errstate(divide="ignore", invalid="ignore"):  # a mitre without an angle; GEOS bevels it
            outlines[off] = shapely.buffer(outlines[off], moved, join_style="mitre")
        # What crosses itself is refused later, and no ground for an intersection.
        beyond = shapely.is_valid(outlines) & ~shapely.covers(extent, outlines)
        outlines[beyond] = shapely.intersection(outlines[beyond], extent)
    return outlines


def _fits(outlines: Polygons, stairs: Polygons) -> BoolArray:
    """Whether outlines are valid, in one piece, with the same holes and the same area as the staircases."""
    whole = shapely.is_valid(outlines) & (shapely.get_type_id(outlines) == shapely.GeometryType.POLYGON)
    whole &= shapely.get_num_interior_rings(outlines) == shapely.get_num_interior_rings(stairs)
    return np.asarray(whole & (np.abs(shapely.area(outlines) / shapely.area(stairs) - 1) <= AREA_TOLERANCE))


def _missed(outlines: Polygons, steps: Steps, asked: IntArray, reach: float) -> BoolArray:
    """(edge asked,) True where an outline does not come within `reach` of the edge's middle."""
    drawn = shapely.boundary(outlines)
    shapely.prepare(drawn)
    return ~np.asarray(shapely.dwithin(drawn[steps.polygon[asked]], shapely.points(steps.middle[asked]), reach))


def _near(outlines: Polygons, stairs: Polygons, steps: Steps) -> BoolArray:
    """Whether outlines pass near every edge's middle, and their corners near the staircase."""
    stair = shapely.boundary(stairs)
    shapely.prepare(stair)
    corners, of = shapely.get_coordinates(outlines, return_index=True)
    astray = ~shapely.dwithin(stair[of], shapely.points(corners), CORNER_PX)
    missed = _missed(outlines, steps, np.arange(len(steps.ring)), REACH_PX)
    return np.asarray(np.bincount(steps.polygon, missed) + np.bincount(of, astray, len(stairs)) == 0)


def _explains(outlines: Polygons, stairs: Polygons) -> BoolArray:
    """Whether outlines differ from the staircases by no more ground than rounding to pixels does."""
    between = shapely.area(shapely.symmetric_difference(outlines, stairs))
    return np.asarray(between <= ROUNDING_PX * shapely.length(stairs))


_WAYS = ((_rectangles, True), (_right_angled, True), (_free, False), (_bevelled, False))
"""Ways to draw an outline, the simplest first, and whether each must explain the pixels as well as rounding does."""
