"""Pictures of a change and of a site: both dates in one stretch, pixels as they are."""

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

from changedetect.report.preview import Area, Preview, from_lonlat, to_pixels
from changedetect.stretching import Rgb, choose_bands, shrink, stretch, together
from changedetect.types import WINDOW_NAMES, BoolArray, FloatArray, WindowName

MOST_PX, SITE_PX = 160, 360
"""Longer side of a change's and of a site's picture, pixels; larger ones are averaged."""
TRUE_COLOUR = ("red", "green", "blue")
"""What eyes see."""
FALSE_COLOURS = (("nir", "red", "green"), ("nir08", "red", "green"), ("swir16", "nir", "red"))
"""False colours by preference: that of aerial photography, in which plants are red, or short-wave infrared."""
HALF_WORLD_M = 20_037_508.0
"""Half the width of Web Mercator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """One piece of ground at both dates."""

    geobox: GeoBox
    """Grid of the pictures."""
    images: Mapping[str, Mapping[WindowName, Image.Image]]
    """Colours (`true` or, where there is no such, `plain`; `false`) → date → picture."""
    bands: Mapping[str, tuple[str, ...]]
    """Colours → the bands shown as red, green and blue."""


def of_area(preview: Preview, area: Area) -> Pictures:
    """True and false colour of both dates on part of the preview's own grid: not one number is resampled."""
    grid = preview.geobox[area]
    reduced = math.ceil(max(grid.shape) / MOST_PX)
    images, bands = {}, colours_of(preview)
    for colour, names in bands.items():
        before, after = (shrink(date, reduced) for date in preview.cut(area, names).values())
        pixels = _stretched(preview, names, before, after)
        images[colour] = {name: Image.fromarray(one) for name, one in pixels.items()}
    return Pictures(geobox=_coarser(grid, reduced), images=images, bands=bands)


def of_site(preview: Preview) -> Pictures:
    """The whole site at both dates in Web Mercator, as maps on screens want it; transparent beyond the grid.

    Across the antimeridian, where there is no such map, on its own grid.
    """
    extent = preview.geobox.extent.to_crs("EPSG:3857").boundingbox
    if extent.span_x > HALF_WORLD_M:
        return of_area(preview, preview.whole)
    reduced = math.ceil(max(preview.geobox.shape) / SITE_PX)
    source = _coarser(preview.geobox, reduced)
    side = max(extent.span_x, extent.span_y) / min(SITE_PX, max(source.shape))
    shape = (max(1, round(extent.span_y / side)), max(1, round(extent.span_x / side)))
    grid = GeoBox.from_bbox(extent.bbox, crs="EPSG:3857", shape=shape)
    colour, names = next(iter(colours_of(preview).items()))
    rows, cols, inside = _nearest(source, grid)
    before, after = (shrink(date, reduced)[:, rows, cols] for date in preview.cut(preview.whole, names).values())
    pixels = _stretched(preview, names, before, after)
    images = {name: _with_alpha(one, inside) for name, one in pixels.items()}
    return Pictures(geobox=grid, images={colour: images}, bands={colour: names})


def data_uri(picture: Image.Image, quality: int | None) -> str:
    """Encode for a `data:` address: WebP without loss where `quality` is None, else JPEG (or WebP, if transparent).

    JPEG keeps a colour for every pixel (4:4:4); lossy WebP would share one among four, and pixels are the evidence.
    """
    stream = io.BytesIO()
    kind = "webp" if quality is None or picture.mode == "RGBA" else "jpeg"
    if quality is None:
        picture.save(stream, "WEBP", lossless=True, method=4)
    elif kind == "webp":
        picture.save(stream, "WEBP", quality=quality, method=4)
    else:
        picture.save(stream, "JPEG", quality=quality, subsampling=0, optimize=True)
    return f"data:image/{kind};base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def colours_of(preview: Preview) -> dict[str, tuple[str, ...]]:
    """The bands that each set of colours shows as red, green and blue."""
    has = set(preview.bands)
    colours: dict[str, tuple[str, ...]] = {"true": TRUE_COLOUR} if set(TRUE_COLOUR) <= has else {}
    false = next((one for one in FALSE_COLOURS if set(one) <= has), None)
    if false is not None:
        colours["false"] = false
    return colours or {"plain": choose_bands(preview.bands)}


def _stretched(
    preview: Preview, names: tuple[str, ...], before: FloatArray, after: FloatArray
) -> dict[WindowName, Rgb]:
    pictures = stretch(before, after, together=together(names, calibrated=preview.calibrated))
    return dict(zip(WINDOW_NAMES, pictures, strict=True))


def _coarser(grid: GeoBox, factor: int) -> GeoBox:
    """The grid of `stretching.shrink`."""
    shape = (-(-grid.shape[0] // factor), -(-grid.shape[1] // factor))
    return GeoBox(shape, grid.affine @ Affine.scale(factor), grid.crs)


def _nearest(source: GeoBox, target: GeoBox) -> tuple[np.ndarray, np.ndarray, BoolArray]:
    """Row and column of `source` under every pixel centre of `target`, and whether there is one at all."""
    height, width = target.shape
    col, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = target.affine @ (col.ravel(), row.ravel())
    lonlat = np.column_stack(from_lonlat(str(target.crs)).transform(x, y, direction="INVERSE"))
    cols, rows = np.floor(to_pixels(source)(lonlat)).astype(np.int64).T.reshape(2, height, width)
    inside = (rows >= 0) & (rows < source.shape[0]) & (cols >= 0) & (cols < source.shape[1])
    return np.where(inside, rows, 0), np.where(inside, cols, 0), inside


def _with_alpha(pixels: Rgb, inside: BoolArray) -> Image.Image:
    alpha = np.where(inside, 255, 0).astype(np.uint8)
    return Image.fromarray(np.dstack([pixels, alpha]))
