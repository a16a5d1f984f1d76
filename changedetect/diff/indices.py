"""Spectral indices: what is green, wet, bare or built in a handful of bands.

Each takes reflectance arrays of one shape and gives an array of that shape, NaN where an input is NaN.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from changedetect.types import FloatArray

Bands = Mapping[str, FloatArray]
"""Reflectance by common name, all of one shape."""

_FLOOR = np.float32(1e-3)
"""Added to denominators: half the darkest reflectance that means anything, so that shadows stay finite."""


def normalised_difference(first: NDArray[np.floating], second: NDArray[np.floating]) -> FloatArray:
    """`(first - second) / (|first| + |second|)`, between -1 and 1.

    >>> float(normalised_difference(np.float32([0.3]), np.float32([0.1]))[0].round(2))
    0.5
    """
    return np.asarray((first - second) / (np.abs(first) + np.abs(second) + _FLOOR), dtype=np.float32)


def ndvi(bands: Bands) -> FloatArray:
    """Green vegetation: NIR against red (Tucker 1979, doi:10.1016/0034-4257(79)90013-0)."""
    return normalised_difference(bands["nir"], bands["red"])


def ndwi(bands: Bands) -> FloatArray:
    """Open water: green against NIR (McFeeters 1996, doi:10.1080/01431169608948714)."""
    return normalised_difference(bands["green"], bands["nir"])


def mndwi(bands: Bands) -> FloatArray:
    """Open water among buildings: green against SWIR (Xu 2006, doi:10.1080/01431160600589179)."""
    return normalised_difference(bands["green"], bands["swir16"])


def ndbi(bands: Bands) -> FloatArray:
    """Built-up or bare: SWIR against NIR (Zha et al. 2003, doi:10.1080/01431160304987)."""
    return normalised_difference(bands["swir16"], bands["nir"])


def bsi(bands: Bands) -> FloatArray:
    """Bare soil: SWIR and red against NIR and blue (Rikimaru et al. 2002, Tropical Ecology 43(1))."""
    return normalised_difference(bands["swir16"] + bands["red"], bands["nir"] + bands["blue"])


def redness(bands: Bands) -> FloatArray:
    """Iron-stained soil against grey: red against blue (Mathieu et al. 1998, doi:10.1016/S0034-4257(98)00030-3)."""
    return normalised_difference(bands["red"], bands["blue"])


def brightness(bands: Bands) -> FloatArray:
    """Mean reflectance of the visible bands at hand."""
    visible = [bands[name] for name in ("blue", "green", "red") if name in bands]
    return np.asarray(sum(visible) / np.float32(len(visible)), dtype=np.float32)


def spectral_angle(before: Bands, after: Bands) -> FloatArray:
    """Angle between two spectra in radians, blind to brightness.

    Spectral angle mapper (Kruse et al. 1993, doi:10.1016/0034-4257(93)90013-N).
    """
    dot = sum(before[name] * after[name] for name in before)
    norms = sum(before[name] ** 2 for name in before) * sum(after[name] ** 2 for name in before)
    cosine = np.clip(dot / np.sqrt(norms + np.float32(1e-12)), -1, 1)
    return np.asarray(np.arccos(cosine), dtype=np.float32)
