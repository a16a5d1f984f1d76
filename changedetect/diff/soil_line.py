"""New fine structure that soil and crops do not make: the rule for restless ground.

Soils, stubble and dry crops lie near one line, blue = c0 + c1 * red: they differ in brightness along it (the soil
line, Richardson & Wiegand 1977, here between visible bands). Roofs, concrete and paving lie off it, each by another
amount. So the local standard deviation of the distance from that line, after minus before, is large where something
was built, and small where a field changed as a whole (an equal shift), under haze (smooth), in an old village (rough
on both dates) and at field borders (steps along the line). The same with SWIR in place of red.

Where haze lifts, the sun stands lower or a date is sharper, old structure gains contrast but keeps its pattern. So only
that part of the later texture counts which the earlier pattern does not repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from changedetect.diff import indices
from changedetect.diff.features import Features
from changedetect.diff.local import (
    gaussian_halo_px,
    local_correlation,
    local_deviation,
    masked,
    smooth,
    smoothing_weight,
    window_count,
)
from changedetect.diff.radiometry import IndexScale
from changedetect.neighbours import grown, shrunk
from changedetect.types import BoolArray, Float64Array, FloatArray

WINDOW_M = 30.0
"""Window of the local deviation: three Sentinel-2 pixels, never fewer than three pixels."""
GAIN_SMOOTHING_PX = 1.0
"""Gaussian on the gain of texture."""
PATTERN_M = 70.0
"""Window in which the patterns of both dates are compared: wide enough for chance to be small."""
RESPONSE = {"red": (0.62, 0.0028), "swir16": (0.49, 0.0023)}
"""Regressor → how large a gain makes strength 1: as a share of the line's own scatter, and at least in reflectance."""
TAIL = 20.0
"""Change of a pixel, in units of strength, whose smoothing alone makes structure 2.5 pixels on: exp(2.5**2 / 2) = 23.
So far around it, only what its blur and chance do not explain is part of what was built."""
TAIL_PX = 3
"""How far that is looked for, beyond the window."""
BLUR = {1: 0.5, 2: 0.15, 3: 0.05}
"""Distance in pixels → share of a change that its blur may show there: half of it at its edge, then what a Gaussian of
0.6 to 1.1 pixels leaves (a modulation of 0.15 to 0.3 at the Nyquist frequency, as of Sentinel-2's bands of 10 m and,
two pixels wide, of 20 m)."""
CHANCE = 2 * 2**0.5
"""Change, in units of a line's scatter, that two dates of unbuilt ground show one time in twenty."""
GREENEST_NDVI = 0.40
"""New structure must be barer than this afterwards, or than `gates.GREEN_LIMIT` on the site's own scale."""
WET_NDWI, WET_MNDWI, WET_SWIR = -0.10, -0.05, 0.18
"""No water within a pixel, at either date: shores, ponds and flooded fields are rough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Blue as a line of another band, at both dates."""

    regressor: str
    """The other band."""
    before: tuple[float, float]
    """Intercept and slope, earlier date."""
    after: tuple[float, float]
    """Intercept and slope, later date."""
    scatter: float
    """The larger date's robust standard deviation about the line, reflectance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """Fine pattern of both dates about one soil line, (y, x) each."""

    excess: tuple[FloatArray, FloatArray]
    """Distance from the line, reflectance: earlier, later."""
    rough: tuple[FloatArray, FloatArray]
    """Local deviation of that distance, NaN where not valid."""
    new: FloatArray
    """Share of a deviation that the pattern of the other date does not repeat."""
    weight: FloatArray
    """What the smoothing of a gain of texture divides by, the same for all lines."""

    def swapped(self) -> "Texture":
        """The same with the dates exchanged."""
        return replace(self, excess=self.excess[::-1], rough=self.rough[::-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Evidence of new structure, (y, x) each."""

    strength: FloatArray
    """Gain of texture over what makes 1; 0 where it can't be construction."""
    texture_before: FloatArray
    """Local deviation from the red line, earlier date, reflectance."""
    texture_after: FloatArray
    """The same, later date."""
    excess_gain: FloatArray
    """Change of the distance from the red line, in units of its scatter; positive: bluer than soil."""


