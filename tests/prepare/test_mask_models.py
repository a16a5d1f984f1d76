from dataclasses import dataclass, replace
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from prepare_cases import GRID, VEGETATION, tile
from scipy import ndimage as ndi

from changedetect.errors import BandError, ConfigError
from changedetect.prepare import PrepareOptions, halo_px, make_composites
from changedetect.prepare.mask_models import clouds_by, mask_model_named, model_reach_px

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


@dataclass(frozen=True)
class Bright:
    """Cloud is what is bright within two of its pixels."""

    name: str = "bright"
    bands: tuple[str, ...] = ("red",)
    window_px: int = 12
    context_px: int = 3
    pixel_m: float = 10.0

    def __call__(self, reflectance):
        assert reflectance.shape == (1, self.window_px, self.window_px)
        assert reflectance.dtype == np.float32
        return ndi.maximum_filter(reflectance[0], 5) > 0.5


class Restless(Bright):
    """As a network: what it says of a pixel depends on where in the window it lies."""

    def __call__(self, reflectance):
        here = np.add.outer(np.arange(self.window_px), np.arange(self.window_px)) % 3 == 0
        return super().__call__(reflectance) & here


def spotted(seed, grid=GRID):
    rng = np.random.default_rng(seed)
    data = np.where(rng.random((2, *grid.shape)) < 0.01, 0.8, 0.1)
    return tile(VEGETATION, data=data, valid=rng.random(grid.shape) < 0.9, grid=grid)


def test_every_pixel_is_judged_in_its_surroundings():
    one = spotted(1)
    red = np.nan_to_num(one.data[0])
    np.testing.assert_array_equal(clouds_by(Bright(), one), (ndi.maximum_filter(red, 5) > 0.5) & one.valid)


def test_fine_pixels_are_averaged_to_the_model_s_own():
    data = np.full((2, *GRID.shape), 0.1)
    data[0, 9:12, 22:25] = 0.9  # one pixel of 30 m counted from the CRS's origin, not from the tile's
    found = clouds_by(Bright(pixel_m=30.0), tile(VEGETATION, data=data))
    rows, cols = np.nonzero(found)
    assert found.sum() == 15 * 15
    assert (rows.min(), cols.min()) == (9 - 6, 22 - 6)


@given(seed=st.integers(0, 99), top=st.integers(0, 25), left=st.integers(0, 35), half=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_tile_with_its_halo_equals_the_whole(seed, top, left, half):
    model = Restless()
    off = 5 if half else 0
    grid = GeoBox(GRID.shape, Affine(10, 0, 500_000 + off, 0, -10, 5_100_000 + off), "EPSG:32634")
    one = spotted(seed, grid)
    whole = clouds_by(model, one)
    reach = model_reach_px(model, 10.0)
    assert reach == 9
    rows, cols = (
        slice(max(top - reach, 0), min(top + 8 + reach, 40)),
        slice(max(left - reach, 0), min(left + 8 + reach, 50)),
    )
    cut = replace(
        one, geobox=grid[rows, cols], data=one.data[:, rows, cols], valid=one.valid[rows, cols], qa=one.qa[rows, cols]
    )
    part = clouds_by(model, cut)
    inner = (slice(top - rows.start, top - rows.start + 8), slice(left - cols.start, left - cols.start + 8))
    np.testing.assert_array_equal(part[inner], whole[top : top + 8, left : left + 8])


def plugged(monkeypatch, model):
    entry = SimpleNamespace(name=model.name, load=lambda: lambda: model)
    monkeypatch.setattr("changedetect.plugins.entry_points", lambda group: [entry] if "mask" in group else [])


def test_a_plug_in_hides_what_quality_bands_miss(monkeypatch):
    plugged(monkeypatch, Bright())
    options = PrepareOptions(cloud_dilation_m=0, reject_outliers=False, mask_model="bright")
    one = spotted(3)
    made = make_composites([one], [one], options)
    np.testing.assert_array_equal(made.after.valid, one.valid & ~clouds_by(Bright(), one))
    assert 0.1 < made.after.valid.mean() < 0.9
    assert halo_px(10.0, options) == halo_px(10.0, replace(options, mask_model="")) + 9


def test_an_unknown_model_is_refused_with_those_there_are(monkeypatch):
    plugged(monkeypatch, Bright())
    assert mask_model_named("bright") == Bright()
    with pytest.raises(ConfigError, match="'brigth', which is unknown: choose one of bright, ukis-csmask"):
        mask_model_named("brigth")


def test_a_model_that_lacks_a_band_is_refused():
    with pytest.raises(BandError, match="needs swir22"):
        clouds_by(Bright(bands=("red", "swir22")), spotted(1))


def test_a_package_that_is_missing_is_told_in_one_line(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("changedetect.prepare.mask_models.import_module", absent)
    with pytest.raises(ConfigError, match=r"ukis-csmask, which is not installed: pip install 'changedetect\[masks\]'$"):
        mask_model_named("ukis-csmask")


def test_the_adapter_speaks_the_package_s_language(monkeypatch):
    asked = []

    class CSmask:
        def __init__(self, **told):
            asked.append(told)
            self.csm = (told["img"][..., :1] > 0.5).astype(np.uint8) * 2

    monkeypatch.setattr("changedetect.prepare.mask_models.import_module", lambda _: SimpleNamespace(CSmask=CSmask))
    data = np.full((6, *GRID.shape), 0.1)
    data[:, :20] = 0.7
    one = tile(VEGETATION, data=data, bands=BANDS)
    found = clouds_by(mask_model_named("ukis-csmask"), one)
    assert found[:18].all()
    assert not found[22:].any()
    assert asked[0]["img"].shape == (256, 256, 6)
    assert (asked[0]["band_order"], asked[0]["product_level"]) == (list(BANDS), "l2a")
    assert clouds_by(mask_model_named("ukis-csmask-4"), one)[:18].all()
    assert asked[-1]["band_order"] == list(BANDS[:4])


def test_the_real_package_sees_a_cloud():
    pytest.importorskip("ukis_csmask", reason="the extra [masks] is not installed")
    assert import_module("ukis_csmask.mask").CSmask
    grid = GeoBox((128, 128), Affine(30, 0, 500_000, 0, -30, 5_100_000), "EPSG:32634")
    rng = np.random.default_rng(0)
    data = np.array([0.04, 0.07, 0.05, 0.3, 0.2, 0.1])[:, None, None] * (1 + 0.1 * rng.normal(size=(6, *grid.shape)))
    data[:, 40:90, 40:90] = np.array([0.7, 0.68, 0.67, 0.7, 0.5, 0.4])[:, None, None]
    found = clouds_by(mask_model_named("ukis-csmask"), tile(VEGETATION, data=data, grid=grid, bands=BANDS))
    assert found[40:90, 40:90].mean() > 0.4
    assert found[:20].mean() < 0.1
