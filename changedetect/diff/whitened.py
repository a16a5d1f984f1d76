"""The residual between two dates, whitened by how much each land cover changes by itself.

A wood varies little in red and much in NIR between two dates, a field in everything, a town in nothing. So the
difference is judged land cover by land cover: its Mahalanobis distance (Mahalanobis 1936) from the centre of the
quieter half of its own class, under that half's covariance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans

from changedetect.diff.features import Features
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

_PRIOR_PX = 200
"""Weight of the covariance over all classes, in pixels: a class of fifty pixels can't define six bands' noise."""
_SMALLEST_CLASS_PX = 50
"""A class with fewer sample pixels takes the noise of the whole site."""
_TRAINING_PX = 20_000
"""Pixels that k-means sees."""
NOISE_FLOOR = 5e-4
"""Least standard deviation in square roots of reflectance: half a DN at 4 % reflectance (1e-4 / 2 sqrt(0.04))."""
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LandCoverNoise:
    """Classes of the earlier date and the noise of each."""

    scale: Float64Array
    """(band,) what `before` is divided by before it is compared with `centres`."""
    centres: Float64Array
    """(class, band) k-means centres."""
    medians: Float64Array
    """(class, band) residual that is normal for the class."""
    whitening: Float64Array
    """(class, band, band) lower triangular: its product with a centred residual has unit variance in every band."""

    def classify(self, before: FloatArray) -> IntArray:
        """Nearest centre of each pixel of `before` (band, ...)."""
        best = np.full(before.shape[1:], np.inf, dtype=np.float32)
        labels = np.zeros(before.shape[1:], dtype=np.uint8)
        for number, centre in enumerate(self.centres):
            distance = np.zeros(before.shape[1:], dtype=np.float32)
            for band in range(len(self.scale)):
                distance += (before[band] / np.float32(self.scale[band]) - np.float32(centre[band])) ** 2
            nearer = distance < best
            best[nearer], labels[nearer] = distance[nearer], number
        return labels

    def distance(self, features: Features) -> FloatArray:
        """Mahalanobis distance of each pixel's residual from its class's normal one."""
        labels = self.classify(features.before)
        residual = features.after_smooth - features.before_smooth
        out = np.zeros(labels.shape, dtype=np.float32)
        for number in range(len(self.centres)):
            member = labels == number
            out[member] = whitened_length(residual[:, member], self.medians[number], self.whitening[number])
        return out


def fit_whitened(sample: Features, no_change: BoolArray, *, classes: int) -> LandCoverNoise:
    """Fit classes and noise on (band, pixel) features, the earlier date normalised; see `Detector.fit`."""
    residual = (sample.after_smooth - sample.before_smooth).astype(np.float64)
    overall = _covariance(residual[:, no_change])
    overall_median = np.median(residual[:, no_change], axis=1)
    whiten_all = whitening_of(overall)
    distance = whitened_length(residual, overall_median, whiten_all)

    scale = np.maximum(sample.before[:, no_change].std(axis=1).astype(np.float64), NOISE_FLOOR)
    centres = _centres(sample.before[:, no_change] / scale[:, None], classes)
    medians = np.tile(overall_median, (len(centres), 1))
    whitening = np.tile(whiten_all, (len(centres), 1, 1))
    noise = LandCoverNoise(scale=scale, centres=centres, medians=medians, whitening=whitening)
    labels = noise.classify(sample.before)
    for number in range(len(centres)):
        member = labels == number
        if member.sum() < _SMALLEST_CLASS_PX:
            continue
        quiet = residual[:, member & (distance <= np.median(distance[member]))]
        count = quiet.shape[1]
        medians[number] = np.median(quiet, axis=1)
        whitening[number] = whitening_of((count * _covariance(quiet) + _PRIOR_PX * overall) / (count + _PRIOR_PX))
    return noise


def _covariance(residual: Float64Array) -> Float64Array:
    bands = residual.shape[0]
    return np.cov(residual).reshape(bands, bands) + NOISE_FLOOR**2 * np.eye(bands)


def whitening_of(covariance: Float64Array) -> Float64Array:
    """Lower triangular (band, band) matrix that gives noise of this covariance unit variance in every band."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def whitened_length(residual: FloatArray | Float64Array, median: Float64Array, whitening: Float64Array) -> FloatArray:
    """Mahalanobis distance of a (band, ...) residual from the normal one (band,); the result drops the first axis."""
    # Band by band, not by matrix product: BLAS rounds differently for differently shaped blocks, and a tile must
    # equal the whole.
    total = np.zeros(residual.shape[1:], dtype=np.float64)
    for row in range(len(median)):
        projected = np.zeros(residual.shape[1:], dtype=np.float64)
        for band in range(row + 1):
            projected += whitening[row, band] * (residual[band] - median[band])
        total += projected * projected
    return np.sqrt(total).astype(np.float32)


def _centres(pixels: Float64Array, classes: int) -> Float64Array:
    """(class, band) centres of the best of several k-means runs (Lloyd 1982, doi:10.1109/TIT.1982.1056489)."""
    training = pixels[:, :: max(1, pixels.shape[1] // _TRAINING_PX)].T.astype(np.float64)
    different = np.unique(training, axis=0)
    if len(different) <= classes:
        return different
    centres, _ = kmeans(training, classes, iter=5, rng=np.random.default_rng(_SEED))
    return np.asarray(centres[np.lexsort(centres.T)])
