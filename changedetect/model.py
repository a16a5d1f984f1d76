"""The nouns that cross a boundary between stages: frozen, checked once, documented field by field.

Conventions, everywhere: arrays are `(band, y, x)`; reflectance is float32, 0-1, NaN where `valid` is False; `valid`
is True where a pixel may be used; the dates are `before` and `after`; bands carry their STAC common names; lengths
and areas carry their unit in the name.
"""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from changedetect.errors import ConfigError, PairError, SiteListError
from changedetect.looks import looks_table, plot_looks
from changedetect.types import BoolArray, FloatArray, IntArray, Kind, SiteStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KIND_CODES: Mapping[Kind, int] = MappingProxyType({"construction": 1, "clearing": 2, "removal": 3, "other": 4})
"""Codes of band 3 of `change_map.tif`; 0 is no object, 255 unknown."""

UNKNOWN = 255
"""The value of every band of `change_map.tif` where a date had no clear look."""

SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a site id may be: the name of a folder on any disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of days, both ends included."""

    start: date
    """First day."""
    end: date
    """Last day."""

    def __post_init__(self) -> None:
        if self.end < self.start:
            msg = f"window ends ({self.end}) before it starts ({self.start}): write START/END"
            raise ConfigError(msg)

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read `A/B`, or one date; each end is `YYYY-MM-DD` or `YYYY-MM` (the whole month).

        >>> str(Window.parse("2023-05/2023-09"))
        '2023-05-01/2023-09-30'
        """
        first, slash, last = text.strip().partition("/")
        return cls(start=_day(first, text, last=False), end=_day(last if slash else first, text, last=True))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment.date() <= self.end

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


def _day(text: str, whole: str, *, last: bool) -> date:
    match = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?", text.strip())
    try:
        if match is None:
            raise ValueError
        year, month = int(match[1]), int(match[2])
        day = int(match[3]) if match[3] else (calendar.monthrange(year, month)[1] if last else 1)
        return date(year, month, day)
    except ValueError:
        msg = f"window {whole!r} is not a date: write YYYY-MM-DD/YYYY-MM-DD, YYYY-MM/YYYY-MM or one date"
        raise ConfigError(msg) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place to watch."""

    site_id: str
    """Unique in its list; letters, digits, `.`, `_`, `-`: it becomes a folder name."""
    name: str
    """What people call it; any text."""
    geometry: BaseGeometry
    """Polygon or MultiPolygon, lon/lat degrees (WGS 84)."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the list said about it."""

    def __post_init__(self) -> None:
        if not SITE_ID.fullmatch(self.site_id):
            msg = f"site id {self.site_id!r} can't be a folder name: use letters, digits, '.', '_' and '-'"
            raise SiteListError(msg)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The pixels of one scene on one tile's grid."""

    scene: Scene
    """Where they come from."""
    geobox: GeoBox
    """Grid of the arrays."""
    bands: tuple[str, ...]
    """Common names, in the order of `data`."""
    data: FloatArray
    """(band, y, x) reflectance, NaN where not `valid`."""
    valid: BoolArray
    """(y, x) True where every band has data; says nothing about clouds."""
    qa: IntArray
    """(y, x) the sensor's own quality codes, nearest neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """The clear ground of one date or window."""

    geobox: GeoBox
    """Grid of the arrays."""
    bands: tuple[str, ...]
    """Common names, in the order of `data`."""
    data: FloatArray
    """(band, y, x) reflectance, or the raw numbers of an uncalibrated raster; NaN where not `valid`."""
    valid: BoolArray
    """(y, x) True where there is at least one clear look, in every band."""
    looks: IntArray
    """(y, x) number of clear looks behind each pixel."""
    scene_ids: tuple[str, ...] = ()
    """Scenes that went into it, oldest first."""
    spread: FloatArray | None = None
    """(y, x) how far the looks lie apart: length of the bands' median absolute deviations, in the unit of `data`;
    infinite where there is but one. None where there is one scene in all, or where it is not known."""

    def __post_init__(self) -> None:
        shape = tuple(self.geobox.shape)
        if self.data.shape != (len(self.bands), *shape) or self.valid.shape != shape or self.looks.shape != shape:
            msg = f"composite arrays {self.data.shape}, {self.valid.shape}, {self.looks.shape} do not fit {shape}"
            raise PairError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two dates of the same ground on one grid, with the same bands."""

    before: Composite
    """The earlier date."""
    after: Composite
    """The later date."""
    calibrated: bool = True
    """False where the numbers are not surface reflectance (raw DNs)."""

    def __post_init__(self) -> None:
        if self.before.geobox != self.after.geobox or self.before.bands != self.after.bands:
            msg = f"before and after differ in grid or bands: {self.before.bands} and {self.after.bands}"
            raise PairError(msg)

    @property
    def bands(self) -> tuple[str, ...]:
        """Common names of the bands of both dates."""
        return self.before.bands

    @property
    def geobox(self) -> GeoBox:
        """Grid of both dates."""
        return self.before.geobox

    @property
    def valid(self) -> BoolArray:
        """(y, x) True where both dates are valid."""
        return self.before.valid & self.after.valid

    def swapped(self) -> "Pair":
        """The same pair with the dates exchanged."""
        return Pair(before=self.after, after=self.before, calibrated=self.calibrated)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMap:
    """What the diff engine says of every pixel of a site."""

    geobox: GeoBox
    """Grid of the arrays."""
    changed: IntArray
    """(y, x) uint8: 1 the ground differs beyond the pair's own noise, 0 it does not, 255 unknown."""
    confidence: FloatArray
    """(y, x) confidence of the object a pixel belongs to, 0 outside objects, 255 unknown."""
    kind: IntArray
    """(y, x) uint8: code of the object's kind (`KIND_CODES`), 0 outside objects, 255 unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteResult:
    """All that is known about one site when its run ends."""

    site: Site
    """The place."""
    status: SiteStatus
    """`ok`; `poor`: compared, but the pair is too bad for polygons; or `failed`."""
    reason: str = ""
    """Why it is poor or failed, in one line; empty when it is neither."""
    changes: gpd.GeoDataFrame
    """One row a change, lon/lat, with the columns of `changedetect.changes`. Empty when none or failed."""
    change_map: ChangeMap | None = None
    """Pixel maps; None when the site failed."""
    preview: Pair | None = None
    """The compared pixels, for pictures; None when the site failed."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Numbers for `summary.csv`: clear fraction, scenes used and so on."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Scenes, decisions and statistics, ready for JSON."""

    def timeline(self, change_id: str) -> pd.DataFrame:
        """Give the looks by which a change was dated, a row a look; columns: `changedetect.looks.looks_table`.

        Raises
        ------
        ConfigError
            The change was not dated.
        """
        return looks_table(self.provenance.get("timeline", {}), change_id)

    def plot_timeline(self, change_id: str, ax: "Axes | None" = None) -> "Axes":
        """Draw them, with the bracket of dates shaded; needs matplotlib.

        Raises
        ------
        ConfigError
            The change was not dated, or matplotlib is not installed.
        """
        return plot_looks(self.provenance.get("timeline", {}), change_id, ax)
