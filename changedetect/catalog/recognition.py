"""Which sensor, satellite and ground an item is of: read from what its provider calls it.

An item is recognised by the names it goes by (collection, id, product), which must match the `marks` of one row of
`SENSORS` for its satellite. What is close to those and yet something else is refused by name (`_OTHERS`).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from shapely.geometry.base import BaseGeometry

from changedetect.catalog.raw import Raw, mapping, shown, text
from changedetect.errors import CatalogError
from changedetect.sensors import SENSORS, Sensor

_NAME_KEYS = (
    "s2:product_uri", "sentinel:product_id", "s2:product_type", "product:type", "processing:level", "odc:product",
    "landsat:correction", "landsat:processing_level", "landsat:product_id", "title",
)  # fmt: skip
"""Properties that name the product itself. Those that name what it was made of (`landsat:landsat_product_id` and
`sentinel:product_name` of Geoscience Australia, both Level 1) are left out."""

_MGRS_PARTS = ("utm_zone", "latitude_band", "grid_square")
_MGRS = re.compile(r"(?:^|[-_]|[._]T)(\d{1,2})([C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])(?=$|[_.])")
"""Zone, latitude band and 100 km square, as a part of a name."""

_USE_L2A = "use the Sentinel-2 L2A collection"
_USE_C2_L2 = "use the landsat-c2-l2 collection"
_OTHERS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), what, remedy)
    for pattern, what, remedy in (
        (r"MSIL?1C|(^|[^a-z0-9])L1C($|[^a-z0-9])", "Sentinel-2 L1C, top of atmosphere", _USE_L2A),
        (r"MSI_?L3|(^|[-_ ])mosaics?($|[-_ ])", "a mosaic of many days", _USE_L2A),
        (r"^sentinel-?1|^S1[A-D]_", "radar (Sentinel-1)", "only optical reflectance is compared"),
        (r"^sentinel-?[356]p?($|[-_])|^S[356][A-DP]_", "of Sentinel-3, 5P or 6, too coarse", _USE_L2A),
        (r"^LM0[1-5]_", "of the MSS scanner: no blue, no shortwave infrared", _USE_C2_L2),
        (r"^L[A-Z]0\d_L1|^L1(TP|GT|GS)$|landsat.*(c\d-?l1|-l1$)", "Landsat Level 1, not reflectance", _USE_C2_L2),
        (r"^L[A-Z]0\d_.*_01_(T1|T2|RT|A1|A2)($|_)", "Landsat Collection 1, withdrawn in 2022", _USE_C2_L2),
        (r"^L[A-Z]0\d_.*_(ST|STR)$|c2-?l2-st$|^ls[4-9]_st$", "surface temperature, not reflectance", _USE_C2_L2),
        (r"landsat-c2-?l3|^L[A-Z]0\d_.*_(DSWE|BA|FSCA)$", "a derived map (Landsat Level 3)", _USE_C2_L2),
        (r"HLS-VI|HLS[SL]30_VI", "vegetation indices made of HLS, not reflectance", "use HLSL30 or HLSS30"),
        (r"^ga_.*_(fc|wo|wofs|ba|gm|nbart_gm)_", "a derived map of Geoscience Australia", "use ga_ls8c_ard_3"),
        (r"^(modis|viirs)|^(MOD|MYD|MCD|VNP|VJ1)\d", "MODIS or VIIRS, too coarse", _USE_L2A),
        (r"^naip", "aerial photography (NAIP)", "use satellite scenes"),
        (r"(^|[-_])dem($|[-_])|^aster|^3dep", "no scene of reflectance", _USE_L2A),
    )
)
"""What is refused: pattern of a name, what it is, what to use instead."""


def recognise(raw: Raw) -> tuple[Sensor, str]:
    """Give an item's sensor and satellite (`Scene.platform`).

    Raises
    ------
    CatalogError
        The item is something else, or contradicts itself.
    """
    label = shown(raw.get("id"))
    names = tuple(_names(raw))
    platform = _platform(raw, names)
    for pattern, what, remedy in _OTHERS:
        if named := next((name for name in names if pattern.search(name)), None):
            msg = f"item {label} is {what} (so says {shown(named)!r}): {remedy}"
            raise CatalogError(msg)
    fitting = [sensor for sensor in SENSORS.values() if not platform or platform.startswith(sensor.platforms)]
    if not fitting:
        known = "Sentinel-2 and Landsat 4, 5, 7, 8, 9"
        msg = f"item {label} is of platform {shown(platform)!r}, not one of {known}: leave its collection out"
        raise CatalogError(msg)
    matching = [sensor for sensor in fitting if any(sensor.marks.search(name) for name in names)]
    if len(matching) == 1:
        return matching[0], platform
    collection = shown(raw.get("collection")) or "none"
    if matching:
        msg = (
            f"item {label} goes by the names of {' and '.join(sensor.title for sensor in matching)}"
            f" (platform {platform or 'unknown'!r}, collection {collection!r}): its provider must say which it is"
        )
    else:
        msg = (
            f"item {label} says nowhere that it is surface reflectance of a known product (platform"
            f" {platform or 'unknown'!r}, collection {collection!r}): known are"
            f" {', '.join(sensor.title for sensor in SENSORS.values())}"
        )
    raise CatalogError(msg)


def tile_of(raw: Raw, footprint: BaseGeometry) -> str:
    """Name the MGRS square (`35TKM`) or path and row (`183028`) of an item, the same for every provider.

    Where none is told, the footprint's edges to a hundredth of a degree.
    """
    properties = mapping(raw.get("properties"))
    names = tuple(_names(raw))
    told = (text(properties.get(key)) for key in ("grid:code", "s2:mgrs_tile", "odc:region_code"))
    pieces = ([text(properties.get(f"{prefix}:{part}")) for part in _MGRS_PARTS] for prefix in ("mgrs", "sentinel"))
    for name in (*told, *names, *map("".join, pieces), *_hrefs(raw)):
        if square := _MGRS.search(name):
            return f"{int(square[1]):02d}{square[2]}"
    path, row = (text(properties.get(f"landsat:wrs_{part}")) for part in ("path", "row"))
    if re.fullmatch(r"\d{1,3}", path) and re.fullmatch(r"\d{1,3}", row):
        return f"{int(path):03d}{int(row):03d}"
    scenes = (re.search(r"^L[A-Z]0\d_[A-Z0-9]{2,4}_(\d{6})_", name) for name in names)
    edges = " ".join(f"{edge:.2f}" for edge in footprint.bounds)
    return next((scene[1] for scene in scenes if scene), edges)


def datatake_of(raw: Raw) -> datetime | None:
    """Give the start of a Sentinel-2 datatake: one provider dates a tile by it, the next by the tile's own minute."""
    properties = mapping(raw.get("properties"))
    takes = (properties.get(key) for key in ("s2:datatake_id", "eopf:datatake_id"))
    for name in (*map(text, takes), *_names(raw)):
        if found := re.search(r"(?:GS2[A-D]|S2[A-D]_MSIL2A)_(\d{8}T\d{6})_", name):
            try:
                return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            except ValueError:
                continue
    return None


