"""Looks that stand out from their window: clouds, haze and shadows that the quality bands missed.

A cloud that was missed is brighter in the blue than the ground is on the window's other dates, a shadow darker in the
infrared; both in patches, not in single pixels. What stands out to the end of the window, or from its start, and stays
the same is no cloud: something was built, cleared or cut in between. Outlier tests of this kind are Tmask (Zhu and
Woodcock 2014, doi:10.1016/j.rse.2014.06.012) and that of Hagolle et al. 2010 (doi:10.1016/j.rse.2010.03.002, blue
against a composite of earlier dates); the thresholds here are multiples of each pixel's own spread over the window.

The haze index is HOT, blue - 0.5 red (Zhang et al. 2002, doi:10.1016/S0034-4257(02)00034-2, with the slope of Zhu and
Woodcock 2012, doi:10.1016/j.rse.2011.10.028, equation 3): ploughing and harvest move ground along that line, haze and
cloud off it.
"""

from collections.abc import Sequence

import numpy as np

from changedetect.grid import pixel_size_m
from changedetect.prepare.masks import Look, count_around
from changedetect.types import BoolArray, FloatArray, IntArray

STRIP_ROWS = 256
"""Rows worked on at a time, so that memory holds one strip of all looks, not the whole tile."""

_SPREADS = 3.0
"""Spreads that a look must stand out by."""
_SPREADS_OF_TWO = 6.0
"""The same where there are two looks, and no spread is known but the floor."""
_FLOOR, _FLOOR_SHARE = 0.008, 0.04
"""Least spread of ground over some months, in reflectance and as a share of the blue: aerosol left over in surface
reflectance (0.005 + 0.05 rho is the specified accuracy, Vermote et al. 2016, doi:10.1016/j.rse.2016.04.008), sensor
noise and misregistration."""
_SHADED = 0.6
"""Light in the infrared that a shadow leaves at most, as a share of the window's median: sunlight is three quarters and
more of all light there."""
_MAJORITY_M = 25.0
"""A look is an outlier where more than half of the pixels this far around are."""


def outlier_reach_px(pixel_m: float) -> int:
    """Pixels that `outliers` looks beyond the ones it decides."""
    radius = _radius_px(pixel_m)
    return radius + (radius + 1) + (2 * radius + 1)


def _radius_px(pixel_m: float) -> int:
    return max(1, round(_MAJORITY_M / pixel_m))