def structure_halo_px(pixel_m: float) -> int:
    """Pixels that `structure_of` looks beyond the ones it computes."""
    return _window_px(PATTERN_M, pixel_m) // 2 + gaussian_halo_px(GAIN_SMOOTHING_PX) + 1


def fit_lines(sample: Features, scales: tuple[IndexScale, IndexScale]) -> tuple[Line, ...]:
    """Fit the soil lines on a (band, pixel) sample that is *not* normalised; empty without blue and red.

    `scales` make each date's numbers reflectance.
    """
    if not {"blue", "red"} <= set(sample.bands):
        return ()
    index = {name: i for i, name in enumerate(sample.bands)}
    before, after = scales[0].apply(sample.before**2), scales[1].apply(sample.after**2)
    lines = []
    for regressor in RESPONSE:
        if regressor in index:
            x, y = index[regressor], index["blue"]
            fits = [_robust_line(d[x].astype(np.float64), d[y].astype(np.float64)) for d in (before, after)]
            (line_before, scatter_before), (line_after, scatter_after) = fits
            scatter = max(scatter_before, scatter_after)
            lines.append(Line(regressor=regressor, before=line_before, after=line_after, scatter=scatter))
    return tuple(lines)


def _robust_line(
    x: Float64Array, y: Float64Array, *, iterations: int = 8, tuning: float = 2.0
) -> tuple[tuple[float, float], float]:
    """Line by iteratively reweighted least squares with Cauchy weights.

    Holland & Welsch (1977), doi:10.1080/03610927708827533. Gives (intercept, slope) and the scatter about the line:
    1.4826 times the median absolute deviation.
    """
    weight = np.ones(len(x))
    line, scatter = (0.0, 0.0), 0.0
    for _ in range(iterations):
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        variance = np.average((x - mean_x) ** 2, weights=weight)
        slope = np.average((x - mean_x) * (y - mean_y), weights=weight) / max(variance, 1e-12)
        line = (float(mean_y - slope * mean_x), float(slope))
        residual = y - line[0] - slope * x
        scatter = float(1.4826 * np.median(np.abs(residual - np.median(residual)))) + 1e-9
        weight = 1 / (1 + (residual / (tuning * scatter)) ** 2)
    return line, scatter


def textures_of(
    dates: tuple[indices.Bands, indices.Bands], valid: BoolArray, lines: Sequence[Line], pixel_m: float
) -> tuple[Texture, ...]:
    """Texture about each line on a tile, right beyond `structure_halo_px` of its edges.

    Parameters
    ----------
    dates
        (y, x) reflectance by name, not smoothed and not normalised: earlier, later.
    valid
        (y, x) True where both dates are valid.
    lines
        From `fit_lines`.
    pixel_m
        Pixel size, metres.
    """
    window, wide = _window_px(WINDOW_M, pixel_m), _window_px(PATTERN_M, pixel_m)
    if not lines:
        return ()
    counts, weight = [window_count(valid, size) for size in (window, wide)], smoothing_weight(valid, GAIN_SMOOTHING_PX)
    textures = []
    for line in lines:
        before, after = (
            _excess(bands, line.regressor, own) for bands, own in zip(dates, (line.before, line.after), strict=True)
        )
        textures.append(
            Texture(
                excess=(before, after),
                rough=(
                    local_deviation(before, valid, window, counts[0]),
                    local_deviation(after, valid, window, counts[0]),
                ),
                new=_not_repeated(local_correlation(before, after, valid, wide, counts[1])),
                weight=weight,
            )
        )
    return tuple(textures)


