"""Whole pixels of a shift, found over all blocks of a site at once."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from changedetect.prepare.alignment import Shift
from changedetect.prepare.matching import Structure
from changedetect.types import Float64Array, FloatArray

SEARCH_PX = 8
"""Whole pixels searched to each side: far enough to see that a shift lies beyond the limit."""
_FAINT = 0.1
"""Squared gradient, per pixel and in units of the site's variance, below which it is noise."""


def whole_shift(structures: Sequence[Structure]) -> Shift:
    """Peak of the normalised cross-correlation of gradient magnitudes over all blocks, to about a quarter of a pixel.

    Masked as by Padfield (2012), doi:10.1109/TIP.2011.2181402, but for the mean, which is taken over each block.
    """
    side = 2 * SEARCH_PX + 1
    sums = np.zeros((3, side, side))
    for one in structures:
        before, after = _edges(one.before, one.before_weight), _edges(one.after, one.after_weight)
        sums[0] += _correlation(before, after)
        sums[1] += _correlation(before * before, one.after_weight)
        sums[2] += _correlation(one.before_weight, after * after)
    scores = sums[0] / np.sqrt(np.maximum(sums[1] * sums[2], 1e-12))
    row, col = (int(part) for part in np.unravel_index(int(scores.argmax()), scores.shape))
    dy = row + _vertex(scores[:, col], row) - SEARCH_PX
    dx = col + _vertex(scores[row], col) - SEARCH_PX
    return Shift(dy_px=dy, dx_px=dx)


def _edges(planes: FloatArray, weight: FloatArray) -> FloatArray:
    """(y, x) logarithm of the squared gradient over all bands, mean 0, 0 where not valid."""
    dy, dx = np.gradient(planes, axis=(-2, -1))
    strength = np.log(_FAINT + (dy * dy + dx * dx).sum(axis=0))
    mean = (strength * weight).sum(dtype=np.float64) / max(float(weight.sum(dtype=np.float64)), 1.0)
    return np.asarray((strength - mean) * weight, dtype=np.float32)


def _correlation(before: FloatArray, after: FloatArray) -> Float64Array:
    """(2 n + 1, 2 n + 1) sum of before(x) after(x + d) for every d up to n = `SEARCH_PX` to each side."""
    # Zeros as wide as the search keep one edge from meeting the other.
    shape = [fft.next_fast_len(length + SEARCH_PX, real=True) for length in before.shape]
    spectrum = np.conj(fft.rfft2(before.astype(np.float64), shape)) * fft.rfft2(after.astype(np.float64), shape)
    steps = np.arange(-SEARCH_PX, SEARCH_PX + 1)
    return np.asarray(fft.irfft2(spectrum, shape)[np.ix_(steps, steps)])


def _vertex(scores: Float64Array, at: int) -> float:
    """Where a parabola through a peak and its neighbours is highest, relative to the peak."""
    if at in (0, len(scores) - 1):
        return 0.0
    low, top, high = (float(scores[at + step]) for step in (-1, 0, 1))
    bend = low - 2 * top + high
    return 0.0 if bend >= 0 else 0.5 * (low - high) / bend
