"""The residual between two dates, whitened by how much each land cover changes by itself.

A wood varies little in red and much in NIR between two dates, a field in everything, a town in nothing. So the
difference is judged land cover by land cover: its Mahalanobis distance (Mahalanobis 1936) from the centre of the
quieter half of its own class, under that half's covariance.
"""

from dataclasses import dataclass

import numpy as np

from changedetect.diff.clustering import centres_of
from changedetect.diff.features import Features
from changedetect.diff.mixing import Planes, nearest, squared_length
from changedetect.types import BoolArray, Float64Array, FloatArray, IntArray

_PRIOR_PX = 200
"""Weight of the covariance over all classes, in pixels: a class of fifty pixels can't define six bands' noise."""
_SMALLEST_CLASS_PX = 50
"""A class with fewer sample pixels takes the noise of the whole site."""
_TRAINING_PX = 20_000
"""Pixels that k-means sees."""
NOISE_FLOOR = 5e-4
"""Least standard deviation in square roots of reflectance: half a DN at 4 % reflectance (1e-4 / 2 sqrt(0.04))."""


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
        # Divided by the scale, plane and centre alike: the product takes the planes as they are.
        return nearest(
            [plane / np.float32(scale) for plane, scale in zip(before, self.scale, strict=True)], self.centres
        )

    def distance(self, features: Features) -> FloatArray:
        """Mahalanobis distance of each pixel's residual from its class's normal one."""
        labels = self.classify(features.before).ravel()
        # Class by class: pixels are put in that order, and back.
        order = np.argsort(labels, kind="stable")
        ends = np.cumsum(np.bincount(labels, minlength=len(self.centres)))
        residual = [
            (after - before).ravel()[order]
            for before, after in zip(features.before_smooth, features.after_smooth, strict=True)
        ]
        squares = np.empty(labels.shape)
        for number, (start, stop) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
            members = [plane[start:stop] for plane in residual]
            squares[start:stop] = whitened_square(members, self.medians[number], self.whitening[number])
        out = np.empty(labels.shape, dtype=np.float32)
        out[order] = np.sqrt(squares)
        return out.reshape(features.valid.shape)


def fit_whitened(sample: Features, no_change: BoolArray, *, classes: int) -> LandCoverNoise:
    """Fit classes and noise on (band, pixel) features, the earlier date normalised; see `Detector.fit`."""
    residual = (sample.after_smooth - sample.before_smooth).astype(np.float64)
    overall = _covariance(residual[:, no_change])
    overall_median = np.median(residual[:, no_change], axis=1)
    whiten_all = whitening_of(overall)
    distance = whitened_square(residual, overall_median, whiten_all)

    scale = np.maximum(sample.before[:, no_change].std(axis=1).astype(np.float64), NOISE_FLOOR)
    training = sample.before[:, no_change] / scale[:, None]
    centres = centres_of(training[:, :: max(1, training.shape[1] // _TRAINING_PX)], classes)
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


def whitened_square(residual: Planes, median: Float64Array, whitening: Float64Array) -> Float64Array:
    """Squared Mahalanobis distance of (band,) planes of residuals from the normal ones (band,), (...) like a plane."""
    return squared_length(residual, whitening, -whitening @ median)
