"""The Sentinel-2 L2A product as ESA gives it: a `.SAFE` folder, or a zip with one inside.

Layout and fields: Sentinel-2 Products Specification Document, ESA S2-PDGS-TAS-DI-PSD, issues 14.2 to 15 (processing
baselines 02.04 on). Elements are found by their local names: namespaces differ between issues, and issue 14.2 writes
`IMAGE_FILE_2A` and `L2A_BOA_QUANTIFICATION_VALUE` for what is `IMAGE_FILE` and `BOA_QUANTIFICATION_VALUE` elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.package import Package, check_factors, hrefs, read_xml
from changedetect.catalog.raw import utc
from changedetect.errors import CatalogError
from changedetect.lonlat import mended
from changedetect.model import BandAsset, Scene
from changedetect.sensors import SENSORS

_SENSOR = SENSORS["sentinel-2-l2a"]

_BAND_IDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Bands in the order of the `band_id` that offsets are listed by."""

_FIRST_SHIFTED = "04.00"
"""The first processing baseline with an offset."""

_IMAGE = re.compile(r"_(?:B\d[\dA]|SCL)_\d0m\.(?:jp2|tiff?)$", flags=re.IGNORECASE)
_PRODUCT = re.compile(r"(?:(.*)/)?MTD_MSIL\w\w\.xml|((?:.*/)?[^/]+\.SAFE)/.*", flags=re.IGNORECASE)

Elements = Mapping[str, Sequence[ET.Element]]
"""Elements of a document by local name, in order."""


def safe_products(package: Package) -> tuple[str, ...]:
    """Name the folders of the Sentinel-2 products inside; `""` is the package itself."""
    matches = (_PRODUCT.fullmatch(name) for name in package.sizes)
    found = {match[2] or match[1] or "" for match in matches if match}
    if not package.archive and package.path.suffix.upper() == ".SAFE":
        found.add("")
    return tuple(sorted(found))


def safe_entry(package: Package, root: str, catalog: str = "") -> Entry:
    """Read a Sentinel-2 L2A product: each band at its native resolution, offsets as its own XML tells them.

    Raises
    ------
    CatalogError
        The product is not Level-2A, is incomplete, or its XML can't be understood.
    """
    label = str(package.path if root in {"", f"{package.path.stem}.SAFE"} else f"{root} in {package.path}")
    try:
        return _entry(package, root, label, catalog)
    except (ValueError, LookupError, TypeError, OverflowError, ShapelyError) as error:
        msg = f"product {label} has metadata that can't be understood ({error}): fetch it again"
        raise CatalogError(" ".join(msg.split())) from error


def _entry(package: Package, root: str, label: str, catalog: str) -> Entry:
    product = _elements(package, _metadata(package, root, label))
    level = _text(product, "PROCESSING_LEVEL")
    if "2A" not in level:
        msg = f"product {label} is {level}, not surface reflectance: download the MSIL2A product of the same pass"
        raise CatalogError(msg)
    tile = _elements(package, _tile_metadata(package, root, label))
    name = _text(product, "PRODUCT_URI").removesuffix(".SAFE")
    baseline = _text(product, "PROCESSING_BASELINE")
    bands, note, doubted = _bands(_files(package, root, label, product), product, baseline)
    # Some providers date a tile by the start of its datatake, others by the tile's own minute.
    others = (*product.get("DATATAKE_SENSING_START", ()), *tile.get("SENSING_TIME", ()))
    cloud = float(_text(product, "Cloud_Coverage_Assessment")) if "Cloud_Coverage_Assessment" in product else -1
    scene = Scene(
        scene_id=name,
        sensor=_SENSOR.name,
        datetime=utc(_text(product, "PRODUCT_START_TIME", "DATATAKE_SENSING_START")),
        footprint=_footprint([element.text or "" for element in product.get("EXT_POS_LIST", ())]),
        bands={common: bands[common] for common in _SENSOR.assets},
        qa=bands[""],
        epsg=int(_text(tile, "HORIZONTAL_CS_CODE").upper().removeprefix("EPSG:")),
        collection="sentinel-2-l2a",
        cloud_cover=cloud if 0 <= cloud <= 100 else None,
        sun_elevation_deg=_sun_elevation(tile),
        platform=_text(product, "SPACECRAFT_NAME").lower(),
        catalog=catalog,
        offset_doubted=doubted,
        notes=(note,),
    )
    square = re.search(r"_T(\d\d[A-Z]{3})(?:_|$)", f"{name} {_text(tile, 'TILE_ID')}")
    place = (_SENSOR.name, scene.platform, square[1] if square else "")
    version = tuple(int(part) for part in baseline.split("."))
    rank = (version, True, _text(product, "GENERATION_TIME"), name)
    return Entry(scene=scene, place=place, rank=rank, moments=tuple(utc(other.text or "") for other in others))


def _metadata(package: Package, root: str, label: str) -> str:
    """Find the product's XML, of Level-2A rather than of another level."""
    names = {PurePosixPath(name).name.upper(): name for name in package.sizes if _folder(name) == root}
    for level in ("2A", "1C"):
        if (name := names.get(f"MTD_MSIL{level}.XML")) and package.sizes[name]:
            return name
    msg = (
        f"product {label} is incomplete: MTD_MSIL2A.xml missing or empty; download it again, whole"
        " (products in the format of before December 2016 are not read)"
    )
    raise CatalogError(msg)


