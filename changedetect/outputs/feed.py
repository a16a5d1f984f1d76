"""`feed.xml`: what is new as an Atom feed (RFC 4287) with places (GeoRSS-Simple, OGC 17-002r1)."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from shapely.geometry.base import BaseGeometry

from changedetect.lonlat import polygons_of
from changedetect.outputs.files import whole

_ATOM, _GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
_MOST = 200
"""Entries of a feed, the newest: readers fetch it whole, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One thing in a feed."""

    entry_id: str
    """Its name for good."""
    title: str
    """One line."""
    text: str
    """A few more, plain text."""
    published: date
    """When it was reported first."""
    updated: date
    """When something about it changed last."""
    category: str
    """What sort of news it is."""
    geometry: BaseGeometry
    """Where; lon/lat."""


def write_feed(path: Path, title: str, key: str, entries: Sequence[FeedEntry]) -> None:
    """Write a feed, the newest first; its ids are UUIDs of `key` and of the entries' ids, so they never change.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    ET.register_namespace("", _ATOM)
    ET.register_namespace("georss", _GEORSS)
    name = uuid5(NAMESPACE_URL, f"changedetect/{key}")
    newest = sorted(entries, key=lambda one: (-one.updated.toordinal(), one.entry_id))[:_MOST]
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "title", title)
    _add(feed, "id", name.urn)
    _add(feed, "updated", _moment(newest[0].updated if newest else date(1970, 1, 1)))
    _add(_add(feed, "author"), "name", "changedetect")
    _add(feed, "generator", "changedetect")
    for one in newest:
        _entry(feed, one, name)
    ET.indent(feed, space=" ")
    with whole(path) as beside:
        ET.ElementTree(feed).write(beside, encoding="utf-8", xml_declaration=True)


def _entry(feed: ET.Element, one: FeedEntry, name: UUID) -> None:
    entry = _add(feed, "entry")
    _add(entry, "title", one.title)
    _add(entry, "id", uuid5(name, one.entry_id).urn)
    _add(entry, "updated", _moment(one.updated))
    _add(entry, "published", _moment(one.published))
    _add(entry, "category").set("term", one.category)
    content = _add(entry, "content", one.text)
    content.set("type", "text")
    parts = polygons_of(one.geometry).geoms
    if parts:  # GeoRSS has one ring an entry, latitude first
        ring = max(parts, key=lambda part: part.area).exterior.coords
        place = ET.SubElement(entry, f"{{{_GEORSS}}}polygon")
        place.text = " ".join(f"{lat:.6f} {lon:.6f}" for lon, lat in ring)


def _add(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_ATOM}}}{tag}")
    if text is not None:
        child.text = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
    return child


def _moment(day: date) -> str:
    """RFC 3339, which Atom asks for (RFC 4287, 3.3)."""
    return f"{day.isoformat()}T00:00:00Z"
