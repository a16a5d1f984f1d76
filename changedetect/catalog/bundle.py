"""The Landsat Collection 2 Level 2 product as USGS gives it: a bundle of GeoTIFFs with its MTL file.

Layout and fields of the MTL file: USGS LSDS-1328, Landsat 8-9 Collection 2 Level 2 Data Format Control Book; Landsat
4-7 are laid out alike.
"""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from odc.geo.geobox import GeoBox
from shapely.errors import ShapelyError

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.package import Package, check_factors, hrefs, read_bytes, read_xml
from changedetect.catalog.raw import utc
from changedetect.errors import CatalogError
from changedetect.lonlat import footprint
from changedetect.model import BandAsset, Scene
from changedetect.sensors import SENSORS, Sensor

Metadata = Mapping[str, Mapping[str, str]]
"""An MTL file: values by key, by group."""

LANDSAT_METADATA = re.compile(r"(.+)_MTL\.(?:txt|json|xml)", flags=re.IGNORECASE)
"""Metadata of any Landsat product."""

LANDSAT_FILE = re.compile(
    rf"{LANDSAT_METADATA.pattern}|((?:.*/)?L\w\d\d_L2S[PR]_\d{{6}}_\d{{8}}_\d{{8}}_\d\d_\w\w)_(?:SR_B\d|QA_PIXEL)\.TIF",
    flags=re.IGNORECASE,
)
"""Metadata of any Landsat product, or a band of a Level 2 one whose metadata may be missing."""


def landsat_products(package: Package) -> tuple[str, ...]:
    """Name the Landsat products inside: what the names of their files begin with."""
    matches = (LANDSAT_FILE.fullmatch(name) for name in package.sizes)
    return tuple(sorted({match[1] or match[2] for match in matches if match}))


def landsat_entry(package: Package, stem: str, catalog: str = "") -> Entry:
    """Read a Landsat Collection 2 Level 2 product: scale and offset of each band are those of its MTL.

    Raises
    ------
    CatalogError
        The product is no Collection 2 surface reflectance, is incomplete, or its MTL can't be understood.
    """
    name = PurePosixPath(stem).name
    label = str(package.path) if package.path.name.startswith(name) else f"{name} in {package.path}"
    try:
        return _entry(package, stem, label, catalog)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ShapelyError) as error:
        what = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        msg = f"product {label} has an MTL that can't be understood ({what}): fetch it again"
        raise CatalogError(" ".join(msg.split())) from error


def _entry(package: Package, stem: str, label: str, catalog: str) -> Entry:
    mtl = _metadata(package, stem, label)
    sensor, platform = _sensor(mtl, label)
    contents, image = mtl["PRODUCT_CONTENTS"], mtl["IMAGE_ATTRIBUTES"]
    product, record = contents["LANDSAT_PRODUCT_ID"], mtl.get("LEVEL2_PROCESSING_RECORD", {})
    keys = {common: next(key for key in names if key.startswith("SR_B")) for common, names in sensor.assets.items()}
    files = {common: f"{stem}_{key}.TIF" for common, key in keys.items()} | {"": f"{stem}_QA_PIXEL.TIF"}
    places = hrefs(package, label, files)
    numbers = {common: key.removeprefix("SR_B") for common, key in keys.items()}
    factors = mtl["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    bands = {
        common: BandAsset(
            href=places[common],
            scale=float(factors[f"REFLECTANCE_MULT_BAND_{number}"]),
            offset=float(factors[f"REFLECTANCE_ADD_BAND_{number}"]),
            nodata=sensor.nodata,
        )
        for common, number in numbers.items()
    }
    check_factors(bands.values())
    grid = _grid(mtl["PROJECTION_ATTRIBUTES"], label)
    cloud = float(image.get("CLOUD_COVER", -1))
    scene = Scene(
        scene_id=product,
        sensor=sensor.name,
        datetime=utc(f"{image['DATE_ACQUIRED']}T{image['SCENE_CENTER_TIME']}"),
        footprint=footprint(grid),
        bands=bands,
        qa=BandAsset(href=places[""], nodata=sensor.qa_nodata),
        epsg=grid.crs.epsg if grid.crs else None,
        collection="landsat-c2-l2",
        cloud_cover=cloud if 0 <= cloud <= 100 else None,
        sun_elevation_deg=float(image["SUN_ELEVATION"]) if "SUN_ELEVATION" in image else None,
        platform=platform,
        catalog=catalog,
        notes=(_note(bands, sensor),),
    )
    place = (sensor.name, platform, f"{int(image['WRS_PATH']):03d}{int(image['WRS_ROW']):03d}")
    rank = ((0, 0), "_RT" not in product, record.get("DATE_PRODUCT_GENERATED", ""), product)
    return Entry(scene=scene, place=place, rank=rank)


