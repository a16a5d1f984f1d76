"""Finding the bands and the quality band of a sensor among an item's assets, in any provider's dialect.

A known asset key comes first, unless the asset describes another band; then what the assets say their bands are:
`bands` of STAC 1.1, `eo:bands` of STAC 1.0 (objects) and of STAC 0.x (positions in the item's own list). Common names
are not unique, `red` also stands on pictures and on the JP2 twins of Earth Search, whose pixels still hold an offset
that the COGs have lost: those are never taken.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from changedetect.catalog.raw import Raw, mapping, number, sequence, text
from changedetect.sensors import Sensor

_PICTURE_ROLES = frozenset({"visual", "overview", "thumbnail", "metadata", "archive", "tiles", "browse"})
_PICTURE_KEYS = re.compile(
    r"visual|overview|preview|thumb|browse|quicklook|true.?colou?r|tilejson|(^|[-_:])(tci|rgb|pvi)([-_:]|$)|-jp2$",
    re.IGNORECASE,
)
_RASTER_TYPES = ("tif", "jp2", "jpeg2000", "jpx")
_OTHER_FILES = frozenset(
    {".png", ".jpg", ".jpeg", ".json", ".xml", ".html", ".txt", ".yaml", ".zip", ".nc", ".h5", ".zarr"}
)
_COMMON_NAME = re.compile(
    r"pan|coastal|blue|green(05)?|yellow|red|rededge(\d+)?|nir(0[89])?|cirrus|swir(16|22)|lwir(1[12])?"
)
"""Common names of the STAC EO extension 2.0."""

_OTHER_BAND = "other"
"""What a band that a sensor's row does not have is called here."""

_COARSEST_M = 30.0
"""A copy of a band at 60 m is no stand-in for its 10 m or 20 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One band, found in an item."""

    key: str
    """The asset's key."""
    asset: Raw
    """The asset."""
    index: int = 1
    """Which band of the asset's file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What a sensor's bands may be called, in lower case."""

    ids: Mapping[str, str]
    """The sensor's own names of its bands (`b8a`) → common name."""
    commons: Mapping[str, str]
    """Common names → the sensor's own common name for the band."""
    shapes: frozenset[str]
    """Names of bands with digits in them, each digit written `#`."""


def find_bands(raw: Raw, sensor: Sensor) -> dict[str, Found]:
    """Find the reflectance bands of a sensor by common name, in the order of the sensor's row."""
    rasters = _rasters(raw)
    listed = sequence(mapping(raw.get("properties")).get("eo:bands"))
    words = _words(sensor)
    described: dict[str, list[Found]] = {}
    for key, asset in rasters.items():
        for index, common in _commons(key, asset, listed, words):
            described.setdefault(common, []).append(Found(key=key, asset=asset, index=index))
    told = {one.key for several in described.values() for one in several}
    found: dict[str, Found] = {}
    for common, keys in sensor.assets.items():
        within = {one.key: one.index for one in reversed(described.get(common, ()))}
        known = [key for key in _known(keys, rasters) if key in within or key not in told]
        if known:
            found[common] = Found(key=known[0], asset=rasters[known[0]], index=within.get(known[0], 1))
        elif fine := [one for one in described.get(common, ()) if not _COARSEST_M < _pixel_m(one) < math.inf]:
            found[common] = min(fine, key=_pixel_m)
    return found


def find_quality(raw: Raw, sensor: Sensor) -> Found | None:
    """Find a sensor's quality band: by asset key, by band name, or by the name of its file."""
    rasters = _rasters(raw)
    if known := _known(sensor.qa_assets, rasters):
        return Found(key=known[0], asset=rasters[known[0]])
    names = {name.casefold() for name in sensor.qa_assets}
    for key, asset in rasters.items():
        for index, band in enumerate(_described(asset), start=1):
            if text(mapping(band).get("name")).casefold() in names:
                return Found(key=key, asset=asset, index=index)
    for key, asset in rasters.items():
        stem = PurePosixPath(_path(asset)).stem.casefold()
        if any(re.search(rf"(^|[._-]){re.escape(name)}$", stem) for name in names):
            return Found(key=key, asset=asset)
    return None


