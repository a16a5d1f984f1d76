"""Arithmetic on a site's grid: its tiles, its pixels in metres, every n-th row and column of it."""

import math
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True, kw_only=True)
class TileSpec:
    """A rectangle of a site's grid, with a halo that local operations may look into."""

    grid: GeoBox
    """The whole site's grid."""
    rows: slice
    """Rows of `grid` that this tile owns (no other tile owns them)."""
    cols: slice
    """Columns of `grid` that this tile owns."""
    halo_px: int
    """Pixels read beyond the owned ones on each side, where the grid goes on."""

    @property
    def padded(self) -> tuple[slice, slice]:
        """Rows and columns of `grid` to be read: the owned ones and the halo."""
        height, width = self.grid.shape
        return (
            slice(max(self.rows.start - self.halo_px, 0), min(self.rows.stop + self.halo_px, height)),
            slice(max(self.cols.start - self.halo_px, 0), min(self.cols.stop + self.halo_px, width)),
        )

    @property
    def geobox(self) -> GeoBox:
        """Grid of the padded rectangle."""
        return self.grid[self.padded]

    @property
    def inner(self) -> tuple[slice, slice]:
        """Where the owned pixels lie inside an array of the padded rectangle."""
        rows, cols = self.padded
        return (
            slice(self.rows.start - rows.start, self.rows.stop - rows.start),
            slice(self.cols.start - cols.start, self.cols.stop - cols.start),
        )

    def every(self, step: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Thin the site to every `step`-th row and column of `grid`.

        Gives where this tile's share lies in an array of the padded rectangle, and where it goes in the thinned site.
        """
        take, place = [], []
        for owned, inner in zip((self.rows, self.cols), self.inner, strict=True):
            take.append(slice(inner.start + -owned.start % step, inner.stop, step))
            place.append(slice(-(-owned.start // step), -(-owned.stop // step)))
        return (take[0], take[1]), (place[0], place[1])


def thinned_shape(grid: GeoBox, step: int) -> tuple[int, int]:
    """Rows and columns left of a grid when every `step`-th is kept."""
    rows, cols = grid.shape
    return -(-rows // step), -(-cols // step)


def pixel_size_m(geobox: GeoBox) -> tuple[float, float]:
    """Height and width of a pixel in metres, at the centre of the grid.

    A grid in degrees is measured on the WGS 84 ellipsoid (`pyproj.Geod`), a projected one by its own unit.
    """
    transform = geobox.affine
    height, width = float(np.hypot(transform.b, transform.e)), float(np.hypot(transform.a, transform.d))
    if geobox.crs is not None and geobox.crs.geographic:
        from pyproj import Geod  # noqa: PLC0415 - only grids in degrees need it

        lon, lat = geobox.extent.centroid.coords[0]
        geod = Geod(ellps="WGS84")
        height = geod.inv(lon, lat - height / 2, lon, lat + height / 2)[2]
        width = geod.inv(lon - width / 2, lat, lon + width / 2, lat)[2]
    return float(height), float(width)


def mean_pixel_m(geobox: GeoBox) -> float:
    """Side of a square pixel of the same area, metres, at the centre of the grid."""
    height, width = pixel_size_m(geobox)
    return float(np.sqrt(height * width))


def round_length(room_m: float) -> float:
    """Longest of 1, 2, 5, 10, ... metres that fits: what a scale bar stands for.

    >>> round_length(49.9), round_length(2000)
    (20.0, 2000.0)
    """
    power = 10.0 ** math.floor(math.log10(room_m))
    return max(step for step in (power, 2 * power, 5 * power) if step <= room_m)


def length_text(metres: float) -> str:
    """What a scale bar says.

    >>> length_text(500.0), length_text(2000.0)
    ('500 m', '2 km')
    """
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
