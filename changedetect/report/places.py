"""Where a change lies, in words to copy, and public viewers that show the place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import mgrs
from shapely.geometry.base import BaseGeometry

from changedetect.report.reading import Change, SiteFiles

_BROWSERS = (
    ("Copernicus", "https://browser.dataspace.copernicus.eu/", "S2_L2A_CDAS"),
    ("EO Browser", "https://apps.sentinel-hub.com/eo-browser/", "S2L2A"),
)
"""Name, address, and what Sentinel-2 surface reflectance is called there."""


_REVISIT_D = 5
"""Days in which two Sentinel-2 see every place once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point inside a change."""

    lon: float
    """Degrees east, WGS 84."""
    lat: float
    """Degrees north."""

    @property
    def decimal(self) -> str:
        """Latitude, longitude to five decimals (a metre): the order that map searches take."""
        return f"{self.lat:.5f}, {self.lon:.5f}"

    @property
    def mgrs(self) -> str:
        """Military grid reference to 10 m, a Sentinel-2 pixel (NGA.STND.0037), in the usual groups."""
        whole: str = mgrs.MGRS().toMGRS(self.lat, self.lon, MGRSPrecision=4)
        return f"{whole[:-10]} {whole[-10:-8]} {whole[-8:-4]} {whole[-4:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A public viewer at a place."""

    name: str
    """What it is called."""
    href: str
    """Where it is; followed only when somebody clicks."""
    what: str
    """What it shows, and of when."""


def place_of(geometry: BaseGeometry) -> Place:
    """A point that lies inside, as `change_id` is made of."""
    point = geometry.representative_point()
    return Place(lon=point.x, lat=point.y)


def looked_at(site: SiteFiles, change: Change) -> tuple[date | None, date | None]:
    """A day that shows the ground without the change and one that shows it with: dated looks, else compared scenes."""
    told = [change.told.get(name) for name in ("last_clear_without", "first_seen")]
    windows = [_middle(site.provenance.get(name) or {}, last=name == "before") for name in ("before", "after")]
    days = [date.fromisoformat(one) if one else window for one, window in zip(told, windows, strict=True)]
    return days[0], days[1]


def links_of(site: SiteFiles, change: Change) -> Iterator[Link]:
    """Viewers at a change, on days that show the ground without it and with it."""
    scenes = [one for name in ("before", "after") for one in (site.provenance.get(name) or {}).get("scenes") or []]
    sentinel = any(str(one.get("sensor")).startswith("sentinel-2") for one in scenes)
    return links(place_of(change.geometry), looked_at(site, change), around_d=0 if sentinel else _REVISIT_D)


def _middle(window: Mapping[str, Any], *, last: bool) -> date | None:
    """Day of the clearest scene of a window, the last or first of several."""
    scenes = sorted(window.get("scenes") or [], key=lambda one: one["datetime"], reverse=last)
    if not scenes:
        return None
    clearest = max(scenes, key=lambda one: one.get("clear_fraction") or 0)
    return date.fromisoformat(clearest["datetime"][:10])


def links(place: Place, days: tuple[date | None, date | None], *, around_d: int = 0) -> Iterator[Link]:
    """Viewers that need no account: of the two days, then of whenever their imagery is from.

    `around_d` days to either side are shown, too, where the day itself need not have an image of Sentinel-2.
    """
    for name, base, dataset in _BROWSERS:
        for when, day in zip(("before", "after"), days, strict=True):
            if day is not None:
                what = f"Sentinel-2, {day}" + (f" and {around_d} days around" if around_d else "")
                yield Link(name=f"{name} {when}", href=_browser(base, place, day, around_d, dataset), what=what)
    lat, lon = f"{place.lat:.6f}", f"{place.lon:.6f}"
    maps = urlencode(
        {"api": 1, "map_action": "map", "center": f"{lat},{lon}", "zoom": 17, "basemap": "satellite"}, safe=","
    )
    latest = "very high resolution, date shown there"
    yield Link(name="Google Maps", href=f"https://www.google.com/maps/@?{maps}", what=latest)
    earth = f"https://earth.google.com/web/@{lat},{lon},0a,1500d,35y,0h,0t,0r"
    yield Link(name="Google Earth", href=earth, what="very high resolution, with older dates")
    yield Link(name="Bing Maps", href=f"https://www.bing.com/maps?cp={lat}~{lon}&lvl=17&style=a", what=latest)
    osm = f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=16/{lat}/{lon}"
    yield Link(name="OpenStreetMap", href=osm, what="map drawn by volunteers")


def _browser(base: str, place: Place, day: date, around_d: int, dataset: str) -> str:
    """The address of a view, as these browsers write it when it is shared."""
    around = timedelta(days=around_d)
    told = {
        "zoom": 15,
        "lat": f"{place.lat:.5f}",
        "lng": f"{place.lon:.5f}",
        "themeId": "DEFAULT-THEME",
        "datasetId": dataset,
        "fromTime": f"{day - around}T00:00:00.000Z",
        "toTime": f"{day + around}T23:59:59.999Z",
        "layerId": "1_TRUE_COLOR",
    }
    return f"{base}?{urlencode(told, quote_via=quote)}"
