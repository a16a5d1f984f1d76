"""How much sharper one date is than the other, and the remedy: the sharper one blurred by the difference.

Texture tells a roof from a field, so a date that is merely blurred looks as if roofs had gone. Blur is told from change
by looking only where both dates show the same structure, and there at how fast it fades towards fine detail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft
from scipy import ndimage as ndi

from changedetect.model import Composite, Pair
from changedetect.prepare.alignment import Alignment
from changedetect.prepare.blocks import Blocks, Dates
from changedetect.prepare.matching import Structure, correlation, gaussian, structures_of
from changedetect.prepare.registration import weighted_median
from changedetect.prepare.shifting import aligned_dates
from changedetect.types import BoolArray, Float64Array, FloatArray, WindowName

LIMIT_PX = 0.25
"""Relative blur above which the sharper date is blurred. Dates of equal optics differ by up to 0.17, simulated
and real: ground ripens and shadows turn. From about 0.3 on matching gave back some of what the blur had cost (on
changing fields with 0.4: half of 0.09 of area F1); below it there is nothing to give back."""
REACH_PX = 5
"""Pixels that the blur looks to each side; 0.5 percent of its weights lie beyond."""
_LIKE = 0.7
"""Squared correlation above which a neighbourhood shows the same at both dates."""
_FAINT = 0.1
"""Strength of structure, in parts of the site's mean, below which noise decides."""
_DETAIL_PX = 0.8
"""Detail is what a Gaussian of this width takes away ..."""
_COARSE_PX = (1.0, 2.0)
"""... and is compared with what is left between these."""
_WINDOW_PX = 2.0
_ALL = 0.98
"""Share of a neighbourhood that counts as all of it."""
_EVERY_PX = 3
"""Neighbourhoods overlap: every third pixel of a third row is enough."""
_LEAST_WINDOWS = 50
_VARIANCES = np.array([0.0, 0.25, 0.7, 1.44])
"""Squared pixels of blur tried on the sharper date; between them detail fades evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """What was measured and decided; ready for `provenance.json` by `dataclasses.asdict`."""

    blur_px: float | None
    """Gaussian blur, standard deviation in pixels, that would make the sharper date like the other; positive: `after`
    is the blurred one. None where the dates share too little structure."""
    bands_px: Mapping[str, float]
    """The same by band; `blur_px` is their median."""
    blurred: WindowName | None
    """The date that is to be blurred; None: neither."""
    reason: str
    """The decision in words."""


def fit_sharpness(blocks: Blocks, alignment: Alignment | None, *, limit_px: float = LIMIT_PX) -> Sharpness:
    """Measure how much the dates of a site differ in sharpness, as they lie after `alignment`.

    Parameters
    ----------
    blocks
        From `sample_blocks`.
    alignment
        From `fit_alignment`; None where the dates are not to be moved.
    limit_px
        Blur that is put right when every band shows at least half of it.
    """
    seen = [(aligned_dates(block.dates, alignment), block.inner) for block in blocks.blocks]
    parts = [part for part in seen if (part[0].before_valid & part[0].after_valid).any()]
    if not parts:
        return _decided({}, limit_px)
    structures = structures_of([dates for dates, _ in parts])
    windows = [_windows(dates, one, inner) for (dates, inner), one in zip(parts, structures, strict=True)]
    bands = {name: _blur_of_band(parts, windows, band) for band, name in enumerate(blocks.bands)}
    return _decided({name: value for name, value in bands.items() if value is not None}, limit_px)


def _decided(bands_px: dict[str, float], limit_px: float) -> Sharpness:
    if not bands_px:
        return Sharpness(blur_px=None, bands_px={}, blurred=None, reason="too little shared structure to tell blur by")
    values = list(bands_px.values())
    blur = float(np.median(values))
    sharper: WindowName = "before" if blur > 0 else "after"
    agreed = min(value * np.sign(blur) for value in values) >= limit_px / 2
    if abs(blur) > limit_px and agreed:
        reason = f"{sharper} is the sharper date and was blurred by {abs(blur):.2f} px to match"
        return Sharpness(blur_px=blur, bands_px=bands_px, blurred=sharper, reason=reason)
    doubt = "" if agreed or abs(blur) <= limit_px else ", but not in every band"
    reason = f"sharpness left alone: {sharper} is sharper by a blur of {abs(blur):.2f} px{doubt}"
    return Sharpness(blur_px=blur, bands_px=bands_px, blurred=None, reason=reason)


def match_sharpness(pair: Pair, sharpness: Sharpness) -> Pair:
    """Both dates of a tile equally sharp; the very same pair where nothing is to be done.

    Right wherever `REACH_PX` of the tile lie around a pixel, or the site ends.
    """
    if sharpness.blurred is None or sharpness.blur_px is None:
        return pair
    if sharpness.blurred == "before":
        return replace(pair, before=_blurred(pair.before, abs(sharpness.blur_px)))
    return replace(pair, after=_blurred(pair.after, abs(sharpness.blur_px)))


def _blurred(date: Composite, sigma_px: float) -> Composite:
    data = np.where(date.valid, _blur(date.data, date.valid, sigma_px), np.float32(np.nan))
    return replace(date, data=data.astype(np.float32))


def _blur(data: FloatArray, valid: BoolArray, sigma_px: float) -> FloatArray:
    """(band, y, x) blurred over valid pixels; 0 where not valid."""
    weights = blur_kernel(sigma_px)

    def spread(planes: FloatArray) -> FloatArray:
        rows = ndi.correlate1d(planes, weights, axis=-2, mode="constant")
        return np.asarray(ndi.correlate1d(rows, weights, axis=-1, mode="constant"))

    total = spread(np.where(valid, data, 0).astype(np.float32))
    # At least 0.2 where a pixel is valid: its own weight, less the negative ones around it.
    weight = np.where(valid, spread(valid.astype(np.float32)), 1)
    return np.asarray(np.where(valid, total / weight, 0), dtype=np.float32)


def blur_kernel(sigma_px: float) -> Float64Array:
    """(2 n + 1,) weights whose response is that of a Gaussian, up to the frequency that pixels can carry.

    Samples of a Gaussian narrower than a pixel are none; its transfer function `exp(-2 (pi sigma f)^2)` transformed
    back is.

    >>> blur_kernel(0.5).round(3).tolist()[5:8]
    [0.703, 0.16, -0.018]
    """
    transfer = np.exp(-2 * (np.pi * sigma_px * fft.rfftfreq(256)) ** 2)
    right = fft.irfft(transfer)[: REACH_PX + 1]
    weights = np.concatenate([right[:0:-1], right])
    return np.asarray(weights / weights.sum())


def _windows(dates: Dates, structure: Structure, inner: tuple[slice, slice]) -> tuple[BoolArray, FloatArray]:
    """Neighbourhoods that show the same at both dates: (band, y, x) True at their centres, and how much they count."""
    valid = dates.before_valid & dates.after_valid
    rho, strength = correlation(structure.before, structure.after, valid.astype(np.float32))
    chosen = np.zeros(valid.shape, dtype=bool)
    chosen[inner][::_EVERY_PX, ::_EVERY_PX] = True
    # Right to the edges of the widest filter only where all around is valid.
    chosen &= valid & (gaussian(valid.astype(np.float32), _COARSE_PX[1]) > _ALL)
    like = np.where(rho > 0, rho * rho, 0)
    weight = np.asarray((like - _LIKE) * np.sqrt(strength), dtype=np.float32)
    return chosen & (like > _LIKE) & (strength > _FAINT), weight


def _blur_of_band(
    parts: Sequence[tuple[Dates, tuple[slice, slice]]], windows: Sequence[tuple[BoolArray, FloatArray]], band: int
) -> float | None:
    """Relative blur in one band, positive where `after` is the blurred one; None where too little is shared."""
    weights = np.concatenate([weight[band][use[band]] for use, weight in windows])
    if len(weights) < _LEAST_WINDOWS:
        return None

    def detail(name: WindowName, variance: float) -> Float64Array:
        return np.concatenate(
            [
                _detail(_of(dates, name, band), use[band], variance)
                for (dates, _), (use, _) in zip(parts, windows, strict=True)
            ]
        )

    before, after = detail("before", 0), detail("after", 0)
    sharper: WindowName = "before" if weighted_median(before - after, weights) > 0 else "after"
    other = after if sharper == "before" else before
    left = [weighted_median(detail(sharper, variance) - other, weights) for variance in _VARIANCES]
    variance = float(np.interp(0, left[::-1], _VARIANCES[::-1]))
    return float(np.sqrt(variance)) * (1 if sharper == "before" else -1)


def _of(dates: Dates, name: WindowName, band: int) -> tuple[FloatArray, BoolArray]:
    if name == "before":
        return dates.before[band], dates.before_valid
    return dates.after[band], dates.after_valid


def _detail(plane: tuple[FloatArray, BoolArray], use: BoolArray, variance: float) -> Float64Array:
    """Logarithm of fine over coarse structure in the chosen neighbourhoods of an image blurred by a variance."""
    data, valid = plane
    image = _blur(data[None], valid, variance**0.5)[0] if variance else np.where(valid, data, np.float32(0))
    fine = image - gaussian(image, _DETAIL_PX)
    coarse = gaussian(image, _COARSE_PX[0]) - gaussian(image, _COARSE_PX[1])
    parts = (gaussian(part * part * valid, _WINDOW_PX)[use].astype(np.float64) for part in (fine, coarse))
    return np.asarray(np.subtract(*(np.log(np.maximum(part, 1e-30)) for part in parts)))
