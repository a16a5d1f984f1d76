"""Rasters held open: they read the same, are opened once, and are closed in the end; decoded blocks are kept."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.errors import RasterError
from changedetect.geotiff import holding
from changedetect.geotiff.options import GDAL_OPTIONS
from changedetect.geotiff.sampling import _by_point, _separately, bilinear
from changedetect.parallel import mapped

GRID = GeoBox((64, 64), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32633")


@pytest.fixture
def path(tmp_path):
    numbers = np.random.default_rng(0).integers(1, 3000, (1, 64, 64)).astype(np.uint16)
    geotiff.write_cog(tmp_path / "one.tif", numbers, GRID)
    return tmp_path / "one.tif"


@pytest.fixture
def opened(monkeypatch):
    """All that `holding` opened."""
    seen, really = [], rasterio.open

    def note(path):
        seen.append(really(path))
        return seen[-1]

    monkeypatch.setattr(holding.rasterio, "open", note)
    return seen


def test_a_held_raster_is_opened_once_and_closed_in_the_end(path, opened):
    alone = geotiff.read(path, GRID)[0]
    with geotiff.held_open():
        for _ in range(3):
            np.testing.assert_array_equal(geotiff.read(path, GRID)[0], alone)
        assert [source.closed for source in opened] == [True, False]
    assert [source.closed for source in opened] == [True, True]


def test_threads_share_what_is_held_but_never_at_once(path, opened):
    with geotiff.held_open():
        read = mapped(lambda _: geotiff.read(path, GRID)[0], range(12), threads=3)
    assert all((one == read[0]).all() for one in read)
    assert 1 <= len(opened) <= 3
    assert all(source.closed for source in opened)


def test_after_a_failure_a_raster_is_opened_anew(path, opened):
    with geotiff.held_open():
        with pytest.raises(RasterError, match="no band 7"):
            geotiff.read(path, GRID, indexes=(7,))
        assert geotiff.read(path, GRID)[1].all()
    assert len(opened) == 2


def test_no_more_are_held_than_there_may_be(path, opened, monkeypatch):
    monkeypatch.setattr(holding, "_MOST", 0)
    with geotiff.held_open():
        geotiff.read(path, GRID)
        assert opened[0].closed


def test_the_cache_of_blocks_is_told_in_bytes():
    # rasterio hands the number to GDALSetCacheMax64 as it is: 256 would be a cache of 256 bytes.
    assert 64 * 2**20 <= int(GDAL_OPTIONS["GDAL_CACHEMAX"]) <= 512 * 2**20


def test_interpolating_rows_and_columns_apart_is_interpolating_point_by_point():
    rng = np.random.default_rng(1)
    data, valid = rng.normal(size=(2, 9, 11)).astype(np.float32), rng.random((2, 9, 11)) > 0.2
    at = np.linspace(-1, 12, 40)[None, :], np.linspace(-0.8, 9.7, 30)[:, None]
    numbers = np.where(valid, data, 0)
    total, weights = _by_point(numbers, valid, at)
    np.testing.assert_allclose(_separately(numbers, at), total, atol=1e-6)
    np.testing.assert_allclose(_separately(valid.astype(np.float32), at), weights, atol=1e-6)
    everywhere = tuple(np.broadcast_arrays(*at))
    for got, expected in zip(bilinear(data, valid, at), bilinear(data, valid, everywhere), strict=True):
        np.testing.assert_allclose(got[:, :, 1:-1], expected[:, :, 1:-1], rtol=1e-4, atol=1e-5)
