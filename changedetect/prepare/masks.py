"""Clear sky: where a scene shows the ground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from changedetect.grid import pixel_size_m
from changedetect.model import Tile, same_pass
from changedetect.prepare.options import PrepareOptions
from changedetect.sensors import SENSORS
from changedetect.types import BoolArray, IntArray

SATURATED = 1.6
"""Reflectance that no ground has: the end of Landsat's numbers (65535 times 0.0000275 less 0.2, LSDS-1619), far below
that of Sentinel-2's (6.45). Sentinel-2's saturated pixels are class 1 of SCL; QA_RADSAT is not read."""

_EPSILON_M = 1e-6
"""Rounding of distances in pixels times metres."""
_MOST_ROWS = 30
"""Up to so many rows to grow by, going through them is faster than a distance transform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One tile of a window and what its quality band says, before anything is grown."""

    tile: Tile
    """The pixels."""
    usable: BoolArray
    """(y, x) True where there is data that is neither defective, saturated nor snow."""
    cloud: BoolArray
    """(y, x) True where the quality band, or a mask model, says cloud."""
    shadow: BoolArray
    """(y, x) True where the quality band says cloud shadow."""
    first: BoolArray
    """(y, x) True where it counts as a look of its own: data, and no earlier tile of its pass has any."""


def look_at(tile: Tile) -> Look:
    """Decode a tile's quality band."""
    quality = SENSORS[tile.scene.sensor].decode_qa(tile.qa)
    saturated = (tile.data >= SATURATED).any(axis=0) if len(tile.data) else np.zeros_like(tile.valid)
    seen = tile.valid & ~quality.nodata
    usable = np.asarray(seen & ~quality.snow & ~saturated)
    return Look(tile=tile, usable=usable, cloud=quality.cloud, shadow=quality.shadow, first=np.asarray(seen))


def looks_of(tiles: Sequence[Tile]) -> tuple[Look, ...]:
    """Looks of a window, oldest first; where tiles of one pass overlap, the first of them counts."""
    ordered = sorted(tiles, key=lambda tile: (tile.scene.datetime, tile.scene.scene_id))
    looks = [look_at(tile) for tile in ordered]
    for number, look in enumerate(looks):
        for earlier in looks[:number]:
            if same_pass(earlier.tile.scene, look.tile.scene):
                look.first[earlier.tile.valid] = False
    return tuple(looks)


def clear_of(look: Look, options: PrepareOptions) -> BoolArray:
    """(y, x) True where the ground is seen: usable, and away from cloud and shadow.

    Right wherever `options.cloud_dilation_m` of the tile lie around a pixel, or the site ends.
    """
    covered = grow(look.cloud | look.shadow, options.cloud_dilation_m, pixel_size_m(look.tile.geobox))
    return np.asarray(look.usable & ~covered)


def clear_sky(tile: Tile, options: PrepareOptions) -> BoolArray:
    """(y, x) True where the ground is seen by what the quality band of this scene alone says."""
    return clear_of(look_at(tile), options)


def grow(mask: BoolArray, distance_m: float, pixel_m: tuple[float, float]) -> BoolArray:
    """Every pixel whose centre lies within `distance_m` of a True pixel's centre.

    >>> grow(np.array([[False, False, True]]), 10.0, (10.0, 10.0)).tolist()
    [[False, True, True]]
    """
    if not mask.any():
        return mask
    limit_m = distance_m + _EPSILON_M
    down = math.floor(limit_m / pixel_m[0])
    if down > _MOST_ROWS:
        return np.asarray(ndi.distance_transform_edt(~mask, sampling=pixel_m) <= limit_m)
    # Row by row of the disk: a distance transform takes five times as long, and twenty bytes a pixel.
    grown = np.zeros_like(mask)
    for away in range(min(down, len(mask) - 1) + 1):
        across = math.floor(math.sqrt(limit_m**2 - (away * pixel_m[0]) ** 2) / pixel_m[1])
        wide = ndi.maximum_filter1d(mask.view(np.uint8), 2 * across + 1, axis=1, mode="constant").view(bool)
        grown[away:] |= wide[: len(wide) - away]
        grown[: len(wide) - away] |= wide[away:]
    return grown


def count_around(mask: BoolArray, radius_px: int) -> IntArray:
    """How many pixels are True in the square of `radius_px` around each; beyond the edge there are none.

    Whole numbers, added up window by window: a tile and the whole give the same.

    >>> count_around(np.array([[True, True, False, False]]), 1).tolist()
    [[2, 2, 1, 0]]
    """
    counts: IntArray = mask.astype(np.uint16)
    ones = np.ones(2 * radius_px + 1, dtype=np.uint16)
    for axis in (0, 1):
        counts = ndi.correlate1d(counts, ones, axis=axis, mode="constant")
    return counts
