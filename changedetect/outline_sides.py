"""Straight sides through the steps of a staircase: the geometry under `outlining`.

Arrays hold all polygons at once, ring after ring. An edge is the side of one pixel; a side is a run of edges; a break
is the edge where a side starts.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from changedetect.types import BoolArray, Float64Array, IntArray

CORNER_PX = 1.0
"""How far a corner may be from the staircase: a right angle can hold this much ground and no pixel's centre."""
REACH_PX = 0.5**0.5
"""Half the diagonal of a pixel: how far an outline may be from an edge's middle."""
NEAR_PX = 0.6
"""How far a side may be from a middle before it is split: half a pixel, for the true border passes between the centres
on either side of the edge, and a tenth for the fit's own error."""
_FAINT = 1e-3
"""Weight of a corner's own middle in the two sides that meet there: it counts only where there is hardly another."""
ROUNDS = 8
"""Most rounds of splitting sides that don't fit."""

Polygons = NDArray[np.object_]
"""(polygon,) shapely polygons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Unit edges of the staircases of many polygons, ring after ring."""

    middle: Float64Array
    """(edge, 2) middle of each edge; the unit is the coarser side of a pixel."""
    ring: IntArray
    """(edge,) ring it belongs to, from 0, ascending."""
    start: IntArray
    """(ring,) index of the ring's first edge."""
    owner: IntArray
    """(ring,) polygon it belongs to, from 0, ascending; its outer ring comes first."""

    @property
    def polygon(self) -> IntArray:
        """(edge,) polygon it belongs to."""
        return self.owner[self.ring]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Straight sides through the middles, in the order of the rings."""

    first: IntArray
    """(side,) index of the edge it starts with."""
    ring: IntArray
    """(side,) its ring."""
    before: IntArray
    """(side,) the side that ends where it starts."""
    angle: Float64Array
    """(side,) direction of travel, radians."""
    anchor: Float64Array
    """(side, 2) a point on it."""
    spread: Float64Array
    """(side, 2) how far the middles reach along it: the sum of squares, as a vector of twice the angle."""

    @property
    def normal(self) -> Float64Array:
        """(side, 2) unit normal."""
        return np.column_stack([-np.sin(self.angle), np.cos(self.angle)])


def steps_of(stairs: Polygons, scale: tuple[float, float]) -> Steps:
    """Cut the staircases into edges of pixels; each ring starts at the one farthest from the ring's middle."""
    rings, owner = shapely.get_rings(stairs, return_index=True)
    rings = shapely.segmentize(shapely.transform(rings, lambda xy: np.round(xy / scale)), 1.0)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    corners = np.round(corners)
    same = ring[1:] == ring[:-1]
    middle, ring = ((corners[1:] + corners[:-1]) / 2)[same] * scale, ring[1:][same]
    count = np.bincount(ring)
    start = np.cumsum(count) - count
    centre = np.column_stack([np.bincount(ring, middle[:, axis]) for axis in (0, 1)]) / count[:, None]
    far = _argmax(np.hypot(*(middle - centre[ring]).T), ring)
    place = np.arange(len(ring))
    turned = start[ring] + (place - start[ring] + (far - start)[ring]) % count[ring]
    return Steps(middle=middle[turned], ring=ring, start=start, owner=owner)


def _argmax(value: Float64Array, group: IntArray) -> IntArray:
    """(group,) index of the largest value of each group, the first of equals; groups are ascending and not empty."""
    order = np.lexsort((-np.arange(len(value)), np.round(value, 9), group))
    return order[np.flatnonzero(np.r_[group[order][1:] != group[order][:-1], True])]


