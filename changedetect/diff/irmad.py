"""Iteratively reweighted multivariate alteration detection (IR-MAD).

Nielsen, A. A. (2007), The regularized iteratively reweighted MAD method for change detection in multi- and
hyperspectral data, IEEE Transactions on Image Processing 16(2), doi:10.1109/TIP.2006.888195.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from changedetect.diff.mixing import moments, squared_length
from changedetect.types import Float64Array

_LEAST_NOISE = 1e-6
"""Share of a variate that may always be noise: two dates equal but for rounding must not be whitened by rounding."""
_RIDGE = 1e-6
"""Share of the mean band variance added to each covariance, so that a constant or repeated band is no singularity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IrMad:
    """Canonical variates of two dates, fitted so that what did not change agrees as well as it can."""

    mean_before: Float64Array
    """(band,) weighted mean."""
    mean_after: Float64Array
    """(band,) weighted mean."""
    weights_before: Float64Array
    """(band, variate) coefficients of the earlier date's canonical variates."""
    weights_after: Float64Array
    """(band, variate) coefficients of the later date's."""
    correlation: Float64Array
    """(variate,) canonical correlations, 0-1."""

    def chi_square(self, before: NDArray[np.floating], after: NDArray[np.floating]) -> Float64Array:
        """Sum of squared standardised MAD variates.

        Chi-square with as many degrees of freedom as bands after one pass; reweighting inflates it, so rank by it, but
        read no probabilities off it.

        `before` and `after` are (band, ...); the result drops the first axis.
        """
        deviation = np.sqrt(2 * (1 - self.correlation))
        weights = np.hstack([self.weights_before.T, -self.weights_after.T]) / deviation[:, None]
        means = np.concatenate([self.mean_before, self.mean_after])
        return squared_length([*before, *after], weights, -weights @ means)


def fit_irmad(
    before: NDArray[np.floating], after: NDArray[np.floating], *, max_iterations: int = 30, tolerance: float = 1e-3
) -> IrMad:
    """Fit IR-MAD to pixels.

    Parameters
    ----------
    before, after
        (band, pixel), any unit, all finite; the result does not depend on a band's gain and offset.
    max_iterations, tolerance
        Stop when no canonical correlation moves by more than `tolerance`, or after `max_iterations`.
    """
    dates = np.concatenate([before, after]).astype(np.float64)
    middle = dates.mean(axis=1)
    dates -= middle[:, None]  # what is left of a covariance of large numbers is rounding
    weights = np.ones(dates.shape[1])
    correlation = np.zeros(len(before))
    for _ in range(max_iterations):
        fitted = _canonical(dates, weights)
        weights = special.chdtrc(len(before), fitted.chi_square(*np.split(dates, 2)))
        moved = float(np.abs(fitted.correlation - correlation).max())
        correlation = fitted.correlation
        # Once nearly every pixel counts as changed there is nothing left to align on: keep the last good fit.
        if moved < tolerance or weights.sum() < 10 * len(before):
            break
    mean_before, mean_after = np.split(middle, 2)
    return replace(fitted, mean_before=fitted.mean_before + mean_before, mean_after=fitted.mean_after + mean_after)


def _canonical(dates: Float64Array, weights: Float64Array) -> IrMad:
    """Canonical variates of (2 band, pixel) `dates`, the bands of the earlier first, weighted pixel by pixel."""
    sums, bands = moments(dates, weights), len(dates) // 2
    total, mean = sums[-1, -1], sums[-1, :-1] / sums[-1, -1]
    covariance = sums[:-1, :-1] / total - np.outer(mean, mean)
    sxx, syy = _ridge(covariance[:bands, :bands]), _ridge(covariance[bands:, bands:])
    sxy = covariance[:bands, bands:]
    squared, a = linalg.eigh(sxy @ np.linalg.solve(syy, sxy.T), sxx)
    correlation = np.sqrt(np.clip(squared, 0, 1 - _LEAST_NOISE))
    b = np.linalg.solve(syy, sxy.T @ a)
    b = b / np.sqrt(np.maximum(np.einsum("ij,ik,kj->j", b, syy, b), 1e-300))
    return IrMad(
        mean_before=mean[:bands], mean_after=mean[bands:], weights_before=a, weights_after=b, correlation=correlation
    )


def _ridge(covariance: Float64Array) -> Float64Array:
    # Scaled band by band, so that the fit keeps its independence of a band's gain.
    diagonal = np.diag(covariance)
    return covariance + np.diag(_RIDGE * diagonal + 1e-15)
