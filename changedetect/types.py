"""Names for the array types, and the closed vocabularies of `names` beside them."""

import numpy as np
from numpy.typing import NDArray

from changedetect.names import WINDOW_NAMES, ChangeStatus, FormatName, Kind, SiteStatus, WindowName

__all__ = [
    "WINDOW_NAMES",
    "BoolArray",
    "ChangeStatus",
    "Float64Array",
    "FloatArray",
    "FormatName",
    "IntArray",
    "Kind",
    "SiteStatus",
    "WindowName",
]

FloatArray = NDArray[np.float32]
"""Reflectance or evidence, float32, NaN where there is no value."""

Float64Array = NDArray[np.float64]
"""Statistics and coefficients, float64."""

BoolArray = NDArray[np.bool_]
"""A mask; what True means is said by its name (`valid`, `clear`, `candidate`)."""

IntArray = NDArray[np.integer]
"""Class codes, bit fields, labels or counts."""
