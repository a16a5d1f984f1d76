"""Iteratively reweighted multivariate alteration detection (IR-MAD).

Nielsen, A. A. (2007), The regularized iteratively reweighted MAD method for change detection in multi- and
hyperspectral data, IEEE Transactions on Image Processing 16(2), doi:10.1109/TIP.2006.888195.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

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
        total = np.zeros(before.shape[1:])
        deviation = np.sqrt(2 * (1 - self.correlation))
        # Band by band, not by matrix product: BLAS rounds differently for differently shaped blocks, and a tile
        # must equal the whole.
        for variate in range(len(self.correlation)):
            mad = np.zeros(before.shape[1:])
            for band in range(len(self.mean_before)):
                mad += self.weights_before[band, variate] * (before[band] - self.mean_before[band])
                mad -= self.weights_after[band, variate] * (after[band] - self.mean_after[band])
            total += (mad / deviation[variate]) ** 2
        return total


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
    weights = np.ones(before.shape[1])
    correlation = np.zeros(before.shape[0])
    x, y = before.astype(np.float64), after.astype(np.float64)
    for _ in range(max_iterations):
        fitted = _canonical(x, y, weights)
        weights = stats.chi2.sf(fitted.chi_square(x, y), len(x))
        moved = float(np.abs(fitted.correlation - correlation).max())
        correlation = fitted.correlation
        # Once nearly every pixel counts as changed there is nothing left to align on: keep the last good fit.
        if moved < tolerance or weights.sum() < 10 * len(x):
            break
    return fitted


def _canonical(x: Float64Array, y: Float64Array, weights: Float64Array) -> IrMad:
    total = weights.sum()
    mean_x, mean_y = x @ weights / total, y @ weights / total
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    sxx, syy, sxy = (
        _ridge((dx * weights) @ dx.T / total),
        _ridge((dy * weights) @ dy.T / total),
        (dx * weights) @ dy.T / total,
    )
    squared, a = linalg.eigh(sxy @ np.linalg.solve(syy, sxy.T), sxx)
    correlation = np.sqrt(np.clip(squared, 0, 1 - _LEAST_NOISE))
    b = np.linalg.solve(syy, sxy.T @ a)
    b = b / np.sqrt(np.maximum(np.einsum("ij,ik,kj->j", b, syy, b), 1e-300))
    return IrMad(mean_before=mean_x, mean_after=mean_y, weights_before=a, weights_after=b, correlation=correlation)


def _ridge(covariance: Float64Array) -> Float64Array:
    # Scaled band by band, so that the fit keeps its independence of a band's gain.
    diagonal = np.diag(covariance)
    return covariance + np.diag(_RIDGE * diagonal + 1e-15)
