"""How far a pixel's change lies from what its surroundings foretell, all bands together and both ways."""

from dataclasses import dataclass, replace

import numpy as np

from changedetect.diff.context import Context
from changedetect.diff.whitened import NOISE_FLOOR, whitened_square, whitening_of
from changedetect.types import BoolArray, Float64Array, FloatArray

_LEAST = 0.1
"""Least standard deviation of a band's errors, in standard errors: what is foretold to rounding is no surprise."""
_FEWEST = 50
"""Pixels that errors are learnt from; with fewer that know their surroundings, nothing is a surprise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """The errors that are usual in a pair; first axis: the later date foretold, the earlier one foretold."""

    usual: Float64Array
    """(2, band) median standard error of the site, square roots of reflectance. It is added to each pixel's own, as
    independent errors add: a line through a few hundred neighbours does not know its scatter better than that."""
    centre: Float64Array
    """(2, band) usual error, in standard errors."""
    whitening: Float64Array
    """(2, band, band) lower triangular: its product with a centred error has unit variance in every band."""
    typical: float
    """Median of `distance` where surroundings are known; what a pixel without any gets."""

    def distance(self, context: Context) -> FloatArray:
        """Geometric mean of the Mahalanobis distances of both ways: what one of them foretells is no surprise."""
        lengths = [
            np.sqrt(whitened_square(error, self.centre[way], self.whitening[way]))
            for way, error in enumerate(_in_standard_errors(context, self.usual))
        ]
        mean = np.sqrt(lengths[0] * lengths[1]).astype(np.float32)
        return np.where(np.isnan(mean), np.float32(self.typical), mean)


def fit_surprise(context: Context, no_change: BoolArray) -> Surprise:
    """Learn what errors are usual from a (2, band, pixel) sample and the half of it that changed least."""
    known = np.isfinite(context.missed).all(axis=(0, 1))
    bands = context.missed.shape[1]
    if np.count_nonzero(known & no_change) < _FEWEST:
        none = np.zeros((2, bands))
        return Surprise(usual=none + 1, centre=none, whitening=np.zeros((2, bands, bands)), typical=1.0)
    usual = np.maximum(np.median(context.spread[..., known], axis=2), NOISE_FLOOR)
    errors = _in_standard_errors(context, usual)[..., known & no_change].astype(np.float64)
    covariances = [np.cov(error).reshape(bands, bands) + _LEAST**2 * np.eye(bands) for error in errors]
    surprise = Surprise(
        usual=usual,
        centre=np.median(errors, axis=2),
        whitening=np.stack([whitening_of(covariance) for covariance in covariances]),
        typical=np.nan,
    )
    return replace(surprise, typical=float(np.nanmedian(surprise.distance(context))))


def _in_standard_errors(context: Context, usual: Float64Array) -> FloatArray:
    """What was missed, (2, band, ...), by the standard error of the prediction and the site's usual one together."""
    least = usual.reshape(*usual.shape, *[1] * (context.spread.ndim - 2)).astype(np.float32)
    return np.asarray(context.missed / np.sqrt(context.spread**2 + least**2))
