"""Far-apart sites, each on an equal-area plane of its own: metres mean metres at every one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from changedetect.types import Float64Array, IntArray

Geometries = NDArray[Any]
"""An object array of shapely geometries."""

MARGIN_DEG = 0.05
"""Objects whose boxes, widened by this (5.6 km of latitude), touch, share a plane."""
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Objects that lie together."""

    lon: float
    """Centre of the plane, degrees."""
    lat: float
    """Centre of the plane, degrees."""
    members: tuple[IntArray, ...]
    """Row numbers, for each side."""


def split_places(sides: Sequence[Geometries]) -> list[Place]:
    """Group the objects of all sides (lon/lat polygons, cut at the antimeridian) by where they lie."""
    everything = np.concatenate(sides)
    parts, owner = shapely.get_parts(everything, return_index=True)
    if not len(parts):
        return []
    cut = _emptiest_meridian(shapely.bounds(parts))
    parts = shapely.transform(parts, lambda xy: np.column_stack([(xy[:, 0] - cut) % 360, xy[:, 1]]))
    group = _groups(parts, owner, len(everything))
    side = np.repeat(np.arange(len(sides)), [len(one) for one in sides])
    start = np.cumsum([0, *(len(one) for one in sides)])
    places = []
    for number in np.unique(group):
        mine = group == number
        west, south, east, north = shapely.total_bounds(parts[mine[owner]])
        members = tuple(np.flatnonzero(mine & (side == i)) - start[i] for i in range(len(sides)))
        lon = ((west + east) / 2 + cut + 180) % 360 - 180
        places.append(Place(lon=float(lon), lat=float((south + north) / 2), members=members))
    return places


def plane(lon: float, lat: float) -> Transformer:
    """Lon/lat to a Lambert azimuthal equal-area plane, metres: areas are exact, and shapes to 1e-4 within 150 km.

    Snyder, Map projections: a working manual (USGS PP 1395, 1987), p. 182.
    """
    local = f"+proj=laea +lon_0={lon} +lat_0={lat} +datum=WGS84 +units=m"
    return Transformer.from_crs("EPSG:4326", local, always_xy=True)


def flat(geometries: Geometries, there: Transformer) -> Geometries:
    """Lay lon/lat polygons on a plane; halves that the antimeridian cut apart grow together."""
    if not len(geometries):
        return geometries
    laid = shapely.transform(geometries, lambda xy: np.column_stack(there.transform(*xy.T)))
    return np.asarray(shapely.make_valid(laid))


def ground_area_m2(geometry: BaseGeometry) -> float:
    """Area of a lon/lat polygon on the WGS 84 ellipsoid."""
    return abs(float(_GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))[0]))


def _emptiest_meridian(bounds: Float64Array) -> float:
    """Longitude in the middle of the widest stretch without an object: cutting the globe there cuts none."""
    order = np.argsort(bounds[:, 0])
    west, east = bounds[order, 0], np.maximum.accumulate(bounds[order, 2])
    gaps = np.append(west[1:], west[0] + 360) - east
    widest = int(gaps.argmax())
    return float(east[widest] + gaps[widest] / 2)


def _groups(parts: Geometries, owner: IntArray, count: int) -> IntArray:
    """(count,) group of each object: parts whose widened boxes touch are in one, and so are an object's own parts."""
    west, south, east, north = shapely.bounds(parts).T
    wider = MARGIN_DEG / np.maximum(np.cos(np.radians(np.maximum(np.abs(south), np.abs(north)))), 0.05)
    boxes = shapely.box(west - wider, south - MARGIN_DEG, east + wider, north + MARGIN_DEG)
    blocks = shapely.get_parts(shapely.union_all(boxes))
    part, block = shapely.STRtree(blocks).query(boxes, predicate="intersects")
    links = (np.ones(len(part)), (owner[part], count + block))
    graph = coo_array(links, shape=(count + len(blocks), count + len(blocks)))
    return np.asarray(connected_components(graph, directed=False)[1][:count])
