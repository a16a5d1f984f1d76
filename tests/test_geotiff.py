import threading

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rio_cogeo import cog_validate

from changedetect import geotiff
from changedetect.errors import RasterError
from changedetect.geotiff.options import environment

SIDE = 48
GRID = GeoBox((SIDE, SIDE), Affine(20, 0, 500_000, 0, -20, 5_000_000), "EPSG:32633")
NEXT_ZONE = Transformer.from_crs(32633, 32632, always_xy=True).transform(500_000, 5_000_000)
GRIDS = {
    "half pixels": GeoBox((110, 110), Affine(10, 0, 499_950, 0, -10, 5_000_050), "EPSG:32633"),
    "odd size": GeoBox((130, 130), Affine(7, 0, 499_977, 0, -7, 5_000_017), "EPSG:32633"),
    "coarser": GeoBox((24, 24), Affine(50, 0, 499_990, 0, -50, 5_000_010), "EPSG:32633"),
    "next zone": GeoBox(
        (70, 70), Affine(20, 0, NEXT_ZONE[0] // 1 - 100, 0, -20, NEXT_ZONE[1] // 1 + 100), "EPSG:32632"
    ),
}
RESAMPLINGS = ("nearest", "bilinear", "average", "auto")


@pytest.fixture(scope="module")
def numbers():
    values = np.random.default_rng(7).integers(1000, 3000, (2, SIDE, SIDE)).astype(np.uint16)
    values[0, 10:14, 10:14] = 0
    values[1, 10:12, 10:14] = 0
    values[0, 30, 30] = 0
    return values


@pytest.fixture(scope="module")
def path(numbers, tmp_path_factory):
    target = tmp_path_factory.mktemp("rasters") / "two.tif"
    geotiff.write_cog(target, numbers, GRID, band_names=("Red", "NIR"), nodata=0, tags={"SOURCE": "made up"})
    return target


def plain(target, values, *, grid=GRID, **extra):
    profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    with rasterio.open(
        target, "w", dtype=values.dtype.name, crs=str(grid.crs), transform=grid.affine, **profile, **extra
    ) as file:
        file.write(values)
    return target


def test_a_written_file_is_a_valid_cog_that_says_what_it_is(path, numbers):
    assert cog_validate(str(path), strict=True) == (True, [], [])
    info = geotiff.info(path)
    assert info.geobox == GRID
    assert (info.band_names, info.dtype, info.nodata) == (("red", "nir"), "uint16", 0)
    assert (info.scales, info.offsets) == ((1, 1), (0, 0))
    with rasterio.open(path) as file:
        assert file.tags()["SOURCE"] == "made up"
        np.testing.assert_array_equal(file.read(), numbers)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_big_cogs_validate_in_every_type(tmp_path, dtype):
    values = np.random.default_rng(0).normal(100, 20, (1, 1100, 700)).astype(dtype)
    geotiff.write_cog(tmp_path / "big.tif", values, GeoBox((1100, 700), GRID.affine, GRID.crs))
    assert cog_validate(str(tmp_path / "big.tif"), strict=True)[0]
    data, valid = geotiff.read(tmp_path / "big.tif", GeoBox((1100, 700), GRID.affine, GRID.crs))
    assert valid.all()
    np.testing.assert_array_equal(data, values)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, numbers):
    target = tmp_path / "map.tif"
    geotiff.write_cog(target, numbers, GRID)
    old = target.read_bytes()
    with pytest.raises(RasterError, match=r"can't write .*map\.tif.*complex256"):
        geotiff.write_cog(target, numbers.astype(np.clongdouble), GRID)
    with pytest.raises(RasterError, match=r"array \(2, 47, 48\) on grid"):
        geotiff.write_cog(target, numbers[:, 1:], GRID)
    assert target.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["map.tif"]


