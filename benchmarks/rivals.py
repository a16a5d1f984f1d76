"""Published ways to a change mask that need no labels, each in a few lines, as rivals of `changedetect`.

A rival sees the pixels of the two rasters as they lie: no registration, no levelling, no rule on what is built. Where a
paper presupposes dates that are radiometrically alike, both dates are brought to mean 0 and standard deviation 1 band
by band; on raw numbers these rivals would do far worse.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import geopandas as gpd
import numpy as np
from rasterio.features import shapes
from scipy import ndimage as ndi
from scipy.cluster.vq import kmeans2
from scipy.stats import chi2
from shapely.geometry import shape
from skimage.filters import threshold_otsu

from changedetect.diff.indices import ndbi
from changedetect.diff.irmad import fit_irmad
from changedetect.model import Composite, Pair
from changedetect.polygons import pixel_area_m2
from changedetect.types import BoolArray, Float64Array

Rival = Callable[[Pair], BoolArray | None]
"""Two dates → (y, x) True where changed; None where the pair lacks a band that the rival needs."""

NDBI_GAIN = 0.10
"""Rise of the index that counts as new building, as in tools that watch one index."""
QUANTILE = 0.99
"""Of the chi-square distribution: one pixel in a hundred that did not change counts as changed."""
BLOCK_PX, COMPONENTS = 4, 3
"""Side of the blocks and number of their principal components in Celik's experiments (h = 4, S = 3)."""
MIN_AREA_M2 = 800.0
"""Smaller objects are dropped: the minimum mapping unit of changedetect's own polygons."""


def ndbi_gain(pair: Pair) -> BoolArray | None:
    """Built-up index risen by more than 0.10 (index: Zha et al. 2003, doi:10.1080/01431160304987)."""
    if not {"nir", "swir16"} <= set(pair.bands):
        return None
    first, second = (dict(zip(pair.bands, date.data, strict=True)) for date in (pair.before, pair.after))
    return np.asarray(pair.valid & (ndbi(second) - ndbi(first) > NDBI_GAIN))


def cva_otsu(pair: Pair) -> BoolArray:
    """Length of the change vector above an automatic threshold.

    Bruzzone and Prieto (2000), doi:10.1109/36.843009, find the threshold on the histogram of that length; here it is
    Otsu's (1979, doi:10.1109/TSMC.1979.4310076), as most users of the method take it.
    """
    length = _length(pair)
    return _on_valid(pair, length > threshold_otsu(length))


def irmad_chi_square(pair: Pair) -> BoolArray:
    """IR-MAD's sum of squared variates above the 0.99 quantile (Nielsen 2007, doi:10.1109/TIP.2006.888195).

    Reweighting inflates the sum, so that the quantile flags far more than a hundredth of what did not change.
    """
    return _on_valid(pair, _irmad(pair) > chi2.ppf(QUANTILE, len(pair.bands)))


def irmad_otsu(pair: Pair) -> BoolArray:
    """The root of the same sum above Otsu's threshold, which follows the data instead."""
    root = np.sqrt(_irmad(pair))
    return _on_valid(pair, root > threshold_otsu(root))


def pca_kmeans(pair: Pair) -> BoolArray:
    """Two clusters of blocks of the difference image (Celik 2009, doi:10.1109/LGRS.2009.2025059).

    Principal components of blocks that don't overlap, every pixel's own block projected onto them, k-means with k = 2;
    changed is the cluster that differs more. The difference image is the length of the change vector.
    """
    difference = np.zeros(pair.valid.shape)
    difference[pair.valid] = _length(pair)
    padded = np.pad(difference, ((1, 2), (1, 2)), mode="reflect")  # BLOCK_PX - 1 in all: a block for every pixel
    blocks = np.lib.stride_tricks.sliding_window_view(padded, (BLOCK_PX, BLOCK_PX)).reshape(*difference.shape, -1)
    whole = ndi.minimum_filter(pair.valid, BLOCK_PX, mode="reflect")
    apart = np.zeros_like(whole)
    apart[::BLOCK_PX, ::BLOCK_PX] = whole[::BLOCK_PX, ::BLOCK_PX]
    mean = blocks[apart].mean(axis=0)
    axes = np.linalg.eigh(np.cov(blocks[apart], rowvar=False))[1][:, -COMPONENTS:]
    cluster = kmeans2((blocks[pair.valid] - mean) @ axes, 2, minit="++", seed=0)[1]
    differs = [difference[pair.valid][cluster == one].mean() for one in (0, 1)]
    return _on_valid(pair, cluster == int(np.argmax(differs)))


def _on_valid(pair: Pair, flags: BoolArray) -> BoolArray:
    """(y, x) the flags of the valid pixels, False elsewhere."""
    changed = np.zeros(pair.valid.shape, dtype=bool)
    changed[pair.valid] = flags
    return changed


RIVALS: Mapping[str, Rival] = MappingProxyType(
    {
        "NDBI gain > 0.10": ndbi_gain,
        "CVA + Otsu": cva_otsu,
        "IR-MAD + chi² 0.99": irmad_chi_square,
        "IR-MAD + Otsu": irmad_otsu,
        "PCA + k-means": pca_kmeans,
    }
)
"""All rivals, by the name of their row."""


def objects(mask: BoolArray, pair: Pair) -> gpd.GeoDataFrame:
    """Polygons of a mask, as the pixels lie, without those under 800 m2; the same for every rival."""
    labels = ndi.label(mask)[0]
    large = np.bincount(labels.ravel()) * pixel_area_m2(pair.geobox) >= MIN_AREA_M2
    large[0] = False
    kept = np.where(large[labels], labels, 0).astype(np.int32)
    found = [shape(geometry) for geometry, _ in shapes(kept, mask=kept > 0, transform=pair.geobox.affine)]
    return gpd.GeoDataFrame(geometry=found, crs=str(pair.geobox.crs))


def _irmad(pair: Pair) -> Float64Array:
    """(valid pixel,) IR-MAD's sum of squared standardised variates."""
    before, after = (date.data[:, pair.valid] for date in (pair.before, pair.after))
    return fit_irmad(before, after).chi_square(before, after)


def _length(pair: Pair) -> Float64Array:
    """(pixel,) length of the change vector of the valid pixels, in standard deviations of the bands."""
    return np.asarray(np.linalg.norm(_standard(pair.after, pair) - _standard(pair.before, pair), axis=0))


def _standard(date: Composite, pair: Pair) -> Float64Array:
    """(band, valid pixel) brought to mean 0 and standard deviation 1; a constant band stays 0."""
    data = date.data[:, pair.valid].astype(np.float64)
    deviation = data.std(axis=1, keepdims=True)
    return np.asarray((data - data.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1))
