"""Writing cloud-optimised GeoTIFFs."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile

from changedetect.errors import RasterError
from changedetect.geotiff.options import GDAL_FAILURES, GDAL_OPTIONS, reason


def write_cog(
    path: Path,
    data: NDArray[Any],
    geobox: GeoBox,
    *,
    band_names: Sequence[str] = (),
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write a (band, y, x) array as a cloud-optimised GeoTIFF, whole or not at all.

    Deflate with the predictor that suits the type; overviews by nearest neighbour, because bands hold codes as often
    as quantities. `RasterError` when the array does not fit the grid or the file can't be written.
    """
    if data.ndim != 3 or data.shape[1:] != tuple(geobox.shape) or geobox.crs is None:
        grid = f"{tuple(geobox.shape)} in {geobox.crs}"
        msg = f"can't write {path}: array {data.shape} on grid {grid}; give (band, y, x) and a grid with a CRS"
        raise RasterError(msg)
    profile = {
        "driver": "GTiff",
        "count": data.shape[0],
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype.name,
        "crs": geobox.crs.to_wkt(),
        "transform": geobox.affine,
        "nodata": nodata,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cog-") as folder:
            part = Path(folder) / "part.tif"
            with rasterio.Env(**GDAL_OPTIONS), MemoryFile() as memory:
                with memory.open(**profile) as target:
                    target.write(data)
                    target.update_tags(**(tags or {}))
                    for index, name in enumerate(band_names, start=1):
                        target.set_band_description(index, name)
                with memory.open() as whole:
                    options = {"compress": "DEFLATE", "predictor": "YES", "overview_resampling": "NEAREST"}
                    rasterio.shutil.copy(whole, part, driver="COG", bigtiff="IF_SAFER", **options)
            os.replace(part, path)  # noqa: PTH105 - the one call that is atomic on every system
    except (*GDAL_FAILURES, TypeError, ValueError) as error:
        msg = f"can't write {path}: {reason(error)}; check the folder, the free space and the data type {data.dtype}"
        raise RasterError(msg) from error
