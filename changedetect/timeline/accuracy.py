"""How accurate surface reflectance is."""

import numpy as np

from changedetect.types import Float64Array

_FLOOR, _SHARE = 0.005, 0.05
"""Specified accuracy of surface reflectance: 0.005 + 0.05 rho (Vermote et al. 2016, doi:10.1016/j.rse.2016.04.008)."""


def accuracy(reflectance: Float64Array) -> Float64Array:
    """(...) accuracy of surface reflectance (...).

    >>> accuracy(np.array([0.1]))
    array([0.01])
    """
    return np.asarray(_FLOOR + _SHARE * np.abs(reflectance))


def accuracy_of_difference(one: Float64Array, other: Float64Array) -> Float64Array:
    """(band,) accuracy of the difference of two spectra (band,), whose errors are independent."""
    return np.asarray(np.sqrt(2) * accuracy(np.maximum(one, other)))
