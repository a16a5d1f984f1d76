"""Quality layers as the processors write them: mostly right, wrong where they are known to be wrong.

Made on purpose, after what is reported of Sen2Cor and Fmask (Baetens et al. 2019, doi:10.3390/rs11040433; python-fmask
issue 72 and CoastSat issue 534 for roofs): thin cloud edges are left out; some small clouds are missed whole; bright
roofs are called cloud on some dates and not on others; water and dark wood are confused with shadow; some shadows are
missed.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from changedetect.testing.spectra import BANDS
from changedetect.testing.textures import smooth_noise
from changedetect.types import BoolArray, FloatArray, IntArray

_BLUE, _GREEN, _RED, _NIR, _SWIR16 = (BANDS.index(name) for name in ("blue", "green", "red", "nir08", "swir16"))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a classifier works on, all on the grid of the quality layer."""

    reflectance: FloatArray
    """(band, y, x) as observed, in `BANDS`."""
    cloud: FloatArray
    """(y, x) true opacity of cloud, 0-1."""
    cirrus: FloatArray
    """(y, x) true opacity of cirrus, 0-1."""
    shadow: FloatArray
    """(y, x) true share of direct light kept off by clouds, 0-1."""
    fill: BoolArray
    """(y, x) True where the swath has no data."""


def scene_classification(view: View, rng: np.random.Generator) -> IntArray:
    """(y, x) uint8 Sentinel-2 SCL."""
    shape = view.cloud.shape
    ndvi, wet, level = _indices(view)
    ragged = smooth_noise(rng, shape, 1.0)
    scl = np.full(shape, 7, dtype=np.uint8)
    scl[ndvi + 0.03 * ragged > 0.36] = 4
    scl[(ndvi + 0.03 * ragged < 0.30) & (level > 0.06)] = 5
    scl[(view.reflectance[_NIR] < 0.13) & (view.reflectance[_SWIR16] < 0.12)] = 2
    scl[wet & (ragged < 1.4)] = 6
    shade = _some_parts((view.shadow + 0.08 * ragged) > 0.5, rng, keep=0.8)
    scl[shade & ~wet] = 3
    scl[(view.cirrus > 0.07) & (smooth_noise(rng, shape, 8) > -0.2)] = 10
    cloud = _seen_clouds(view.cloud, rng, thin=0.3)
    roof = _some_parts(level > 0.40, rng, keep=0.45) & (view.cloud < 0.1)
    scl[cloud | roof] = 8
    scl[(cloud & (view.cloud > 0.6)) | (roof & (level > 0.52))] = 9
    scl[view.fill] = 0
    return scl


def qa_pixel(view: View, rng: np.random.Generator) -> IntArray:
    """(y, x) uint16 Landsat Collection 2 QA_PIXEL (bits: `changedetect.sensors.decode_qa_pixel`)."""
    _, wet, level = _indices(view)
    cloud = _seen_clouds(view.cloud, rng, thin=0.22) | (_some_parts(level > 0.42, rng, keep=0.4) & (view.cloud < 0.1))
    dilated = ndimage.binary_dilation(cloud, iterations=3) & ~cloud
    shadow = _some_parts(view.shadow > 0.45, rng, keep=0.85) & ~cloud
    cirrus = view.cirrus > 0.08
    low = 0b01
    qa = np.full(view.cloud.shape, low << 8 | low << 10 | low << 12 | low << 14, dtype=np.uint16)
    qa[dilated] |= 1 << 1
    qa[cirrus] |= 1 << 2 | 1 << 15
    qa[cloud] |= 1 << 3 | 1 << 9
    qa[shadow] |= 1 << 4 | 1 << 11
    qa[~cloud & ~dilated] |= 1 << 6
    qa[wet & ~cloud] |= 1 << 7
    qa[view.fill] = 1
    return qa


def _indices(view: View) -> tuple[FloatArray, BoolArray, FloatArray]:
    """NDVI, open water, and brightness in the visible."""
    green, red, nir = (view.reflectance[band] for band in (_GREEN, _RED, _NIR))
    ndvi = (nir - red) / np.maximum(nir + red, 1e-3)
    wet = ((green - nir) / np.maximum(green + nir, 1e-3) > 0.05) & (nir < 0.12)
    return ndvi, wet, np.asarray(view.reflectance[[_BLUE, _GREEN, _RED]].mean(axis=0))


def _seen_clouds(opacity: FloatArray, rng: np.random.Generator, *, thin: float) -> BoolArray:
    """Clouds above an opacity, a third of those under 1.5 hectares missed whole."""
    labels, count = ndimage.label(opacity > 0.1)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    seen = (area > 40) | (rng.random(count + 1) > 0.35)
    return np.asarray((opacity > thin) & seen[labels])


def _some_parts(mask: BoolArray, rng: np.random.Generator, *, keep: float) -> BoolArray:
    """A mask without some of its connected parts."""
    labels, count = ndimage.label(mask)
    kept = rng.random(count + 1) < keep
    return np.asarray(mask & kept[labels])
