"""The nouns that cross a boundary between stages: frozen, checked once, documented field by field.

Conventions, everywhere: arrays are `(band, y, x)`; reflectance is float32, 0-1, NaN where `valid` is False; `valid`
is True where a pixel may be used; the dates are `before` and `after`; bands carry their STAC common names; lengths
and areas carry their unit in the name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from changedetect import display
from changedetect.errors import ConfigError, PairError, SiteListError
from changedetect.looks import looks_table, plot_looks
from changedetect.scenes import BandAsset, Scene, same_pass
from changedetect.types import BoolArray, FloatArray, IntArray, Kind, SiteStatus
from changedetect.windows import Window

if TYPE_CHECKING:
    import folium
    from matplotlib.axes import Axes

__all__ = [
    "KIND_CODES",
    "SITE_ID",
    "UNKNOWN",
    "BandAsset",
    "ChangeMap",
    "Composite",
    "Pair",
    "Scene",
    "Site",
    "SiteResult",
    "Tile",
    "Window",
    "same_pass",
    "sites_frame",
]

KIND_CODES: Mapping[Kind, int] = MappingProxyType({"construction": 1, "clearing": 2, "removal": 3, "other": 4})
"""Codes of band 3 of `change_map.tif`; 0 is no object, 255 unknown."""

UNKNOWN = 255
"""The value of every band of `change_map.tif` where a date had no clear look."""

SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a site id may be: the name of a folder on any disk."""


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

    def _repr_html_(self) -> str:
        return display.facts_html(self.name, {"site_id": self.site_id, **self.properties})


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

    def shown(self) -> display.Dates:
        """The pixels of both dates, as pictures need them."""
        before, after = self.before.data, self.after.data
        return display.Dates(
            before=before, after=after, bands=self.bands, geobox=self.geobox, calibrated=self.calibrated
        )

    def _repr_html_(self) -> str:
        return display.pictures_html(dict(zip(("before", "after"), self.shown().pictures(600), strict=True)))


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
    decisions: tuple[IntArray, ...] | None = None
    """(y, x) each: bands of `decisions.DECISION_BANDS`: what led there. None where it was not kept."""

    def _repr_html_(self) -> str:
        return display.pictures_html({"kinds": display.kinds_picture(self.changed, self.kind)})


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

    def explore(self) -> "folium.Map":
        """Show the changes on a map to move about; needs folium, mapclassify and matplotlib (`display.explore`)."""
        return display.explore(self.changes, sites_frame([self.site]))

    def plot(self) -> tuple["Axes", "Axes"]:
        """Draw both dates with the changes on them; needs matplotlib (`display.plot`).

        Raises
        ------
        ConfigError
            The pixels were not kept, or matplotlib is not installed.
        """
        if self.preview is None:
            msg = f"site {self.site.site_id} has no pixels here: see before.png and after.png in its folder"
            raise ConfigError(msg)
        titles = [f"{name} {self.summary.get(name) or ''}".rstrip() for name in ("before", "after")]
        return display.plot(self.preview.shown(), self.changes, titles)

    def _repr_html_(self) -> str:
        facts = {"site_id": self.site.site_id, "status": self.status, "reason": self.reason}
        told = {name: self.summary.get(name) for name in ("before", "after", "clear_fraction", "warnings")}
        picture = self.preview._repr_html_() if self.preview is not None else ""
        return display.facts_html(self.site.name, {**facts, **told}) + display.changes_html(self.changes) + picture


def sites_frame(sites: Iterable[Site]) -> gpd.GeoDataFrame:
    """Outlines of sites with `site_id` and `name`, lon/lat."""
    listed = list(sites)
    named = {"site_id": [site.site_id for site in listed], "name": [site.name for site in listed]}
    return gpd.GeoDataFrame(named, geometry=[site.geometry for site in listed], crs="EPSG:4326")
