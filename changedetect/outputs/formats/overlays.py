"""Pictures of both dates on a grid in degrees, as globes lay them over the ground."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

from changedetect.geotiff import info, lonlat_bounds, read
from changedetect.stretching import choose_bands, stretch, together
from changedetect.types import WINDOW_NAMES, FloatArray

_MAX_SIDE = 1024
"""Pixels of a picture's longer side: 3.5 MB a picture of nothing but noise, the worst there is."""
_FINER = 2.0
"""Finer than the site's own pixels, so that they keep their place within a quarter of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One date as a picture."""

    png: bytes
    """RGBA, transparent where nothing was seen."""
    west: float
    """Longitude of the left edge, degrees."""
    south: float
    """Latitude of the lower edge."""
    east: float
    """Longitude of the right edge; more than 180 where the site lies across the antimeridian."""
    north: float
    """Latitude of the upper edge."""


def overlays_of(preview: Path, *, calibrated: bool) -> tuple[Overlay, Overlay]:
    """Draw both dates of a `preview.tif` in one stretch, true colour where it can be.

    Raises
    ------
    RasterError
        It can't be read.
    """
    raster = info(preview)
    grid = lonlat_grid(raster.geobox)
    bands = choose_bands(tuple(name.removeprefix("before_") for name in raster.band_names if name[:7] == "before_"))
    finer = max(grid.shape) >= max(raster.geobox.shape)
    dates: list[FloatArray] = []
    for date in WINDOW_NAMES:
        indexes = [raster.band_names.index(f"{date}_{band}") + 1 for band in bands]
        data, valid = read(preview, grid, indexes=indexes, resampling="nearest" if finer else "auto")
        dates.append(np.where(valid, data.astype(np.float32), np.float32(np.nan)))
    pictures = stretch(dates[0], dates[1], together=together(bands, calibrated=calibrated))
    west, south, east, north = (float(edge) for edge in grid.boundingbox)
    drawn = []
    for picture, data in zip(pictures, dates, strict=True):
        opaque = np.where(np.isfinite(data).all(axis=0), 255, 0).astype(np.uint8)
        image = Image.fromarray(np.dstack([picture * (opaque[..., None] > 0), opaque]))
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        drawn.append(Overlay(png=buffer.getvalue(), west=west, south=south, east=east, north=north))
    return drawn[0], drawn[1]


def lonlat_grid(own: GeoBox) -> GeoBox:
    """A grid in degrees over all of another, twice as fine, or as fine as `_MAX_SIDE` allows."""
    west, south, east, north = lonlat_bounds(own)
    east += 360 if east < west else 0
    factor = min(_FINER, _MAX_SIDE / max(own.shape))
    height, width = (max(1, round(side * factor)) for side in own.shape)
    to_lonlat = Affine((east - west) / width, 0, west, 0, (south - north) / height, north)
    return GeoBox((height, width), to_lonlat, "EPSG:4326")
