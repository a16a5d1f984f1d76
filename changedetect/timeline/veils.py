"""Whether what a look shows of an object could be a thin cloud over ground like that around it.

A small cloud that the quality band missed lets ground shine through: it shows `(1 - c) g + c C`, with g the reflectance
of the ground, C that of thick cloud and c the cloud's opacity, the mixture that haze indices rest on (Zhang et al.
2002, doi:10.1016/S0034-4257(02)00034-2). What lies under it may have changed, as fields do, but is likely one of the
covers that lie around it in the very same look. So the look is asked which of these, under which cloud, comes nearest.

Ice and water absorb beyond 1.5 µm (Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028, spectra of clouds): what
brightens the visible like a cloud, but these bands otherwise, was built or laid open. White roofs and clean concrete
can pass for cloud in one look, but ask for the same cloud in every other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from changedetect.timeline.accuracy import accuracy
from changedetect.types import Float64Array, FloatArray

_CLOUD: Mapping[str, float] = MappingProxyType(
    {"blue": 0.8, "green": 0.8, "red": 0.8, "nir": 0.8, "swir16": 0.55, "swir22": 0.4}
)
"""Reflectance of thick water cloud: white up to 1 µm, darker beyond."""
_ABSORBED = frozenset({"swir16", "swir22"})
"""Bands without any of which concrete and cloud are alike: then nothing is said."""
_MOST = 0.8
"""Opacity from which on no ground shines through that could be compared."""
_NEAR = 0.5
"""Distance in accuracies of surface reflectance, root mean square over the bands, within which half of an object's
pixels must come to be explained. Within one look errors of the atmosphere are shared, and half the accuracy is left. On
simulated sites missed clouds mostly keep to 0.2-0.6, the one look that shows something really built to 0.5-4."""
_LEAST_GROUND, _MOST_GROUND, _MOST_PX = 12, 400, 60
"""Pixels of ground that are needed, and those of ground and object that suffice."""
_ALIKE, _ALIKE_SHARE = 0.02, 0.25
"""Opacities so far apart, or by this share of the greater, may be of one thing: what aerosol leaves over in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Veil:
    """The cloud that would best explain what a look shows of an object."""

    opacity: float = 0.0
    """Of it, 0-1, median over the object's pixels."""
    likely: bool = False
    """Whether it explains half of the pixels, and ground around without a cloud does not."""

    def like(self, other: "Veil") -> bool:
        """Whether two looks ask for the same cloud, which a thing on the ground does."""
        most = max(self.opacity, other.opacity)
        return abs(self.opacity - other.opacity) <= max(_ALIKE, _ALIKE_SHARE * most)


NO_VEIL = Veil()
"""Where nothing speaks for a cloud."""


def veil_over(pixels: FloatArray, ground: FloatArray, bands: tuple[str, ...]) -> Veil:
    """Explain an object by a cloud over ground like that around it.

    Parameters
    ----------
    pixels
        (band, pixel) reflectance of the object in one look.
    ground
        (band, pixel) reflectance of unchanged ground around it in the same look.
    bands
        Names of the bands; without one beyond 1.5 µm nothing is said.

    >>> field, roof = np.array([0.05, 0.08, 0.06, 0.45, 0.20, 0.10]), np.array([0.24, 0.24, 0.24, 0.24, 0.29, 0.27])
    >>> cloud, bands = np.array([0.8, 0.8, 0.8, 0.8, 0.55, 0.4]), ("blue", "green", "red", "nir", "swir16", "swir22")
    >>> around = np.repeat(field[:, None], 20, axis=1)
    >>> veil_over((0.9 * field + 0.1 * cloud)[:, None], around, bands).likely
    True
    >>> veil_over(roof[:, None], around, bands).likely
    False
    """
    known = [number for number, name in enumerate(bands) if name in _CLOUD]
    if not _ABSORBED & set(bands) or ground.shape[1] < _LEAST_GROUND or not pixels.shape[1]:
        return NO_VEIL
    cloud = np.array([_CLOUD[bands[number]] for number in known])[:, None, None]
    seen, under = _some(pixels, _MOST_PX)[known, :, None], _some(ground, _MOST_GROUND)[known, None, :]
    unit = accuracy(seen)
    more, whole = (seen - under) / unit, (cloud - under) / unit
    # Least squares has the opacity in closed form for every pixel under every ground.
    opacity = np.clip((more * whole).sum(axis=0) / np.maximum((whole**2).sum(axis=0), 1e-9), 0, _MOST)
    bare, veiled = (np.sqrt((left**2).mean(axis=0)) for left in (more, more - opacity * whole))
    nearest = veiled.argmin(axis=1)
    likely = np.median(veiled.min(axis=1)) <= _NEAR < np.median(bare.min(axis=1))
    return Veil(opacity=float(np.median(np.take_along_axis(opacity, nearest[:, None], axis=1))), likely=bool(likely))


def _some(pixels: FloatArray, most: int) -> Float64Array:
    """At most so many columns, evenly spread."""
    return pixels[:, :: -(-pixels.shape[1] // most)].astype(np.float64)
