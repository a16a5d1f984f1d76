"""From a mask of changed pixels to polygons: clean up, label, vectorise."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.features import shapes
from scipy import ndimage as ndi
from shapely import union_all
from shapely.affinity import affine_transform
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry
from skimage import morphology

from changedetect import outlining
from changedetect.changes import CHANGE_COLUMNS, SURE_FIRST, empty_changes
from changedetect.components import counted, large, looked_up, numbered, strips
from changedetect.errors import ConfigError
from changedetect.grid import mean_pixel_m, pixel_size_m
from changedetect.model import Site
from changedetect.neighbours import closed
from changedetect.neighbours import opened as without_threads
from changedetect.types import BoolArray, Float64Array, IntArray

BRIDGE_M = 30.0
"""Yards and lanes up to twice as wide between structures belong to the site."""
_REACH_PX = 6
"""Rows beyond a strip that opening and closing may look at: two each, and some to spare."""
_ROUND = 0.3
"""Added to a radius in pixels, a disk of that radius looks round."""
COMPACT = 0.6
"""Share of its convex hull that an object covers, from which on the hull is the site: plots are convex, roads and rows
of plots are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonOptions:
    """Options of the object clean-up."""

    min_area_m2: float = 800.0
    """Minimum mapping unit: smaller objects are dropped. Eight Sentinel-2 pixels; nothing smaller can be trusted."""
    min_pixels: int = 3
    """The same in pixels, for coarse ones: one or two at 30 m are what a roof's edge or a third of a pixel of
    misregistration leaves behind."""
    max_hole_m2: float = 3000.0
    """Holes in an object up to this size are filled: a courtyard, not a field."""
    opening_below_m: float = 15.0
    """Where pixels are finer than this, specks and threads under 2 by 2 pixels are removed first."""

    def __post_init__(self) -> None:
        for name in ("min_area_m2", "min_pixels", "max_hole_m2", "opening_below_m"):
            if getattr(self, name) < 0:
                msg = f"polygons.{name} is {getattr(self, name)}: give 0 or more"
                raise ConfigError(msg)


def pixel_area_m2(geobox: GeoBox) -> float:
    """Ground covered by a pixel at the centre of the grid."""
    height, width = pixel_size_m(geobox)
    return height * width


def clean(
    mask: BoolArray, geobox: GeoBox, options: PolygonOptions, *, known: BoolArray | None = None, opened: bool = True
) -> BoolArray:
    """Remove specks and small objects, bridge gaps of one or two pixels, fill small holes.

    Parameters
    ----------
    mask
        (y, x) True where changed.
    geobox
        Its grid.
    options
        Sizes.
    known
        (y, x) True where both dates were seen; no object covers anything else. None: everywhere.
    opened
        Whether threads thinner than two pixels go (only on pixels finer than `options.opening_below_m`).
    """
    mask = _bridged(mask, opened=opened and mean_pixel_m(geobox) < options.opening_below_m)
    if known is not None:
        mask &= known
    hole = int(options.max_hole_m2 / pixel_area_m2(geobox))
    filled = _filled(large(mask, _least_px(geobox, options)), hole)
    if known is not None:
        filled &= known
    return filled


def _least_px(geobox: GeoBox, options: PolygonOptions) -> int:
    return max(int(np.ceil(options.min_area_m2 / pixel_area_m2(geobox))), options.min_pixels, 1)


def _bridged(mask: BoolArray, *, opened: bool) -> BoolArray:
    """Threads cut and gaps closed, strip by strip."""
    out = np.empty_like(mask)
    for rows in strips(len(mask)):
        top = max(rows.start - _REACH_PX, 0)
        part = mask[top : rows.stop + _REACH_PX]
        out[rows] = closed(without_threads(part) if opened else part)[rows.start - top : rows.stop - top]
    return out


def _filled(mask: BoolArray, max_px: int) -> BoolArray:
    """Fill holes of at most `max_px` pixels; ground that reaches the grid's edge is no hole, however little it is."""
    holes = numbered(~mask)
    small = counted(holes) <= max_px
    for border in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        small[border] = False
    small[0] = False
    filled = looked_up(holes, small)
    filled |= mask
    return filled


def label(mask: BoolArray) -> IntArray:
    """Number the objects 1..n; pixels that touch only at a corner are two objects."""
    return numbered(mask)


def areas_m2(labels: IntArray, geobox: GeoBox) -> Float64Array:
    """(object,) area of each label in square metres: pixels times the area of one.

    This is what is measured and published as `area_m2`; the outlines are drawn within 5 % of it.
    """
    return counted(labels)[1:].astype(np.float64) * pixel_area_m2(geobox)


def outlines(labels: IntArray, geobox: GeoBox, keep: BoolArray | None = None) -> Sequence[BaseGeometry]:
    """Outlines to publish: what a person would draw around the pixels (see `outlining`), in the grid's CRS.

    Objects side by side don't overlap: the larger gives way. An outline depends on the pixels of its object and of
    those that touch it, never on which others are asked for.

    Parameters
    ----------
    labels
        (y, x) objects 1..n, 0 none.
    geobox
        Their grid; no outline leaves it.
    keep
        (object,) True for those to be outlined. None: all.

    Returns
    -------
    (object to be outlined,) valid outlines. But for what gave way to a neighbour, their area is within 5 % of the
    pixels' (`areas_m2`, the measured one).
    """
    meant = np.r_[False, np.ones(labels.max(initial=0), dtype=bool) if keep is None else keep]
    beside = _beside(labels)
    beside = beside[meant[beside].any(axis=1)]
    needed = meant.copy()
    needed[beside] = True
    height, width = pixel_size_m(geobox)
    places = ndi.find_objects(labels)
    parts = {int(number): _stairs(labels, int(number), places[number - 1]) for number in np.flatnonzero(needed)}
    scale = (width / max(width, height), height / max(width, height))
    exact = [one for several in parts.values() for one in several]
    drawn = iter(outlining.outline(exact, labels.shape, scale))
    whole = {number: union_all([next(drawn) for _ in several]) for number, several in parts.items()}
    shown = outlining.apart(whole, beside)
    affine = geobox.affine.to_shapely()
    return [affine_transform(shown[number], affine) for number in sorted(parts) if meant[number]]


