"""How a scene's numbers become reflectance, decided from what its item says.

Sentinel-2 L2A: reflectance = (DN + BOA_ADD_OFFSET) / 10000, the offset -1000 since processing baseline 04.00 and in
every product reprocessed with a later one, whatever its date (Sentinel-2 Products Specification Document, ESA
S2-PDGS-TAS-DI-PSD, 14.9). Landsat Collection 2: DN * 0.0000275 - 0.2 (USGS LSDS-1619).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from changedetect.errors import CatalogError
from changedetect.sensors import Sensor

Raw = Mapping[str, Any]
"""A piece of an item's JSON."""

_FIRST_SHIFTED = (4, 0)
"""Processing baseline 04.00, the first with the offset."""

_BASELINE_KEYS = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_PRODUCT_KEYS = ("s2:product_uri", "sentinel:product_id", "s2:datastrip_id")
_FLAG_KEYS = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")


def first_of(names: Iterable[str], within: Raw) -> str | None:
    """Give the first of `names` that is a key of `within`."""
    return next((name for name in names if name in within), None)


def declared(asset: Raw, what: str) -> float | None:
    """Give an asset's own `scale`, `offset` or `nodata`, wherever its STAC version puts it; None when absent.

    >>> declared({"raster:bands": [{"scale": 0.0001}]}, "scale"), declared({"raster:offset": -0.1}, "offset")
    (0.0001, -0.1)
    """
    places = [*(asset.get("raster:bands") or [])[:1], *(asset.get("bands") or [])[:1], asset]
    for place in places:
        for key in (f"raster:{what}", what):
            value = place.get(key)
            if isinstance(value, int | float):
                return float(value)
    return None


def baseline(raw: Raw) -> tuple[int, int] | None:
    """Give the Sentinel-2 processing baseline, from the properties or the product's name; None when neither says.

    >>> baseline({"id": "S2B_MSIL2A_20200322T074609_N0500_R135_T36NYH_20230612T214223", "properties": {}})
    (5, 0)
    """
    properties: Raw = raw.get("properties") or {}
    for key in _BASELINE_KEYS:
        if found := re.fullmatch(r"(\d{2})\.(\d{2})", str(properties.get(key) or "")):
            return int(found[1]), int(found[2])
    for text in (*(properties.get(key) for key in _PRODUCT_KEYS), raw.get("id")):
        if found := re.search(r"_N(\d{2})\.?(\d{2})(?:_|$)", str(text or "")):
            return int(found[1]), int(found[2])
    return None


def calibration(raw: Raw, sensor: Sensor, assets: Sequence[Raw]) -> tuple[float, float, tuple[str, ...]]:
    """Give scale, offset and the decision in words, for all reflectance bands of an item."""
    if sensor.name != "sentinel-2-l2a":
        return sensor.scale, sensor.offset, (f"reflectance offset {sensor.offset:g}: constant of {sensor.title}",)
    scale = next((found for asset in assets if (found := declared(asset, "scale"))), sensor.scale)
    offset, note = _sentinel2_offset(raw, sensor.offset, [declared(asset, "offset") for asset in assets])
    return scale, offset, (note,)


def _sentinel2_offset(raw: Raw, offset: float, declarations: Sequence[float | None]) -> tuple[float, str]:
    """Decide by baseline, then by the flag of pixels already shifted; a declaration alone is not trusted.

    Earth Search declares -0.1 on pixels that are already shifted (earth-search issues 66 and 71).
    """
    said = sorted({found for found in declarations if found is not None})
    tail = f" (assets declare {', '.join(f'{number:g}' for number in said) or 'nothing'})"
    properties: Raw = raw.get("properties") or {}
    version = baseline(raw)
    flag = first_of(_FLAG_KEYS, properties)
    if version is not None and version < _FIRST_SHIFTED:
        return 0.0, f"reflectance offset 0: processing baseline {_words(version)} is before 04.00{tail}"
    if flag is not None and properties[flag] is True:
        return 0.0, f"reflectance offset 0: {flag} is true, the pixels are already shifted{tail}"
    if version is not None:
        return offset, f"reflectance offset {offset:g}: processing baseline {_words(version)} is 04.00 or later{tail}"
    if len(said) == 1:
        return said[0], f"reflectance offset {said[0]:g}: as the assets declare, the item tells no processing baseline"
    msg = (
        f"item {raw.get('id')} tells neither its processing baseline nor its offset: without them its reflectance may"
        " be off by 0.1; add 's2:processing_baseline' to the item"
    )
    raise CatalogError(msg)


def _words(version: tuple[int, int]) -> str:
    return f"{version[0]:02d}.{version[1]:02d}"
