"""Classes of pixels by k-means.

scipy's has the same result, but hands its products to a BLAS that shares them among threads, most of which wait: on
two processors it takes eight times as long.
"""

import numpy as np

from changedetect.diff.mixing import nearest
from changedetect.types import Float64Array

_RUNS = 5
"""Starts from other pixels; the best is kept."""
_SETTLED = 1e-5
"""A run ends when the mean distance changes by no more."""
_SEED = 0


def centres_of(pixels: Float64Array, classes: int) -> Float64Array:
    """(class, band) centres, in order, of (band, pixel) values: the best of several runs; fewer if fewer differ.

    Lloyd (1982), doi:10.1109/TIT.1982.1056489.
    """
    different = np.unique(pixels, axis=1)
    if different.shape[1] <= classes:
        return different.T
    rng = np.random.default_rng(_SEED)
    starts = [rng.choice(pixels.shape[1], size=classes, replace=False) for _ in range(_RUNS)]
    runs = [_run(pixels, pixels[:, start].T) for start in starts]
    best, _ = min(runs, key=lambda run: run[1])
    return np.asarray(best[np.lexsort(best.T)])


def _run(pixels: Float64Array, centres: Float64Array) -> tuple[Float64Array, float]:
    """Centres at which Lloyd's steps settle, and the mean distance of the pixels from those before the last step."""
    mean, before = np.inf, np.inf
    while True:
        labels = nearest(pixels, centres)
        away = pixels - centres[labels].T
        before, mean = mean, float(np.sqrt((away * away).sum(axis=0)).mean())
        counts = np.bincount(labels, minlength=len(centres))
        sums = np.array([np.bincount(labels, weights=band, minlength=len(centres)) for band in pixels])
        centres = (sums[:, counts > 0] / counts[counts > 0]).T
        if not abs(before - mean) > _SETTLED:  # not a number ends it, too
            return centres, mean
