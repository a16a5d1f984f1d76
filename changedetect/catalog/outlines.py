"""The ground that a server is asked about: what it can take, and never less than what is wanted."""

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

_MAX_VERTICES = 100
"""Outlines with more are asked for by their hull: servers limit what they take, and answers are filtered anyway."""


def outlines(geometry: BaseGeometry) -> list[BaseGeometry]:
    """What to ask for: two geometries where the site is cut at the antimeridian, whose box would be the whole world."""
    flat = shapely.force_2d(geometry)
    parts = shapely.get_parts(flat).tolist()
    if flat.bounds[2] - flat.bounds[0] <= 180 or len(parts) == 1:
        return [_simple(flat)]
    east = [part for part in parts if part.bounds[2] > 0]
    west = [part for part in parts if part.bounds[2] <= 0]
    sides = [side for side in (east, west) if side]
    return [_simple(side[0] if len(side) == 1 else MultiPolygon(side)) for side in sides]


def _simple(geometry: BaseGeometry) -> BaseGeometry:
    """Give the geometry, or one that holds it when servers may choke on it."""
    if geometry.is_valid and shapely.get_num_coordinates(geometry) <= _MAX_VERTICES:
        return geometry
    hull = geometry.convex_hull
    return hull if shapely.get_num_coordinates(hull) <= _MAX_VERTICES else geometry.envelope
