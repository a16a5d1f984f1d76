"""What notebooks show: tables, pictures and maps of our values, on plain arrays and frames.

Text of users is escaped everywhere: notebooks and maps run what they show as HTML.
"""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox
from PIL import Image, ImageColor

from changedetect.errors import ConfigError
from changedetect.stretching import COLOURS, Rgb, choose_bands, shrink, stretch, together
from changedetect.types import FloatArray, IntArray

if TYPE_CHECKING:
    import folium
    from matplotlib.axes import Axes

_COLUMNS = ("change_id", "site_id", "kind", "confidence", "area_m2", "last_clear_without", "first_seen", "status")
_ROWS = 20
"""Rows of a table that are shown."""
_SIDE = 320
"""Longer side of a picture in a notebook, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The compared pixels, as pictures need them."""

    before: FloatArray
    """(band, y, x) of the earlier date, NaN where nothing was seen."""
    after: FloatArray
    """The same of the later date."""
    bands: tuple[str, ...]
    """Common names, in the order of the arrays."""
    geobox: GeoBox
    """Their grid."""
    calibrated: bool
    """Whether the numbers are reflectance."""

    def pictures(self, longest_px: int) -> tuple[Rgb, Rgb]:
        """(y, x, 3) pictures of both dates in one stretch, averaged until they are at most so long a side."""
        bands = choose_bands(self.bands)
        index = [self.bands.index(band) for band in bands]
        factor = -(-max(self.geobox.shape) // longest_px)
        shown = [shrink(data[index], factor) for data in (self.before, self.after)]
        return stretch(shown[0], shown[1], together=together(bands, calibrated=self.calibrated))


def facts_html(title: str, facts: Mapping[str, object]) -> str:
    """A heading and a table of two columns; what is None or empty is left out.

    >>> facts_html("<b>", {"status": "ok", "reason": ""})
    '<b>&lt;b&gt;</b><table><tr><th>status</th><td>ok</td></tr></table>'
    """
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None and value != ""
    )
    return f"<b>{html.escape(title)}</b><table>{rows}</table>"


def table_html(rows: Iterable[Mapping[str, object]]) -> str:
    """A table of records, the first twenty; says how many there are."""
    table = pd.DataFrame(list(rows))
    more = f"<p>{_ROWS} of {len(table)} rows</p>" if len(table) > _ROWS else ""
    return str(table.head(_ROWS).to_html(index=False, escape=True, border=0, na_rep="")) + more


def changes_html(changes: gpd.GeoDataFrame) -> str:
    """The most telling columns of changes, the surest first."""
    if changes.empty:
        return "<p>no changes</p>"
    shown = changes.sort_values("confidence", ascending=False, kind="stable")
    return table_html(shown[[name for name in _COLUMNS if name in shown]].to_dict("records"))


def pictures_html(pictures: Mapping[str, Rgb]) -> str:
    """Pictures side by side, each with its title, inside the page."""
    cells = []
    for title, pixels in pictures.items():
        image = Image.fromarray(pixels)
        scale = max(1, _SIDE // max(image.size))
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        data, told = base64.b64encode(buffer.getvalue()).decode(), html.escape(title)
        cells.append(
            f'<figure style="display:inline-block;margin:4px"><img alt="{told}" src="data:image/png;base64,{data}">'
            f"<figcaption>{told}</figcaption></figure>"
        )
    return "".join(cells)


def kinds_picture(changed: IntArray, kind: IntArray) -> Rgb:
    """(y, x, 3) picture of a change map: kinds in their colours, other changed ground dark, unknown hatched."""
    shown = np.full((*kind.shape, 3), 245, dtype=np.uint8)
    shown[changed == 1] = 160
    for code, colour in enumerate(COLOURS.values(), start=1):
        shown[kind == code] = ImageColor.getrgb(colour)
    row, column = np.indices(kind.shape)
    shown[(changed == 255) & ((row + column) % 4 == 0)] = 110
    step = -(-max(kind.shape) // _SIDE)
    return shown[::step, ::step]


def explore(changes: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> "folium.Map":
    """Show changes, coloured by kind, and outlines of sites on a map to move about.

    Parameters
    ----------
    changes
        With the columns of `changedetect.changes`, lon/lat; may be empty.
    sites
        Outlines with `site_id` and `name`, lon/lat; may be empty.

    Raises
    ------
    ConfigError
        The packages for maps are not installed, or there is nothing to show.
    """
    outlines, found = _escaped(sites[~sites.geometry.is_empty]), _escaped(changes)
    if outlines.empty and found.empty:
        msg = "nothing to show on a map: no site has an outline, and none has a change"
        raise ConfigError(msg)
    shown: Any = None
    try:
        if not outlines.empty:
            style = {"fill": False, "color": "#232323", "weight": 1}
            shown = outlines.explore(style_kwds=style, tooltip=["site_id", "name"], name="sites")
        if not found.empty:
            columns = [name for name in found.columns if name != "geometry"]
            shown = found.explore(
                column="kind",
                categories=list(COLOURS),
                cmap=list(COLOURS.values()),
                tooltip=["change_id", "kind", "confidence", "area_m2"],
                popup=columns,
                name="changes",
                m=shown,
            )
    except ImportError as error:
        msg = "a map needs folium, mapclassify and matplotlib: pip install changedetect[map,plot]"
        raise ConfigError(msg) from error
    found_map: folium.Map = shown
    return found_map


def _escaped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The frame with its text as HTML: folium puts it into the page as it is."""
    text = frame.select_dtypes(["object", "string"]).columns
    clean = {name: [html.escape(one) if isinstance(one, str) else one for one in frame[name]] for name in text}
    return frame.assign(**clean)


def plot(dates: Dates, changes: gpd.GeoDataFrame, titles: Sequence[str]) -> tuple["Axes", "Axes"]:
    """Draw both dates side by side in one stretch, with the outlines of the changes (lon/lat) on both.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - not part of the base install
    except ImportError as error:
        msg = "a plot needs matplotlib, which is not installed: pip install changedetect[plot]"
        raise ConfigError(msg) from error
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 6), layout="constrained", sharex=True, sharey=True)
    grid = dates.geobox
    west, south, east, north = grid.boundingbox
    for ax, picture, title in zip((left, right), dates.pictures(1000), titles, strict=True):
        ax.imshow(picture, extent=(west, east, south, north), interpolation="nearest")
        ax.set_title(title)
        ax.ticklabel_format(style="plain", useOffset=False)
        if len(changes) and grid.crs is not None:
            for kind, some in changes.to_crs(grid.crs.to_wkt()).groupby("kind", sort=True):
                # A dark line below the coloured one: yellow on bright fields is seen, too.
                some.boundary.plot(ax=ax, color="black", linewidth=3)
                some.boundary.plot(ax=ax, color=COLOURS.get(str(kind), COLOURS["other"]), linewidth=1.5)
    left.set_xlim(west, east)
    left.set_ylim(south, north)
    return left, right
