import logging

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.errors import BandError, PairError
from changedetect.tiling import cut, open_rasters, read_rasters

LEFT, TOP, SIDE = 500_000, 5_100_000, 60
FINE = GeoBox((SIDE, SIDE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32634")


def raster(path, names, *, grid=FINE, seed=0, dtype=np.float32, **extra):
    """Write a raster whose bands count from 1 at the top left, with names or without."""
    values = np.random.default_rng(seed).uniform(100, 4000, (len(names), *grid.shape)).astype(dtype)
    values[:, 0, 0] = np.arange(1, len(names) + 1)
    geotiff.write_cog(path, values, grid, band_names=[name or "" for name in names], **extra)
    return path


SIX = ("blue", "green", "red", "nir", "swir16", "swir22")
NAMES = {
    "common names": (SIX, dict(zip(SIX, range(1, 7), strict=True))),
    "any case": (("Red", "GREEN", " Blue "), {"red": 1, "green": 2, "blue": 3}),
    "short wave numbers": (("red", "SWIR1", "swir_2", "nir"), {"red": 1, "swir16": 2, "swir22": 3, "nir": 4}),
    "Sentinel-2": (("B02", "B03", "B04", "B08", "B11"), {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir16": 5}),
    "Sentinel-2, short": (("B4", "B8", "B11", "B12"), {"red": 1, "nir": 2, "swir16": 3, "swir22": 4}),
    "Sentinel-2, narrow nir": (("B8A", "B04", "B03"), {"nir": 1, "red": 2, "green": 3}),
    "Landsat 8/9": (("SR_B2", "SR_B5", "SR_B6", "SR_B7"), {"blue": 1, "nir": 2, "swir16": 3, "swir22": 4}),
    "others beside": (("coastal", "red", "", "green", "nir"), {"red": 2, "green": 4, "nir": 5}),
    "narrow nir": (("green", "red", "nir08"), {"green": 1, "red": 2, "nir": 3}),
    "both nirs": (("red", "nir08", "nir", "blue"), {"red": 1, "nir": 3, "blue": 4}),
}


@pytest.mark.parametrize("case", NAMES)
def test_bands_are_found_by_name(tmp_path, case):
    names, wanted = NAMES[case]
    path = raster(tmp_path / "a.tif", names)
    pair = open_rasters(path, path)
    assert dict(zip(pair.bands, pair.before_indexes, strict=True)) == wanted
    assert pair.bands == tuple(name for name in SIX if name in wanted)
    before, after = read_rasters(pair, pair.geobox)
    assert before.data[:, 0, 0].tolist() == [wanted[name] for name in pair.bands]
    np.testing.assert_array_equal(before.data, after.data)


@pytest.mark.parametrize(
    ("count", "wanted"),
    [(3, ("red", "green", "blue")), (4, ("blue", "green", "red", "nir")), (6, SIX)],
)
def test_unnamed_bands_are_taken_in_their_usual_order_and_the_log_says_so(tmp_path, caplog, count, wanted):
    path = raster(tmp_path / "plain.tif", [""] * count)
    with caplog.at_level(logging.WARNING):
        pair = open_rasters(path, path)
    assert dict(zip(pair.bands, pair.before_indexes, strict=True)) == {
        name: index for index, name in enumerate(wanted, start=1)
    }
    assert "plain.tif does not name its bands" in caplog.text


@pytest.mark.parametrize(
    "names",
    [("", "", "", "", ""), ("B2", "B3", "B4"), ("SR_B2", "SR_B3", "SR_B4"), ("vv", "vh", "angle"), ("red", "nir", "x")],
    ids=["five unnamed", "any satellite", "any Landsat", "radar", "two known"],
)
def test_bands_that_cant_be_told_apart_are_listed(tmp_path, names):
    path = raster(tmp_path / "a.tif", names)
    with pytest.raises(BandError, match=r"a\.tif has bands .*name at least 3 of blue, green") as caught:
        open_rasters(path, path)
    assert all((name.lower() or "(unnamed)") in str(caught.value) for name in names)


def test_too_few_shared_bands_list_both_sides(tmp_path):
    one, two = raster(tmp_path / "a.tif", SIX[:3]), raster(tmp_path / "b.tif", SIX[2:5])
    with pytest.raises(BandError, match=r"a\.tif \(blue, green, red\) and .*b\.tif \(red, nir, swir16\) share 1"):
        open_rasters(one, two)


def test_the_same_nir_is_used_on_both_dates_where_it_can_be(tmp_path, caplog):
    wide = raster(tmp_path / "wide.tif", ("red", "green", "nir"))
    narrow = raster(tmp_path / "narrow.tif", ("red", "green", "nir08"))
    both = raster(tmp_path / "both.tif", ("red", "green", "nir", "nir08"))
    assert open_rasters(both, narrow).before_indexes == (2, 1, 4)
    assert open_rasters(both, wide).before_indexes == (2, 1, 3)
    assert not caplog.records
    assert open_rasters(wide, narrow).bands == ("green", "red", "nir")
    assert "nir is compared with nir08" in caplog.text


def test_rasters_on_one_grid_are_read_as_they_are(tmp_path):
    one, two = raster(tmp_path / "a.tif", SIX, seed=1), raster(tmp_path / "b.tif", SIX, seed=2)
    pair = open_rasters(one, two)
    assert pair.geobox == FINE
    for composite, path in zip(read_rasters(pair, pair.geobox), (one, two), strict=True):
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(composite.data, file.read())
        assert composite.valid.all()
        assert (composite.looks == 1).all()
        assert composite.scene_ids == (path.name,)


def test_declared_scale_offset_and_nodata_are_applied(tmp_path):
    path = raster(tmp_path / "a.tif", SIX, dtype=np.uint16, nodata=3)
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.scales, file.offsets = [0.0000275] * 6, [-0.2] * 6
        raw = file.read()
    before, _ = read_rasters(open_rasters(path, path), FINE)
    assert not before.valid[0, 0]  # band 3 holds a 3 there
    assert np.isnan(before.data[:, 0, 0]).all()
    np.testing.assert_allclose(before.data[:, before.valid], raw[:, before.valid] * 0.0000275 - 0.2, atol=1e-6)


def test_pairs_on_two_grids_meet_on_the_earlier_one(tmp_path):
    shifted = GeoBox((30, 40), Affine(10, 0, LEFT + 103, 0, -10, TOP - 207), FINE.crs)
    one, two = raster(tmp_path / "a.tif", SIX, seed=1), raster(tmp_path / "b.tif", SIX, seed=2, grid=shifted)
    pair = open_rasters(one, two)
    assert pair.geobox == FINE[20:51, 10:51]
    before, after = read_rasters(pair, pair.geobox)
    with rasterio.open(one) as file:
        np.testing.assert_array_equal(before.data, file.read()[:, 20:51, 10:51])
    # 7 or 3 tenths of a pixel off: plain bilinear weights.
    with rasterio.open(two) as file:
        raw = file.read().astype(float)
    wanted = (raw[:, :-1, :-1] * 0.7 * 0.3 + raw[:, 1:, :-1] * 0.3 * 0.3 + raw[:, :-1, 1:] * 0.7 * 0.7) + raw[
        :, 1:, 1:
    ] * 0.3 * 0.7
    np.testing.assert_allclose(after.data[:, 2:29, 2:39], wanted[:, 1:28, 1:38], rtol=1e-4)
    for spec in cut(pair.geobox, 13, halo_px=2):
        np.testing.assert_array_equal(read_rasters(pair, spec.geobox)[1].data, after.data[:, *spec.padded])


def test_pairs_in_two_projections_are_compared_where_they_overlap(tmp_path):
    west, south, east, north = geotiff.lonlat_bounds(FINE)
    degrees = GeoBox((50, 50), Affine((east - west) / 50, 0, west, 0, (south - north) / 50, north), "EPSG:4326")
    pair = open_rasters(raster(tmp_path / "a.tif", SIX), raster(tmp_path / "b.tif", SIX, grid=degrees))
    assert pair.geobox == FINE
    assert read_rasters(pair, pair.geobox)[1].valid.mean() > 0.95


def test_pairs_of_two_places_are_refused_with_both_extents(tmp_path):
    elsewhere = GeoBox((9, 9), Affine(10, 0, LEFT + 5000, 0, -10, TOP), FINE.crs)
    one, two = raster(tmp_path / "a.tif", SIX), raster(tmp_path / "b.tif", SIX, grid=elsewhere)
    with pytest.raises(PairError, match=r"do not overlap: they cover 21\.0000, .* and 21\.06") as caught:
        open_rasters(one, two)
    assert "\n" not in str(caught.value)
