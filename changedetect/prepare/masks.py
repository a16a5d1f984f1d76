"""Clear sky: where a scene shows the ground."""

import math

import numpy as np
from scipy import ndimage as ndi

from changedetect.grid import pixel_size_m
from changedetect.model import Tile
from changedetect.prepare.options import PrepareOptions
from changedetect.sensors import SENSORS
from changedetect.types import BoolArray


def halo_px(pixel_m: float, options: PrepareOptions) -> int:
    """Pixels that `clear_sky` looks beyond the ones it decides."""
    return math.ceil(options.cloud_dilation_m / pixel_m)


def clear_sky(tile: Tile, options: PrepareOptions) -> BoolArray:
    """(y, x) True where the ground is seen: valid, no snow, and away from cloud and shadow.

    Right wherever `halo_px` of the tile lie around a pixel, or the site ends.
    """
    quality = SENSORS[tile.scene.sensor].decode_qa(tile.qa)
    covered = grow(quality.cloud | quality.shadow, options.cloud_dilation_m, pixel_size_m(tile.geobox))
    return np.asarray(tile.valid & ~quality.nodata & ~quality.snow & ~covered)


def grow(mask: BoolArray, distance_m: float, pixel_m: tuple[float, float]) -> BoolArray:
    """Every pixel whose centre lies within `distance_m` of a True pixel's centre.

    >>> grow(np.array([[False, False, True]]), 10.0, (10.0, 10.0)).tolist()
    [[False, True, True]]
    """
    if not mask.any():
        return mask
    return np.asarray(ndi.distance_transform_edt(~mask, sampling=pixel_m) <= distance_m + 1e-6)