def _stairs(labels: IntArray, number: int, place: tuple[slice, slice]) -> list[Polygon]:
    """The pixels of one object as they lie, in pixels of the whole grid."""
    own = labels[place] == number
    down, right = (part.start for part in place)
    found = shapes(own.astype(np.uint8), mask=own, connectivity=4, transform=Affine.translation(right, down))
    return [Polygon(geometry["coordinates"][0], geometry["coordinates"][1:]) for geometry, _ in found]


def _beside(labels: IntArray) -> IntArray:
    """(pair, 2) objects that touch along an edge or at a corner, the lower number first."""
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for rows in strips(len(labels)):
        part = labels[rows.start : rows.stop + 1]
        for one, other in (
            (part[:, :-1], part[:, 1:]),
            (part[:-1], part[1:]),
            (part[:-1, :-1], part[1:, 1:]),
            (part[:-1, 1:], part[1:, :-1]),
        ):
            differ = (one != other) & (one > 0) & (other > 0)
            both = np.column_stack([one[differ], other[differ]]).astype(np.int64)
            pairs.append(np.unique(np.sort(both, axis=1), axis=0))
    return np.unique(np.concatenate(pairs), axis=0)


def change_ids(site_id: str, geometry: Sequence[BaseGeometry]) -> list[str]:
    """Name each object by its site and its place, so that the same thing found again has the same name.

    The place is the object's inner point (lon/lat) to about ten metres; objects that share one are counted.
    """
    names: list[str] = []
    twins: Counter[str] = Counter()
    for outline in geometry:
        point = outline.representative_point()
        place = f"{point.x:.4f},{point.y:.4f}"
        base = f"{site_id}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        twins[base] += 1
        names.append(base if twins[base] == 1 else f"{base}-{twins[base]}")
    return names


def to_frame(
    site: Site, geometry: Sequence[BaseGeometry], columns: Mapping[str, Sequence[object]], geobox: GeoBox
) -> gpd.GeoDataFrame:
    """Objects as a frame of changes in lon/lat, surest first.

    Parameters
    ----------
    site
        Gives `site_id` and `site_name`.
    geometry
        Outlines in the CRS of `geobox`.
    columns
        The other `CHANGE_COLUMNS`, but for `change_id`; each as long as `geometry`.
    geobox
        The site's grid.
    """
    if not len(geometry):
        return empty_changes()
    frame = gpd.GeoDataFrame(dict(columns), geometry=list(geometry), crs=str(geobox.crs)).to_crs("EPSG:4326")
    frame["site_id"], frame["site_name"] = site.site_id, site.name
    frame = frame.sort_values([*SURE_FIRST], ascending=False, kind="stable", ignore_index=True)
    frame["change_id"] = change_ids(site.site_id, list(frame.geometry))
    return frame[list(CHANGE_COLUMNS)]


def trimmed(
    labels: IntArray, beside: BoolArray, telling: BoolArray, geobox: GeoBox, options: PolygonOptions
) -> IntArray:
    """Cut objects back to what does not merely lie `beside` them, and of that to the pieces that are `telling`.

    All are (y, x). Objects of which too little would be left stay whole.
    """
    kept = labels > 0
    np.greater(kept, beside, out=kept)
    kept = large(kept, 1, telling)
    kept |= looked_up(labels, counted(labels, kept) < _least_px(geobox, options))
    return np.multiply(labels, kept, dtype=labels.dtype)


def whole_sites(labels: IntArray, geobox: GeoBox, allowed: BoolArray) -> IntArray:
    """Fill objects found by their structure up to the sites that they are parts of.

    Gaps up to `BRIDGE_M` are bridged, and compact objects filled to their convex hull; never over another object, nor
    where not `allowed`.

    Parameters
    ----------
    labels
        (y, x) 0 none, 1..n objects.
    geobox
        Its grid.
    allowed
        (y, x) True where an object may grow.
    """
    out = labels.copy()
    reach = max(1, round(BRIDGE_M / mean_pixel_m(geobox)))
    disk = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1]) <= reach + _ROUND
    for number, place in enumerate(ndi.find_objects(labels), 1):
        own = labels[place] == number
        # What closing adds lies within the object's bounding box, but its dilation does not.
        full = ndi.binary_closing(np.pad(own, reach), structure=disk)[reach:-reach, reach:-reach] | own
        hull = _hull(own)
        if own.sum() >= COMPACT * hull.sum():
            full |= hull
        part = out[place]
        part[full & (part == 0) & allowed[place]] = number
    return out


def _hull(mask: BoolArray) -> BoolArray:
    """Convex hull of a mask that touches all four sides of its array."""
    if min(mask.shape) == 1:
        return np.ones(mask.shape, dtype=bool)
    return np.asarray(morphology.convex_hull_image(mask))
