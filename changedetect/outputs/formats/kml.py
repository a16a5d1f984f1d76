"""`changes.kmz`: for Google Earth and its like, with both dates as pictures on the ground and a slider for time.

OGC KML 2.2 (OGC 07-147r2). A folder a site; in it the changes and a folder with the pictures.
"""

import html
import logging
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from changedetect.changes import CHANGE_COLUMNS
from changedetect.outputs.files import pack_entry, plain, whole
from changedetect.outputs.formats.overlays import Overlay, overlays_of
from changedetect.outputs.formats.published import Published, PublishedSite
from changedetect.outputs.formats.shades import shade_of, shades
from changedetect.types import WINDOW_NAMES

log = logging.getLogger(__name__)

_NAMESPACE = "http://www.opengis.net/kml/2.2"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold (W3C XML 1.0, 2.2)."""


def write_kmz(published: Published, path: Path) -> None:
    """Write changes, site outlines and pictures of all sites.

    A change is there from `first_seen` on, or from the later window's first day where it was not dated; until it was
    gone again, if it was. Sites without `preview.tif` have no pictures.

    Raises
    ------
    OutputError
        The file can't be written, or a site's files can't be read.
    RasterError
        A site's `preview.tif` can't be read.
    """
    root = ET.Element("kml", xmlns=_NAMESPACE)
    document = ET.SubElement(root, "Document")
    _text(document, "name", "changedetect")
    _styles(document)
    with whole(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for place in published.sites():
            if place.status == "failed" and place.site.geometry.is_empty:
                continue
            folder = _folder(document, place)
            if pictures := _pictures(place):
                _overlay_folder(folder, place, pictures)
                for name, picture in zip(WINDOW_NAMES, pictures, strict=True):
                    pack_entry(archive, _picture_name(place, name), picture.png, zipfile.ZIP_STORED)
        ET.indent(root)
        content = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        pack_entry(archive, "doc.kml", content, zipfile.ZIP_DEFLATED)


def _folder(document: ET.Element, place: PublishedSite) -> ET.Element:
    folder = ET.SubElement(document, "Folder")
    _text(folder, "name", f"{place.site.name} ({place.site.site_id})")
    found = f"{len(place.changes)} changes" if place.status == "ok" else f"{place.status}: {place.reason}"
    _text(folder, "description", html.escape(found))
    if not place.site.geometry.is_empty:
        outline = ET.SubElement(folder, "Placemark")
        _text(outline, "name", "outline of the site")
        _text(outline, "styleUrl", "#site")
        _geometry(outline, place.site.geometry)
    columns = [name for name in CHANGE_COLUMNS if name != "geometry"]
    rows = place.changes[columns].to_dict("records")
    for row, geometry in zip(rows, place.changes.geometry, strict=True):
        _placemark(folder, place, {str(name): plain(value) for name, value in row.items()}, geometry)
    return folder


def _placemark(folder: ET.Element, place: PublishedSite, row: Mapping[str, Any], geometry: BaseGeometry) -> None:
    mark = ET.SubElement(folder, "Placemark", id=f"c-{row['change_id']}")
    confidence = row["confidence"] if row["confidence"] is not None else 0.0
    _text(mark, "name", f"{row['kind']} {confidence:.2f}")
    # Viewers run what a description says as HTML: a name from the user's list must stay text there.
    lines = [f"{html.escape(name)}: {html.escape(str(value))}" for name, value in row.items() if value is not None]
    _text(mark, "description", "<br/>".join(lines))
    told = place.provenance.get("timeline", {}).get("changes", {}).get(row["change_id"], {})
    begin = row["first_seen"] or (place.windows[1].start.isoformat() if place.windows else None)
    _span(mark, begin, told.get("gone_on"))
    _text(mark, "styleUrl", f"#{shade_of(str(row['kind']), confidence).name}")
    data = ET.SubElement(mark, "ExtendedData")
    for name, value in row.items():
        if value is not None:
            _text(ET.SubElement(data, "Data", name=name), "value", str(value))
    _geometry(mark, geometry)


def _pictures(place: PublishedSite) -> tuple[Overlay, Overlay] | None:
    preview = place.folder / "preview.tif"
    if place.status == "failed":
        return None
    if not preview.exists():
        log.warning("site %s: no pictures in the KML, %s is not there: run again", place.site.site_id, preview)
        return None
    return overlays_of(preview, calibrated=bool(place.provenance.get("calibrated", True)))


def _overlay_folder(folder: ET.Element, place: PublishedSite, pictures: Iterable[Overlay]) -> None:
    """Both dates: `before` until the later window begins, `after` from then on; it lies above where both are shown."""
    inside = ET.SubElement(folder, "Folder")
    _text(inside, "name", f"before and after: {place.site.site_id}")
    spans: list[tuple[str | None, str | None]] = [(None, None), (None, None)]
    if place.windows:
        first, turn = (window.start.isoformat() for window in place.windows)
        spans = [(first, turn), (turn, None)]
    for order, (name, picture, span) in enumerate(zip(WINDOW_NAMES, pictures, spans, strict=True)):
        overlay = ET.SubElement(inside, "GroundOverlay")
        window = f" {place.windows[order]}" if place.windows else ""
        _text(overlay, "name", f"{name}{window}")
        _span(overlay, *span)
        _text(overlay, "drawOrder", str(order))
        _text(ET.SubElement(overlay, "Icon"), "href", _picture_name(place, name))
        box = ET.SubElement(overlay, "LatLonBox")
        for edge in ("north", "south", "east", "west"):
            _text(box, edge, repr(float(getattr(picture, edge))))


def _picture_name(place: PublishedSite, date: str) -> str:
    return f"files/{place.site.site_id}/{date}.png"


def _styles(document: ET.Element) -> None:
    for shade in shades():
        blue_green_red = "".join(f"{part:02x}" for part in reversed(shade.rgb))
        _style(
            document, shade.name, f"ff{blue_green_red}", f"{shade.fill:02x}{blue_green_red}", 1 if shade.dashed else 2
        )
    _style(document, "site", "ffffffff", "00ffffff", 1)


def _style(document: ET.Element, name: str, line: str, fill: str, width: int) -> None:
    style = ET.SubElement(document, "Style", id=name)
    drawn = ET.SubElement(style, "LineStyle")
    _text(drawn, "color", line)
    _text(drawn, "width", str(width))
    _text(ET.SubElement(style, "PolyStyle"), "color", fill)


def _span(parent: ET.Element, begin: str | None, end: str | None) -> None:
    if begin or end:
        span = ET.SubElement(parent, "TimeSpan")
        for name, day in (("begin", begin), ("end", end)):
            if day:
                _text(span, name, day)


def _geometry(parent: ET.Element, geometry: BaseGeometry) -> None:
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]
    home = parent if len(parts) == 1 else ET.SubElement(parent, "MultiGeometry")
    for part in parts:
        polygon = ET.SubElement(home, "Polygon")
        _text(polygon, "tessellate", "1")
        rings = [("outerBoundaryIs", part.exterior), *(("innerBoundaryIs", ring) for ring in part.interiors)]
        for name, ring in rings:
            drawn = ET.SubElement(ET.SubElement(polygon, name), "LinearRing")
            _text(drawn, "coordinates", " ".join(f"{x:.7f},{y:.7f}" for x, y, *_ in ring.coords))


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _NOT_XML.sub("", text)
