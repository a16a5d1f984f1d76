from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import box

from changedetect import geotiff
from changedetect.errors import BandError, ConfigError
from changedetect.model import BandAsset, Scene, Site
from changedetect.tiling import (
    TilingOptions,
    common_bands,
    cut,
    read_scene,
    site_grid,
)

S2, OLI, TM = "sentinel-2-l2a", "landsat-8-9-c2-l2", "landsat-4-7-c2-l2"
S2_BANDS = ("blue", "green", "red", "nir", "nir08", "swir16", "swir22")
LANDSAT_BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22")
LEFT, TOP, SIDE = 500_000, 5_100_000, 60
FINE = GeoBox((SIDE, SIDE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32634")
COARSE = GeoBox((SIDE // 2, SIDE // 2), Affine(20, 0, LEFT, 0, -20, TOP), "EPSG:32634")
LANDSAT = GeoBox((20, 20), Affine(30, 0, LEFT + 15, 0, -30, TOP - 15), "EPSG:32634")
ROOT_LONLAT = Transformer.from_crs(32634, 4326, always_xy=True)


def scene(name="one", *, sensor=S2, bands=S2_BANDS, epsg=32634, folder=Path("nowhere")):
    """A scene that lies in a folder or, for what reads no pixel, nowhere."""
    scale, offset = (0.0001, -0.1) if sensor == S2 else (0.0000275, -0.2)
    return Scene(
        scene_id=name,
        sensor=sensor,
        datetime=datetime(2023, 6, 1, 9, tzinfo=UTC),
        footprint=box(20, 45, 22, 47),
        bands={
            band: BandAsset(href=str(folder / f"{band}.tif"), scale=scale, offset=offset, nodata=0) for band in bands
        },
        qa=BandAsset(href=str(folder / "qa.tif"), nodata=0),
        epsg=epsg,
    )


def on_disk(folder, *, sensor=S2, seed=0):
    """Write a scene: 10 m and 20 m bands of Sentinel-2, or 30 m bands of Landsat, with holes."""
    rng = np.random.default_rng(seed)
    bands = S2_BANDS if sensor == S2 else LANDSAT_BANDS
    for band in bands:
        grid = LANDSAT if sensor != S2 else COARSE if band.startswith(("swir", "nir08")) else FINE
        numbers = rng.integers(7300, 20000, (1, *grid.shape)).astype(np.uint16)
        numbers[0, :3, :5] = 0
        numbers[0, rng.integers(0, grid.shape[0], 4), rng.integers(0, grid.shape[1], 4)] = 0
        geotiff.write_cog(folder / f"{band}.tif", numbers, grid)
    grid = COARSE if sensor == S2 else LANDSAT
    codes = rng.choice(np.array([4, 5, 8, 3] if sensor == S2 else [21824, 22280], dtype=np.uint16), (1, *grid.shape))
    codes[0, -1, -1] = 0
    geotiff.write_cog(folder / "qa.tif", codes, grid)
    return scene(sensor=sensor, bands=bands, folder=folder)


def site(geometry):
    return Site(site_id="place", name="A place", geometry=geometry)


def around(x, y, width, height):
    """A rectangle in EPSG:32634, in degrees."""
    outline = box(x, y, x + width, y + height)
    return shapely.transform(outline, lambda xy: np.column_stack(ROOT_LONLAT.transform(*xy.T)))


@pytest.mark.parametrize(
    ("scenes", "bands"),
    [
        ([scene()], ("blue", "green", "red", "nir", "swir16", "swir22")),
        ([scene(), scene(sensor=OLI, bands=LANDSAT_BANDS)], ("blue", "green", "red", "nir08", "swir16", "swir22")),
        ([scene(sensor=TM, bands=LANDSAT_BANDS)], ("blue", "green", "red", "nir08", "swir16", "swir22")),
        ([scene(), scene(bands=("blue", "green", "red", "nir"))], ("blue", "green", "red", "nir")),
        ([scene(), scene(bands=("green", "nir08", "swir16"))], ("green", "nir08", "swir16")),
        ([scene(bands=("red", "nir", "blue")), scene(bands=("blue", "red", "nir08", "nir"))], ("blue", "red", "nir")),
    ],
)
def test_common_bands_are_those_of_every_scene_in_order(scenes, bands):
    assert common_bands(scenes) == bands
    assert common_bands(scenes[::-1]) == bands


def test_too_few_common_bands_say_which_scene_is_poor():
    poor = scene("poor", bands=("red", "nir", "green"))
    with pytest.raises(BandError, match=r"2 scenes share 2 of the bands.*poor has red, nir, green"):
        common_bands([poor, scene("rich", sensor=OLI, bands=LANDSAT_BANDS)])
    with pytest.raises(BandError, match="there is no scene"):
        common_bands([])


@given(
    x=st.floats(300_000, 700_000),
    y=st.floats(5_000_000, 5_300_000),
    width=st.floats(1, 3000),
    height=st.floats(1, 3000),
    step=st.sampled_from([10.0, 20.0, 30.0]),
)
@settings(max_examples=40, deadline=None)
def test_a_site_grid_covers_the_site_and_hardly_more(x, y, width, height, step):
    grid = site_grid(site(around(x, y, width, height)), [scene()], TilingOptions(resolution_m=step))
    left, bottom, right, top = grid.boundingbox
    assert grid.crs.epsg == 32634
    assert (left % step, top % step) == (0, 0)
    assert left <= x + 1e-4
    assert bottom <= y + 1e-4
    assert right >= x + width - 1e-4
    assert top >= y + height - 1e-4
    assert left > x - step - 1
    assert top < y + height + step + 1


def test_a_site_on_pixel_edges_gets_exactly_its_pixels():
    grid = site_grid(site(around(500_000, 5_100_000, 600, 400)), [scene()])
    # A straight edge in the grid bends by some millimetres in degrees; it must not cost a row of pixels each way.
    assert grid.shape[0] in (40, 41, 42)
    assert grid.shape[1] in (60, 61, 62)


def test_the_grid_is_that_of_most_scenes():
    place = site(around(500_000, 5_100_000, 600, 400))
    mixed = [scene(epsg=32635), scene(epsg=32634), scene(epsg=32634), scene(epsg=4326), scene(epsg=None)]
    assert site_grid(place, mixed).crs.epsg == 32634
    assert site_grid(place, [scene(epsg=32635), scene(epsg=32634)]).crs.epsg == 32634
    assert site_grid(place, [scene(epsg=32634), scene(epsg=32635)]).crs.epsg == 32634
    assert site_grid(place, [scene(epsg=3035)]).crs.epsg == 3035
    # Degrees and US feet are no metric grid: the site's own zone.
    assert site_grid(place, [scene(epsg=4326), scene(epsg=2263)]).crs.epsg == 32634
    assert site_grid(site(box(-70.1, -33.1, -70.0, -33.0)), []).crs.epsg == 32719


def test_the_coarsest_sensor_sets_the_pixel():
    place = site(around(500_000, 5_100_000, 600, 400))
    landsat = scene(sensor=OLI, bands=LANDSAT_BANDS)
    assert site_grid(place, [scene()]).resolution.x == 10
    assert site_grid(place, [scene(), landsat]).resolution.x == 30
    assert site_grid(place, [landsat], TilingOptions(resolution_m=15)).resolution.x == 15


def test_the_grid_lies_on_landsats_own_pixels(tmp_path):
    landsat = on_disk(tmp_path, sensor=OLI)
    broken = scene("broken", sensor=OLI, bands=LANDSAT_BANDS)
    grid = site_grid(site(around(500_100, 5_099_700, 200, 200)), [broken, landsat])
    assert (grid.affine.c % 30, grid.affine.f % 30) == ((LEFT + 15) % 30, (TOP - 15) % 30)
    rows, cols = geotiff.overlap(LANDSAT, grid)
    assert LANDSAT[rows, cols] == grid


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    tile=st.integers(1, 40),
    halo=st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_tiles_own_every_pixel_once_and_read_their_halo(height, width, tile, halo):
    grid = GeoBox((height, width), FINE.affine, FINE.crs)
    owners = np.zeros((height, width), dtype=int)
    numbers = np.arange(height * width).reshape(height, width)
    for spec in cut(grid, tile, halo):
        owners[spec.rows, spec.cols] += 1
        assert spec.geobox == grid[spec.padded]
        padded = numbers[spec.padded]
        np.testing.assert_array_equal(padded[spec.inner], numbers[spec.rows, spec.cols])
        assert padded.shape[0] >= min(spec.rows.stop - spec.rows.start + halo, height)
    assert (owners == 1).all()


@pytest.mark.parametrize(
    "wrong", [{"tile_px": 15}, {"resolution_m": 0}, {"resolution_m": -10}, {"resolution_m": float("nan")}]
)
def test_wrong_options_are_named_with_their_value(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=f"{name} is {value}"):
        TilingOptions(**wrong)
    with pytest.raises(ConfigError, match="can't be cut"):
        cut(FINE, 0)


def test_numbers_become_reflectance_and_nodata_never_does(tmp_path):
    made = on_disk(tmp_path)
    tile = read_scene(made, FINE, common_bands([made]))
    assert tile.bands == ("blue", "green", "red", "nir", "swir16", "swir22")
    assert tile.data.dtype == np.float32
    with rasterio.open(tmp_path / "red.tif") as red:
        raw = red.read(1)
    np.testing.assert_allclose(tile.data[2][tile.valid], raw[tile.valid] * 0.0001 - 0.1, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(tile.data), np.broadcast_to(~tile.valid, tile.data.shape))
    # The lowest number is 7300: neither DN 0 as -0.1 nor any mixture with it is in the result.
    assert tile.data[:, tile.valid].min() >= 0.63 - 1e-6


def test_validity_is_that_of_every_band_and_the_quality(tmp_path):
    made = on_disk(tmp_path)
    bands = common_bands([made])
    valid = np.ones(FINE.shape, dtype=bool)
    for name in (*bands, "qa"):
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            good = file.read(1) != 0
        valid &= good if good.shape == tuple(FINE.shape) else good.repeat(2, axis=0).repeat(2, axis=1)
    tile = read_scene(made, FINE, bands)
    np.testing.assert_array_equal(tile.valid, valid)
    with rasterio.open(tmp_path / "qa.tif") as file:
        np.testing.assert_array_equal(tile.qa, file.read(1).repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("sensor", [S2, OLI])
@pytest.mark.parametrize("tile_px", [7, 16, 33])
def test_a_scene_read_in_tiles_equals_the_scene_read_whole(tmp_path, sensor, tile_px):
    made = on_disk(tmp_path, sensor=sensor)
    bands = common_bands([made])
    grid = GeoBox((70, 64), Affine(10, 0, LEFT - 50, 0, -10, TOP + 30), FINE.crs)
    whole = read_scene(made, grid, bands)
    assert 0.1 < whole.valid.mean() < 1
    for spec in cut(grid, tile_px, halo_px=3):
        part = read_scene(made, spec.geobox, bands)
        np.testing.assert_array_equal(part.data, whole.data[:, *spec.padded])
        np.testing.assert_array_equal(part.valid, whole.valid[spec.padded])
        np.testing.assert_array_equal(part.qa[part.valid], whole.qa[spec.padded][part.valid])


def test_a_coarse_grid_gets_means_of_fine_bands(tmp_path):
    made = on_disk(tmp_path)
    grid = GeoBox((10, 10), Affine(60, 0, LEFT, 0, -60, TOP), FINE.crs)
    tile = read_scene(made, grid, ("red", "swir16", "green"))
    with rasterio.open(tmp_path / "red.tif") as red:
        raw = red.read(1).astype(float)
    raw[raw == 0] = np.nan
    blocks = raw.reshape(10, 6, 10, 6)
    means = np.nanmean(blocks[1:], axis=(1, 3)) * 0.0001 - 0.1
    np.testing.assert_allclose(tile.data[0, 1:][tile.valid[1:]], means[tile.valid[1:]], atol=1e-5)


def test_narrow_nir_is_called_nir_and_a_missing_band_is_an_error(tmp_path):
    made = on_disk(tmp_path)
    tile = read_scene(made, FINE, ("red", "nir08", "swir16"))
    assert tile.bands == ("red", "nir", "swir16")
    both = read_scene(made, FINE, ("nir", "nir08", "red"))
    assert both.bands == ("nir", "nir08", "red")
    np.testing.assert_array_equal(both.data[1][both.valid & tile.valid], tile.data[1][both.valid & tile.valid])
    with pytest.raises(BandError, match=r"scene one has no band thermal: it has blue"):
        read_scene(made, FINE, ("red", "thermal"))
