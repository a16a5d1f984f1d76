"""Iteratively reweighted multivariate alteration detection (IR-MAD).

Nielsen, A. A. (2007), The regularized iteratively reweighted MAD method for change detection in multi- and
hyperspectral data, IEEE Transactions on Image Processing 16(2), doi:10.1109/TIP.2006.888195.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from changedetect.diff.mixing import moments, squared_length, stacked
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
        return squared_length([*before, *after], *self._line())

    def chance(self, stack: Float64Array) -> Float64Array:
        """(chunk, pixel) probability that a difference as large is chance, of (chunk, 2 band + 1, pixel) `stacked`."""
        mads = np.matmul(np.column_stack(self._line()), stack)
        return np.asarray(special.chdtrc(len(self.correlation), (mads * mads).sum(axis=1)))

    def _line(self) -> tuple[Float64Array, Float64Array]:
        """What the bands of both dates are multiplied by, and what is added, to be standardised variates."""
        deviation = np.sqrt(2 * (1 - self.correlation))
        weights = np.hstack([self.weights_before.T, -self.weights_after.T]) / deviation[:, None]
        return weights, -weights @ np.concatenate([self.mean_before, self.mean_after])


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
    planes = [*before, *after]
    middle = np.array([plane.mean(dtype=np.float64) for plane in planes])
    # What is left of a covariance of large numbers is rounding.
    stack = stacked([plane - mean for plane, mean in zip(planes, middle, strict=True)])
    fitted = _canonical(moments(stack, None))
    for _ in range(max_iterations - 1):
        sums = moments(stack, fitted.chance)
        # Once nearly every pixel counts as changed there is nothing left to align on: keep the last good fit.
        if sums[-1, -1] < 10 * len(before):
            break
        last, fitted = fitted, _canonical(sums)
        if float(np.abs(fitted.correlation - last.correlation).max()) < tolerance:
            break
    mean_before, mean_after = np.split(middle, 2)
    return replace(fitted, mean_before=fitted.mean_before + mean_before, mean_after=fitted.mean_after + mean_after)


def _canonical(sums: Float64Array) -> IrMad:
    """Canonical variates from the `moments` of both dates, the bands of the earlier first."""
    bands = len(sums) // 2
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
