"""Whether a confidence means what it says: of the changes at 0.8, eight in ten should be real."""

from dataclasses import dataclass

import numpy as np

from changedetect.types import BoolArray, Float64Array

_MOST_BINS = 10
_LEAST_IN_BIN = 5
"""Fewer objects than this in a bin tell little of a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Predictions of similar confidence."""

    lowest: float
    """Smallest confidence in the bin."""
    highest: float
    """Largest confidence in the bin."""
    predicted: int
    """Predictions in the bin."""
    confidence: float
    """Their mean confidence."""
    right: float
    """The share of them that is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How confidence and truth agree."""

    expected_error: float
    """Expected calibration error, 0-1: the bins' |confidence - right|, weighed by their predictions."""
    brier: float
    """Brier score, 0-1: mean squared difference of confidence and truth."""
    bins: tuple[ReliabilityBin, ...]
    """The reliability table, by rising confidence."""


def calibrate(confidence: Float64Array, right: BoolArray) -> Calibration | None:
    """Weigh confidences (n,) against what is right (n,); those without a number are left out, None when all are.

    Expected calibration error after Guo et al. (2017), eq. 3 (arXiv 1706.04599), with bins of equal mass in place of
    equal width (Nixon et al. 2019, arXiv 1904.01685, section 5): at most ten, of five predictions or more.
    Predictions of the same confidence stay together. With few predictions the error is biased upwards.

    >>> calibrate(np.array([0.75] * 4), np.array([True, False, True, True])).expected_error
    0.0
    """
    told = np.isfinite(confidence)
    confidence, right = confidence[told], right[told]
    if not len(confidence):
        return None
    bins = []
    for group in _equal_mass(confidence):
        mine = confidence[group]
        bins.append(
            ReliabilityBin(
                lowest=float(mine.min()),
                highest=float(mine.max()),
                predicted=len(mine),
                confidence=float(mine.mean()),
                right=float(right[group].mean()),
            )
        )
    error = sum(one.predicted * abs(one.confidence - one.right) for one in bins) / len(confidence)
    brier = float(np.mean((confidence - right) ** 2))
    return Calibration(expected_error=float(error), brier=brier, bins=tuple(bins))


def _equal_mass(confidence: Float64Array) -> list[BoolArray]:
    count = min(_MOST_BINS, max(1, len(confidence) // _LEAST_IN_BIN))
    edges = np.sort(confidence)[[number * len(confidence) // count - 1 for number in range(1, count)]]
    number = np.searchsorted(np.unique(edges), confidence, side="left")
    return [number == one for one in np.unique(number)]
