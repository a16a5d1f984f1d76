"""Acquisitions of a sensor as a catalog describes them, before any pixel is read."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shapely.geometry.base import BaseGeometry

from changedetect.journal import note

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandAsset:
    """Where one band of a scene lies and how its numbers become reflectance: `DN * scale + offset`."""

    href: str
    """Absolute path or URL, unsigned."""
    scale: float = 1.0
    """Factor; 1 for QA bands."""
    offset: float = 0.0
    """Added after scaling; 0 for QA bands."""
    nodata: float | tuple[float, ...] | None = None
    """DNs that mean no data, masked before scale and offset, as is what the file declares; None: no other DN does."""
    index: int = 1
    """Which band of the file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One acquisition of one sensor, as a catalog describes it; no pixel is read yet."""

    scene_id: str
    """The catalog's item id."""
    sensor: str
    """A key of `changedetect.sensors.SENSORS`."""
    datetime: datetime
    """Acquisition time, timezone-aware UTC."""
    footprint: BaseGeometry
    """Polygon, lon/lat degrees."""
    bands: Mapping[str, BandAsset]
    """Reflectance bands by STAC common name."""
    qa: BandAsset
    """The sensor's pixel-quality band (SCL, QA_PIXEL)."""
    epsg: int | None = None
    """CRS of the scene's own grid; None where the catalog does not say."""
    collection: str = ""
    """The catalog's collection."""
    cloud_cover: float | None = None
    """Cloud over the whole scene, percent; None where the catalog does not say."""
    sun_elevation_deg: float | None = None
    """Sun elevation in degrees; None where the catalog does not say."""
    platform: str = ""
    """The satellite, lower case with hyphens: `sentinel-2b`, `landsat-9`; empty where the catalog does not say."""
    catalog: str = ""
    """The catalog that told of it: a name, a URL without secrets, or a path."""
    offset_doubted: bool = False
    """True where what the item says of the reflectance offset needs a look at the pixels to be believed."""
    copies: tuple["Scene", ...] = ()
    """The same acquisition from elsewhere or of older processing, the next best first: read when this one is dead."""
    notes: tuple[str, ...] = ()
    """Decisions made while reading the item, in words (the reflectance offset and its evidence)."""


_PASS = timedelta(minutes=10)
"""A satellite sees no place twice within one: an orbit takes 99 minutes."""
_MINUTE = timedelta(minutes=1)


def same_pass(one: Scene, other: Scene) -> bool:
    """Whether two scenes were taken in one flight over: neighbouring tiles overlap, but are not two looks.

    Where the satellite is not told, scenes of one sensor within a minute are.
    """
    apart = abs(one.datetime - other.datetime)
    if not (one.platform and other.platform):
        return one.sensor == other.sensor and apart <= _MINUTE
    return one.platform == other.platform and apart <= _PASS


def next_copy(scene: Scene, reason: str, lost: str) -> Scene | None:
    """The next best copy of an acquisition whose bytes are dead, for a `reason`; the journal says which.

    None when none is left, and that it is `lost` in the log and the journal.
    """
    if not scene.copies:
        log.warning("%s: %s", lost, reason)
        note(f"{lost}: {reason}")
        return None
    first, *rest = scene.copies
    note(f"{reason}; read {first.scene_id} of {first.catalog or first.collection} instead")
    return replace(first, copies=tuple(rest))
