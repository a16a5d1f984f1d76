"""Accuracies and areas from an error matrix, weighed by the strata's areas.

Olofsson et al. (2014), doi:10.1016/j.rse.2014.02.015, eqs. 1-3 and 5-7 (accuracies and their variances), 9-11 (areas);
strata are the map's classes. Counts of a sample that takes as many points of a rare class as of a frequent one say
nothing by themselves: each row is brought to its share of the area first (eq. 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.types import Float64Array

_Z = 1.959963984540054
"""97.5th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratified:
    """An estimate from a stratified sample."""

    value: float
    """The estimate."""
    se: float
    """Its standard error."""
    low: float
    """Lower end of the 95 % interval, `value - 1.96 se`, not below what is possible."""
    high: float
    """Upper end of the 95 % interval, not above what is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEstimates:
    """What the sample says of one class."""

    name: str
    """Stratum of the map, or label of the reference."""
    users: Stratified | None
    """Of what the map calls so, the share that is so: precision; None where the map has no such stratum."""
    producers: Stratified | None
    """Of what is so, the share that the map calls so: recall; None where no point is so."""
    mapped_m2: float
    """Area on the map."""
    area_m2: Stratified
    """Area estimated from the reference labels: the one to publish."""


def overall_accuracy(counts: Float64Array, shares: Float64Array) -> Stratified:
    """Share of the area that the map has right: eqs. 1 and 5.

    Parameters
    ----------
    counts : (h, c) array
        Points by stratum (row) and reference label (column), c >= h; label `j` of the first h is stratum `j`'s.
    shares : (h,) array
        The strata's shares of the area, which add up to 1.
    """
    users, n = _users(counts), counts.sum(axis=1)
    variance = shares**2 * users * (1 - users) / (n - 1)
    return _within(float((shares * users).sum()), float(np.sqrt(variance.sum())), 1.0)


def class_estimates(
    counts: Float64Array, shares: Float64Array, names: Sequence[str], total_m2: float
) -> tuple[ClassEstimates, ...]:
    """Estimates of every class of the reference, in the order of `names`; for the rest see `overall_accuracy`."""
    strata, n = len(shares), counts.sum(axis=1)
    users = _users(counts)
    part = counts / n[:, None]
    spread = part * (1 - part) / (n - 1)[:, None]  # of each cell's share of its stratum
    area = shares @ part  # eq. 9
    area_se = np.sqrt(shares**2 @ spread)  # eq. 10
    made = []
    for j, name in enumerate(names):
        users_j = producers_j = None
        if j < strata:
            users_j = _within(float(users[j]), float(np.sqrt(spread[j, j])), 1.0)  # eqs. 2 and 6
        if area[j] > 0:
            producers = shares[j] * users[j] / area[j] if j < strata else 0.0  # eq. 3
            weights = (shares * producers) ** 2  # eq. 7: other strata's points of this class ...
            if j < strata:
                weights[j] = (shares[j] * (1 - producers)) ** 2  # ... and its own stratum's
            producers_j = _within(float(producers), float(np.sqrt(weights @ spread[:, j]) / area[j]), 1.0)
        made.append(
            ClassEstimates(
                name=name,
                users=users_j,
                producers=producers_j,
                mapped_m2=float(shares[j] * total_m2) if j < strata else 0.0,
                area_m2=_within(float(area[j] * total_m2), float(area_se[j] * total_m2), total_m2),
            )
        )
    return tuple(made)


def _users(counts: Float64Array) -> Float64Array:
    """(h,) share of each stratum's points that bear the stratum's own label."""
    return np.asarray(np.diagonal(counts) / counts.sum(axis=1))


def _within(value: float, se: float, most: float) -> Stratified:
    return Stratified(value=value, se=se, low=max(value - _Z * se, 0.0), high=min(value + _Z * se, most))
