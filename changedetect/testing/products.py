"""Simulated observations as the products that people download: a Sentinel-2 `.SAFE` and a Landsat Collection 2 bundle.

Names and folders are those of the Sentinel-2 Products Specification Document (ESA S2-PDGS-TAS-DI-PSD) and of the
Landsat 8-9 Collection 2 Level 2 Data Format Control Book (USGS LSDS-1328). Both say that they are simulated.
"""

import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Literal

import rasterio
from odc.geo.geobox import GeoBox

from changedetect.errors import ConfigError
from changedetect.geotiff import GDAL_OPTIONS, write_cog
from changedetect.testing.product_metadata import (
    LANDSAT_PROCESSED,
    RENAMED,
    SENTINEL_2_PROCESSED,
    mtl_files,
    product_xml,
    tile_xml,
)
from changedetect.testing.sensing import Observation
from changedetect.testing.stac import FILES, PATH_ROW, mgrs_square, sentinel_2_unit
from changedetect.types import IntArray

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_safe(observation: Observation, folder: Path, *, zipped: bool = False) -> Path:
    """Write a Sentinel-2 observation as `folder/S2?_MSIL2A_....SAFE`, or as a zip of that, and give its path.

    Images are lossless JPEG 2000. Before baseline 04.00 there are no offsets; to 02.06 elements and files have the
    names of that time.

    Raises
    ------
    ConfigError
        The observation is not of Sentinel-2.
    """
    if observation.acquisition.sensor != "sentinel-2-l2a":
        msg = f"an observation of {observation.acquisition.sensor} can't be a .SAFE: use write_bundle"
        raise ConfigError(msg)
    baseline = observation.acquisition.baseline
    moment = observation.acquisition.moment.astimezone(UTC)
    tile = mgrs_square(observation.landscape.geobox)
    unit = sentinel_2_unit(observation)
    generated = moment + SENTINEL_2_PROCESSED
    name = f"S2{unit}_MSIL2A_{moment:%Y%m%dT%H%M%S}_N{baseline.replace('.', '')}_R036_T{tile}_{generated:%Y%m%dT%H%M%S}"
    prefix = "L2A_" if baseline < RENAMED else ""
    granule = f"GRANULE/L2A_T{tile}_A021000_{moment:%Y%m%dT%H%M%S}"
    called = FILES["sentinel-2-l2a"]
    rasters = {called[key]: raster for key, raster in {**observation.bands, "scl": observation.qa}.items()}
    images = {
        f"{granule}/IMG_DATA/R{grid.affine.a:.0f}m/"
        f"{prefix}T{tile}_{moment:%Y%m%dT%H%M%S}_{band}_{grid.affine.a:.0f}m": (data, grid)
        for band, (data, grid) in rasters.items()
    }
    files = {
        "MTD_MSIL2A.xml": product_xml(observation, name, [*images]).encode(),
        f"{granule}/MTD_TL.xml": tile_xml(observation, tile).encode(),
    } | {f"{stem}.jp2": _jp2(data, grid) for stem, (data, grid) in images.items()}
    return _pack(files, folder / f"{name}.SAFE", "zip" if zipped else "", inside=f"{name}.SAFE/")


def write_bundle(observation: Observation, folder: Path, *, packed: Literal["", "tar", "zip"] = "") -> Path:
    """Write a Landsat observation as the files of `folder/LC08_L2SP_.../`, or as a tar or zip, and give its path.

    Raises
    ------
    ConfigError
        The observation is not of Landsat.
    """
    if observation.acquisition.sensor != "landsat-8-9-c2-l2":
        msg = f"an observation of {observation.acquisition.sensor} can't be a Landsat bundle: use write_safe"
        raise ConfigError(msg)
    moment = observation.acquisition.moment.astimezone(UTC)
    name = f"LC08_L2SP_{''.join(PATH_ROW)}_{moment:%Y%m%d}_{moment + LANDSAT_PROCESSED:%Y%m%d}_02_T1"
    files = mtl_files(observation, name)
    called = FILES["landsat-8-9-c2-l2"]
    with tempfile.TemporaryDirectory() as beside:
        for key, (data, grid) in {**observation.bands, "qa_pixel": observation.qa}.items():
            path = Path(beside, f"{name}_{called[key]}.TIF")
            write_cog(path, data[None], grid, nodata=1 if key == "qa_pixel" else 0)
            files[path.name] = path.read_bytes()
    return _pack(files, folder / name, packed)


def _pack(files: Mapping[str, bytes], target: Path, packed: str, *, inside: str = "") -> Path:
    """Write files below a folder, or into an archive beside it; the same files give the same bytes."""
    if not packed:
        for name, data in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return target
    archive = target.with_name(f"{target.name.removesuffix('.SAFE')}.{packed}")
    archive.parent.mkdir(parents=True, exist_ok=True)
    if packed == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as store:
            for name, data in files.items():
                store.writestr(zipfile.ZipInfo(f"{inside}{name}", _ZIP_EPOCH), data, zipfile.ZIP_DEFLATED)
        return archive
    with tarfile.open(archive, "w") as tape:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{inside}{name}")
            member.size = len(data)
            tape.addfile(member, BytesIO(data))
    return archive


def _jp2(data: IntArray, grid: GeoBox) -> bytes:
    """Encode one band without loss, georeferenced by GeoJP2 and GMLJP2 boxes; without nodata, as ESA's are.

    The one place outside `geotiff` that gives rasterio something to write: only the simulator needs JPEG 2000.
    """
    with rasterio.Env(**GDAL_OPTIONS), rasterio.MemoryFile(ext=".jp2") as memory:
        with memory.open(
            driver="JP2OpenJPEG",
            count=1,
            height=data.shape[0],
            width=data.shape[1],
            dtype=data.dtype.name,
            crs=str(grid.crs),
            transform=grid.affine,
            QUALITY="100",
            REVERSIBLE="YES",
        ) as target:
            target.write(data, 1)
        return bytes(memory.read())
