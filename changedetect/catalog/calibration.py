"""How a scene's numbers become reflectance, decided from what its item says and doubted where that is known to err.

Sentinel-2 L2A: reflectance = (DN + BOA_ADD_OFFSET) / 10000, the offset -1000 since processing baseline 04.00 and in
every product reprocessed with a later one, whatever its date (Sentinel-2 Products Specification Document, ESA
S2-PDGS-TAS-DI-PSD, 14.9). Every other sensor has constants; an item that declares others is of another product.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from changedetect.catalog.assets import Found, declared
from changedetect.catalog.raw import Raw, mapping, number, shown, text, utc
from changedetect.errors import CatalogError
from changedetect.sensors import Sensor

Baseline = tuple[int, int]
"""A Sentinel-2 processing baseline: 05.10 is (5, 10)."""

_FIRST_SHIFTED: Baseline = (4, 0)
"""Processing baseline 04.00, the first with the offset."""

_FIRST_SHIFTED_DAY = datetime(2022, 1, 25, tzinfo=UTC)
"""When baseline 04.00 went into operation: what was processed before has no offset."""

_OF_SEN2COR: Baseline = (99, 99)
"""What Sen2Cor writes on a user's own machine, whatever baseline it started from."""

_FREE_VERSION = "processing:version"
"""The version of whatever software made the product (STAC processing extension): CDSE writes the baseline, others the
release of Sen2Cor (`2.11`). Baselines have two digits on either side of the point."""

_BASELINE_KEYS = ("s2:processing_baseline", "sentinel:processing_baseline", _FREE_VERSION)
_PRODUCT_KEYS = (
    "s2:product_uri", "sentinel:product_id", "s2:datastrip_id", "eopf:datastrip_id", "s2:tile_id", "s2:granule_id",
    "s2:datatake_id", "eopf:datatake_id",
)  # fmt: skip
_PROCESSED_KEYS = ("s2:generation_time", "processing:datetime", "created", "updated")
_FLAG_KEYS = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
_SHIFTED_ARCHIVES = re.compile(r"sentinel-cogs|deafrica-sentinel-2", re.IGNORECASE)
"""Buckets of COGs that may have lost the offset (Element84/earth-search issues 66 and 71; Digital Earth Africa mirrors
them)."""
_HARMONISED = re.compile(r"harmoni[sz]ed", re.IGNORECASE)
"""What collections and products are called whose pixels have lost the offset (Earth Engine's S2_SR_HARMONIZED), or
were made alike in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How numbers become reflectance, `DN * scale + offset`, and why so."""

    scale: float
    """Factor."""
    offset: float
    """Added after scaling; where `doubted`, as if nothing had been taken off the pixels."""
    doubted: bool = False
    """Whether only the pixels can tell if the offset still is in them."""
    note: str
    """The decision and its evidence, in words."""


def calibration(raw: Raw, sensor: Sensor, found: Mapping[str, Found]) -> Calibration:
    """Decide scale and offset of all reflectance bands of an item.

    Raises
    ------
    CatalogError
        The item declares numbers of another product, or tells nothing that the offset could be decided by.
    """
    for common, one in found.items():
        _refuse_other_numbers(raw, sensor, common, one)
    if sensor.name == "sentinel-2-l2a":
        offset, doubted, note = _sentinel2_offset(raw, sensor.offset, found)
        return Calibration(scale=sensor.scale, offset=offset, doubted=doubted, note=f"reflectance offset {note}")
    note = f"reflectance offset {sensor.offset:g}: constant of {sensor.title}"
    return Calibration(scale=sensor.scale, offset=sensor.offset, note=note)


def baseline(raw: Raw) -> Baseline | None:
    """Give the Sentinel-2 processing baseline, from the properties or the product's name; None when neither says.

    A single digit after the point has lost its zero, as numbers do: 5.1 is 05.10, and newer than 05.09.

    >>> baseline({"properties": {"s2:processing_baseline": 5.1}})
    (5, 10)
    >>> baseline({"id": "S2B_MSIL2A_20200322T074609_N0500_R135_T36NYH_20230612T214223", "properties": {}})
    (5, 0)
    """
    return _told_baseline(raw) or _named_baseline(raw)


def _told_baseline(raw: Raw) -> Baseline | None:
    properties = mapping(raw.get("properties"))
    for key in _BASELINE_KEYS:
        form = r"(\d{2})\.(\d{2})" if key == _FREE_VERSION else r"N?(\d{1,2})\.(\d{1,2})|N?(\d{2})(\d{2})"
        told = re.fullmatch(form, text(properties.get(key)))
        major, minor = (part for part in told.groups() if part is not None) if told else ("99", "99")
        if (version := (int(major), int(minor.ljust(2, "0")))) != _OF_SEN2COR:
            return version
    return None


def _named_baseline(raw: Raw) -> Baseline | None:
    properties = mapping(raw.get("properties"))
    for name in (*(properties.get(key) for key in _PRODUCT_KEYS), raw.get("id")):
        named = re.search(r"_N(\d{2})\.?(\d{2})(?=_|\.|$)", text(name))
        if named and (version := (int(named[1]), int(named[2]))) != _OF_SEN2COR:
            return version
    return None


