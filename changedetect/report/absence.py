"""Why there is no change at a place: the first gate that its pixel, or its object, did not pass."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry import Point

from changedetect.outputs.rasters import REFLECTANCE_SCALE
from changedetect.report.checks import checks_of
from changedetect.report.objects import Pixel, Weighed, pixel_at
from changedetect.report.preview import Preview, open_preview, pixel_under
from changedetect.report.reading import Change, Run, SiteFiles

NoChange = Literal[
    "failed", "poor", "unknown", "unchanged", "weak", "green_or_wet", "no_structure", "small", "rejected", "kind",
    "confidence", "not_recorded", "beside", "flagged",
]  # fmt: skip
"""In one word: the site failed; its pair is poor; not seen; the ground did not change; not enough for an object; green
or wet afterwards; no new structure; the object is too small or thin; a test told against it; its kind is not asked for;
its confidence is too low; the run kept no record; far stronger structure lies beside it; a change lies there."""

_BESIDE_PX = 3
"""Pixels of an object that its outline may leave out, at a corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Why there is none."""

    answer: NoChange
    """In one word; `flagged` where there is a change after all."""
    headline: str
    """In one sentence."""
    reasons: tuple[str, ...] = ()
    """What that rests on."""
    weighed: Weighed | None = None
    """The object that was passed over."""
    change: Change | None = None
    """The change that lies there."""


def why_not(site: SiteFiles, lon: float, lat: float) -> Absence | None:
    """Tell why a site reports nothing at a place (degrees); None where the site does not reach there."""
    point, pixel = Point(lon, lat), pixel_at(site, lon, lat)
    if pixel is None and not site.geometry.intersects(point):
        return None
    return _of_site(site, point) or _of_pixel(site, pixel, lon, lat)


def _of_site(site: SiteFiles, point: Point) -> Absence | None:
    """What is known without looking at pixels: the change there, or that the whole site tells nothing."""
    if site.status == "failed":
        return Absence(answer="failed", headline=f"{site.site_id} could not be compared: {site.reason}")
    if site.status == "poor":
        headline = f"{site.site_id} was compared, but its pair is too poor for polygons: {site.reason}"
        return Absence(answer="poor", headline=headline)
    there = next((change for change in site.changes if change.geometry.intersects(point)), None)
    return None if there is None else Absence(answer="flagged", headline="", change=there)


def _of_pixel(site: SiteFiles, pixel: Pixel | None, lon: float, lat: float) -> Absence:
    at = f"{lat:.5f}, {lon:.5f}"
    if pixel is None:
        headline = f"{site.site_id} reports nothing at {at}; the run kept no decisions.tif to tell why: run again"
        return Absence(answer="not_recorded", headline=headline)
    seen = tuple(_seen(site, lon, lat))
    if not pixel.passed["seen"]:
        headline = f"Unknown at {at}: there was no clear look on both dates"
        return Absence(answer="unknown", headline=headline, reasons=seen)
    weighed = _object(pixel)
    if weighed is not None:
        return _passed_over(site, weighed, Point(lon, lat), pixel.size_m)
    answer, why = _gate(site, pixel)
    return Absence(answer=answer, headline=f"Nothing at {at}: {why}", reasons=seen)


def _object(pixel: Pixel) -> Weighed | None:
    """The object of a pixel, in the direction of time that tells more of it."""
    forward, backward = pixel.forward, pixel.backward
    told = forward is not None and forward.kind != "other" and forward.stands
    gone = backward is not None and backward.kind == "construction"
    return backward if gone and not told else forward


def _passed_over(site: SiteFiles, weighed: Weighed, point: Point, pixel_m: float) -> Absence:
    """Why an object was not reported."""
    told = site.provenance.get("objects") or {}
    least, wanted = told.get("min_confidence", 0), told.get("kinds") or []
    kind = "removal" if weighed.backward else weighed.kind
    found = f"An object of {weighed.area_m2:,.0f} m² was found there"
    if kind == "other" or not weighed.stands:
        failed = next((check for check in checks_of(weighed) if not check.passed), None)
        why = "" if failed is None else f": {failed.found} ({failed.limit})"
        said = "neither construction nor clearing" if weighed.stands else "rather the other way round in time"
        return Absence(answer="rejected", headline=f"{found} and judged to be {said}{why}", weighed=weighed)
    if kind not in wanted:
        headline = f"{found} and judged to be {kind}, which was not asked for (--kinds {','.join(wanted)})"
        return Absence(answer="kind", headline=headline, weighed=weighed)
    asked = f"below the least asked for (--min-confidence {least:g})"
    if weighed.confidence < least:
        headline = f"{found}, {kind} of confidence {weighed.confidence:.2f}, {asked}"
        return Absence(answer="confidence", headline=headline, weighed=weighed)
    # Outlines are drawn a little beside the pixels that they stand for.
    beside = min(site.changes, key=lambda one: one.geometry.distance(point), default=None)
    if beside is not None and _away_m(beside.geometry, point) <= _BESIDE_PX * pixel_m:
        return Absence(answer="flagged", headline="", change=beside)
    headline = (
        f"{found}, {kind} of confidence {weighed.confidence:.2f} by what was compared, but {asked} once each look at it"
        " was asked"
    )
    return Absence(answer="confidence", headline=headline, weighed=weighed)


def _gate(site: SiteFiles, pixel: Pixel) -> tuple[NoChange, str]:
    """The gate at which a pixel without object fell out."""
    told = site.provenance.get("objects") or {}
    forward, passed = told.get("forward") or {}, pixel.passed
    limits = forward.get("thresholds") or {}
    changed_at, object_at = limits.get("changed_at", 0), limits.get("object_at", 0)
    structured = passed["structured"]
    if not passed["changed"] and not structured:
        return "unchanged", f"the ground changed less than {changed_at:g} times as much as the site's median pixel"
    if structured and passed["beside"]:
        return "beside", "what it shows is the blur of far stronger structure beside it"
    if structured or (forward.get("settled") and passed["candidate"]):
        least = f"{told.get('min_area_m2', 0):g} m²"
        return "small", f"changed ground of this sort here is smaller than {least}, or thinner than two pixels"
    if not passed["strong"]:
        return "weak", f"it changed, but less than {object_at:g} times the median, which an object needs"
    if not passed["candidate"]:
        return "green_or_wet", "it changed strongly, but is green or wet afterwards, as fields and water are"
    return "no_structure", (
        "it changed strongly, but without new fine structure; at this site most ground changed, so that strong change"
        " alone tells little"
    )


def _seen(site: SiteFiles, lon: float, lat: float) -> Iterator[str]:
    """What the pixel looked like at both dates."""
    if site.preview is None:
        return
    preview = open_preview(site.preview)
    under = pixel_under(preview.geobox, lon, lat)
    if under is None:
        return
    row, col = under
    here = slice(row, row + 1), slice(col, col + 1)
    for date, data in preview.cut(here).items():
        yield f"{date.capitalize()}: {_numbers(preview, data[:, 0, 0].tolist())}."


def _numbers(preview: Preview, values: list[float]) -> str:
    if not np.isfinite(values).all():
        return "no clear look"
    scale = 1 / REFLECTANCE_SCALE if preview.calibrated else 1.0
    known = {band: scale * value for band, value in zip(preview.bands, values, strict=True)}
    digits = ".3f" if preview.calibrated else "g"
    told = ", ".join(f"{band} {value:{digits}}" for band, value in known.items())
    if preview.calibrated and {"nir", "red"} <= set(known):
        told += f"; NDVI {(known['nir'] - known['red']) / (known['nir'] + known['red']):.2f}"
    return told


def nearest_change(site: SiteFiles, lon: float, lat: float) -> Iterator[str]:
    """The change nearest to a place, in words; nothing where a site has none."""
    point = Point(lon, lat)
    if site.changes:
        near = min(site.changes, key=lambda one: one.geometry.distance(point))
        away = _metres(near.geometry, point)
        yield f"The nearest change, {near.change_id} ({near.told.get('kind')}), is {away} away."


def nearest_site(run: Run, lon: float, lat: float) -> Iterator[str]:
    """The site nearest to a place, in words."""
    point = Point(lon, lat)
    sites = [(site.site_id, site.geometry) for site in run.sites() if not site.geometry.is_empty]
    if sites:
        site_id, geometry = min(sites, key=lambda one: one[1].distance(point))
        yield f"The nearest site, {site_id}, is {_metres(geometry, point)} away."


def _away_m(geometry: shapely.Geometry, point: Point) -> float:
    there = shapely.get_coordinates(shapely.shortest_line(point, geometry))[-1]
    return float(Geod(ellps="WGS84").inv(point.x, point.y, *there)[2])


def _metres(geometry: shapely.Geometry, point: Point) -> str:
    metres = _away_m(geometry, point)
    return f"{metres / 1000:,.1f} km" if metres >= 1000 else f"{metres:.0f} m"
