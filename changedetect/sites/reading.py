"""Read a list of sites: GeoJSON, GeoPackage, KML/KMZ, whatever else GDAL reads, or a table with lat/lon or WKT.

A bad row is set apart with its reason, never dropped: a site left out unnoticed is a change never seen.
"""

import logging
import math
import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from changedetect import display
from changedetect.errors import ConfigError, SiteListError
from changedetect.lonlat import around, cut_antimeridian, polygons_of
from changedetect.model import SITE_ID, Site
from changedetect.sites.rows import Row, rows_of_file, rows_of_frame

logger = logging.getLogger(__name__)

_GEOD = Geod(ellps="WGS84")
_MAX_AREA_KM2 = 10_000.0
"""A larger site is taken for a mistake (a radius in the wrong unit, a stray vertex): it is a whole Sentinel-2 tile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """How a site list is read."""

    radius_m: float = 1000.0
    """Radius around a point, and to both sides of a line, where the row gives none; metres."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.radius_m) and self.radius_m > 0):
            msg = f"radius_m is {self.radius_m}: give a number greater than 0"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteList:
    """A list as far as it could be read: one bad row costs only itself."""

    sites: tuple[Site, ...]
    """Usable rows, in order."""
    refused: tuple[tuple[Site, str], ...]
    """The others, each a site without geometry and the reason, in one line with file and row."""

    def _repr_html_(self) -> str:
        rows = [{"site_id": one.site_id, "name": one.name, "reason": ""} for one in self.sites]
        return display.table_html(
            rows + [{"site_id": one.site_id, "name": one.name, "reason": why} for one, why in self.refused]
        )


def read_sites(source: str | Path | gpd.GeoDataFrame, options: SiteOptions | None = None) -> tuple[Site, ...]:
    """Read a site list of which every row must be good; see `read_site_list`.

    Raises
    ------
    SiteListError
        The file can't be read, or a row is no usable site; the first bad row is named and the others counted.
    """
    listed = read_site_list(source, options)
    if listed.refused:
        raise _first_of(listed.refused)
    return listed.sites


def read_site_list(source: str | Path | gpd.GeoDataFrame, options: SiteOptions | None = None) -> SiteList:
    """Read a site list, and set bad rows apart.

    A row's id is its column `site_id` or `id`, else made of its name, else `site-001`. Points become circles and
    lines corridors of the row's `radius_m`, else of `options.radius_m`; polygons stay. Columns that mean nothing
    here are kept as `Site.properties`.

    Raises
    ------
    SiteListError
        The file can't be read, or no row is usable.
    """
    listed = str(source) if isinstance(source, str | Path) else "site list"
    rows = list(rows_of_file(Path(source)) if isinstance(source, str | Path) else rows_of_frame(source, listed))
    if not rows:
        msg = f"{listed} holds no site: add at least one row"
        raise SiteListError(msg)
    given, taken = {row.text("id").casefold() for row in rows}, dict[str, str]()
    sites, refused = list[Site](), list[tuple[Site, str]]()
    for number, row in enumerate(rows, start=1):
        site_id = row.text("id") or _generate_id(row.text("name"), number, given | taken.keys())
        # Folders that differ only in case are one folder on many disks.
        first = taken.setdefault(site_id.casefold(), row.where)
        try:
            if first != row.where:
                msg = f"{first} has the same id: give each site its own (case does not count)"
                raise SiteListError(msg)
            sites.append(_site(site_id, row, options or SiteOptions()))
        except SiteListError as error:
            own = site_id
            if first != row.where or not SITE_ID.fullmatch(site_id):
                own = _generate_id(site_id, number, given | taken.keys())
                taken[own] = row.where
            nowhere = Site(site_id=own, name=row.text("name") or site_id, geometry=Polygon())
            refused.append((nowhere, f"{listed}, {row.where} ({site_id}): {error}"))
    if not sites:
        raise _first_of(refused)
    return SiteList(sites=tuple(sites), refused=tuple(refused))