def _tile_metadata(package: Package, root: str, label: str) -> str:
    tiles = [
        name
        for name in package.sizes
        if name.upper().endswith("/MTD_TL.XML") and _folder(_folder(name)) == str(PurePosixPath(root, "GRANULE"))
    ]
    if len(tiles) == 1 and package.sizes[tiles[0]]:
        return tiles[0]
    what = f"{len(tiles)} granules in it, one is expected" if len(tiles) > 1 else "MTD_TL.xml missing or empty"
    msg = f"product {label} is incomplete: {what}; download it again, whole"
    raise CatalogError(msg)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _elements(package: Package, name: str) -> Elements:
    found: dict[str, list[ET.Element]] = {}
    for element in read_xml(package, name).iter():
        local = str(element.tag).rpartition("}")[2].removeprefix("L2A_").removesuffix("_2A")
        found.setdefault(local, []).append(element)
    return found


def _text(elements: Elements, *names: str) -> str:
    """Give the text of the first of `names` that is there."""
    for name in names:
        for element in elements.get(name, ()):
            if text := (element.text or "").strip():
                return text
    msg = f"no {' or '.join(names)}"
    raise LookupError(msg)


def _files(package: Package, root: str, label: str, product: Elements) -> dict[str, str]:
    """Where the bands lie, by common name, and the scene classification, by `""`.

    Where the XML names a file, else (older products name only some) wherever one of that name lies.
    """
    keys = {common: next(key for key in names if key.endswith("0m")) for common, names in _SENSOR.assets.items()}
    listed = [str(PurePosixPath(root, (element.text or "").strip())) for element in product.get("IMAGE_FILE", ())]
    images = {name.rpartition(".")[0]: name for name in package.sizes if _IMAGE.search(name)}
    below = f"{root}/GRANULE/" if root else "GRANULE/"
    wanted = {}
    for common, key in (keys | {"": "SCL_20m"}).items():
        stems = [stem for stem in (*listed, *images) if stem.endswith(f"_{key}") and stem.startswith(below)]
        there = next((stem for stem in stems if stem in images), None)
        wanted[common] = images[there] if there else f"{stems[0] if stems else key}.jp2"
    return hrefs(package, label, wanted)


def _bands(places: Mapping[str, str], product: Elements, baseline: str) -> tuple[dict[str, BandAsset], str, bool]:
    """Calibrate each band: reflectance = (DN + BOA_ADD_OFFSET) / BOA_QUANTIFICATION_VALUE; and say why, and if sure.

    The XML is the authority: pixels and XML come from one processor. Only a product of a baseline that should have
    offsets, whose XML has none, is doubted.
    """
    quantum = float(_text(product, "BOA_QUANTIFICATION_VALUE"))
    if not quantum > 0:
        msg = f"BOA_QUANTIFICATION_VALUE {quantum:g}"
        raise ValueError(msg)
    shifts = {element.get("band_id", ""): float(element.text or "") for element in product.get("BOA_ADD_OFFSET", ())}
    bands = {"": BandAsset(href=places[""], nodata=_SENSOR.qa_nodata)}
    offsets = {}
    for common, names in _SENSOR.assets.items():
        band = next(key for key in names if key in _BAND_IDS)
        number = str(_BAND_IDS.index(band))
        if shifts and number not in shifts:
            msg = f"BOA_ADD_OFFSET of other bands, none of {band}"
            raise LookupError(msg)
        offsets[band] = shifts.get(number, 0.0) / quantum
        bands[common] = BandAsset(href=places[common], scale=1 / quantum, offset=offsets[band], nodata=_SENSOR.nodata)
    check_factors(bands[common] for common in _SENSOR.assets)
    values = sorted(set(offsets.values()))
    words = f"{values[0]:g}" if len(values) == 1 else ", ".join(f"{band} {value:g}" for band, value in offsets.items())
    told = "its XML declares BOA_ADD_OFFSET" if shifts else "its XML declares no BOA_ADD_OFFSET"
    doubted = not shifts and baseline >= _FIRST_SHIFTED
    tail = ", though it should" if doubted else ""
    return bands, f"reflectance offset {words}: {told}{tail} (processing baseline {baseline})", doubted


def _sun_elevation(tile: Elements) -> float | None:
    parts = [part for angle in tile.get("Mean_Sun_Angle", ()) for part in angle if "ZENITH" in str(part.tag)]
    return 90.0 - float(parts[0].text or "") if parts else None


def _footprint(rings: Sequence[str]) -> BaseGeometry:
    """Outline of the pixels from lists of latitude, longitude (and in some products height)."""
    parts = []
    for ring in rings:
        numbers = [float(number) for number in ring.split()]
        step = 3 if numbers[:2] != numbers[-2:] and numbers[:3] == numbers[-3:] else 2
        parts.append(Polygon(list(zip(numbers[1::step], numbers[0::step], strict=True))))
    outline = mended(MultiPolygon(parts))
    if outline.is_empty:
        msg = "no EXT_POS_LIST with an area"
        raise LookupError(msg)
    return outline
