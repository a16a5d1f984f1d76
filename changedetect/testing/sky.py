"""Clouds, cirrus, haze and the shadows they cast, on a coarse grid over and around a landscape."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from changedetect.testing.landscape import FINE_M
from changedetect.testing.spectra import BANDS
from changedetect.testing.textures import fractal
from changedetect.types import FloatArray

SKY_FACTOR = 8
"""Pixels of the landscape to one of the cloud field."""

_SKY_M = SKY_FACTOR * FINE_M

_CLOUD = np.array([0.86, 0.84, 0.83, 0.82, 0.81, 0.55, 0.42], dtype=np.float32)
"""Reflectance of thick water cloud in `BANDS`; ice and water absorb beyond 1.5 µm (Zhu and Woodcock 2012,
doi:10.1016/j.rse.2011.10.028, figures of cloud spectra)."""

_CIRRUS = np.array([0.60, 0.58, 0.57, 0.55, 0.54, 0.22, 0.16], dtype=np.float32)
"""The same for ice cloud."""

_DIFFUSE = np.array([0.42, 0.33, 0.26, 0.19, 0.18, 0.09, 0.06], dtype=np.float32)
"""Share of skylight in the light on the ground, which a shadow leaves; clear air, optical depth 0.15 at 550 nm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What hangs over a landscape at one moment; every array is (y, x) on the landscape's coarse grid, 0-1."""

    cloud: FloatArray
    """Opacity of the cloud that is seen."""
    cirrus: FloatArray
    """Opacity of the cirrus that is seen."""
    shadow: FloatArray
    """Share of direct light that clouds, also those outside the landscape, keep from the ground."""

    @staticmethod
    def fine(field: FloatArray) -> FloatArray:
        """One of the arrays on the landscape's own grid."""
        refined = ndimage.zoom(field, SKY_FACTOR, order=1, grid_mode=True, mode="nearest")
        return np.asarray(refined, dtype=np.float32)


def make_sky(
    rng: np.random.Generator,
    shape: tuple[int, int],
    sun: tuple[float, float],
    *,
    cloud_cover: float,
    cirrus_cover: float,
) -> Sky:
    """Clouds and their shadows.

    A cloud at height h keeps the sun from the ground h / tan(elevation) away from it, on the side opposite the sun.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the coarse grid.
    sun : tuple of float
        Elevation and azimuth, degrees.
    cloud_cover, cirrus_cover : float
        Share of a wide sky that is covered, 0-1; over a small landscape the share varies much.
    """
    base_m = float(rng.uniform(500, 1500))
    throw_px = base_m / np.tan(np.radians(sun[0])) / _SKY_M
    away = np.radians(sun[1] + 180)
    move = (round(-np.cos(away) * throw_px), round(np.sin(away) * throw_px))
    pad = max(abs(move[0]), abs(move[1])) + 2
    wide = (shape[0] + 2 * pad, shape[1] + 2 * pad)
    thick = _opacity(fractal(rng, wide, 3.5, 60.0), cloud_cover, gain=4.0)
    here = (slice(pad, pad + shape[0]), slice(pad, pad + shape[1]))
    shadow = np.roll(ndimage.gaussian_filter(thick, 1.0), move, axis=(0, 1))[here]
    cirrus = 0.3 * _opacity(fractal(rng, wide, 3.2, 200.0), cirrus_cover, gain=1.2)[here]
    return Sky(cloud=thick[here], cirrus=cirrus, shadow=shadow)


def _opacity(field: FloatArray, cover: float, *, gain: float) -> FloatArray:
    """Opacity of a field of which a share `cover` is cloud: thin at the edge, saturated in the core."""
    if cover <= 0:
        return np.zeros_like(field)
    depth = np.maximum(field - np.quantile(field, 1 - cover), 0)
    return np.asarray(1 - np.exp(-gain * depth), dtype=np.float32)


def through_sky(
    ground: FloatArray, sky: Sky, ground_shade: FloatArray, *, haze: float, rng: np.random.Generator
) -> FloatArray:
    """Reflectance as the processor reports it, from what the ground reflects.

    Parameters
    ----------
    ground : ndarray
        (band, y, x) on the landscape's grid.
    ground_shade : ndarray
        (y, x) share of direct light kept off by trees and buildings.
    haze : float
        Optical depth that atmospheric correction left over: bright veil in the blue, a slight loss of contrast.
    """
    cloud, cirrus, shadow = (sky.fine(part) for part in (sky.cloud, sky.cirrus, sky.shadow))
    dark = np.maximum(0.92 * shadow, ground_shade)
    veil = haze * np.array([1.0, 0.72, 0.5, 0.3, 0.28, 0.08, 0.04], dtype=np.float32)
    gain = 1 + rng.normal(0, 0.012, len(BANDS)).astype(np.float32)
    cores = sky.fine(fractal(rng, sky.cloud.shape, 2.7, 20.0))
    seen = np.empty_like(ground)
    for band in range(len(BANDS)):
        lit = ground[band] * (1 - dark * (1 - _DIFFUSE[band])) * gain[band]
        hazy = lit * (1 - 1.5 * veil[band]) + 0.35 * veil[band]
        veiled = hazy + cirrus * (_CIRRUS[band] - hazy)
        seen[band] = veiled + cloud * (_CLOUD[band] * (1 + 0.06 * cores) - veiled)
    return seen
