"""Reflectance as pictures for people: which bands are shown, in which stretch, and the colours of kinds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from changedetect.types import FloatArray

COLOURS: Mapping[str, str] = MappingProxyType(
    {"construction": "#D55E00", "clearing": "#F0E442", "removal": "#56B4E9", "other": "#CC79A7"}
)
"""Outline by kind: colours that the colour-blind tell apart (Okabe and Ito 2008, jfly.uni-koeln.de/color)."""

RECIPES = (("red", "green", "blue"), ("nir", "red", "green"), ("nir08", "red", "green"))
"""Bands shown as red, green, blue: true colour, else the false colour of aerial photography."""

Rgb = NDArray[np.uint8]


def choose_bands(bands: tuple[str, ...]) -> tuple[str, str, str]:
    """Bands to show as red, green and blue: true colour, else false colour, else the first three or a grey one.

    >>> choose_bands(("green", "red", "nir"))
    ('nir', 'red', 'green')
    """
    for recipe in RECIPES:
        if set(recipe) <= set(bands):
            return recipe
    return bands[:3] if len(bands) >= 3 else (bands[0],) * 3  # type: ignore[return-value]


def together(bands: tuple[str, ...], *, calibrated: bool) -> bool:
    """Whether bands are stretched together: visible reflectances keep their hue only so; raw numbers share no scale.

    >>> together(("red", "green", "blue"), calibrated=True), together(("nir", "red", "green"), calibrated=True)
    (True, False)
    """
    return calibrated and bands == RECIPES[0]


def shrink(data: FloatArray, factor: int) -> FloatArray:
    """Average blocks of `factor` x `factor` pixels of a (band, y, x) array; NaN only where a whole block is."""
    if factor == 1:
        return data
    bands, height, width = data.shape
    padding = ((0, 0), (0, -height % factor), (0, -width % factor))
    padded = np.pad(data, padding, constant_values=np.nan)
    blocks = padded.reshape(bands, padded.shape[1] // factor, factor, padded.shape[2] // factor, factor)
    seen = np.isfinite(blocks)
    number = seen.sum(axis=(2, 4), dtype=np.float32)
    total = np.where(seen, blocks, np.float32(0)).sum(axis=(2, 4), dtype=np.float32)
    mean: FloatArray = np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)
    return mean


def stretch(before: FloatArray, after: FloatArray, *, together: bool) -> tuple[Rgb, Rgb]:
    """Turn two (3, y, x) arrays into (y, x, 3) pictures with one stretch for both dates.

    The 2nd and 98th percentiles of both dates become black and white, with a gamma of 1.8; over all bands `together`,
    or band by band. Pixels without value are hatched grey.
    """
    groups = [slice(None)] if together else [slice(band, band + 1) for band in range(3)]
    limits = [_limits(before[group], after[group]) for group in groups] * (3 // len(groups))
    return _to_picture(before, limits), _to_picture(after, limits)


def _limits(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    finite = np.concatenate([date[np.isfinite(date)] for date in (before, after)])
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, (2, 98), overwrite_input=True)
    return float(low), float(max(high, np.nextafter(low, np.inf)))


def _to_picture(data: FloatArray, limits: Sequence[tuple[float, float]]) -> Rgb:
    seen = np.isfinite(data).all(axis=0)
    row, column = np.ogrid[: seen.shape[0], : seen.shape[1]]
    hatch = np.where((row + column) % 4 == 0, 150, 110)
    picture = np.empty((*seen.shape, 3), dtype=np.uint8)
    for band, (low, high) in enumerate(limits):  # one by one: in double precision, large pictures take much memory
        unit = np.clip((np.where(seen, data[band], 0) - np.float64(low)) / (high - low), 0, 1)
        picture[..., band] = np.where(seen, 255 * unit ** (1 / 1.8), hatch).round()
    return picture
