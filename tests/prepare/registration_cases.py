"""Two dates of simulated farmland a known shift apart, for the tests of registration and sharpness."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi
from shapely.geometry import box

from changedetect.grid import TileSpec
from changedetect.model import Composite, Pair
from changedetect.testing import Feature, farmland
from changedetect.testing.landscape import cast_shadows, render
from changedetect.testing.sensing import native_grid, noise_of, sample
from changedetect.testing.spectra import BANDS
from changedetect.testing.textures import smooth_noise

SIDE = 128
NAMES = ("blue", "green", "red", "nir")
BEFORE, AFTER, APRIL = date(2022, 8, 10), date(2023, 8, 14), date(2023, 4, 20)
WEST, NORTH = 500_040.0, 5_100_000.0
COVERS = ("white_roof", "concrete", "grey_roof", "graded_earth", "asphalt")


@lru_cache(maxsize=8)
def ground(seed, changed):
    """Farmland on which a share of the ground is built over between the dates."""
    land = farmland("case", west=WEST, north=NORTH, epsg=32634, size_m=(SIDE * 10.0, SIDE * 10.0), seed=seed)
    rng = np.random.default_rng([seed, 1])
    features, covered = [], np.zeros((SIDE, SIDE), dtype=bool)
    while covered.mean() < changed:
        height, width = rng.integers(5, 20, 2)
        row, col = rng.integers(0, SIDE - height), rng.integers(0, SIDE - width)
        covered[row : row + height, col : col + width] = True
        x, y = WEST + col * 10, NORTH - row * 10
        shape = box(x, y - height * 10, x + width * 10, y)
        cover = COVERS[len(features) % len(COVERS)]
        features.append(Feature(feature_id=str(len(features)), geometry=shape, cover=cover, built=date(2023, 2, 1)))
    return replace(land, features=tuple(features))


@lru_cache(maxsize=8)
def rendered(seed, changed, day):
    reflectance, height = render(ground(seed, changed), day)
    lit = reflectance * (1 - 0.7 * cast_shadows(height, 52.0, 155.0))
    return lit[[BANDS.index(name) for name in NAMES]].astype(np.float32)


@lru_cache(maxsize=64)
def seen(day, shift_px=(0.0, 0.0), *, seed=1, changed=0.0, blur_px=0.0, noise=0.5):
    """(band, y, x) one date, its content `shift_px` down and right, through a further blur."""
    land = ground(seed, changed)
    fine = ndi.gaussian_filter(rendered(seed, changed, day), (0, 4 * blur_px, 4 * blur_px), mode="nearest")
    shift_m = (shift_px[0] * 10, shift_px[1] * 10)
    data = np.stack([sample(band, native_grid(land, 10.0), land.geobox, shift_m) for band in fine])
    rng = np.random.default_rng([seed, day.toordinal(), 3])
    return (data + noise * noise_of(data) * rng.standard_normal(data.shape)).astype(np.float32)


def clear(seed, share):
    """(y, x) False under clouds that hide a share of the ground."""
    field = smooth_noise(np.random.default_rng(seed), (SIDE, SIDE), 8)
    return field <= np.quantile(field, 1 - share)


def pair_of(before, after, clear_before=None, clear_after=None):
    geobox = GeoBox(before.shape[1:], Affine(10, 0, WEST, 0, -10, NORTH), "EPSG:32634")
    dates = []
    for data, mask in ((before, clear_before), (after, clear_after)):
        valid = np.ones(before.shape[1:], dtype=bool) if mask is None else mask
        told = np.where(valid, data, np.nan).astype(np.float32)
        dates.append(
            Composite(geobox=geobox, bands=NAMES[: len(data)], data=told, valid=valid, looks=3 * valid.astype(np.uint8))
        )
    return Pair(before=dates[0], after=dates[1])


def tile_of(pair, spec):
    dates = [
        replace(
            date,
            geobox=spec.geobox,
            data=date.data[:, *spec.padded],
            valid=date.valid[spec.padded],
            looks=date.looks[spec.padded],
        )
        for date in (pair.before, pair.after)
    ]
    return replace(pair, before=dates[0], after=dates[1])


def whole(pair):
    height, width = pair.geobox.shape
    return [(TileSpec(grid=pair.geobox, rows=slice(0, height), cols=slice(0, width), halo_px=0), pair)]
