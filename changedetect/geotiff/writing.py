"""Writing cloud-optimised GeoTIFFs."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from changedetect.components import strips
from changedetect.errors import RasterError
from changedetect.geotiff.options import GDAL_FAILURES, GDAL_OPTIONS, reason
from changedetect.memory import give_back
from changedetect.parallel import processors

_OPTIONS = {**GDAL_OPTIONS, "GDAL_CACHEMAX": 64 * 2**20}
"""Whatever is written is in memory already: room for the blocks that overviews are made of."""


def write_cog(
    path: Path,
    data: NDArray[Any] | Sequence[NDArray[Any]],
    geobox: GeoBox,
    *,
    band_names: Sequence[str] = (),
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
    codes: bool = False,
) -> None:
    """Write bands as a cloud-optimised GeoTIFF, whole or not at all.

    Deflate, with the predictor that suits the type unless bands hold mostly `codes`; overviews by nearest neighbour,
    because bands hold codes as often as quantities. `data` is a (band, y, x) array, or (y, x) bands of several types:
    the file has the one that holds all. `RasterError` when they do not fit the grid or the file can't be written.
    """
    shapes = {np.shape(band) for band in data}
    if shapes != {tuple(geobox.shape)} or geobox.crs is None:
        grid = f"{tuple(geobox.shape)} in {geobox.crs}"
        given = " and ".join(str((len(data), *shape)) for shape in sorted(shapes))
        msg = f"can't write {path}: array {given} on grid {grid}; give (band, y, x) and a grid with a CRS"
        raise RasterError(msg)
    dtype = np.result_type(*(band.dtype for band in data))
    profile = {
        "driver": "GTiff",
        "count": len(data),
        "height": geobox.shape[0],
        "width": geobox.shape[1],
        "dtype": dtype.name,
        "crs": geobox.crs.to_wkt(),
        "transform": geobox.affine,
        "nodata": nodata,
        "bigtiff": "IF_SAFER",
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cog-") as folder, rasterio.Env(**_OPTIONS):
            raw, part = Path(folder) / "raw.tif", Path(folder) / "part.tif"
            with rasterio.open(raw, "w", **profile) as target:
                _fill(target, data, dtype)
                target.update_tags(**(tags or {}))
                for index, name in enumerate(band_names, start=1):
                    target.set_band_description(index, name)
            with rasterio.open(raw) as whole:
                predictor = "NO" if codes else "YES"
                options = {"compress": "DEFLATE", "predictor": predictor, "overview_resampling": "NEAREST"}
                options |= {
                    "level": "3"
                }  # half the time of GDAL's 6; files of quantities are as large, of codes 20 % more
                options |= {"num_threads": str(processors())}  # blocks are packed one by one: the bytes are the same
                rasterio.shutil.copy(whole, part, driver="COG", bigtiff="IF_SAFER", **options)
            os.replace(part, path)  # noqa: PTH105 - the one call that is atomic on every system
        give_back()  # what GDAL packed the blocks in
    except (*GDAL_FAILURES, TypeError, ValueError) as error:
        msg = f"can't write {path}: {reason(error)}; check the folder, the free space and the data type {dtype}"
        raise RasterError(msg) from error


def _fill(target: Any, data: NDArray[Any] | Sequence[NDArray[Any]], dtype: np.dtype[Any]) -> None:  # noqa: ANN401 - rasterio's
    height, width = data[0].shape
    for rows in strips(height):  # the copy of one is all the memory that writing takes
        strip = np.stack([band[rows] for band in data]).astype(dtype, copy=False)
        target.write(strip, window=Window(0, rows.start, width, rows.stop - rows.start))
