"""The first look through a run: what the overview says of every site and change, and how large pictures may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.report import words
from changedetect.report.places import place_of
from changedetect.report.reading import Change, Run, SiteFiles

PAGE_BYTES = 23_500_000
"""What a report may take, with some room to the 25 MB that are promised."""
BASE_BYTES, ROW_BYTES, TEXT_BYTES, SITE_BYTES = 500_000, 1_500, 11_000, 6_500
"""What scripts and land take, a change in the table and on the map, what is said of one, and of a site; measured."""
QUALITIES: tuple[tuple[int, int | None], ...] = ((16_000, None), (6_500, 90), (4_000, 75), (3_000, 55))
"""Bytes that a picture of 80 x 80 pixels takes in the page, and its JPEG quality; None: no loss. Measured on Sentinel-2
pixels, in base 64."""
PICTURES_A_CHANGE, PICTURES_A_SITE = 4, 6
"""Two dates in two colours; two dates of a site, each worth three of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change in the overview."""

    change_id: str
    """Its name."""
    site_id: str
    """Whose it is."""
    site_name: str
    """What the list calls that; any text."""
    kind: str
    """What it is."""
    confidence: float
    """0-1."""
    area_m2: float
    """Size."""
    since: str
    """First day on which it is seen; empty where it is not dated."""
    status: str
    """`candidate`, `confirmed`, `reverted`, or `not dated`."""
    mark: Mapping[str, Any]
    """What the map draws: `rings` (lon, lat) and `at`, a point inside."""

    @property
    def confidence_text(self) -> str:
        """Two decimals."""
        return words.number(self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """A site in the overview."""

    site_id: str
    """Its name."""
    name: str
    """What the list calls it; any text."""
    status: str
    """`ok`, `poor` or `failed`."""
    reason: str
    """Why it is poor or failed."""
    warnings: str
    """What to beware of."""
    n_changes: int
    """How many."""
    seen: float | None
    """Share seen at both dates; None where it failed."""
    mark: Mapping[str, Any]
    """What the map draws: `rings` and `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What is known before the first picture is made."""

    changes: tuple[ChangeRow, ...]
    """By site, the surest first."""
    sites: tuple[SiteRow, ...]
    """By name."""
    neighbours: Mapping[str, tuple[str, str]]
    """Change that is shown → ids of the one before and after; empty at either end."""
    pictured: frozenset[str]
    """Changes that are shown: all, but in runs with more than fit, where the surest are."""
    quality: int | None
    """Of the pictures; None: without loss."""


def look_through(run: Run) -> Overview:
    """Read every site once, keeping little of it.

    Raises
    ------
    OutputError
        A site's files can't be read.
    """
    changes: list[ChangeRow] = []
    sites: list[SiteRow] = []
    for site in run.sites():
        changes += [_change_row(site, one) for one in site.changes]
        sites.append(_site_row(site))
    room = PAGE_BYTES - BASE_BYTES - ROW_BYTES * len(changes) - SITE_BYTES * len(sites)
    least = QUALITIES[-1][0]
    room_for_changes = max(room - least * PICTURES_A_SITE * len(sites), 0)
    surest = sorted(changes, key=lambda one: -one.confidence)
    # Pictures come before words: where not all have room, some changes are told by their row alone.
    pictured = surest[: room_for_changes // (TEXT_BYTES + least * PICTURES_A_CHANGE)]
    pictures = PICTURES_A_CHANGE * len(pictured) + PICTURES_A_SITE * len(sites)
    left = room - TEXT_BYTES * len(pictured)
    fitting = (quality for size, quality in QUALITIES if size * pictures <= left)
    names = frozenset(one.change_id for one in pictured)
    ids = ["", *(one.change_id for one in changes if one.change_id in names), ""]
    return Overview(
        changes=tuple(changes),
        sites=tuple(sites),
        neighbours={ids[at]: (ids[at - 1], ids[at + 1]) for at in range(1, len(ids) - 1)},
        pictured=names,
        quality=next(fitting, QUALITIES[-1][1]),
    )


def _change_row(site: SiteFiles, change: Change) -> ChangeRow:
    told = change.told
    return ChangeRow(
        change_id=change.change_id,
        site_id=site.site_id,
        site_name=site.name,
        kind=str(told.get("kind")),
        confidence=change.confidence,
        area_m2=float(told.get("area_m2") or 0),
        since=str(told.get("first_seen") or ""),
        status=str(told.get("status") or "not dated"),
        mark=_mark(change.geometry, decimals=5),
    )


def _site_row(site: SiteFiles) -> SiteRow:
    seen = site.summary.get("clear_fraction")
    return SiteRow(
        site_id=site.site_id,
        name=site.name,
        status=site.status,
        reason=site.reason,
        warnings=str(site.summary.get("warnings") or ""),
        n_changes=len(site.changes),
        seen=None if seen is None else float(seen),
        mark=_mark(site.geometry, decimals=4),
    )


def _mark(geometry: BaseGeometry, decimals: int) -> dict[str, Any]:
    if geometry.is_empty:  # a row of the list that could not be read
        return {"rings": [], "at": None}
    at = place_of(geometry)
    # A tenth of a pixel is given up: the map never zooms in so far.
    simple = shapely.simplify(geometry, 10.0**-decimals, preserve_topology=True)
    rings = [
        [[round(x, decimals), round(y, decimals)] for x, y in part.exterior.coords]
        for part in shapely.get_parts(simple)
        if isinstance(part, shapely.Polygon)
    ]
    return {"rings": rings, "at": [round(at.lon, decimals), round(at.lat, decimals)]}