def _first_of(refused: Sequence[tuple[Site, str]]) -> SiteListError:
    more = f" (bad rows after this one: {len(refused) - 1})" if len(refused) > 1 else ""
    return SiteListError(refused[0][1] + more)


def _generate_id(name: str, number: int, taken: Container[str]) -> str:
    """Make a folder name of any text: accents off, `-` for what is neither letter nor digit, a number if taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:80].strip("-") or f"site-{number:03d}"
    candidates = chain([slug], (f"{slug}-{copy}" for copy in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _site(site_id: str, row: Row, options: SiteOptions) -> Site:
    used = {"id", "name"} | (set() if row.geometry is not None else {"lat", "lon", "wkt"})
    geometry = _geometry_of_cells(row) if row.geometry is None else row.geometry
    if geometry.is_empty:
        msg = "it has no geometry: draw a point, a line or a polygon"
        raise SiteListError(msg)
    geometry = shapely.force_2d(geometry)
    _check_lonlat(geometry)
    area = polygons_of(geometry)
    if area.is_empty:
        used |= {"radius"}
        area = around(geometry, _radius(row) or options.radius_m)
    dropped = {row.column(key) for key in used}
    properties = {name: value for name, value in row.cells.items() if name not in dropped}
    name = row.text("name") or site_id
    return Site(site_id=site_id, name=name, geometry=_sound(area, site_id), properties=properties)


def _radius(row: Row) -> float | None:
    if not row.column("radius"):
        return None
    radius_m = row.number("radius")
    if not (math.isfinite(radius_m) and radius_m > 0):
        msg = f"radius {radius_m:g} m: give a number greater than 0"
        raise SiteListError(msg)
    return radius_m


def _geometry_of_cells(row: Row) -> BaseGeometry:
    text = row.text("wkt")
    if not text:
        return Point(row.number("lon"), row.number("lat"))
    try:
        return shapely.from_wkt(text)
    except shapely.errors.ShapelyError:
        msg = f"{text[:60]!r} is no WKT: write it as in POINT (129.5 42.4), lon before lat"
        raise SiteListError(msg) from None


def _check_lonlat(geometry: BaseGeometry) -> None:
    coordinates = shapely.get_coordinates(geometry)
    if not np.isfinite(coordinates).all():
        msg = "a coordinate is not a finite number: correct it, or the list's coordinate system"
        raise SiteListError(msg)
    lon, lat = (float(axis[np.abs(axis).argmax()]) for axis in coordinates.T)
    if abs(lat) > 90 or abs(lon) > 180:
        name, value, limit = ("lat", lat, 90) if abs(lat) > 90 else ("lon", lon, 180)
        swapped = 90 < abs(lat) <= 180 and abs(lon) <= 90
        remedy = "lat and lon look swapped" if swapped else "correct it, or set the list's coordinate system"
        msg = f"{name} {value:.10g} is outside -{limit} to {limit}: {remedy}"
        raise SiteListError(msg)


def _sound(area: MultiPolygon, site_id: str) -> Polygon | MultiPolygon:
    """Cut at the antimeridian, repair, and weigh a site's area."""
    area = polygons_of(shapely.GeometryCollection([cut_antimeridian(polygon) for polygon in area.geoms]))
    if not area.is_valid:
        logger.warning("site %s: repaired its polygon (%s)", site_id, shapely.is_valid_reason(area))
        area = polygons_of(shapely.make_valid(area))
    area_km2 = abs(_GEOD.geometry_area_perimeter(shapely.orient_polygons(area))[0]) / 1e6
    if area_km2 == 0:
        msg = "its polygon has no area: draw one with at least three corners"
        raise SiteListError(msg)
    if area_km2 > _MAX_AREA_KM2:
        msg = (
            f"it covers {area_km2:,.0f} km2, over {_MAX_AREA_KM2:,.0f}: correct its coordinates or radius, or split it"
        )
        raise SiteListError(msg)
    return area.geoms[0] if len(area.geoms) == 1 else area
