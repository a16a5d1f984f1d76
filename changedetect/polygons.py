"""From a mask of changed pixels to polygons: clean up, label, vectorise."""

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.features import shapes
from scipy import ndimage as ndi
from shapely import union_all
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from skimage import morphology

from changedetect.errors import ConfigError
from changedetect.model import pixel_size_m
from changedetect.types import BoolArray, Float64Array, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonOptions:
    """Options of the object clean-up."""

    min_area_m2: float = 800.0
    """Minimum mapping unit: smaller objects are dropped. Eight Sentinel-2 pixels; nothing smaller can be trusted."""
    max_hole_m2: float = 3000.0
    """Holes in an object smaller than this are filled: a courtyard, not a field."""
    opening_below_m: float = 15.0
    """Where pixels are finer than this, specks and threads under 2 by 2 pixels are removed first."""

    def __post_init__(self) -> None:
        for name in ("min_area_m2", "max_hole_m2", "opening_below_m"):
            if getattr(self, name) < 0:
                msg = f"polygons.{name} is {getattr(self, name)}: give 0 or more"
                raise ConfigError(msg)


def pixel_area_m2(geobox: GeoBox) -> float:
    """Ground covered by a pixel at the centre of the grid."""
    height, width = pixel_size_m(geobox)
    return height * width


def clean(mask: BoolArray, geobox: GeoBox, options: PolygonOptions, *, opened: bool = True) -> BoolArray:
    """Remove specks and small objects, close gaps of a pixel, fill small holes.

    Parameters
    ----------
    mask
        (y, x) True where changed.
    geobox
        Its grid.
    options
        Sizes.
    opened
        Whether threads thinner than two pixels go (only on pixels finer than `options.opening_below_m`).
    """
    area = pixel_area_m2(geobox)
    if opened and np.sqrt(area) < options.opening_below_m:
        # scipy's even-sized structures are off-centre, and its opening corrects for it: no shift results.
        mask = ndi.binary_opening(mask, structure=np.ones((2, 2), dtype=bool))
    cross = ndi.generate_binary_structure(2, 1)
    # Padded, or the closing would eat what touches the border.
    mask = ndi.binary_closing(np.pad(mask, 1, mode="edge"), structure=cross)[1:-1, 1:-1] | mask
    least, hole = int(np.ceil(options.min_area_m2 / area)), int(options.max_hole_m2 / area)
    mask = morphology.remove_small_objects(mask, max_size=least - 1, connectivity=1)
    return np.asarray(morphology.remove_small_holes(mask, max_size=hole, connectivity=1))


def label(mask: BoolArray) -> IntArray:
    """Number the objects 1..n; pixels that touch only at a corner are two objects."""
    labels: IntArray = ndi.label(mask)[0]
    return labels


def areas_m2(labels: IntArray, geobox: GeoBox) -> Float64Array:
    """(object,) area of each label in square metres: pixels times the area of one."""
    return np.bincount(labels.ravel())[1:].astype(np.float64) * pixel_area_m2(geobox)


def outlines(labels: IntArray, geobox: GeoBox) -> Sequence[BaseGeometry]:
    """(object,) exact outline of each label, in the grid's CRS."""
    parts: dict[int, list[BaseGeometry]] = {}
    for geometry, value in shapes(labels, mask=labels > 0, connectivity=4, transform=geobox.affine):
        parts.setdefault(int(value), []).append(shape(geometry))
    return [union_all(parts[number]) for number in sorted(parts)]