def declared(found: Found, what: str) -> object:
    """Give what an asset says of its band's `scale`, `offset`, `data_type` …, wherever its STAC version puts it.

    >>> declared(Found(key="B04", asset={"raster:bands": [{"scale": 0.0001}]}), "scale")
    0.0001
    >>> declared(Found(key="B04_10m", asset={"raster:offset": -0.1}), "offset")
    -0.1
    """
    at = found.index - 1
    lists = (sequence(found.asset.get("raster:bands")), sequence(found.asset.get("bands")))
    for place in (*(mapping(bands[at]) for bands in lists if len(bands) > at), found.asset):
        for key in (f"raster:{what}", what):
            if place.get(key) is not None:
                return place[key]
    return None


def _rasters(raw: Raw) -> dict[str, Raw]:
    assets = {str(key): mapping(asset) for key, asset in mapping(raw.get("assets")).items()}
    return {key: asset for key, asset in assets.items() if _is_raster(key, asset)}


def _is_raster(key: str, asset: Raw) -> bool:
    """Whether an asset may hold a band: no picture, no metadata, no JP2 twin."""
    roles = {text(role) for role in sequence(asset.get("roles"))}
    if not asset or roles & _PICTURE_ROLES or _PICTURE_KEYS.search(key):
        return False
    if media := text(asset.get("type")).casefold():
        return any(kind in media for kind in _RASTER_TYPES)
    return PurePosixPath(_path(asset)).suffix.casefold() not in _OTHER_FILES


def _path(asset: Raw) -> str:
    try:
        return urlsplit(text(asset.get("href"))).path
    except ValueError:
        return ""


def _known(keys: Sequence[str], rasters: Mapping[str, Raw]) -> list[str]:
    """Find known keys as they are, then whatever their case and with the `.TIF` of early LandsatLook items."""
    plain = {_plain(key): key for key in rasters}
    return [key for key in keys if key in rasters] + [plain[_plain(key)] for key in keys if _plain(key) in plain]


def _plain(key: str) -> str:
    return key.casefold().removesuffix(".tif")


def _words(sensor: Sensor) -> _Words:
    commons = {common: common for common in sensor.assets}
    if "nir" not in sensor.assets:  # the only near infrared there is, and some call it so
        commons["nir"] = "nir08"
    ids = {
        _without_size(key.casefold()): common
        for common, keys in sensor.assets.items()
        for key in keys
        if key not in commons
    }
    shapes = frozenset(_shape(name) for name in ids if _shape(name) != name)
    return _Words(ids=ids, commons=commons, shapes=shapes)


def _without_size(name: str) -> str:
    return re.sub(r"_\d\dm$", "", name)


def _shape(name: str) -> str:
    return re.sub(r"\d", "#", name)


def _described(asset: Raw) -> Sequence[object]:
    return sequence(asset.get("bands")) or sequence(asset.get("eo:bands"))


def _commons(key: str, asset: Raw, listed: Sequence[object], words: _Words) -> Iterator[tuple[int, str]]:
    """Give the bands that an asset says it holds, as far as one understands, each with its place in the file."""
    for index, entry in enumerate(_described(asset), start=1):
        at = entry if isinstance(entry, int) and not isinstance(entry, bool) else -1
        if common := _common(key, mapping(listed[at] if 0 <= at < len(listed) else entry), words):
            yield index, common


def _common(key: str, band: Raw, words: _Words) -> str:
    """Say which band is described, the most exact word first; empty where none is understood.

    >>> row = _Words(ids={"b08": "nir", "b8a": "nir08"}, commons={"nir": "nir"}, shapes=frozenset({"b##", "b#a"}))
    >>> [_common("nir", {"name": name, "common_name": "nir"}, row) for name in ("B08", "B8A", "B05", "b1")]
    ['nir', 'nir08', 'other', 'nir']
    """
    name = _without_size(text(band.get("name")).casefold())
    if name in words.ids:
        return words.ids[name]
    if _shape(name) in words.shapes:
        return _OTHER_BAND
    own = words.ids.get(_without_size(_plain(key)), "")
    for said in (text(band.get(where)).casefold() for where in ("eo:common_name", "common_name")):
        if own == "nir08" and said in {"nir", "rededge"}:  # loose words for the narrow near infrared
            return own
        if _COMMON_NAME.fullmatch(said):
            return words.commons.get(said, _OTHER_BAND)
    return words.commons.get(name, "")


def _pixel_m(found: Found) -> float:
    """Pixel size as an asset or its key tells it, metres; endless when it does not."""
    for what in ("gsd", "spatial_resolution"):
        if (size := number(declared(found, what))) is not None:
            return size
    ending = re.search(r"_(\d{2})m$", found.key)
    return float(ending[1]) if ending else math.inf
