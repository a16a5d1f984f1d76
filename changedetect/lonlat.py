"""Geometry on the globe, in degrees: what a plane does not have to care about."""

from typing import TypeVar

import antimeridian
import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import GeometryCollection, MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

Geometry = TypeVar("Geometry", bound=BaseGeometry)


def cut_antimeridian(polygon: Polygon) -> Polygon | MultiPolygon:
    """Cut a polygon where it crosses the antimeridian (RFC 7946, 3.1.9).

    An edge over more than half the globe betrays a crossing, and so do longitudes beyond 180 degrees.
    """
    if polygon.is_empty or not (_leaps(polygon) or np.abs(shapely.get_coordinates(polygon)[:, 0]).max() > 180):
        return polygon
    whole = eastward(polygon)
    if _leaps(whole):
        return _cut_around_the_globe(whole)
    ground = polygons_of(shapely.make_valid(whole))
    east, west = (shapely.intersection(ground, box(lon, -90, lon + 180, 90)) for lon in (0, 180))
    return one_or_more(GeometryCollection([east, shapely.transform(west, lambda xy: xy - (360, 0))]))


def _leaps(polygon: Polygon) -> bool:
    """Whether an edge goes over more than half the globe."""
    return bool(np.abs(np.diff(shapely.get_coordinates(polygon)[:, 0])).max() > 180)


def _cut_around_the_globe(whole: Polygon) -> Polygon | MultiPolygon:
    """Cut what lies around a pole, or across Greenwich as well.

    Holes are cut by themselves, then taken away: the library finds no place for one that the cut divides unevenly.
    """
    whole = shapely.orient_polygons(whole)
    ground, *holes = (
        antimeridian.fix_polygon(shapely.orient_polygons(Polygon(ring)), fix_winding=False, great_circle=False)
        for ring in (whole.exterior, *whole.interiors)
    )
    return one_or_more(shapely.difference(ground, shapely.union_all(holes))) if holes else ground


def eastward(geometry: Geometry) -> Geometry:
    """Longitudes from 0 to 360 degrees: what was cut at the antimeridian lies side by side again.

    >>> eastward(Polygon([(-180, 0), (-179, 0), (-179, 1)])).bounds
    (180.0, 0.0, 181.0, 1.0)
    """
    return shapely.transform(geometry, lambda xy: np.column_stack([xy[:, 0] % 360, xy[:, 1]]))


def polygons_of(geometry: BaseGeometry) -> MultiPolygon:
    """Keep the polygons of anything: KML mixes them with labels, `make_valid` with what they collapse to."""
    parts = shapely.get_parts(shapely.get_parts([geometry])).tolist()
    return MultiPolygon([part for part in parts if isinstance(part, Polygon) and not part.is_empty])


def one_or_more(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """The polygons of anything; one alone where there is but one."""
    ground = polygons_of(geometry)
    return ground.geoms[0] if len(ground.geoms) == 1 else ground


def mended(outline: BaseGeometry) -> Polygon | MultiPolygon:
    """Make the ground within a stranger's outline usable: valid, cut at the antimeridian, polygons alone.

    Empty where none has an area; `ValueError` where coordinates are no degrees.
    """
    reach = np.abs(shapely.get_coordinates(outline))  # some write longitudes beyond 180 across the antimeridian
    if not (reach <= (360.0, 90.0)).all():
        msg = "outline is not in degrees"
        raise ValueError(msg)
    # Cut first: a ring across the antimeridian may cross itself when drawn the other way round the world.
    pieces = [shapely.make_valid(cut_antimeridian(piece)) for piece in polygons_of(outline).geoms]
    return one_or_more(shapely.make_valid(shapely.union_all(pieces)))


def around(geometry: BaseGeometry, radius_m: float) -> MultiPolygon:
    """Buffer points or lines by metres, in the azimuthal equidistant projection centred on the first point.

    May reach beyond the antimeridian: `cut_antimeridian` mends that.
    """
    lon, lat = shapely.get_coordinates(geometry)[0]
    local = f"+proj=aeqd +lon_0={lon} +lat_0={lat} +datum=WGS84 +units=m"
    there = Transformer.from_crs("EPSG:4326", local, always_xy=True)
    back = Transformer.from_crs(local, "EPSG:4326", always_xy=True)
    flat = shapely.transform(geometry, lambda xy: np.column_stack(there.transform(*xy.T)))
    buffered = polygons_of(shapely.buffer(flat, radius_m, quad_segs=16))
    return shapely.transform(buffered, lambda xy: np.column_stack(back.transform(*xy.T)))


def footprint(geobox: GeoBox) -> Polygon | MultiPolygon:
    """Outline of a grid in degrees, straight in the grid's own CRS."""
    # An edge bends in degrees: follow it at twenty points.
    outline = shapely.segmentize(geobox.extent.geom, shapely.length(geobox.extent.geom) / 80)
    to_lonlat = Transformer.from_crs(str(geobox.crs), "EPSG:4326", always_xy=True)
    ring = np.column_stack(to_lonlat.transform(*shapely.get_coordinates(outline).T))
    return cut_antimeridian(Polygon(ring))
