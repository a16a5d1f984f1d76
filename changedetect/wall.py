"""A whole province, wall to wall: cut into cells that look beyond their edges, and put together again.

The law: an object is published once and whole. Each cell is compared with ground of `overlap_m` around it, so that what
lies on its edge is seen whole by it and by its neighbour. Sightings by different cells that overlap are one object. If
all of them are whole, the one whose inner point lies deepest in its own cell is taken, as that cell saw it; if one
reaches the end of what its cell looks at, the object is larger than the overlap, and its sightings are united. What a
cell sees only in the ground around it is left to the neighbour that owns it; what lies outside the area is nobody's.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil, floor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import Transformer
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from changedetect.changes import counted
from changedetect.components import merged
from changedetect.errors import ConfigError, SiteListError
from changedetect.lonlat import polygons_of
from changedetect.model import Site, SiteResult

_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(km|m)\s*", re.IGNORECASE)

_ONE = 0.1
"""Sightings are of one object when they share more than this part of the smaller one: edges differ by a pixel."""

_EDGE_M = 30.0
"""An object within this of the end of what a cell looks at may go on beyond: a pixel of the coarsest sensor."""

_MIN_CELL_M = 200.0

_LEAST_M2 = 100.0
"""Ground that makes a cell: a pixel. Less is left over where an outline follows an edge of the grid."""

_CELL = ("cell_crs", "cell_own", "cell_overlap_m")
"""Properties of a site that is a cell: CRS of its square, the ground it owns (WKT in it), metres it looks beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What a cell owns and sees, in its CRS."""

    own: BaseGeometry
    seen: BaseGeometry


def parse_length_m(text: str) -> float:
    """Read `10km` or `500m`.

    Raises
    ------
    ConfigError
        It is no length.

    >>> parse_length_m("10km"), parse_length_m("500 m")
    (10000.0, 500.0)
    """
    match = _LENGTH.fullmatch(text)
    if match is None or float(match[1]) == 0:
        msg = f"{text!r} is no length: write it as 10km or 500m"
        raise ConfigError(msg)
    return float(match[1]) * (1000.0 if match[2].lower() == "km" else 1.0)


def read_area(path: Path) -> BaseGeometry:
    """Read the area that all polygons of a file cover together, lon/lat.

    Raises
    ------
    SiteListError
        The file can't be read, does not say where it lies, or holds no polygon.
    """
    try:
        frame = pyogrio.read_dataframe(path, columns=[])
    except (OSError, pyogrio.errors.DataSourceError) as error:
        msg = f"area {path} can't be read ({' '.join(str(error).split())}): give GeoJSON, GeoPackage or KML"
        raise SiteListError(msg) from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        msg = f"area {path} has no geometry, or no coordinate system: give polygons, as in GeoJSON"
        raise SiteListError(msg)
    area = polygons_of(shapely.make_valid(frame.geometry.to_crs(4326).union_all()))
    if area.is_empty:
        msg = f"area {path} holds no polygon: draw the area's outline"
        raise SiteListError(msg)
    return area


def cells(area: BaseGeometry, cell_m: float, overlap_m: float) -> tuple[Site, ...]:
    """Cut an area into squares of the UTM grid of its centre, row by row from the north-west.

    A cell is called after its south-west corner, so that another outline of the area gives the same cells.

    Parameters
    ----------
    area
        Polygons, lon/lat degrees.
    cell_m
        Side of a square; its corners are multiples of it.
    overlap_m
        Ground around it that is compared, too: wider than the largest thing that is built.

    Raises
    ------
    ConfigError
        The cells are too small to compare, or overlap by more than their size.
    """
    if cell_m < _MIN_CELL_M or not 0 <= overlap_m <= cell_m:
        msg = (
            f"cells of {cell_m:g} m that look {overlap_m:g} m beyond: give at least {_MIN_CELL_M:g} m and at most that"
        )
        raise ConfigError(msg)
    crs = gpd.GeoSeries([area], crs="EPSG:4326").estimate_utm_crs()
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    flat = _moved(shapely.segmentize(area, 0.01), there)  # straight in degrees is bent in metres
    shapely.prepare(flat)
    west, south, east, north = flat.bounds
    sites = []
    for row in range(ceil(north / cell_m) - 1, floor(south / cell_m) - 1, -1):
        for column in range(floor(west / cell_m), ceil(east / cell_m)):
            square = box(column * cell_m, row * cell_m, (column + 1) * cell_m, (row + 1) * cell_m)
            own = polygons_of(flat.intersection(square))
            if own.area < _LEAST_M2:
                continue
            x, y = (f"{int(number * cell_m)}".replace("-", "m") for number in (column, row))
            name = f"{crs.to_epsg()}-e{x}-n{y}"
            values = (f"EPSG:{crs.to_epsg()}", shapely.to_wkt(own, rounding_precision=2), overlap_m)
            told = dict(zip(_CELL, values, strict=True))
            seen = shapely.segmentize(_seen(own, overlap_m), cell_m / 8)
            sites.append(Site(site_id=name, name=name, geometry=_moved(seen, back), properties=told))
    return tuple(sites)


def _seen(own: BaseGeometry, overlap_m: float) -> BaseGeometry:
    west, south, east, north = own.bounds
    return box(west - overlap_m, south - overlap_m, east + overlap_m, north + overlap_m)


def _moved(geometry: BaseGeometry, transformer: Transformer) -> BaseGeometry:
    return shapely.transform(geometry, lambda xy: np.column_stack(transformer.transform(*xy.T)))


def unite(results: Iterable[SiteResult]) -> Iterator[SiteResult]:
    """Let every object of a grid's cells come out once and whole; results of other sites pass as they are.

    Counts and areas in the summaries of cells are of what comes out in their name.
    """
    cut: list[SiteResult] = []
    for result in results:
        if set(_CELL) <= set(result.site.properties):
            cut.append(result)
        else:
            yield result
    if cut:
        yield from _united(cut)


def _united(results: list[SiteResult]) -> Iterator[SiteResult]:
    crs = results[0].site.properties["cell_crs"]
    grid = {result.site.site_id: _cell_of(result.site) for result in results}
    frames = [result.changes for result in results if len(result.changes)]
    if not frames:
        yield from results
        return
    pool = pd.concat(frames, ignore_index=True)
    flat = pool.geometry.to_crs(crs)
    owner = [grid[site_id] for site_id in pool["site_id"]]
    depth = _depths(flat, owner)
    cut_off = np.array([not cell.seen.buffer(-_EDGE_M).covers(one) for cell, one in zip(owner, flat, strict=True)])
    taken: dict[int, BaseGeometry] = {}
    for group in _groups(flat, pool["site_id"].to_numpy()):
        ours = [place for place in group if flat[place].intersects(owner[place].own)]
        if not ours:
            continue
        if cut_off[ours].any() and len(ours) > 1:
            taken[max(ours, key=lambda place: flat[place].area)] = shapely.union_all(flat.iloc[ours].to_numpy())
        else:
            taken |= {place: flat[place] for place in _best(ours, flat, depth)}
    area = shapely.union_all([cell.own for cell in grid.values()])
    shapely.prepare(area)
    kept = sorted(place for place, outline in taken.items() if area.covers(outline.representative_point()))
    chosen = pool.loc[kept].copy()
    whole = gpd.GeoSeries([taken[place] for place in kept], index=kept, crs=crs)
    grown = np.array([taken[place] is not flat[place] for place in kept], dtype=bool)
    chosen.loc[grown, "area_m2"] = whole.area[grown]
    chosen.loc[grown, "geometry"] = whole[grown].to_crs(pool.crs)
    for result in results:
        yield _with(result, chosen[chosen["site_id"] == result.site.site_id].reset_index(drop=True))


def _cell_of(site: Site) -> _Cell:
    own = shapely.from_wkt(site.properties["cell_own"])
    return _Cell(own=own, seen=_seen(own, float(site.properties["cell_overlap_m"])))


def _depths(flat: gpd.GeoSeries, owner: list[_Cell]) -> list[float]:
    """How far inside its cell's own bounds an object's inner point lies, metres; negative outside."""
    depths = []
    for outline, cell in zip(flat, owner, strict=True):
        point = outline.representative_point()
        west, south, east, north = cell.own.bounds
        depths.append(min(point.x - west, east - point.x, point.y - south, north - point.y))
    return depths


def _groups(flat: gpd.GeoSeries, cell: np.ndarray[tuple[int], np.dtype[np.object_]]) -> Iterator[list[int]]:
    """Sightings that hang together: of different cells, and overlapping."""
    left, right = flat.sindex.query(flat.to_numpy(), predicate="intersects")
    other = cell[left] != cell[right]
    left, right = left[other], right[other]
    shared = shapely.area(shapely.intersection(flat.to_numpy()[left], flat.to_numpy()[right]))
    areas = flat.area.to_numpy()
    one = shared > _ONE * np.minimum(areas[left], areas[right])
    part = merged(len(flat), np.column_stack([left[one], right[one]]))
    order = np.argsort(part, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        yield group.tolist()


def _best(group: list[int], flat: gpd.GeoSeries, depth: list[float]) -> list[int]:
    """The deepest sighting, then whatever of the others is not the same thing."""
    taken: list[int] = []
    for place in sorted(group, key=lambda one: (-depth[one], one)):
        least = [min(flat[place].area, flat[other].area) for other in taken]
        shared = [flat[place].intersection(flat[other]).area for other in taken]
        if not any(both > _ONE * small for both, small in zip(shared, least, strict=True)):
            taken.append(place)
    return taken


def _with(result: SiteResult, changes: gpd.GeoDataFrame) -> SiteResult:
    if result.status == "failed":
        return result
    return replace(result, changes=changes, summary={**result.summary, **counted(changes)})
