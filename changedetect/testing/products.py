"""Simulated observations as the products that people download: a Sentinel-2 `.SAFE` and a Landsat Collection 2 bundle.

Names, folders and metadata fields are those of the Sentinel-2 Products Specification Document (ESA S2-PDGS-TAS-DI-PSD)
and of the Landsat 8-9 Collection 2 Level 2 Data Format Control Book (USGS LSDS-1328); of the metadata only what
readers use. Both say that they are simulated.
"""

import json
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from io import BytesIO
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from shapely import get_coordinates

from changedetect.errors import ConfigError
from changedetect.geotiff import GDAL_OPTIONS, write_cog
from changedetect.lonlat import footprint
from changedetect.testing.sensing import Observation
from changedetect.testing.stac import mgrs_square
from changedetect.types import IntArray

_S2_BANDS = {
    "blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "nir08": "B8A", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
_LANDSAT_BANDS = {"blue": 2, "green": 3, "red": 4, "nir08": 5, "swir16": 6, "swir22": 7}
_PATH, _ROW = 187, 27
_PROCESSED = timedelta(hours=9)
_TO_TILE = timedelta(minutes=5)  # from the start of a datatake, by which products are named
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_RENAMED = "02.07"
"""To baseline 02.06 issue 14.2 of the specification holds: some elements end with `_2A` or begin with `L2A_`."""

_SIMULATED = "simulated by changedetect: no satellite saw this"

Tree = Mapping[str, "Tree | str | Sequence[str]"]
"""Nested XML elements."""


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
    unit = "B" if moment.toordinal() % 10 >= 5 and moment.year >= 2018 else "A"
    generated = moment + _PROCESSED
    name = f"S2{unit}_MSIL2A_{moment:%Y%m%dT%H%M%S}_N{baseline.replace('.', '')}_R036_T{tile}_{generated:%Y%m%dT%H%M%S}"
    prefix = "L2A_" if baseline < _RENAMED else ""
    granule = f"GRANULE/L2A_T{tile}_A021000_{moment:%Y%m%dT%H%M%S}"
    rasters = {_S2_BANDS[common]: raster for common, raster in observation.bands.items()} | {"SCL": observation.qa}
    images = {
        f"{granule}/IMG_DATA/R{grid.affine.a:.0f}m/"
        f"{prefix}T{tile}_{moment:%Y%m%dT%H%M%S}_{band}_{grid.affine.a:.0f}m": (data, grid)
        for band, (data, grid) in rasters.items()
    }
    files = {
        "MTD_MSIL2A.xml": _product_xml(observation, name, [*images]).encode(),
        f"{granule}/MTD_TL.xml": _tile_xml(observation, tile).encode(),
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
    name = f"LC08_L2SP_{_PATH:03d}{_ROW:03d}_{moment:%Y%m%d}_{moment + timedelta(days=12):%Y%m%d}_02_T1"
    groups = _mtl(observation, name)
    files = {
        f"{name}_MTL.txt": _odl(groups).encode(),
        f"{name}_MTL.json": json.dumps({"LANDSAT_METADATA_FILE": groups}, indent=2).encode(),
        f"{name}_MTL.xml": _xml({"LANDSAT_METADATA_FILE": groups}).encode(),
    }
    rasters = {f"SR_B{number}": observation.bands[common] for common, number in _LANDSAT_BANDS.items()}
    with tempfile.TemporaryDirectory() as beside:
        for band, (data, grid) in (rasters | {"QA_PIXEL": observation.qa}).items():
            path = Path(beside, f"{name}_{band}.TIF")
            write_cog(path, data[None], grid, nodata=1 if band == "QA_PIXEL" else 0)
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


def _product_xml(observation: Observation, name: str, images: Sequence[str]) -> str:
    acquisition = observation.acquisition
    moment = f"{acquisition.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.024Z}"
    outline = get_coordinates(footprint(observation.landscape.geobox))
    shift = round(acquisition.offset * 10000)
    shifts = {f'BOA_ADD_OFFSET band_id="{band}"': str(shift) for band in range(13)}
    info: Tree = {
        "PRODUCT_START_TIME": moment,
        "PRODUCT_URI": f"{name}.SAFE",
        "PROCESSING_LEVEL": "Level-2A",
        "PRODUCT_TYPE": "S2MSI2A",
        "PROCESSING_BASELINE": acquisition.baseline,
        "GENERATION_TIME": f"{acquisition.moment.astimezone(UTC) + _PROCESSED:%Y-%m-%dT%H:%M:%S.000000Z}",
        "Datatake": {"SPACECRAFT_NAME": f"Sentinel-2{name[2]}", "DATATAKE_SENSING_START": moment},
        "Product_Organisation": {"Granule_List": {'Granule imageFormat="JPEG2000"': {"IMAGE_FILE": images}}},
    }
    characteristics: Tree = {"QUANTIFICATION_VALUES_LIST": {'BOA_QUANTIFICATION_VALUE unit="none"': "10000"}}
    if shift:
        characteristics = {**characteristics, "BOA_ADD_OFFSET_VALUES_LIST": shifts}
    ring = " ".join(f"{lat:.7f} {lon:.7f}" for lon, lat in outline)
    space = f"https://psd-{15 if acquisition.baseline >= '05.10' else 14}.sentinel2.eo.esa.int/PSD/"
    content: Tree = {
        "n1:General_Info": {"Product_Info": info, "Product_Image_Characteristics": characteristics},
        "n1:Geometric_Info": {"Product_Footprint": {"Product_Footprint": {"Global_Footprint": {"EXT_POS_LIST": ring}}}},
        "n1:Quality_Indicators_Info": {"Cloud_Coverage_Assessment": str(_cloud_percent(observation))},
    }
    xml = _xml({f'n1:Level-2A_User_Product xmlns:n1="{space}User_Product_Level-2A.xsd"': content})
    return _old_names(xml) if acquisition.baseline < _RENAMED else xml


def _old_names(xml: str) -> str:
    for name in ("PRODUCT_URI", "IMAGE_FILE"):
        xml = xml.replace(f"{name}>", f"{name}_2A>")
    for name in ("Product_Info", "Product_Image_Characteristics", "Product_Organisation", "BOA_QUANTIFICATION_VALUE"):
        xml = xml.replace(f"<{name}", f"<L2A_{name}").replace(f"</{name}", f"</L2A_{name}")
    return xml.replace(">Level-2A<", ">Level-2Ap<").replace(">S2MSI2A<", ">S2MSI2Ap<")


def _tile_xml(observation: Observation, tile: str) -> str:
    space = "https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd"
    (rows, cols), affine = observation.bands["red"][1].shape, observation.bands["red"][1].affine
    elevation, azimuth = observation.sun
    view: Tree = {'Mean_Viewing_Incidence_Angle bandId="0"': {'ZENITH_ANGLE unit="deg"': "5.1"}}
    sun: Tree = {'ZENITH_ANGLE unit="deg"': f"{90 - elevation:.6f}", 'AZIMUTH_ANGLE unit="deg"': f"{azimuth:.6f}"}
    geocoding: Tree = {
        "HORIZONTAL_CS_CODE": f"EPSG:{observation.landscape.epsg}",
        'Size resolution="10"': {"NROWS": str(rows), "NCOLS": str(cols)},
        'Geoposition resolution="10"': {"ULX": f"{affine.c:.0f}", "ULY": f"{affine.f:.0f}"},
    }
    content: Tree = {
        "n1:General_Info": {
            "TILE_ID": f"SIMULATED_TL_A021000_T{tile}_N{observation.acquisition.baseline}",
            "SENSING_TIME": f"{observation.acquisition.moment.astimezone(UTC) + _TO_TILE:%Y-%m-%dT%H:%M:%S.578328Z}",
        },
        "n1:Geometric_Info": {
            "Tile_Geocoding": geocoding,
            "Tile_Angles": {"Mean_Viewing_Incidence_Angle_List": view, "Mean_Sun_Angle": sun},
        },
    }
    return _xml({f'n1:Level-2A_Tile_ID xmlns:n1="{space}"': content})


def _xml(tree: Tree) -> str:
    """Write nested elements; a key is a tag with its attributes, a list repeats its element."""

    def lines(within: Tree, indent: str) -> Iterator[str]:
        for tag, content in within.items():
            end = tag.partition(" ")[0]
            if isinstance(content, Mapping):
                yield from (f"{indent}<{tag}>", *lines(content, f"{indent}  "), f"{indent}</{end}>")
            else:
                texts = [content] if isinstance(content, str) else content
                yield from (f"{indent}<{tag}>{escape(text)}</{end}>" for text in texts)

    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {_SIMULATED} -->", *lines(tree, ""), ""])


def _mtl(observation: Observation, name: str) -> dict[str, dict[str, str]]:
    """Fields of the MTL file that readers use, by group; text is quoted only where it is written as ODL."""
    moment = observation.acquisition.moment.astimezone(UTC)
    grid = observation.bands["red"][1]
    affine, (rows, cols) = grid.affine, grid.shape
    cell = affine.a
    edges = {"UL": (0.5, 0.5), "UR": (cols - 0.5, 0.5), "LL": (0.5, rows - 0.5), "LR": (cols - 0.5, rows - 0.5)}
    corners = {
        f"CORNER_{corner}_PROJECTION_{axis}_PRODUCT": f"{value:.3f}"
        for corner, at in edges.items()
        for axis, value in zip("XY", affine * at, strict=True)
    }
    factors = {"MULT": "2.75e-05", "ADD": "-0.2"}
    return {
        "PRODUCT_CONTENTS": {
            "ORIGIN": _SIMULATED,
            "LANDSAT_PRODUCT_ID": name,
            "PROCESSING_LEVEL": "L2SP",
            "COLLECTION_NUMBER": "02",
            "COLLECTION_CATEGORY": "T1",
        },
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": "LANDSAT_8",
            "WRS_PATH": str(_PATH),
            "WRS_ROW": str(_ROW),
            "DATE_ACQUIRED": f"{moment:%Y-%m-%d}",
            "SCENE_CENTER_TIME": f"{moment:%H:%M:%S}.1234567Z",
            "CLOUD_COVER": str(_cloud_percent(observation)),
            "SUN_ELEVATION": f"{observation.sun[0]:.8f}",
        },
        "PROJECTION_ATTRIBUTES": {
            "MAP_PROJECTION": "UTM",
            "UTM_ZONE": str(observation.landscape.epsg % 100),
            "GRID_CELL_SIZE_REFLECTIVE": f"{cell:.2f}",
            **corners,
        },
        "LEVEL2_PROCESSING_RECORD": {
            "PROCESSING_LEVEL": "L2SP",
            "DATE_PRODUCT_GENERATED": f"{moment + timedelta(days=12):%Y-%m-%dT%H:%M:%SZ}",
        },
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
            f"REFLECTANCE_{what}_BAND_{number}": value for what, value in factors.items() for number in range(1, 8)
        },
        # Level 1 repeats names with other numbers: a reader that ignores groups is wrong by a factor.
        "LEVEL1_PROCESSING_RECORD": {"PROCESSING_LEVEL": "L1TP"},
        "LEVEL1_RADIOMETRIC_RESCALING": {
            f"REFLECTANCE_{what}_BAND_{number}": value
            for what, value in {"MULT": "2.0000E-05", "ADD": "-0.100000"}.items()
            for number in range(1, 8)
        },
    }


def _odl(groups: Mapping[str, Mapping[str, str]]) -> str:
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, fields in groups.items():
        lines.append(f"  GROUP = {group}")
        lines += [f"    {key} = {_quoted(value)}" for key, value in fields.items()]
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def _quoted(value: str) -> str:
    """Quote text and times; numbers and dates stand bare."""
    return value if value[0] in "-0123456789" and not value.endswith("Z") else f'"{value}"'


def _cloud_percent(observation: Observation) -> float:
    return round(100 * float(np.mean(observation.cloud >= 0.15)), 2)