def _refuse_other_numbers(raw: Raw, sensor: Sensor, common: str, found: Found) -> None:
    """Refuse radiance, temperature, floats and pictures under the name of a reflectance band.

    A scale of 1 with an offset of 0 is what tools write that found neither in the file: it says nothing.
    """
    scale, offset = number(declared(found, "scale")), number(declared(found, "offset"))
    kind = text(declared(found, "data_type")).casefold()
    fault = ""
    if kind.startswith(("float", "cfloat")) or kind in {"uint8", "int8"}:
        fault = f"holds {shown(kind)}"
    elif scale is not None and not _close(scale, sensor.scale) and not (scale == 1 and not offset):
        fault = f"declares a scale of {scale:g}"
    elif offset is not None and scale != 1 and not _close(offset, sensor.offset):
        # Sentinel-2 has two right offsets, and the decision between them weighs what is declared.
        fault = "" if sensor.name == "sentinel-2-l2a" and offset == 0 else f"declares an offset of {offset:g}"
    if fault:
        msg = (
            f"item {shown(raw.get('id'))} is not what {sensor.title} is (integers, scale {sensor.scale:g}, offset"
            f" {sensor.offset:g}): its asset {shown(found.key)!r} ({common}) {fault}; leave its collection out"
        )
        raise CatalogError(msg)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-12)


def _sentinel2_offset(raw: Raw, offset: float, found: Mapping[str, Found]) -> tuple[float, bool, str]:
    """Decide by baseline, then by the flag of pixels already shifted; a declaration alone is not trusted.

    Gives the offset, whether it is doubted, and the reason.
    """
    properties = mapping(raw.get("properties"))
    version, named = _told_baseline(raw), _named_baseline(raw)
    key = next((key for key in _FLAG_KEYS if isinstance(properties.get(key), bool)), "")
    flag = properties.get(key)
    said = sorted({value for one in found.values() if (value := number(declared(one, "offset"))) is not None})
    tail = f" (assets declare {', '.join(f'{value:g}' for value in said) or 'nothing'})"
    if version and named and (version < _FIRST_SHIFTED) != (named < _FIRST_SHIFTED):
        why = f"told as processing baseline {_words(version)}, but named {_words(named)}: the pixels must say{tail}"
        return offset, True, f"{offset:g}, doubted: {why}"
    version = version or named
    words = f"processing baseline {_words(version)}{_zero_lost(properties)}" if version else ""
    if version and version < _FIRST_SHIFTED:
        return 0.0, False, f"0: {words} is before 04.00{tail}"
    hrefs = [text(one.asset.get("href")) for one in found.values()]
    if flag is True:
        if any(".jp2" in href.casefold() for href in hrefs):
            why = f"{key} is true, which holds for the COGs but not for JP2 files as these are{tail}"
            return offset, True, f"{offset:g}, doubted: {why}"
        return 0.0, False, f"0: {key} is true, the pixels are already shifted{tail}"
    doubts = [f"{key} is false, which is known to be wrong at times"] if flag is False else []
    if not doubts and any(_SHIFTED_ARCHIVES.search(href) for href in hrefs):
        doubts.append("its files lie where many are already shifted, and no flag tells")
    if len(said) > 1 or 0.0 in said:
        doubts.append("the assets declare otherwise")
    doubts += _doubt_of_name(raw)
    if version:
        decision = f"{words} is 04.00 or later{tail}"
    elif processed := _processed_before_shift(properties):
        return 0.0, False, f"0: no processing baseline is told, but {processed}, before 04.00 began{tail}"
    elif doubts or said:
        doubts.append("no processing baseline is told")
        decision = f"as since baseline 04.00{tail}"
    else:
        msg = (
            f"item {shown(raw.get('id'))} tells neither its processing baseline nor its offset: without them its"
            " reflectance may be off by 0.1; add 's2:processing_baseline' to the item"
        )
        raise CatalogError(msg)
    return offset, bool(doubts), f"{offset:g}{', doubted' * bool(doubts)}: {'; '.join((decision, *doubts))}"


def _doubt_of_name(raw: Raw) -> list[str]:
    properties = mapping(raw.get("properties"))
    names = (raw.get("collection"), raw.get("id"), *(properties.get(key) for key in (*_PRODUCT_KEYS, "title")))
    harmonised = next((name for name in map(text, names) if _HARMONISED.search(name)), "")
    return [f"the offset may be gone from what is called {shown(harmonised)!r}"] if harmonised else []


def _processed_before_shift(properties: Raw) -> str:
    """Say what proves that a product is older than baseline 04.00; empty when nothing does.

    An item can't be older than the product it describes, so its own dates prove as much; but not one before the
    acquisition, which is made up (1970) or of something else.
    """
    taken = _moment(properties, "datetime") or _moment(properties, "start_datetime")
    if taken is None:
        return ""
    for key in _PROCESSED_KEYS:
        moment = _moment(properties, key)
        if moment and taken.date() <= moment.date() < _FIRST_SHIFTED_DAY.date():
            return f"{key} is {moment.date()}"
    for key in _PRODUCT_KEYS:
        dates = re.findall(r"_(\d{8})T\d{6}", text(properties.get(key)))
        if len(dates) > 1 and f"{taken:%Y%m%d}" <= max(dates) < f"{_FIRST_SHIFTED_DAY:%Y%m%d}":
            return f"{key} is dated {max(dates)}"
    return ""


def _moment(properties: Raw, key: str) -> datetime | None:
    try:
        return utc(text(properties.get(key)))
    except (ValueError, OverflowError):
        return None


def _zero_lost(properties: Raw) -> str:
    told = next(filter(None, (text(properties.get(key)) for key in _BASELINE_KEYS if key != _FREE_VERSION)), "")
    return f" (told as {told})" if re.fullmatch(r"N?\d{1,2}\.\d", told) else ""


def _words(version: Baseline) -> str:
    return f"{version[0]:02d}.{version[1]:02d}"
