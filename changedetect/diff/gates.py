"""What can't be new construction, however much it changed: ground that is green or wet afterwards."""

from dataclasses import dataclass

import numpy as np

from changedetect.diff import indices
from changedetect.types import BoolArray, FloatArray

GREEN_LIMIT = 0.65
"""Greenness (0 bare, 1 the site's dense vegetation) that built ground must stay under, after the surcharge below."""
GREEN_SURCHARGE = 0.5
"""Share of the change in greenness that is added: ground that lost much may end greener (a house in a wood), ground
that gained must end barer."""
BARE_NDVI = (0.05, 0.10)
"""NDVI of bare ground lies in this range; where, the site's own 5th percentile says."""
DENSE_NDVI = 0.45
"""Least NDVI taken for dense vegetation where reflectance is calibrated: a desert has none."""
WET_NDWI, WET_MNDWI, WET_SWIR = -0.05, 0.0, 0.12
"""Water: NDWI and MNDWI above, SWIR below. Without the last, white roofs would count as water."""
WET_NDWI_ONLY, WET_NIR = 0.0, 0.12
"""Water where there is no SWIR band."""
JUDGED_BANDS = ("green", "red", "nir", "swir16")
"""Bands that tell green and wet ground; any three have one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenScale:
    """What counts as bare and as dense vegetation at this site, on the later date."""

    bare_ndvi: float
    """NDVI of greenness 0."""
    dense_ndvi: float
    """NDVI of greenness 1."""

    def greenness(self, ndvi: FloatArray) -> FloatArray:
        """NDVI on the site's own scale.

        Fractional vegetation cover in its linear form (Carlson & Ripley 1997, doi:10.1016/S0034-4257(97)00104-1).
        """
        return (ndvi - np.float32(self.bare_ndvi)) / np.float32(self.dense_ndvi - self.bare_ndvi)


def fit_green_scale(after: indices.Bands, no_change: BoolArray, *, calibrated: bool) -> GreenScale | None:
    """Read the scale off the unchanged ground; None where there are no bands to tell green by.

    `after` is (pixel,) smoothed reflectance by name, `no_change` (pixel,) True on the quieter half.
    """
    if not {"nir", "red"} <= set(after):
        return None
    low, high = np.percentile(indices.ndvi(after)[no_change], [5, 95])
    bare = float(np.clip(low, *BARE_NDVI))
    least = DENSE_NDVI if calibrated else bare + 0.1
    return GreenScale(bare_ndvi=bare, dense_ndvi=max(float(high), least))


def not_green_or_wet(before: indices.Bands, after: indices.Bands, scale: GreenScale | None) -> BoolArray:
    """(y, x) True where the ground after may be built or cleared; takes smoothed, normalised reflectance by name."""
    keep = np.ones(next(iter(after.values())).shape, dtype=bool)
    if scale is not None:
        green_before = scale.greenness(indices.ndvi(before))
        green_after = scale.greenness(indices.ndvi(after))
        keep &= green_after + np.float32(GREEN_SURCHARGE) * (green_after - green_before) < GREEN_LIMIT
    if {"green", "nir"} <= set(after):
        keep &= ~_water(after)
    return keep


def _water(after: indices.Bands) -> BoolArray:
    if "swir16" not in after:
        return np.asarray((indices.ndwi(after) > WET_NDWI_ONLY) & (after["nir"] < WET_NIR))
    wet = (indices.ndwi(after) > WET_NDWI) & (indices.mndwi(after) > WET_MNDWI)
    return np.asarray(wet & (after["swir16"] < WET_SWIR))
