"""`smart/`: region and site models of IARPA SMART's heavy-construction format, by its published JSON schema.

A site of the list is a region (`region_models/<region_id>.geojson`), a construction or clearing in it a site
(`site_models/<site_id>.geojson`), a look at it an observation. The format knows no removals and no other changes.
"""

import itertools
import logging
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import mgrs
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from changedetect.errors import OutputError
from changedetect.lonlat import eastward
from changedetect.model import Window
from changedetect.outputs.files import plain, write_json
from changedetect.outputs.formats.csv_table import centroid
from changedetect.outputs.formats.folders import whole_folder
from changedetect.outputs.formats.published import Published, PublishedSite
from changedetect.outputs.formats.smart_looks import observations, span

log = logging.getLogger(__name__)

_REGION_ID = re.compile(r"[A-Z]{2}_([RST]\d{3}|C[0-7]\d{2})")
_MOST_SITES = 10_000
"""Sites of a region have numbers of four digits."""
_KINDS = ("construction", "clearing")

_ORIGINATOR = "changedetect"
"""Models of content `proposed` must name one of the programme's own teams, which we are not; `update` need not."""
_STATUSES = {"candidate": "system_proposed", "confirmed": "system_confirmed", "reverted": "system_rejected"}
"""Ours in theirs; a change that was not dated is proposed."""


def write_smart(published: Published, path: Path) -> None:
    """Write the models of all sites that were compared between dates.

    Raises
    ------
    OutputError
        The folder can't be written, a site's files can't be read, or there are more sites than numbers.
    """
    regions = region_ids(published.run.get("sites") or {})
    with whole_folder(path) as folder:
        for name in ("region_models", "site_models"):
            (folder / name).mkdir()
        for place in published.sites():
            if place.status == "failed" or place.site.geometry.is_empty:
                continue
            if place.windows is None:
                log.warning("site %s: no SMART model, for two rasters tell no dates", place.site.site_id)
                continue
            region = regions[place.site.site_id]
            models = list(_site_models(place, region, place.windows, _version(published)))
            summaries = [_summary(model[0]) for model in models]
            first = _region(place, region, place.windows, _version(published))
            _write(folder / "region_models" / f"{region}.geojson", [first, *summaries])
            for model in models:
                _write(folder / "site_models" / f"{model[0]['properties']['site_id']}.geojson", model)


def region_ids(site_ids: Iterable[str]) -> dict[str, str]:
    """Give every site a region id: its own where it is one, else a number in the order of the ids.

    Two letters stand for a country. We do not know it, so they are those that ISO 3166-1 leaves to its users: ZZ, then
    XA to XZ and QM to QZ.

    Raises
    ------
    OutputError
        There are more sites than such ids.

    >>> region_ids(["plant", "KR_R002", "port"])
    {'plant': 'ZZ_R000', 'KR_R002': 'KR_R002', 'port': 'ZZ_R001'}
    """
    site_ids = list(site_ids)
    own = {site_id for site_id in site_ids if _REGION_ID.fullmatch(site_id)}
    letters = ["ZZ", *(f"X{c}" for c in string.ascii_uppercase), *(f"Q{c}" for c in string.ascii_uppercase[12:])]
    free = (f"{two}_R{number:03d}" for two, number in itertools.product(letters, range(1000)))
    left = (one for one in free if one not in own)
    given = {}
    for site_id in site_ids:
        given[site_id] = site_id if site_id in own else next(left, "")
    if "" in given.values():
        msg = f"SMART has no ids for {len(site_ids)} sites: export at most {len(letters) * 1000} at once"
        raise OutputError(msg)
    return given


def _region(place: PublishedSite, region: str, windows: tuple[Window, Window], version: str) -> dict[str, Any]:
    outline = one_polygon(place.site.geometry)
    return _feature(
        outline,
        {
            "type": "region",
            "region_id": region,
            "version": version,
            "mgrs": _mgrs(outline),
            "originator": _ORIGINATOR,
            "model_content": "annotation",  # people drew the outline; `proposed` is for the programme's teams
            "start_date": windows[0].start.isoformat(),
            "end_date": windows[1].end.isoformat(),
            "comments": f"{place.site.name} ({place.site.site_id})",
        },
    )


def _site_models(
    place: PublishedSite, region: str, windows: tuple[Window, Window], version: str
) -> Iterator[list[dict[str, Any]]]:
    """A list of features a change: the site, then its observations, oldest first."""
    changes = place.changes[place.changes["kind"].isin(_KINDS)]
    if len(changes) > _MOST_SITES:
        msg = (
            f"site {place.site.site_id} has {len(changes)} changes, SMART numbers for {_MOST_SITES}: split its outline"
        )
        raise OutputError(msg)
    dated: Mapping[str, Any] = place.provenance.get("timeline", {}).get("changes", {})
    rows = changes.drop(columns="geometry").to_dict("records")
    for number, (row, geometry) in enumerate(zip(rows, changes.geometry, strict=True)):
        told, outline = dated.get(str(row["change_id"])), one_polygon(geometry)
        start, end = span(told, windows, str(row["kind"]))
        known = {str(name): plain(value) for name, value in row.items()}
        site = {
            "type": "site",
            "region_id": region,
            "site_id": f"{region}_{number:04d}",
            "version": version,
            "status": _STATUSES.get(str(known["status"]), "system_proposed"),
            "mgrs": _mgrs(outline),
            "originator": _ORIGINATOR,
            "model_content": "update",
            "start_date": start,
            "end_date": end,
            "score": known["confidence"] if known["confidence"] is not None else 0.0,
            "misc_info": {name: value for name, value in known.items() if value is not None},
        }
        looks = observations(told, windows, str(row["kind"]))
        yield [_feature(outline, site), *(_feature(outline, {**look, "score": site["score"]}) for look in looks)]


def _summary(site: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a region model about a site model."""
    told = {key: value for key, value in site["properties"].items() if key not in {"region_id", "misc_info"}}
    told |= {"type": "site_summary", "comments": site["properties"]["misc_info"]["change_id"]}
    return {**site, "properties": told}


def one_polygon(geometry: BaseGeometry) -> Polygon:
    """One polygon, as the format wants: halves cut at the antimeridian joined beyond 180 degrees, parts by their hull.

    >>> one_polygon(shapely.box(-180, 0, -179, 1) | shapely.box(178, 0, 180, 1)).bounds
    (178.0, 0.0, 181.0, 1.0)
    """
    flat = shapely.force_2d(geometry)
    west, _, east, _ = flat.bounds
    parts = shapely.get_parts(flat)
    if east - west > 180:
        parts = shapely.get_parts(shapely.union_all(shapely.get_parts(eastward(flat))))
    hull: Any = parts[0] if len(parts) == 1 else shapely.convex_hull(shapely.MultiPolygon(list(parts)))
    return Polygon(shapely.orient_polygons(Polygon(hull)))


def _mgrs(geometry: BaseGeometry) -> str:
    """The 100 km square of the middle (NGA.STND.0037, the Military Grid Reference System)."""
    lon, lat = centroid(geometry)
    return str(mgrs.MGRS().toMGRS(lat, lon, MGRSPrecision=0))


def _version(published: Published) -> str:
    """Three numbers, as the schema wants; a development version loses what follows them."""
    match = re.match(r"\d+\.\d+\.\d+", published.version)
    return match[0] if match else "0.0.0"


def _feature(geometry: BaseGeometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}


def _write(path: Path, features: list[dict[str, Any]]) -> None:
    write_json(path, {"type": "FeatureCollection", "features": features})
