"""The grid of a site, and its tiles."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from changedetect import geotiff
from changedetect.errors import ConfigError, RasterError
from changedetect.grid import TileSpec
from changedetect.lonlat import eastward
from changedetect.model import Scene, Site
from changedetect.sensors import SENSORS

log = logging.getLogger(__name__)

_MIN_TILE_PX = 16
_UTM_NORTH, _UTM_SOUTH = 84.0, -80.0
_ARCTIC, _ANTARCTIC = 3413, 3031
_HALF_WORLD_DEG = 180.0
_ANCHORS = 3
"""Scenes whose header is tried before the grid is laid without one."""
_NOISE_PX = 1e-6
"""Site edges that miss a pixel edge by less are on it: no extra row for rounding noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingOptions:
    """How a site is laid out in pixels."""

    tile_px: int = 1536
    """Side of a tile, pixels: memory grows with its square; results do not depend on it."""
    resolution_m: float | None = None
    """Pixel size, metres; None: the finest pixel of the coarsest sensor among the scenes."""
    threads: int = 32
    """Files read at once: reads wait for the network, not for the processor."""

    def __post_init__(self) -> None:
        if self.tile_px < _MIN_TILE_PX:
            msg = f"tile_px is {self.tile_px}: give at least {_MIN_TILE_PX} pixels"
            raise ConfigError(msg)
        if self.threads < 1:
            msg = f"tiling.threads is {self.threads}: give at least 1"
            raise ConfigError(msg)
        if self.resolution_m is not None and not self.resolution_m > 0:
            msg = f"resolution_m is {self.resolution_m}: give a pixel size above 0 metres, or leave it out"
            raise ConfigError(msg)


def site_grid(site: Site, scenes: Sequence[Scene], options: TilingOptions | None = None) -> GeoBox:
    """Lay a metric grid over a site, on the pixels of its scenes.

    The CRS is the projected metric one that most scenes share, else the site's UTM zone. Pixel edges lie where those
    of the scenes lie, so that their pixels need no resampling: Sentinel-2's are multiples of 10 m from the origin of
    the CRS, but Landsat's are 15 m off multiples of 30 m, and cut-outs may lie anywhere; so the header of one scene
    is read. When none can be read, edges are multiples of the resolution.
    """
    options = options or TilingOptions()
    epsg = _shared_epsg(scenes) or _utm_epsg(site.geometry)
    finest = max((SENSORS[scene.sensor].gsd_m for scene in scenes), default=10.0)
    step = options.resolution_m or finest
    left, top = _anchor([scene for scene in scenes if scene.epsg == epsg], step)
    to_grid = Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)
    # Straight lines in lon/lat bend in the projection: bound them at points at most 0.01 degrees (1 km) apart.
    outline = shapely.get_coordinates(shapely.segmentize(site.geometry, 0.01))
    x, y = to_grid.transform(outline[:, 0], outline[:, 1])
    cols, rows = (np.asarray(x) - left) / step, (top - np.asarray(y)) / step
    west, north = floor(cols.min() + _NOISE_PX), floor(rows.min() + _NOISE_PX)
    width = max(ceil(cols.max() - _NOISE_PX) - west, 1)
    height = max(ceil(rows.max() - _NOISE_PX) - north, 1)
    transform = Affine(step, 0.0, left + west * step, 0.0, -step, top - north * step)
    return GeoBox((height, width), transform, f"EPSG:{epsg}")


def cut(grid: GeoBox, tile_px: int, halo_px: int = 0) -> tuple[TileSpec, ...]:
    """Cut a grid into tiles that own every pixel exactly once, row by row.

    >>> [tile.cols for tile in cut(GeoBox((5, 9), Affine(10, 0, 0, 0, -10, 0), "EPSG:32652"), tile_px=5)]
    [slice(0, 5, None), slice(5, 9, None)]
    """
    if tile_px < 1 or halo_px < 0:
        msg = f"tiles of {tile_px} pixels with a halo of {halo_px} can't be cut: give at least 1 and 0"
        raise ConfigError(msg)
    height, width = grid.shape
    return tuple(
        TileSpec(grid=grid, rows=rows, cols=cols, halo_px=halo_px)
        for rows in _spans(height, tile_px)
        for cols in _spans(width, tile_px)
    )


def _spans(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _shared_epsg(scenes: Sequence[Scene]) -> int | None:
    counts = Counter(scene.epsg for scene in scenes if scene.epsg is not None and _is_metric(scene.epsg))
    # The smaller code wins a tie, whatever the order of the scenes.
    return min(counts, key=lambda epsg: (-counts[epsg], epsg)) if counts else None


@lru_cache(maxsize=64)
def _is_metric(epsg: int) -> bool:
    crs = CRS.from_epsg(epsg)
    return crs.is_projected and all(axis.unit_name == "metre" for axis in crs.axis_info)


def _utm_epsg(geometry: BaseGeometry) -> int:
    """Give the UTM zone of a geometry's centre (lon/lat), without the exceptions around Norway.

    Beyond 84 degrees north and 80 south, where UTM ends, the polar stereographic grids of NSIDC and of Landsat.
    """
    west, south, east, north = geometry.bounds
    lat = (south + north) / 2
    if lat > _UTM_NORTH or lat < _UTM_SOUTH:
        return _ARCTIC if lat > 0 else _ANTARCTIC
    if east - west > _HALF_WORLD_DEG:  # lies on both sides of the antimeridian
        geometry = eastward(geometry)
    lon = (geometry.centroid.x + 180) % 360
    return (32600 if lat >= 0 else 32700) + int(lon // 6) + 1


def _anchor(scenes: Sequence[Scene], step: float) -> tuple[float, float]:
    """Give the corner of a pixel of the scenes, when they have pixels of this size."""
    for scene in scenes[:_ANCHORS]:
        asset = scene.bands.get("red") or next(iter(scene.bands.values()))
        try:
            own = geotiff.info(asset.href).geobox
        except RasterError as error:
            log.info("can't align the grid to scene %s: %s", scene.scene_id, error)
            continue
        if own.affine.a == step and own.affine.e == -step:
            return own.affine.c % step, own.affine.f % step
    return 0.0, 0.0
