"""Products that someone rewrote with a nodata of their own, from their item to reflectance."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box, mapping

from changedetect.catalog import scene_from_item
from changedetect.tiling.scenes import read_scene

SIDE = 64
GRID = GeoBox((SIDE, SIDE), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32633")
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")


def raster(path, values, nodata):
    profile = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": 1, "crs": str(GRID.crs)}
    with rasterio.open(path, "w", dtype=values.dtype, transform=GRID.affine, nodata=nodata, **profile) as file:
        file.write(values, 1)
    return path


@pytest.mark.parametrize(("in_item", "in_file"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("fill", [-9999, 32767])
def test_neither_the_old_nodata_nor_the_new_becomes_reflectance(tmp_path, fill, in_item, in_file):
    numbers = np.full((SIDE, SIDE), 2000, dtype=np.int16)
    numbers[:16], numbers[16:32] = fill, 0
    assets = {"SCL": {"href": str(raster(tmp_path / "SCL.tif", np.full((SIDE, SIDE), 4, np.uint8), None))}}
    for band in BANDS:
        path = raster(tmp_path / f"{band}.tif", numbers, fill if in_file else None)
        told = {"data_type": "int16", "scale": 0.0001} | ({"nodata": fill} if in_item else {})
        assets[band] = {"href": str(path), "raster:bands": [told]}
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2B_MSIL2A_20230601T105339_N0509_R051_T33TWL_20230601T140000",
        "geometry": mapping(box(14.9, 45.0, 15.1, 45.2)),
        "properties": {"datetime": "2023-06-01T10:53:39Z"},
        "assets": assets,
        "links": [],
    }
    for grid in (GRID, GRID.pad(3), GRID.zoom_out(2)):
        tile = read_scene(scene_from_item(item), grid, ("red", "nir"))
        assert np.nanmin(tile.data) == np.nanmax(tile.data) == pytest.approx(0.1)
        seen = tile.valid.sum() * grid.resolution.x**2
        assert seen == pytest.approx(SIDE * SIDE / 2 * 100, rel=0.05)
