"""Names for the array types and the closed vocabularies that types, documentation and CLI share."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
"""Reflectance or evidence, float32, NaN where there is no value."""

Float64Array = NDArray[np.float64]
"""Statistics and coefficients, float64."""

BoolArray = NDArray[np.bool_]
"""A mask; what True means is said by its name (`valid`, `clear`, `candidate`)."""

IntArray = NDArray[np.integer]
"""Class codes, bit fields, labels or counts."""

Kind = Literal["construction", "clearing", "removal", "other"]
"""What a change is. See `changedetect.model.KIND_CODES` for the raster codes."""

FormatName = Literal["gpkg", "kml", "stac", "smart", "csv", "csv-wkt"]
"""Other forms of a run's outputs. See `changedetect.outputs.formats.FORMATS`."""

SiteStatus = Literal["ok", "poor", "failed"]
"""How a site ended."""

ChangeStatus = Literal["candidate", "confirmed", "reverted"]
"""How sure it is that a change lasts: too few looks show it, enough do, or it is gone again."""

WindowName = Literal["before", "after"]
"""The two dates of a comparison."""

WINDOW_NAMES: tuple[WindowName, WindowName] = ("before", "after")
"""Both, in order of time."""