def test_a_write_that_stops_half_way_leaves_the_old_file_and_nothing_else(tmp_path, numbers, monkeypatch):
    target = tmp_path / "map.tif"
    geotiff.write_cog(target, numbers, GRID)
    old = target.read_bytes()

    def full_disk(_, part, **__):
        part.write_bytes(b"half")
        message = "No space left on device"
        raise OSError(message)

    monkeypatch.setattr("rasterio.shutil.copy", full_disk)
    with pytest.raises(RasterError, match=r"can't write .*map\.tif: No space left on device; check the folder"):
        geotiff.write_cog(target, numbers + 1, GRID)
    assert target.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["map.tif"]


@given(row=st.integers(-60, 60), col=st.integers(-60, 60), height=st.integers(1, 60), width=st.integers(1, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_aligned_grid_is_a_windowed_read_with_nothing_outside(path, numbers, row, col, height, width):
    grid = GeoBox((height, width), Affine(20, 0, 500_000 + 20 * col, 0, -20, 5_000_000 - 20 * row), GRID.crs)
    data, valid = geotiff.read(path, grid, indexes=(2, 1), resampling="bilinear")
    padded = np.zeros((2, SIDE + 240, SIDE + 240), dtype=np.uint16)
    padded[:, 120 : 120 + SIDE, 120 : 120 + SIDE] = numbers[::-1]
    wanted = padded[:, 120 + row : 120 + row + height, 120 + col : 120 + col + width]
    assert data.dtype == np.uint16
    np.testing.assert_array_equal(valid, (wanted != 0).all(axis=0))
    np.testing.assert_array_equal(data, wanted)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("step", [17, 64])
def test_a_tile_equals_the_same_pixels_of_the_whole(path, name, resampling, step):
    grid = GRIDS[name]
    whole, valid = geotiff.read(path, grid, indexes=(1, 2), resampling=resampling)
    assert valid.any()
    for top in range(0, grid.shape[0], step):
        for left in range(0, grid.shape[1], step):
            roi = (slice(top, min(top + step, grid.shape[0])), slice(left, min(left + step, grid.shape[1])))
            part, usable = geotiff.read(path, grid[roi], indexes=(1, 2), resampling=resampling)
            np.testing.assert_array_equal(usable, valid[roi])
            np.testing.assert_array_equal(part[:, usable], whole[(slice(None), *roi)][:, usable])


@pytest.mark.parametrize("name", ["half pixels", "odd size", "next zone"])
@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
def test_resampling_agrees_with_gdal(path, name, resampling):
    grid = GRIDS[name]
    data, valid = geotiff.read(path, grid, resampling=resampling)
    shape = {"height": grid.shape[0], "width": grid.shape[1], "transform": grid.affine, "crs": str(grid.crs)}
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file,
            **shape,
            src_nodata=0,
            nodata=np.nan,
            dtype="float32",
            resampling=Resampling[resampling],
            tolerance=1e-9,
            UNIFIED_SRC_NODATA="NO",
        ) as warped,
    ):
        oracle = warped.read(1)
    # GDAL lets bilinear grow half a pixel into nodata; ours stops at the pixel's edge.
    assert not (valid & np.isnan(oracle)).any()
    np.testing.assert_allclose(data[0][valid], oracle[valid], atol=0.01)
    if resampling == "nearest":
        np.testing.assert_array_equal(valid, np.isfinite(oracle))


