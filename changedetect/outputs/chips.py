"""`before.png` and `after.png`: the same ground in the same stretch, so that the eye compares only the ground."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from PIL import Image, ImageDraw, ImageFont
from shapely.affinity import affine_transform
from shapely.geometry import Polygon

from changedetect.grid import length_text, pixel_size_m, round_length
from changedetect.model import Pair
from changedetect.outputs.files import whole
from changedetect.stretching import COLOURS

_MIN_SIDE, _MAX_SIDE, _MIN_WIDTH, _FOOTER = 800, 2000, 680, 34
"""Pixels: longer side of a picture at least and at most, width of the sheet at least, height of the legend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canvas:
    """How a picture lies on its grid."""

    geobox: GeoBox
    """The grid of the pixels that are shown."""
    reduce: int
    """Grid pixels that are averaged into one, along each side."""
    enlarge: int
    """Picture pixels that show one of those, along each side."""

    @classmethod
    def fit(cls, geobox: GeoBox) -> "_Canvas":
        longer = max(geobox.shape)
        reduce = math.ceil(longer / _MAX_SIDE)
        return cls(geobox=geobox, reduce=reduce, enlarge=math.ceil(_MIN_SIDE / math.ceil(longer / reduce)))

    @property
    def scale(self) -> float:
        """Picture pixels per grid pixel."""
        return self.enlarge / self.reduce


def write_chips(folder: Path, pair: Pair, changes: gpd.GeoDataFrame, dates: tuple[str, str]) -> None:
    """Write `before.png` and `after.png`, with the outlines of the changes (lon/lat) on both.

    Raises
    ------
    OutputError
        A file can't be written.
    """
    pictures = render(pair, changes, dates)
    for name, picture in zip(("before", "after"), pictures, strict=True):
        with whole(folder / f"{name}.png") as beside:
            picture.save(beside, format="PNG")


def render(pair: Pair, changes: gpd.GeoDataFrame, dates: tuple[str, str]) -> tuple[Image.Image, Image.Image]:
    """Draw both dates, with what `dates` calls them, in one stretch."""
    canvas = _Canvas.fit(pair.geobox)
    outlines = list(_outlines(changes, canvas))
    sheets = []
    for pixels, title, date in zip(pair.shown().pictures(_MAX_SIDE), ("before", "after"), dates, strict=True):
        picture = Image.fromarray(np.repeat(np.repeat(pixels, canvas.enlarge, 0), canvas.enlarge, 1))
        _draw_outlines(picture, outlines)
        sheets.append(_with_footer(picture, f"{title}  {date}".rstrip(), canvas, [kind for kind, _ in outlines]))
    return sheets[0], sheets[1]


def _outlines(changes: gpd.GeoDataFrame, canvas: _Canvas) -> Iterator[tuple[str, list[list[tuple[float, float]]]]]:
    """Rings of each change in picture pixels; nothing on a grid that lies nowhere."""
    grid = canvas.geobox
    if grid.crs is None or changes.empty:
        return
    back = ~grid.affine
    to_picture = [canvas.scale * number for number in (back.a, back.b, back.d, back.e, back.c, back.f)]
    centre = grid.extent.centroid.coords[0][0]
    for kind, geometry in zip(changes["kind"], changes.geometry.to_crs(grid.crs.to_wkt()), strict=True):
        parts = shapely.get_parts(geometry)
        if grid.crs.geographic:  # a cut half lies a whole turn away
            parts = shapely.transform(
                parts, lambda xy: np.column_stack([(xy[:, 0] - centre + 180) % 360 + centre - 180, xy[:, 1]])
            )
        whole_again = shapely.get_parts(affine_transform(shapely.union_all(parts), to_picture))
        polygons = [part for part in whole_again if isinstance(part, Polygon)]
        rings = [ring for part in polygons for ring in (part.exterior, *part.interiors)]
        yield str(kind), [[(float(x), float(y)) for x, y in ring.coords] for ring in rings]


def _draw_outlines(picture: Image.Image, outlines: list[tuple[str, list[list[tuple[float, float]]]]]) -> None:
    draw = ImageDraw.Draw(picture)
    width = max(3, round(max(picture.size) / 400))
    for halo in (True, False):  # all halos first: none may cover a neighbour's colour
        for kind, rings in outlines:
            for ring in rings:
                colour = "black" if halo else COLOURS.get(kind, COLOURS["other"])
                draw.line(ring, fill=colour, width=width + 2 * halo, joint="curve")


def _with_footer(picture: Image.Image, title: str, canvas: _Canvas, kinds: list[str]) -> Image.Image:
    """Put the dates, the kinds that are drawn and a scale bar under the picture, where they hide nothing."""
    sheet = Image.new("RGB", (max(picture.width, _MIN_WIDTH), picture.height + _FOOTER), "#1B1B1B")
    sheet.paste(picture, (0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    middle = picture.height + _FOOTER // 2
    draw.text((8, middle), title, fill="white", font=font, anchor="lm")
    metres_per_pixel = pixel_size_m(canvas.geobox)[1] / canvas.scale
    metres = round_length(metres_per_pixel * (sheet.width / 6))
    length = metres / metres_per_pixel
    right = sheet.width - 10
    draw.line(
        [(right - length, middle - 4), (right - length, middle + 4), (right, middle + 4), (right, middle - 4)],
        "white",
        2,
    )
    draw.text((right - length / 2, middle - 4), length_text(metres), fill="white", font=font, anchor="mm")
    position = 24 + draw.textlength(title, font=font)
    for kind in (kind for kind in COLOURS if kind in kinds):
        draw.rectangle([position, middle - 5, position + 10, middle + 5], fill=COLOURS[kind])
        draw.text((position + 15, middle), kind, fill="white", font=font, anchor="lm")
        position += 27 + draw.textlength(kind, font=font)
    return sheet