def _first_breaks(steps: Steps) -> BoolArray:
    """(edge,) True where a side starts: Douglas and Peucker (1973, doi:10.3138/FM57-6770-U75U-7727).

    Within one pixel: both the ends of a chord and what lies between may be half a pixel off the true border.
    """
    count = len(steps.ring)
    # Rings are closed, and each place carries its edge's number as height.
    edge = np.insert(np.arange(count), np.r_[steps.start[1:], count], steps.start)
    lines = shapely.linestrings(np.column_stack([steps.middle, np.arange(count)])[edge], indices=steps.ring[edge])
    kept = shapely.get_coordinates(shapely.simplify(lines, 1.0, preserve_topology=False), include_z=True)[:, 2]
    breaks = np.zeros(count, dtype=bool)
    breaks[kept.astype(np.int64)] = True
    few, edges = np.bincount(steps.ring, breaks) < 3, np.bincount(steps.ring)
    for part in range(4):
        breaks[(steps.start + part * edges // 4)[few]] = True
    return breaks


def side_of(steps: Steps, breaks: BoolArray) -> IntArray:
    """(edge,) the side it lies on; what comes before a ring's first break lies on the ring's last side."""
    side = np.cumsum(breaks) - 1
    last = np.cumsum(np.bincount(steps.ring, breaks)).astype(np.int64) - 1
    opening = side < np.r_[0, last[:-1] + 1][steps.ring]
    return np.where(opening, last[steps.ring], side)


def fit(steps: Steps, breaks: BoolArray, told: BoolArray | None = None) -> Sides:
    """Lay a line through the middles between each break and the next: orthogonal least squares (Pearson 1901).

    Where `told` (edge,) is False, a middle counts for next to nothing.
    """
    first = np.flatnonzero(breaks)
    ring = steps.ring[first]
    opens = np.r_[True, ring[1:] != ring[:-1]]
    before = np.where(opens, np.searchsorted(ring, ring, side="right") - 1, np.arange(len(first)) - 1)
    inner = np.flatnonzero(~breaks)
    side = np.r_[side_of(steps, breaks)[inner], np.arange(len(first)), before]
    known = np.ones(len(inner)) if told is None else np.where(told[inner], 1.0, _FAINT)
    weight = np.r_[known, np.full(2 * len(first), _FAINT)]
    origin = steps.middle[first]
    # From each side's start: sums of squares of UTM-sized numbers would lose the pixel.
    offset = steps.middle[np.r_[inner, first, first]] - origin[side]
    total = np.bincount(side, weight)
    mean: Float64Array = np.column_stack([np.bincount(side, weight * part) / total for part in offset.T])
    dx, dy = (offset - mean[side]).T
    along, across = (np.bincount(side, weight * part) for part in (dx * dx - dy * dy, 2 * dx * dy))
    chord = np.empty_like(origin)
    chord[before] = origin
    chord -= origin
    angle = np.arctan2(across, along) / 2
    angle += np.where(np.cos(angle) * chord[:, 0] + np.sin(angle) * chord[:, 1] < 0, np.pi, 0.0)
    spread: Float64Array = np.column_stack([along, across]).astype(np.float64)
    return Sides(first=first, ring=ring, before=before, angle=angle, anchor=origin + mean, spread=spread)


def sides_of(steps: Steps) -> Sides:
    """Fit sides, and split them at the middle farthest from them until all are near."""
    breaks = _first_breaks(steps)
    sides = fit(steps, breaks)
    for _ in range(ROUNDS):
        side = side_of(steps, breaks)
        off = np.abs(np.sum((steps.middle - sides.anchor[side]) * sides.normal[side], axis=1))
        off[breaks] = 0
        worst = _argmax(off, side)
        worst = worst[off[worst] > NEAR_PX]
        if not len(worst):
            break
        breaks[worst] = True
        sides = fit(steps, breaks)
    return sides


def corners_of(steps: Steps, sides: Sides, reach: float = CORNER_PX) -> Float64Array:
    """(side, 2) where each side meets the one before.

    Where that is farther than `reach` from the edge between them (they are almost parallel), half-way between the two.
    """
    here, there = sides.normal, sides.normal[sides.before]
    at = steps.middle[sides.first]
    off_here = np.sum((sides.anchor - at) * here, axis=1)
    off_there = np.sum((sides.anchor[sides.before] - at) * there, axis=1)
    turn = there[:, 0] * here[:, 1] - there[:, 1] * here[:, 0]
    safe = np.where(np.abs(turn) < 1e-6, 1.0, turn)
    meet = np.column_stack(
        [off_there * here[:, 1] - off_here * there[:, 1], off_here * there[:, 0] - off_there * here[:, 0]]
    )
    meet /= safe[:, None]
    between = (off_here[:, None] * here + off_there[:, None] * there) / 2
    far = (np.abs(turn) < 1e-6) | (np.hypot(*meet.T) > reach)
    return at + np.where(far[:, None], between, meet)