def structure_of(
    textures: Sequence[Texture], lines: Sequence[Line], valid: BoolArray, possible: BoolArray
) -> Structure:
    """Strength of new structure on a tile, right beyond `structure_halo_px` of its edges.

    Parameters
    ----------
    textures
        From `textures_of`.
    lines
        The lines they are about; with none, there is no strength anywhere.
    valid
        (y, x) True where both dates are valid.
    possible
        (y, x) True where something may have been built: `dry_inside`, and barren enough afterwards.
    """
    squares = np.zeros(valid.shape, dtype=np.float32)
    texture_before = texture_after = excess_gain = squares
    for texture, line in zip(textures, lines, strict=True):
        rough_before, rough_after = texture.rough
        rougher = np.maximum(rough_after * texture.new - rough_before, 0)
        gain = smooth(rougher, valid, GAIN_SMOOTHING_PX, missing=0, weight=texture.weight)
        squares = squares + (gain / _unit(line)) ** 2
        if line.regressor == "red":
            texture_before, texture_after = rough_before, rough_after
            excess_gain = (texture.excess[1] - texture.excess[0]) / np.float32(line.scatter)
    strength = np.sqrt(squares / np.float32(max(len(lines), 1)))
    strength[~possible] = 0
    return Structure(
        strength=strength, texture_before=texture_before, texture_after=texture_after, excess_gain=excess_gain
    )


def beside_of(textures: Sequence[Texture], lines: Sequence[Line], valid: BoolArray, pixel_m: float) -> BoolArray:
    """(y, x) True where no more than chance and the blur of far stronger change near the pixel is seen.

    Takes what `structure_of` takes; the same whichever way time is read.
    """
    squares = np.zeros(valid.shape, dtype=np.float32)
    for texture, line in zip(textures, lines, strict=True):
        change = (texture.excess[1] - texture.excess[0]) / _unit(line)
        squares += np.multiply(change, change, out=change)
    squares /= np.float32(max(len(lines), 1))
    own = masked(np.sqrt(squares, out=squares), valid)
    if own.max(initial=0) < TAIL:  # nothing so strong; most ground is spared the filter
        return np.zeros(valid.shape, dtype=bool)
    most = ndi.maximum_filter(own, size=_window_px(WINDOW_M, pixel_m) + 2 * TAIL_PX, mode="nearest")
    chance = np.sqrt(np.mean([(CHANCE * line.scatter / _unit(line)) ** 2 for line in lines]))
    explained = np.full(own.shape, chance, dtype=np.float32)
    for distance, share in BLUR.items():
        near = ndi.maximum_filter(own, size=2 * distance + 1, mode="nearest")
        np.maximum(explained, np.multiply(near, np.float32(share), out=near), out=explained)
    return np.asarray((most >= np.float32(TAIL)) & (own < explained))


def _unit(line: Line) -> np.float32:
    """Gain that makes strength 1."""
    share, least = RESPONSE[line.regressor]
    return np.float32(max(share * line.scatter, least))


def _not_repeated(correlation: FloatArray) -> FloatArray:
    """Share of a deviation that an earlier pattern does not explain.

    Of a linear regression it would be the root of 1 - r**2; the cube forgives the correlation that windows of this size
    have by chance (0.14 at 49 pixels).
    """
    return np.asarray(np.sqrt(1 - np.maximum(correlation, 0) ** 3), dtype=np.float32)


def _window_px(window_m: float, pixel_m: float) -> int:
    return max(3, 2 * round((window_m / pixel_m - 1) / 2) + 1)


def _excess(bands: indices.Bands, regressor: str, line: tuple[float, float]) -> FloatArray:
    return bands["blue"] - np.float32(line[0]) - np.float32(line[1]) * bands[regressor]


def dry_inside(before: indices.Bands, after: indices.Bands, valid: BoolArray) -> BoolArray:
    """(y, x) True inside the valid ground, away from water at either date."""
    # The edge of the valid ground is no place to measure texture.
    keep = shrunk(valid)
    if {"green", "nir", "swir16"} <= set(after):
        keep &= ~grown((_wet(before) | _wet(after)) & valid)
    return keep


def _wet(bands: indices.Bands) -> BoolArray:
    wet = (indices.ndwi(bands) > WET_NDWI) & (indices.mndwi(bands) > WET_MNDWI)
    return np.asarray(wet & (bands["swir16"] < WET_SWIR))
