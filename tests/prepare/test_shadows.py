"""Clouds in rasters without a mask: clouds have shadows, roofs have not."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi

from changedetect import RunConfig, compare
from changedetect.geotiff import write_cog
from changedetect.model import Composite, Pair
from changedetect.prepare import clouds_by_shadows
from changedetect.testing import simulated_pair

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
MEADOW, CLOUD, SHADE = ((0.04, 0.07, 0.05, 0.35, 0.2, 0.1), (0.6,) * 6, (0.02, 0.03, 0.02, 0.08, 0.05, 0.03))
CLOUDS = ((40, 60), (80, 150), (120, 90), (150, 170))
"""Rows and columns of their centres."""


def blobs(centres, radius=7, shape=(200, 220)):
    rows, cols = np.indices(shape)
    return np.any([np.hypot(rows - row, cols - col) <= radius for row, col in centres], axis=0)


def date(bright, dark, seed, pixel_m=30.0, bands=BANDS):
    """A meadow under clouds."""
    data = np.broadcast_to(np.array(MEADOW)[:, None, None], (6, *bright.shape)).copy()
    data[:, dark], data[:, bright] = np.array(SHADE)[:, None], np.array(CLOUD)[:, None]
    data = np.clip(data + np.random.default_rng(seed).normal(0, 0.004, data.shape), 0.001, 1).astype(np.float32)
    seen = np.ones(bright.shape, dtype=bool)
    geobox = GeoBox(bright.shape, Affine(pixel_m, 0, 500_000, 0, -pixel_m, 5_000_000), "EPSG:32623")
    keep = [BANDS.index(name) for name in bands]
    return Composite(geobox=geobox, bands=bands, data=data[keep], valid=seen, looks=seen.astype(np.uint8))


def pair_with(bright, dark, bands=BANDS):
    nothing = np.zeros_like(bright)
    return Pair(before=date(nothing, nothing, 1, bands=bands), after=date(bright, dark, 2, bands=bands))


@pytest.mark.parametrize("step", [(12, -20), (-9, 15), (0, 25)])
def test_clouds_and_their_shadows_are_covered(step):
    bright = blobs(CLOUDS)
    dark = blobs([(row + step[0], col + step[1]) for row, col in CLOUDS]) & ~bright
    before, after = clouds_by_shadows(pair_with(bright, dark))
    assert before is None
    assert after.clouds == len(CLOUDS)
    assert after.throw_m == pytest.approx((30.0 * step[1], -30.0 * step[0]), abs=45)
    assert after.covered[bright | dark].all()
    far = ~ndi.binary_dilation(bright | dark, iterations=5)
    assert not after.covered[far].any()


def test_thin_clouds_go_with_the_thick_ones():
    bright, thin = blobs(CLOUDS), blobs([(180, 40)])
    shadows = blobs([(row - 12, col + 20) for row, col in (*CLOUDS, (180, 40))])
    pair = pair_with(bright, shadows & ~bright)
    pair.after.data[:, thin] = np.array([0.17, 0.18, 0.17, 0.4, 0.3, 0.2], dtype=np.float32)[:, None]
    _, after = clouds_by_shadows(pair)
    assert after.covered[thin].all()


@pytest.mark.parametrize(
    "dark",
    [
        np.zeros((200, 220), dtype=bool),
        blobs([(30, 30), (100, 20), (60, 200), (185, 100)]),  # ponds, each elsewhere
    ],
)
def test_white_roofs_are_no_clouds(dark):
    assert clouds_by_shadows(pair_with(blobs(CLOUDS), dark & ~blobs(CLOUDS))) == (None, None)


def test_one_bright_and_one_dark_patch_are_no_cloud():
    assert clouds_by_shadows(pair_with(blobs([(80, 100)], 15), blobs([(95, 140)], 15))) == (None, None)


def test_nothing_is_said_of_raw_numbers_or_without_nir():
    bright, dark = blobs(CLOUDS), blobs([(row + 12, col - 20) for row, col in CLOUDS])
    pair = pair_with(bright, dark & ~bright)
    assert clouds_by_shadows(replace(pair, calibrated=False)) == (None, None)
    assert clouds_by_shadows(pair_with(bright, dark & ~bright, BANDS[:3])) == (None, None)


def test_clouds_in_a_raster_are_not_new_construction(tmp_path):
    pair, _ = simulated_pair(3, (200, 220), [(np.s_[170:182, 60:74], "white_roof")])
    bright = blobs(CLOUDS)
    dark = blobs([(row + 12, col - 25) for row, col in CLOUDS]) & ~bright
    pair.after.data[:, dark] *= np.float32(0.2)
    pair.after.data[:, bright] = np.float32(0.6)
    paths = [tmp_path / f"{name}.tif" for name in ("before", "after")]
    for path, one in zip(paths, (pair.before, pair.after), strict=True):
        write_cog(path, one.data, pair.geobox, band_names=pair.bands, nodata=float("nan"))
    default = RunConfig(min_confidence=0)
    found = compare(*paths, config=default)
    assert found.provenance["after"]["clouds"]["clouds"] == len(CLOUDS)
    assert found.provenance["before"]["clouds"] is None
    assert "shadows" in found.summary["worked_around"]
    assert found.change_map.changed[176, 67] == 1
    assert (found.change_map.changed[bright] == 255).all()
    clouded = compare(*paths, config=replace(default, prepare=replace(default.prepare, find_clouds=False)))
    assert clouded.change_map.changed[bright].mean() == 1
