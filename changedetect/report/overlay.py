"""What is drawn over the pictures: outlines, north and a scale bar, in pixels of the picture."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Geod
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from changedetect.grid import length_text, round_length
from changedetect.report.preview import from_lonlat, to_pixels
from changedetect.report.reading import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One change in a picture."""

    change_id: str
    """Its name."""
    kind: str
    """What it is; decides the colour."""
    path: str
    """SVG path data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """All that lies over one picture."""

    width: int
    """Of the picture, pixels."""
    height: int
    """Of the picture, pixels."""
    own: Outline | None
    """The change that is shown; None on the picture of a site."""
    others: tuple[Outline, ...]
    """Other changes in sight."""
    north_deg: float
    """Degrees clockwise from the picture's top to true north."""
    bar_px: float
    """Length of the scale bar, pixels."""
    bar: str
    """What it stands for."""
    pixel_m: float
    """Ground that a pixel shows at the centre, metres."""


def overlay(geobox: GeoBox, changes: Iterable[Change], own: str = "") -> Overlay:
    """Lay the changes in sight over a picture; `own` is the id of the one that it shows."""
    height, width = geobox.shape
    frame, pixels = box(0, 0, width, height), to_pixels(geobox)
    drawn = []
    for change in changes:
        geometry = shapely.transform(change.geometry, pixels)
        if geometry.is_valid and geometry.intersects(frame):
            kind = str(change.told.get("kind"))
            drawn.append(Outline(change_id=change.change_id, kind=kind, path=_path(geometry)))
    north_deg, pixel_m = _bearing(geobox)
    metres = round_length(width * pixel_m / 3.5)
    return Overlay(
        width=width,
        height=height,
        own=next((one for one in drawn if one.change_id == own), None),
        others=tuple(one for one in drawn if one.change_id != own),
        north_deg=round(north_deg, 1),
        bar_px=round(metres / pixel_m, 2),
        bar=length_text(metres),
        pixel_m=round(pixel_m, 1),
    )


def _path(geometry: BaseGeometry) -> str:
    rings = [
        ring
        for part in shapely.get_parts(geometry)
        if isinstance(part, shapely.Polygon)
        for ring in (part.exterior, *part.interiors)
    ]
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring.coords[:-1]) + "Z" for ring in rings)


def _bearing(geobox: GeoBox) -> tuple[float, float]:
    """Direction of true north at the centre, degrees clockwise from up, and metres of ground per pixel across.

    Measured by going a hundredth of a degree north, and a pixel east on the WGS 84 ellipsoid (`pyproj.Geod`): no
    formula per projection is needed, and on a grid in degrees the bar is still right.
    """
    height, width = geobox.shape
    here, beside = (geobox.affine @ (width / 2 + step, height / 2) for step in (0, 1))
    x, y = zip(here, beside, strict=True)
    lons, lats = from_lonlat(str(geobox.crs)).transform(x, y, direction="INVERSE")
    across_m = Geod(ellps="WGS84").inv(lons[0], lats[0], lons[1], lats[1])[2]
    upward = np.array([(lons[0], lats[0]), (lons[0], min(lats[0] + 0.01, 89.999))])
    (x0, y0), (x1, y1) = to_pixels(geobox)(upward)
    return float(np.degrees(np.arctan2(x1 - x0, y0 - y1))), float(across_m)
