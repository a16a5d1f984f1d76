"""One metric grid per site, its tiles, and the pixels of scenes and rasters on them."""

from changedetect.tiling.bands import common_bands
from changedetect.tiling.grid import TilingOptions, cut, site_grid
from changedetect.tiling.offsets import settle_offset
from changedetect.tiling.pairs import RasterPair, open_rasters, read_rasters
from changedetect.tiling.scenes import read_scene, read_scenes

__all__ = [
    "RasterPair",
    "TilingOptions",
    "common_bands",
    "cut",
    "open_rasters",
    "read_rasters",
    "read_scene",
    "read_scenes",
    "settle_offset",
    "site_grid",
]