def outliers(looks: Sequence[Look], clear: BoolArray) -> BoolArray:
    """Find what stands out of a window, look by look.

    With one look there is nothing to compare with; with two, the one that is far brighter in the blue is out; never
    are all looks at a pixel.

    Parameters
    ----------
    looks
        The window, oldest first.
    clear
        (look, y, x) True where a look shows the ground, so far as is known, and counts as one.

    Returns
    -------
    BoolArray
        (look, y, x) True where it does not after all; right beyond `outlier_reach_px` of the tile's edges.
    """
    rejected = np.zeros_like(clear)
    if len(looks) < 2:
        return rejected
    strong, weak = rejected.copy(), rejected.copy()
    for top in range(0, clear.shape[1], STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        strong[:, rows], weak[:, rows] = _standing_out(looks, clear[:, rows], rows)
    radius = _radius_px(min(pixel_size_m(looks[0].tile.geobox)))
    for number in range(len(looks)):
        if not strong[number].any():
            continue
        most = 2 * count_around(strong[number], radius) > count_around(clear[number], radius)
        core = strong[number] & most
        patch = core | (weak[number] & (count_around(core, radius + 1) > 0))
        holes = 2 * count_around(patch, 2 * radius + 1) > count_around(clear[number], 2 * radius + 1)
        rejected[number] = patch | (clear[number] & holes)
    rejected &= (clear & ~rejected).any(axis=0)
    return rejected


def _standing_out(looks: Sequence[Look], clear: BoolArray, rows: slice) -> tuple[BoolArray, BoolArray]:
    """Looks that stand out pixel by pixel, and those that do half as much."""
    strong, weak = np.zeros_like(clear), np.zeros_like(clear)
    seen = clear.sum(axis=0)
    haze = _haze(looks, clear, rows)
    if haze is not None:
        index, blue = haze
        usual = _ranked(index, (seen - 1) // 2)
        floor = _FLOOR + _FLOOR_SHARE * np.maximum(_ranked(blue, (seen - 1) // 2), 0)
        spread = np.maximum(1.4826 * _ranked(np.abs(index - usual), (seen - 1) // 2), floor)
        step = np.where(seen == 2, _SPREADS_OF_TWO, _SPREADS) * spread
        above = index - usual
        passing = ~_lasting(index, above > step, clear, np.maximum(step, np.abs(above) / 4))
        strong |= (above > step) & passing & (seen >= 2)
        weak |= (above > step / 2) & passing & (seen >= 2)
    shade = _shade(looks, clear, rows)
    if shade is not None:
        light = shade
        dark = light < _SHADED
        passing = ~_lasting(light, dark, clear, np.full_like(light, 0.1)) & (seen >= 3)
        strong |= dark & passing
        weak |= (light < (1 + _SHADED) / 2) & passing
    return strong, weak


def _values(looks: Sequence[Look], clear: BoolArray, rows: slice, band: str) -> FloatArray:
    """(look, y, x) of one band, NaN where not clear."""
    at = looks[0].tile.bands.index(band)
    return np.stack([np.where(see, look.tile.data[at, rows], np.nan) for look, see in zip(looks, clear, strict=True)])


def _haze(looks: Sequence[Look], clear: BoolArray, rows: slice) -> tuple[FloatArray, FloatArray] | None:
    """(look, y, x) haze index and the blue, or the shortest wavelength there is; None where nothing visible is."""
    visible = [band for band in ("blue", "green", "red") if band in looks[0].tile.bands]
    if not visible:
        return None
    blue = _values(looks, clear, rows, visible[0])
    if visible[0] == "red" or "red" not in visible:
        return blue, blue
    return blue - np.float32(0.5) * _values(looks, clear, rows, "red"), blue


def _shade(looks: Sequence[Look], clear: BoolArray, rows: slice) -> FloatArray | None:
    """(look, y, x) light in the infrared as a share of the usual one: the greater of its bands; None without any."""
    infrared = [band for band in ("nir", "swir16", "swir22") if band in looks[0].tile.bands]
    if len(infrared) < 2:  # a harvest darkens the near infrared alone
        return None
    seen = clear.sum(axis=0)
    share = np.zeros(clear.shape, dtype=np.float32)
    for band in infrared[:2]:
        values = _values(looks, clear, rows, band)
        usual = np.maximum(_ranked(values, seen // 2), np.float32(0.02))  # water has no light to lose
        np.maximum(share, np.maximum(values, 0) / usual, out=share)
    return np.where(clear, share, np.float32(np.nan))


def _ranked(values: FloatArray, rank: IntArray) -> FloatArray:
    """Value of a rank (y, x), counted from 0, over the first axis; NaN goes last."""
    index = np.clip(rank, 0, len(values) - 1)[None].astype(np.intp)
    return np.asarray(np.take_along_axis(np.sort(values, axis=0), index, axis=0)[0], dtype=np.float32)


def _lasting(values: FloatArray, out: BoolArray, clear: BoolArray, near: FloatArray) -> BoolArray:
    """(look, y, x) True where a look stands out together with its neighbour in time to an end of the window.

    `near` is how far apart such looks may be to be one state of the ground.
    """
    lasting = np.zeros_like(out)
    for order in (range(len(out)), range(len(out) - 1, -1, -1)):
        lasting |= _run_from(list(order), values, out, clear, near)
    return lasting


def _run_from(order: list[int], values: FloatArray, out: BoolArray, clear: BoolArray, near: FloatArray) -> BoolArray:
    """The run of looks that stand out alike, from the first look in `order` on, where it is of two or more."""
    run = np.zeros_like(out)
    going = np.ones(out.shape[1:], dtype=bool)
    end = np.full(out.shape[1:], np.nan, dtype=np.float32)
    for number in order:
        seen = clear[number]
        end = np.where(np.isnan(end) & seen, values[number], end)
        alike = out[number] & (np.abs(values[number] - end) <= near[number])
        run[number] = going & seen & alike
        going &= ~seen | alike
    return np.asarray(run & (run.sum(axis=0) >= 2))
