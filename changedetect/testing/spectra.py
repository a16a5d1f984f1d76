"""What the ground reflects: published spectra averaged over the sensors' bands, and how green it is by day of year.

Sources, named with each cover:

- PROSAIL: PROSPECT-D leaves under 4SAIL canopies, averaged over the Sentinel-2 bands, with the dry and wet soils that
  are distributed with it (Jacquemoud et al. 2009, doi:10.1016/j.rse.2008.01.026; Féret et al. 2017,
  doi:10.1016/j.rse.2017.03.004; run with the PyPI package `prosail` 2.0.5; the parameters are given with each cover as
  N, Cab, Car, Cbrown, Cw, Cm, LAI, mean leaf angle, soil brightness, share of dry soil). "Soil p" is p of the dry and
  1 - p of the wet soil.
- SLUM: samples of the Spectral Library of impervious Urban Materials (Kotthaus et al. 2014,
  doi:10.1016/j.isprsjprs.2014.05.005), read near the band centres and rounded.
- Doxaran: water without and with suspended matter, shape and level of Doxaran et al. 2002,
  doi:10.1016/S0034-4257(01)00341-8.
- Levinson: weathered titanium-dioxide white coating after Levinson et al. 2005, doi:10.1016/j.solmat.2004.11.013, with
  the polymer's absorption at 1.7 and 2.3 µm; level as of a roof some months old.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from changedetect.types import Float64Array

BANDS = ("blue", "green", "red", "nir", "nir08", "swir16", "swir22")
"""Order of every spectrum here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A kind of ground."""

    name: str
    """Key in `COVERS`."""
    reflectance: tuple[float, ...]
    """Reflectance in `BANDS`, 0-1; of the leafless or dry state where `green` is given."""
    green: tuple[float, ...] | None = None
    """Reflectance in full leaf; None: the cover has no seasons."""
    season: tuple[float, float] = (100.0, 290.0)
    """Days of year of half green-up and half decline."""
    evergreen: float = 0.0
    """Least greenness in winter, 0-1."""
    texture: float = 0.05
    """Relative standard deviation of brightness inside the cover."""
    height_m: float = 0.0
    """Height over the ground, for cast shadows, metres."""


_SOIL_10 = (0.046, 0.053, 0.066, 0.102, 0.106, 0.192, 0.151)
_SOIL_30 = (0.087, 0.100, 0.122, 0.169, 0.174, 0.263, 0.227)
_SOIL_70 = (0.169, 0.194, 0.234, 0.303, 0.311, 0.403, 0.380)
_SOIL_90 = (0.210, 0.240, 0.290, 0.370, 0.379, 0.474, 0.456)
RIPE = (0.130, 0.155, 0.225, 0.372, 0.386, 0.409, 0.288)
"""Ripe cereal: PROSAIL 2.0, 0, 0, .6, .001, .004, LAI 1.5, 50°, .9, .8."""
STUBBLE = (0.117, 0.155, 0.173, 0.248, 0.254, 0.301, 0.249)
"""Stubble: PROSAIL 2.0, 1, 1, .2, .001, .005, LAI 0.5, 60°, .8, .6."""
CROP = (0.021, 0.054, 0.015, 0.510, 0.510, 0.209, 0.080)
"""Closed green crop: PROSAIL 1.5, 45, 9, 0, .014, .004, LAI 4, 50°, .8, .8."""
GRASS = (0.027, 0.059, 0.026, 0.350, 0.353, 0.202, 0.096)
"""Green grass: PROSAIL 1.6, 38, 8, .02, .012, .005, LAI 2.5, 65°, .8, .7."""
DRY_GRASS = (0.079, 0.116, 0.110, 0.290, 0.300, 0.305, 0.205)
"""Dry grass: PROSAIL 1.8, 4, 1, .6, .003, .005, LAI 1.2, 55°, .8, .6."""
_LEAVES = (0.022, 0.057, 0.016, 0.503, 0.503, 0.208, 0.075)
"""Broadleaved wood: PROSAIL 1.6, 48, 10, 0, .014, .007, LAI 5, 40°, .4, .4."""
_AUTUMN = (0.050, 0.136, 0.118, 0.337, 0.346, 0.263, 0.138)
"""The same in autumn: PROSAIL 1.8, 3, 4, .45, .006, .005, LAI 2, 45°, .5, .3."""

_COVERS = (
    Cover(name="meadow", reflectance=DRY_GRASS, green=GRASS, season=(95, 300), evergreen=0.45, texture=0.10),
    Cover(name="crop", reflectance=RIPE, green=CROP, season=(90, 280), texture=0.06),
    Cover(name="stubble", reflectance=STUBBLE, texture=0.08),
    Cover(name="bare_light", reflectance=_SOIL_70, texture=0.08),
    Cover(name="bare_dark", reflectance=_SOIL_30, texture=0.10),
    Cover(name="deciduous", reflectance=_AUTUMN, green=_LEAVES, season=(112, 288), texture=0.16, height_m=16),
    # PROSAIL 1.8, 50, 11, .1, .02, .016, LAI 4, 65°, .3, .2.
    Cover(name="conifer", reflectance=(0.014, 0.036, 0.010, 0.275, 0.277, 0.104, 0.030), texture=0.18, height_m=18),
    # Doxaran, below and above 100 mg/l of suspended matter.
    Cover(name="water", reflectance=(0.028, 0.032, 0.016, 0.008, 0.007, 0.004, 0.003), texture=0.04),
    Cover(name="turbid_water", reflectance=(0.052, 0.083, 0.078, 0.034, 0.031, 0.007, 0.005), texture=0.06),
    Cover(name="mud", reflectance=_SOIL_10, texture=0.10),
    # SLUM A008, C004, C002; Levinson; SLUM Z004, Z002, L001d, R001, G005.
    Cover(name="asphalt", reflectance=(0.118, 0.127, 0.135, 0.140, 0.140, 0.148, 0.154), texture=0.08),
    Cover(name="concrete", reflectance=(0.335, 0.375, 0.390, 0.392, 0.393, 0.394, 0.356), texture=0.06),
    Cover(name="old_concrete", reflectance=(0.151, 0.195, 0.218, 0.224, 0.224, 0.273, 0.231), texture=0.12),
    Cover(name="white_roof", reflectance=(0.70, 0.74, 0.75, 0.74, 0.73, 0.58, 0.36), texture=0.03, height_m=11),
    Cover(name="blue_roof", reflectance=(0.505, 0.345, 0.325, 0.636, 0.648, 0.350, 0.570), texture=0.04, height_m=10),
    Cover(name="grey_roof", reflectance=(0.236, 0.240, 0.238, 0.235, 0.235, 0.293, 0.266), texture=0.05, height_m=9),
    Cover(name="slate_roof", reflectance=(0.087, 0.090, 0.091, 0.091, 0.091, 0.091, 0.085), texture=0.06, height_m=7),
    Cover(name="red_tile", reflectance=(0.100, 0.165, 0.338, 0.377, 0.379, 0.450, 0.492), texture=0.08, height_m=7),
    Cover(name="ballast", reflectance=(0.154, 0.196, 0.233, 0.258, 0.260, 0.277, 0.258), texture=0.10),
    # Subsoil laid open: Soil .9.
    Cover(name="graded_earth", reflectance=_SOIL_90, texture=0.07),
    # Between houses: half dry grass and autumn leaves, half their green states.
    Cover(name="garden", reflectance=(0.065, 0.126, 0.114, 0.314, 0.323, 0.284, 0.172),
          green=(0.025, 0.058, 0.021, 0.427, 0.428, 0.205, 0.086), season=(100, 292), evergreen=0.3, texture=0.20),
)  # fmt: skip

COVERS: Mapping[str, Cover] = MappingProxyType({cover.name: cover for cover in _COVERS})
"""Every kind of ground by name. A code in a cover raster is a position in this table."""

COVER_CODES: Mapping[str, int] = MappingProxyType({name: code for code, name in enumerate(COVERS)})
"""Position of each cover in `COVERS`."""


def greenness(day: float, green_up: ArrayLike, decline: ArrayLike, *, floor: ArrayLike = 0.0) -> Float64Array:
    """Share of full leaf on a day of year: a double logistic curve (Beck et al. 2006, doi:10.1016/j.rse.2005.10.021).

    >>> bool(greenness(30, 100, 290) < 0.01 < 0.99 < greenness(190, 100, 290))
    True
    """
    rise = 1 / (1 + np.exp(-(day - np.asarray(green_up, dtype=float)) / 9))
    fall = 1 / (1 + np.exp(-(day - np.asarray(decline, dtype=float)) / 11))
    return np.asarray(floor + (1 - np.asarray(floor)) * np.maximum(rise - fall, 0.0), dtype=np.float64)


def cover_states(day: float) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Spectra of all covers on a day of year.

    Returns
    -------
    dry, green : ndarray
        (cover, band) reflectance of the two ends that a cover is mixed of.
    share : ndarray
        (cover,) share of the green end.
    """
    covers = COVERS.values()
    dry = np.array([cover.reflectance for cover in covers])
    green = np.array([cover.green or cover.reflectance for cover in covers])
    up, down = np.array([cover.season for cover in covers]).T
    floor = np.array([cover.evergreen for cover in covers])
    return dry, green, greenness(day, up, down, floor=floor)