def version_of(raw: Raw) -> tuple[int, int]:
    """Give the version in a product's name (HLS: `v2.0`, `_2.0`); (0, 0) when it has none.

    >>> version_of({"id": "HLS.L30.T06WVS.2024120T211159.v2.0", "properties": {}})
    (2, 0)
    """
    for name in _names(raw):
        if found := re.search(r"[._]v?(\d{1,2})\.(\d{1,2})$", name):
            return int(found[1]), int(found[2])
    return 0, 0


def _names(raw: Raw) -> Iterator[str]:
    """Give every name an item goes by: collection, id, product; at last the assets that only one product has."""
    properties = mapping(raw.get("properties"))
    for value in (raw.get("collection"), raw.get("id"), *(properties.get(key) for key in _NAME_KEYS)):
        name = text(value).removesuffix(".SAFE")
        if name and not re.search(r"\s", name):  # a title in words may speak of anything
            yield name
    yield from (str(key) for key in mapping(raw.get("assets")) if str(key).upper().startswith("SCL"))


def _hrefs(raw: Raw) -> Iterator[str]:
    for asset in mapping(raw.get("assets")).values():
        yield text(mapping(asset).get("href"))


def _platform(raw: Raw, names: tuple[str, ...]) -> str:
    """Decide the satellite by what the item says and what its names say: they must not contradict each other."""
    properties = mapping(raw.get("properties"))
    said = _plain(text(properties.get("platform")) or text(properties.get("eo:platform")))
    if not said and _plain(text(properties.get("constellation"))) == "sentinel-2":
        said = "sentinel-2"
    for name in names:
        named = ""
        if found := re.search(r"(?:^|_)S2([A-D])_", name):
            named = f"sentinel-2{found[1].lower()}"
        elif found := re.search(r"^L[COTEM]0([1-9])_", name):
            named = f"landsat-{found[1]}"
        if named and said and not named.startswith(said):
            msg = (
                f"item {shown(raw.get('id'))} is of platform {shown(said)!r}, but {shown(name)!r} is a name of"
                f" {named}: ask its provider which is right"
            )
            raise CatalogError(msg)
        if named:
            return named
    return said


def _plain(name: str) -> str:
    """Write a satellite's name with hyphens, in lower case.

    >>> _plain("Sentinel-2A"), _plain("Sentinel 2"), _plain("LANDSAT_8"), _plain("s2b")
    ('sentinel-2a', 'sentinel-2', 'landsat-8', 'sentinel-2b')
    """
    name = re.sub(r"[ _]", "-", name.casefold())
    name = re.sub(r"^(?:sentinel-?|s)(\d)-?([a-d]?)$", r"sentinel-\1\2", name)
    return re.sub(r"^landsat-?(\d)$", r"landsat-\1", name)
