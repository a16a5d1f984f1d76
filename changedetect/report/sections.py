"""What a site and a change say in the report: everything a template needs, ready to be shown as text."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from changedetect.report import words
from changedetect.report.checks import Check, checks_of
from changedetect.report.objects import object_of
from changedetect.report.overlay import Overlay, overlay
from changedetect.report.overview import Overview
from changedetect.report.pictures import Pictures, data_uri, of_area, of_site
from changedetect.report.places import Link, Place, links_of, place_of
from changedetect.report.plot import Plot, plot_of
from changedetect.report.preview import Preview, around_change, from_lonlat
from changedetect.report.reading import Change, SiteFiles

COLOUR_NAMES: Mapping[str, str] = {"true": "True colour", "false": "False colour", "plain": "As stored"}
"""What a set of bands is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """One piece of ground in all its pictures."""

    overlay: Overlay
    """What lies over each of them."""
    colours: tuple[tuple[str, str, str], ...]
    """Key, name, and bands in words."""
    images: Mapping[str, Mapping[str, str]]
    """Colour → date → `data:` address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSection:
    """All that is said of a change."""

    change: Change
    """Its properties."""
    confidence: str
    """In words."""
    place: Place
    """Where it lies."""
    sentences: tuple[str, ...]
    """The evidence, told."""
    days: tuple[str, str]
    """The compared windows, told."""
    links: tuple[Link, ...]
    """Public viewers."""
    plot: Plot | None
    """Its timeline."""
    checks: tuple[Check, ...]
    """The tests that it stood."""
    frames: Frames | None
    """Pictures; None where there are none."""
    previous: str
    """Id of the change before; empty at the start."""
    following: str
    """Id of the next one; empty at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSection:
    """All that is said of a site."""

    site: SiteFiles
    """Its files."""
    days: tuple[str, str]
    """The compared windows, told."""
    facts: tuple[tuple[str, str], ...]
    """What was seen and not seen: name and value."""
    warnings: tuple[str, ...]
    """What to beware of."""
    properties: tuple[tuple[str, str], ...]
    """What the site list said about it."""
    frames: Frames | None
    """The whole site."""
    bounds: tuple[tuple[float, float], tuple[float, float]] | None
    """Corners of its pictures on a Web Mercator map, (lat, lon); None where they can't lie on one."""


def site_section(site: SiteFiles, preview: Preview | None, plan: Overview) -> SiteSection:
    """Put together what is said of a site; `preview` is None where the run left no pixels."""
    pictures = None if preview is None else of_site(preview)
    frames = None if pictures is None else _frames(pictures, site, plan.quality or 85)
    mercator = pictures is not None and str(pictures.geobox.crs) == "EPSG:3857"
    warnings = [one for one in str(site.summary.get("warnings") or "").split("; ") if one]
    return SiteSection(
        site=site,
        days=(words.window(site.summary.get("before")), words.window(site.summary.get("after"))),
        facts=tuple(_facts(site)),
        warnings=tuple(warnings),
        properties=tuple((str(name), _text(value)) for name, value in site.properties.items()),
        frames=frames,
        bounds=_corners(pictures.geobox) if mercator and pictures is not None else None,
    )


def change_section(site: SiteFiles, change: Change, preview: Preview | None, plan: Overview) -> ChangeSection:
    """Put together what is said of a change; `preview` is None where the run left no pixels.

    Raises
    ------
    RasterError
        A raster of its site can't be read.
    """
    weighed = object_of(site, change)
    place = place_of(change.geometry)
    dated = site.dated(change.change_id)
    told = (change.told.get(name) or site.summary.get(name) for name in ("before", "after"))
    before, after = (words.window(one) for one in told)
    previous, following = plan.neighbours[change.change_id]
    frames = None
    if preview is not None:
        pictures = of_area(preview, around_change(preview, change.geometry))
        frames = _frames(pictures, site, plan.quality, own=change.change_id)
    return ChangeSection(
        change=change,
        confidence=f"{words.number(change.confidence)} ({words.grade(change.confidence)})",
        place=place,
        sentences=tuple(words.sentences(site, change, weighed)),
        days=(before, after),
        links=tuple(links_of(site, change)),
        plot=plot_of(dated) if dated and dated["looks"]["datetime"] else None,
        checks=() if weighed is None else tuple(checks_of(weighed)),
        frames=frames,
        previous=previous,
        following=following,
    )


def _frames(pictures: Pictures, site: SiteFiles, quality: int | None, own: str = "") -> Frames:
    return Frames(
        overlay=overlay(pictures.geobox, site.changes, own),
        colours=tuple((key, COLOUR_NAMES[key], " - ".join(bands)) for key, bands in pictures.bands.items()),
        images={
            colour: {date: data_uri(image, quality) for date, image in dates.items()}
            for colour, dates in pictures.images.items()
        },
    )


def _facts(site: SiteFiles) -> Iterator[tuple[str, str]]:
    told, quality = site.summary, site.provenance.get("quality") or {}
    if (seen := told.get("clear_fraction")) is not None:
        yield "Seen at both dates", f"{seen:.0%} of the ground"
        yield "Not seen (cloud, shadow, no data)", _unseen(site, 1 - seen)
    for name in ("before", "after"):
        window = site.provenance.get(name) or {}
        if scenes := window.get("scenes"):
            days = ", ".join(sorted({one["datetime"][:10] for one in scenes}))
            yield f"Scenes {name}", f"{len(scenes)} ({days})"
        elif window.get("raster"):
            yield f"Raster {name}", str(window["raster"])
    if (shift := told.get("shift")) is not None:
        moved = "taken out" if quality.get("shift_applied") else "left in"
        yield "Shift between the dates", f"{shift:.2f} pixels, {moved}"
    if (gap := told.get("season_gap_d")) is not None:
        yield "Difference of season", f"{gap:.0f} days"
    if told.get("worked_around"):
        yield "Worked around", str(told["worked_around"])


def _unseen(site: SiteFiles, share: float) -> str:
    if share < 0.005:
        return "nothing"
    grid = site.provenance.get("grid") or {}
    shape, transform = grid.get("shape"), grid.get("transform")
    if not shape or not transform or abs(transform[0]) < 0.01:
        return f"{share:.0%} of the ground: no change there can be found"
    hectares = share * shape[0] * shape[1] * abs(transform[0] * transform[4]) / 1e4
    return f"{share:.0%} of the ground, {hectares:,.0f} ha: no change there can be found"


def _text(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return "" if value is None else str(value)


def _corners(geobox: GeoBox) -> tuple[tuple[float, float], tuple[float, float]]:
    box = geobox.boundingbox
    corners = ([box.left, box.right], [box.bottom, box.top])
    (west, east), (south, north) = from_lonlat("EPSG:3857").transform(*corners, direction="INVERSE")
    return (round(south, 7), round(west, 7)), (round(north, 7), round(east, 7))