def _metadata(package: Package, stem: str, label: str) -> Metadata:
    for suffix in ("txt", "json", "xml"):
        name = f"{stem}_MTL.{suffix}"
        if not package.sizes.get(name):
            continue
        if suffix == "xml":
            return {group.tag: {field.tag: field.text or "" for field in group} for group in read_xml(package, name)}
        text = read_bytes(package, name).decode("utf-8", errors="replace")
        return _groups(text) if suffix == "txt" else json.loads(text)["LANDSAT_METADATA_FILE"]
    msg = f"product {label} is incomplete: its _MTL.txt is missing or empty; download it again, whole"
    raise CatalogError(msg)


def _groups(text: str) -> Metadata:
    r"""Read the `KEY = value` lines of an MTL file, by the group they stand in.

    >>> _groups('GROUP = FILE\n  GROUP = IMAGE\n    SPACECRAFT_ID = "LANDSAT_9"\n  END_GROUP = IMAGE\nEND')
    {'FILE': {}, 'IMAGE': {'SPACECRAFT_ID': 'LANDSAT_9'}}
    """
    groups: dict[str, dict[str, str]] = {}
    within: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            within = groups.setdefault(value, {})
        elif equals and key != "END_GROUP":
            within[key] = value.strip('"')
    return groups


def _sensor(mtl: Metadata, label: str) -> tuple[Sensor, str]:
    """Decide the generation and the satellite, and that the product is Collection 2 surface reflectance."""
    contents = mtl.get("PRODUCT_CONTENTS", {})
    collection, level = str(contents.get("COLLECTION_NUMBER", "unknown")), str(contents.get("PROCESSING_LEVEL", ""))
    spacecraft = str(mtl.get("IMAGE_ATTRIBUTES", {}).get("SPACECRAFT_ID", "unknown"))
    if collection not in {"02", "2"} or not level.startswith("L2S"):
        msg = (
            f"product {label} is of Landsat Collection {collection}, level {level or 'unknown'}, no surface reflectance"
            " of Collection 2: download the Collection 2 Level-2 product (L2SP or L2SR)"
        )
        raise CatalogError(msg)
    platform = spacecraft.lower().replace("_", "-")
    for sensor in SENSORS.values():
        if sensor.name.endswith("-c2-l2") and platform in sensor.platforms:
            return sensor, platform
    msg = f"product {label} is of {spacecraft}: surface reflectance is known of Landsat 4, 5, 7, 8 and 9"
    raise CatalogError(msg)


def _grid(projection: Mapping[str, str], label: str) -> GeoBox:
    """Give the bands' grid: UTM, its zones northern all over the world, or the Antarctic's polar stereographic."""
    kind = projection["MAP_PROJECTION"]
    if kind not in {"UTM", "PS"}:
        msg = f"product {label} is in map projection {kind!r}: UTM and PS (Antarctica) are known"
        raise CatalogError(msg)
    zone = int(projection["UTM_ZONE"]) if kind == "UTM" else 0
    if kind == "UTM" and not 1 <= zone <= 60:
        msg = f"UTM_ZONE {zone}"
        raise ValueError(msg)
    epsg = 32600 + zone if zone else 3031
    cell = float(projection["GRID_CELL_SIZE_REFLECTIVE"])
    west, north = (float(projection[f"CORNER_UL_PROJECTION_{axis}_PRODUCT"]) for axis in "XY")
    east, south = (float(projection[f"CORNER_LR_PROJECTION_{axis}_PRODUCT"]) for axis in "XY")
    # Corners are the centres of the corner pixels.
    edges = (west - cell / 2, south - cell / 2, east + cell / 2, north + cell / 2)
    if not (1 <= cell <= 1000 and 0 < east - west < 1e6 and 0 < north - south < 1e6 and abs(west) + abs(north) < 2e7):
        msg = f"pixels of {cell:g} m from {', '.join(f'{edge:g}' for edge in edges)}"
        raise ValueError(msg)
    return GeoBox.from_bbox(edges, f"EPSG:{epsg}", resolution=cell, tight=True)


def _note(bands: Mapping[str, BandAsset], sensor: Sensor) -> str:
    factors = sorted({(asset.scale, asset.offset) for asset in bands.values()})
    words = " and ".join(f"DN * {scale:g} {offset:+g}" for scale, offset in factors)
    usual = factors == [(sensor.scale, sensor.offset)]
    tail = "" if usual else f", unlike the constants of {sensor.title} ({sensor.scale:g}, {sensor.offset:+g})"
    return f"reflectance {words}: REFLECTANCE_MULT and REFLECTANCE_ADD of its MTL{tail}"
