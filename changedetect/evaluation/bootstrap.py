"""Precision, recall and F1 with percentile-bootstrap intervals.

Efron and Tibshirani, An introduction to the bootstrap (1993), section 13.3: resample the objects with replacement,
take the 2.5th and 97.5th percentile. Predictions and references are resampled each by themselves. An interval has no
width where all objects agree: of `n` found out of `n`, up to `3 / n` may still be missed (the rule of three).
"""

import numpy as np

from changedetect.evaluation.options import Estimate, EvaluateOptions
from changedetect.types import Float64Array

Trio = tuple[Estimate | None, Estimate | None, Estimate | None]
"""Precision, recall and F1; None where there is nothing to take a share of."""

_PERCENTILES = (2.5, 97.5)
_CHUNK = 2_000_000
"""Drawn numbers held in memory at a time."""


def accuracies(predicted: Float64Array, reference: Float64Array, options: EvaluateOptions) -> Trio:
    """Precision, recall and F1, and how far chance would move them.

    Parameters
    ----------
    predicted, reference : (n, 2), (m, 2) float array
        For each object how much of it is common to both sides, and how much there is: 0 or 1 and 1 to count objects,
        square metres to weigh areas.
    options : EvaluateOptions
        `resamples` and `seed`.
    """
    rng = np.random.default_rng(options.seed)
    precision, recall = _share(predicted), _share(reference)
    precisions = _resampled(predicted, options.resamples, rng)
    recalls = _resampled(reference, options.resamples, rng)
    f1 = None
    if recall is not None:  # nothing predicted, though there was something to find: F1 is 0
        both = min(len(predicted) or len(reference), len(reference))
        f1 = _estimate(_f1(np.array(precision or 0.0), np.array(recall)), _f1(precisions, recalls), both)
    return (
        None if precision is None else _estimate(precision, precisions, len(predicted)),
        None if recall is None else _estimate(recall, recalls, len(reference)),
        f1,
    )


def _share(objects: Float64Array) -> float | None:
    common, whole = objects.sum(axis=0)
    return float(common / whole) if whole > 0 else None


def _resampled(objects: Float64Array, resamples: int, rng: np.random.Generator) -> Float64Array:
    """(resamples,) share that is common, for objects drawn with replacement; 0 where there are none."""
    if not len(objects):
        return np.zeros(resamples)
    rows = max(1, _CHUNK // len(objects))
    sums = [
        objects[rng.integers(0, len(objects), (min(rows, resamples - done), len(objects)))].sum(axis=1)
        for done in range(0, resamples, rows)
    ]
    common, whole = np.concatenate(sums).T
    return np.asarray(np.divide(common, whole, out=np.zeros(resamples), where=whole > 0))


def _f1(precision: Float64Array, recall: Float64Array) -> Float64Array:
    both = np.asarray(precision + recall)
    return np.asarray(np.divide(2 * precision * recall, both, out=np.zeros(both.shape), where=both > 0))


def _estimate(value: float | Float64Array, drawn: Float64Array, objects: int) -> Estimate:
    if objects < 2:  # one object resampled is itself
        return Estimate(value=float(value), low=None, high=None)
    low, high = np.percentile(drawn, _PERCENTILES)
    return Estimate(value=float(value), low=float(low), high=float(high))
