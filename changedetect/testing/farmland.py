"""Farmland to build on: fields, tracks, woods, a village and a road, all from a seed."""

from collections.abc import Sequence

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from scipy import ndimage
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from changedetect.errors import ConfigError
from changedetect.testing.landscape import FARMLAND, FINE_M, Landscape
from changedetect.testing.spectra import COVER_CODES
from changedetect.testing.textures import districts, edges, smooth_noise, strips
from changedetect.types import FloatArray, IntArray

Painting = Sequence[tuple[BaseGeometry, str]]
"""Shapes in the landscape's CRS and their covers; a later one lies over an earlier one."""


def farmland(name: str, *, west: float, north: float, epsg: int, size_m: tuple[float, float], seed: int) -> Landscape:
    """Fields, tracks and woods, on which nothing is built yet.

    Parameters
    ----------
    west, north : float
        Upper left corner in metres of the CRS; multiples of 60 fit the pixels of every sensor.
    size_m : tuple of float
        Height and width, metres; multiples of 20.
    """
    shape = (round(size_m[0] / FINE_M), round(size_m[1] / FINE_M))
    if min(shape) < 8 or any(side % 20 for side in size_m):
        msg = f"landscape {name}: size {size_m} m is not a multiple of 20 m: round it"
        raise ConfigError(msg)
    geobox = GeoBox.from_bbox((west, north - size_m[0], west + size_m[1], north), f"EPSG:{epsg}", resolution=FINE_M)
    rng = np.random.default_rng([seed, 10])
    parcel, tracks = _fields(rng, shape)
    cover = np.full(shape, FARMLAND, dtype=np.uint8)
    cover[edges(parcel)] = COVER_CODES["meadow"]
    cover[tracks] = COVER_CODES["bare_light"]
    wood = smooth_noise(rng, shape, 40) + 0.35 * smooth_noise(rng, shape, 6)
    cover[wood > 1.75] = COVER_CODES["deciduous"]
    cover[wood < -2.0] = COVER_CODES["conifer"]
    bank = np.full(shape, np.inf, dtype=np.float32)
    return Landscape(name=name, geobox=geobox, seed=seed, cover=cover, parcel=parcel, bank_m=bank)


def _fields(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[IntArray, IntArray]:
    area_of = districts(rng, shape, max(2, round(shape[0] * shape[1] / 110_000)))
    parcel = np.zeros(shape, dtype=np.int32)
    first = 0
    for area in range(int(area_of.max()) + 1):
        here = area_of == area
        wide = rng.uniform(0.7, 1.6)
        _, number = np.unique(strips(rng, shape, (16 * wide, 44 * wide), (70, 240))[here], return_inverse=True)
        if number.size:
            parcel[here] = first + number
            first = int(parcel.max()) + 1
    return parcel, ndimage.binary_dilation(edges(area_of))


def block(x: float, y: float, size_m: tuple[float, float], angle_deg: float = 0.0) -> Polygon:
    """Rectangle of a length along x and a width along y around a point, turned anticlockwise.

    >>> block(100, 50, (20, 10)).bounds
    (90.0, 45.0, 110.0, 55.0)
    """
    half_x, half_y = size_m[0] / 2, size_m[1] / 2
    turned = affinity.rotate(box(x - half_x, y - half_y, x + half_x, y + half_y), angle_deg)
    return Polygon(turned.exterior)


def strip(points: Sequence[tuple[float, float]], width_m: float) -> Polygon:
    """Road, track bed or channel along points.

    >>> strip([(0, 0), (100, 0)], 8).area
    800.0
    """
    return Polygon(LineString(points).buffer(width_m / 2, cap_style="flat", join_style="mitre").exterior)


def village(rng: np.random.Generator, x: float, y: float, radius_m: float) -> list[tuple[BaseGeometry, str]]:
    """Gardens with two crossing streets and a house every 18 m along them and along two lanes beside."""
    angle = float(rng.uniform(0, 90))
    painted: list[tuple[BaseGeometry, str]] = [(block(x, y, (2 * radius_m, 1.5 * radius_m), angle), "garden")]
    for offset in (-0.55, 0.0, 0.5):
        lane = offset * 1.3 * radius_m
        painted.append((block(x, y + lane, (2 * radius_m, 6), 0), "asphalt"))
        for along in np.arange(-radius_m + 9, radius_m - 8, 18):
            for side in (-15, 15):
                if rng.random() < 0.78:
                    size = (float(rng.uniform(9, 14)), float(rng.uniform(8, 11)))
                    roof = str(rng.choice(["red_tile", "red_tile", "slate_roof", "grey_roof"]))
                    at = (x + float(along + rng.normal(0, 2)), y + lane + side + float(rng.normal(0, 2)))
                    painted.append((block(*at, size, 0), roof))
    painted.append((block(x, y, (7, 1.5 * radius_m), 0), "asphalt"))
    turned = [(affinity.rotate(shape, angle, origin=(x, y)), cover) for shape, cover in painted[1:]]
    return [painted[0], *turned]


def paint(landscape: Landscape, painting: Painting) -> IntArray:
    """(y, x) cover of a landscape with shapes laid over it."""
    cover = landscape.cover.copy()
    for shape, name in painting:
        rasterize([(shape, COVER_CODES[name])], out=cover, transform=landscape.geobox.affine)
    return cover


def distance_m(landscape: Landscape, shape: BaseGeometry) -> FloatArray:
    """(y, x) distance of each pixel from a shape, metres."""
    inside = rasterize([(shape, 1)], out_shape=landscape.geobox.shape, transform=landscape.geobox.affine)
    return np.asarray(ndimage.distance_transform_edt(inside == 0) * FINE_M, dtype=np.float32)