@pytest.mark.parametrize("shift", [0, 10], ids=["on the edges", "half a pixel off, as Landsat's to Sentinel-2's"])
def test_average_is_the_area_mean(tmp_path, shift):
    values = np.random.default_rng(1).integers(1, 9999, (1, SIDE, SIDE)).astype(np.uint16)
    path = plain(tmp_path / "fine.tif", values)
    grid = GeoBox((14, 14), Affine(60, 0, 500_000 + shift, 0, -60, 5_000_000 - shift), GRID.crs)
    data, valid = geotiff.read(path, grid, resampling="average")
    fine = values[0].repeat(2, axis=0).repeat(2, axis=1)[shift // 10 :, shift // 10 :][: 14 * 6, : 14 * 6]
    np.testing.assert_allclose(data[0], fine.reshape(14, 6, 14, 6).mean(axis=(1, 3)), rtol=1e-6)
    assert valid.all()
    np.testing.assert_array_equal(geotiff.read(path, grid, resampling="auto")[0], data)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("name", GRIDS)
def test_nodata_never_bleeds(path, numbers, name, resampling):
    data, valid = geotiff.read(path, GRIDS[name], indexes=(1, 2), resampling=resampling)
    assert data[:, valid].min() >= numbers[numbers > 0].min()
    if resampling == "bilinear":
        np.testing.assert_array_equal(valid, geotiff.read(path, GRIDS[name], indexes=(1, 2))[1])


def test_an_average_needs_half_its_area(tmp_path):
    values = np.full((1, 4, 8), 500, dtype=np.uint16)
    values[0, :, 1:4] = 0
    values[0, :2, 4:6] = 0
    path = plain(tmp_path / "holes.tif", values, nodata=0)
    grid = GeoBox((1, 2), Affine(80, 0, 500_000, 0, -80, 5_000_000), GRID.crs)
    data, valid = geotiff.read(path, grid, resampling="average")
    assert valid.tolist() == [[False, True]]
    assert data[0, 0, 1] == 500


def test_every_way_of_saying_nodata_is_honoured(tmp_path):
    values = np.arange(1, 1 + SIDE * SIDE, dtype=np.float32).reshape(1, SIDE, SIDE)
    values[0, 0, :3] = np.nan, np.inf, -9999
    float_path = plain(tmp_path / "floats.tif", values, nodata=-9999)
    assert geotiff.read(float_path, GRID)[1].sum() == SIDE * SIDE - 3
    assert geotiff.read(float_path, GRID, nodata=4)[1].sum() == SIDE * SIDE - 4

    whole = np.full((1, SIDE, SIDE), 5, dtype=np.uint8)
    masked = plain(tmp_path / "masked.tif", whole)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(masked, "r+") as file:
        file.write_mask(np.eye(SIDE) == 0)
    assert geotiff.read(masked, GRID)[1].sum() == SIDE * SIDE - SIDE
    assert geotiff.read(masked, GRID, nodata=-9999)[1].sum() == SIDE * SIDE - SIDE
    assert geotiff.read(masked, GRID, nodata=5)[1].sum() == 0


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("grid", [GRID, GRIDS["half pixels"]], ids=["aligned", "resampled"])
def test_nodata_is_what_the_caller_says_and_what_the_file_declares(tmp_path, grid, resampling):
    values = np.full((1, SIDE, SIDE), 2000, dtype=np.int16)
    values[0, :12], values[0, 12:24], values[0, 24:36] = -9999, 0, 32767
    path = plain(tmp_path / "rewritten.tif", values, nodata=-9999)
    for nodata, left in ((None, 3), (0, 2), ((0, 32767.0), 1), ((0, 0.5, float("nan"), 1e20, 32767), 1)):
        data, valid = geotiff.read(path, grid, resampling=resampling, nodata=nodata)
        assert valid.sum() == pytest.approx(left * SIDE * SIDE / 4 * (GRID.resolution.x / grid.resolution.x) ** 2)
        assert data[0][valid].min() == (0 if left == 3 else 2000)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_a_grid_elsewhere_has_no_valid_pixel(path, resampling):
    elsewhere = GeoBox((5, 6), Affine(20, 0, 700_003, 0, -20, 4_000_000), GRID.crs)
    data, valid = geotiff.read(path, elsewhere, indexes=(1, 2), resampling=resampling)
    assert data.shape == (2, 5, 6)
    assert not valid.any()


def test_wide_integers_survive_nearest(tmp_path):
    values = np.full((1, SIDE, SIDE), 2**31 - 7, dtype=np.int32)
    data, valid = geotiff.read(plain(tmp_path / "wide.tif", values), GRIDS["odd size"])
    assert set(data[0][valid]) == {2**31 - 7}


def test_south_up_and_rotated_rasters_are_read(tmp_path):
    values = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(1, SIDE, SIDE)
    upside = GeoBox((SIDE, SIDE), Affine(20, 0, 500_000, 0, 20, 5_000_000 - 20 * SIDE), GRID.crs)
    data, valid = geotiff.read(plain(tmp_path / "south.tif", values, grid=upside), GRID)
    assert valid.all()
    np.testing.assert_array_equal(data[0], values[0, ::-1])
    turned = GeoBox((SIDE, SIDE), Affine(0, 20, 500_000, -20, 0, 5_000_000), GRID.crs)
    data, valid = geotiff.read(plain(tmp_path / "turned.tif", values, grid=turned), GRID)
    assert valid.all()
    np.testing.assert_array_equal(data[0], values[0].T)


def test_failures_are_one_line_with_the_path_and_a_remedy(tmp_path, path, numbers):
    (tmp_path / "text.tif").write_text("no raster")
    (tmp_path / "cut.tif").write_bytes(path.read_bytes()[:3000])
    with rasterio.open(path) as file:
        profile = file.profile | {"driver": "GTiff", "crs": None, "transform": Affine.translation(3, 4)}
    with rasterio.open(tmp_path / "nowhere.tif", "w", **profile) as file:
        file.write(numbers)
    for name, words in {
        "missing.tif": "can't read",
        "text.tif": "can't read",
        "cut.tif": "can't read",
        "nowhere.tif": "does not say where it lies",
    }.items():
        with pytest.raises(RasterError, match=words) as caught:
            geotiff.read(tmp_path / name, GRID)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(RasterError, match="has no band 3: ask for 1 to 2"):
        geotiff.read(path, GRID, indexes=(1, 3))


def test_a_raster_without_georeference_is_an_error_not_a_warning(tmp_path, numbers):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        file = rasterio.open(
            tmp_path / "bare.tif", "w", driver="GTiff", count=2, width=SIDE, height=SIDE, dtype="uint16"
        )
    with file:
        file.write(numbers)
    with pytest.raises(RasterError, match=r"bare\.tif does not say where it lies"):
        geotiff.info(tmp_path / "bare.tif")


def test_overlap_is_what_the_other_grid_touches():
    inside = GeoBox((3, 5), Affine(20, 0, 500_030, 0, -20, 4_999_970), GRID.crs)
    assert geotiff.overlap(GRID, inside) == (slice(1, 5), slice(1, 7))
    assert geotiff.overlap(GRID, GRID) == (slice(0, SIDE), slice(0, SIDE))
    rows, cols = geotiff.overlap(GRID, GeoBox((9, 9), Affine(20, 0, 900_000, 0, -20, 5_000_000), GRID.crs))
    assert (rows.stop - rows.start) * (cols.stop - cols.start) == 0
    rows, cols = geotiff.overlap(GRID, GRIDS["next zone"])
    # Nothing that has data in the other zone's grid is left out.
    there = geotiff.grids.points(GRIDS["next zone"], GRID)
    height, width = GRIDS["next zone"].shape
    touched = (there[0] >= 0) & (there[0] < width) & (there[1] >= 0) & (there[1] < height)
    assert np.flatnonzero(touched.any(axis=1)).min() >= rows.start
    assert np.flatnonzero(touched.any(axis=0)).max() < cols.stop


def test_only_remote_rasters_are_opened_without_looking_at_their_folder():
    assert environment("https://example.org/B04.tif").options["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"
    assert "GDAL_DISABLE_READDIR_ON_OPEN" not in environment("folder/B04.tif").options


def test_threads_read_the_same(path):
    wanted, results = geotiff.read(path, GRIDS["next zone"], resampling="bilinear")[0], {}

    def work(number):
        results[number] = geotiff.read(path, GRIDS["next zone"], resampling="bilinear")[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.stack([results[number] for number in range(4)]), np.stack([wanted] * 4))
