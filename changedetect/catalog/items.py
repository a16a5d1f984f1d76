"""From a STAC item, as any provider writes it, to a `Scene`.

What providers' items look like and where they mislead: Earth Search v0 and v1 (Element84/earth-search issues 25, 36,
66, 71), Planetary Computer, CDSE, LandsatLook, NASA CMR and Digital Earth Australia; STAC 0.7 to 1.1.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pystac
from pystac.utils import make_absolute_href
from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, box, shape
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.assets import Found, find_bands, find_quality
from changedetect.catalog.calibration import baseline, calibration
from changedetect.catalog.nodata import absent_numbers, nodata_notes
from changedetect.catalog.paths import without_scheme
from changedetect.catalog.raw import Raw, mapping, number, sequence, shown, text, utc
from changedetect.catalog.recognition import datatake_of, recognise, tile_of, version_of
from changedetect.errors import CatalogError
from changedetect.geotiff.places import REQUESTER_PAYS
from changedetect.lonlat import mended
from changedetect.model import BandAsset, Scene
from changedetect.sensors import COMMON_BANDS, Sensor

MIN_BANDS = 4
"""Of the six `COMMON_BANDS`, `nir08` standing in for `nir`: a scene with fewer would take the others' bands away."""

_ONE_DAY = timedelta(days=1)


def scene_from_item(item: pystac.Item | Raw) -> Scene:
    """Read a STAC item: which sensor, where each band lies, how its numbers become reflectance.

    Sentinel-2's offset is decided by processing baseline and flag, whatever the asset declares, and marked as doubted
    where those are known to err; other sensors have constants. The decision is written down in `Scene.notes`.

    Raises
    ------
    CatalogError
        The item is no surface reflectance scene of a known sensor, or lacks what reading it needs.
    """
    return entry_from_item(item).scene


def entry_from_item(item: pystac.Item | Raw, *, catalog: str = "") -> Entry:
    """Read a STAC item as `scene_from_item` does, and say which acquisition it is and how newly processed.

    `catalog` is what to call the catalog it came from (`Scene.catalog`).
    """
    raw = _raw(item)
    if not text(raw.get("id")):
        msg = f"an item of collection {shown(raw.get('collection')) or 'none'!r} has no id: the catalog is damaged"
        raise CatalogError(msg)
    name = shown(raw.get("id"))
    properties = mapping(raw.get("properties"))
    sensor, platform = recognise(raw)
    found, quality = _assets(name, raw, sensor)
    told = calibration(raw, sensor, found)
    bands = {
        common: BandAsset(
            href=_href(name, raw, one),
            scale=told.scale,
            offset=told.offset,
            nodata=absent_numbers(sensor, one),
            index=one.index,
        )
        for common, one in found.items()
    }
    scene = Scene(
        scene_id=text(raw.get("id")),
        sensor=sensor.name,
        datetime=_moment(name, properties),
        footprint=_footprint(name, raw),
        bands=bands,
        qa=BandAsset(href=_href(name, raw, quality), nodata=sensor.qa_nodata, index=quality.index),
        epsg=_epsg([properties, *(one.asset for one in found.values())]),
        collection=text(raw.get("collection")),
        cloud_cover=_within(properties.get("eo:cloud_cover"), 0, 100),
        sun_elevation_deg=_sun_elevation(properties),
        platform=platform,
        catalog=catalog,
        offset_doubted=told.doubted,
        notes=(told.note, *_lacking(found), *nodata_notes(sensor, found)),
    )
    version = baseline(raw) or version_of(raw)
    processed = (properties.get(key) for key in ("s2:generation_time", "processing:datetime", "created"))
    rank = (version, "_RT" not in name, next(filter(None, map(text, processed)), ""), name)
    datatake = datatake_of(raw)
    place = (sensor.name, platform, tile_of(raw, scene.footprint))
    return Entry(scene=scene, place=place, rank=rank, moments=() if datatake is None else (datatake,))


def _raw(item: pystac.Item | Raw) -> Raw:
    """Give the item's JSON, with absolute asset hrefs where it is known what they are relative to."""
    if isinstance(item, pystac.Item):
        raw: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
        for key, asset in item.assets.items():
            raw["assets"][key]["href"] = asset.get_absolute_href() or asset.href
        return raw
    if not isinstance(item, Mapping):
        msg = f"an item is a JSON object, not {type(item).__name__}: the catalog is damaged"
        raise CatalogError(msg)
    return item


def _assets(name: str, raw: Raw, sensor: Sensor) -> tuple[dict[str, Found], Found]:
    """Find bands and quality band; refuse what lacks most of them, and what costs its reader money."""
    found, quality = find_bands(raw, sensor), find_quality(raw, sensor)
    held = {"nir" if common == "nir08" else common for common in found}
    if len(held.intersection(COMMON_BANDS)) < MIN_BANDS or quality is None:
        lacking = [common for common in sensor.assets if common not in found]
        msg = (
            f"item {name} lacks what a {sensor.title} scene has: it has {len(found)} of the reflectance bands"
            f" {', '.join(sensor.assets)} (not {', '.join(lacking) or 'one missing'}) and"
            f" {'no' if quality is None else 'a'} quality band {'/'.join(sensor.qa_assets)}"
        )
        raise CatalogError(msg)
    for one in (*found.values(), quality):
        if (bucket := _paid(raw, one)) and os.environ.get("AWS_REQUEST_PAYER") != "requester":
            msg = (
                f"item {name} keeps its files where the reader pays ({shown(bucket)}): the planetary-computer catalog"
                " has the same scenes free, or set AWS_REQUEST_PAYER=requester beside your own AWS keys"
            )
            raise CatalogError(msg)
    return found, quality


def _paid(raw: Raw, found: Found) -> str:
    """Say where an asset lies if its reader pays for it, else nothing."""
    properties, asset = mapping(raw.get("properties")), found.asset
    try:
        parts = urlsplit(text(asset.get("href")))
    except ValueError:
        return ""
    bucket = parts.netloc.partition(".s3")[0]  # https://BUCKET.s3.REGION.amazonaws.com is the same bucket
    if bucket in REQUESTER_PAYS:
        return f"s3://{bucket}"
    told = asset.get("storage:requester_pays")
    schemes = mapping(properties.get("storage:schemes"))
    refs = [mapping(schemes.get(ref)) for ref in map(text, sequence(asset.get("storage:refs"))) if ref in schemes]
    paid = (properties.get("storage:requester_pays") if told is None else told) is True
    # CDSE lists a free and a commercial way to the same file: all ways must cost.
    paid = paid or (bool(refs) and all(ref.get("requester_pays") is True for ref in refs))
    return f"{parts.scheme or 'file'}://{parts.hostname or ''}" if paid else ""


def _lacking(found: Mapping[str, Found]) -> tuple[str, ...]:
    held = {"nir" if common == "nir08" else common for common in found}
    lacking = [common for common in COMMON_BANDS if common not in held]
    return (f"lacks {', '.join(lacking)}: the item has no such asset",) if lacking else ()


def _href(name: str, raw: Raw, found: Found) -> str:
    href = text(found.asset.get("href"))
    if not href:
        msg = f"item {name} has no href in its asset {shown(found.key)!r}: the catalog is damaged, ask its provider"
        raise CatalogError(msg)
    for link in map(mapping, sequence(raw.get("links"))):
        start = text(link.get("href"))
        if link.get("rel") == "self" and "://" in start and "://" not in href and not href.startswith("/"):
            try:
                href = str(make_absolute_href(href, start))
            except ValueError:
                continue
            break
    # A blank ends a URL where it is written in a line: what follows it, a signature, would not be known as part of it.
    return re.sub(r"\s", _encoded, href) if re.match("https?://", href, re.IGNORECASE) else without_scheme(href)


def _encoded(blank: re.Match[str]) -> str:
    return quote(blank[0])


def _moment(name: str, properties: Raw) -> datetime:
    """Give the acquisition time; an item that spans more than a day is no acquisition."""
    told = [text(properties.get(key)) for key in ("datetime", "start_datetime", "end_datetime")]
    try:
        moments = [utc(one) if one else None for one in told]
    except (ValueError, OverflowError) as error:
        msg = f"item {name} has no acquisition time a reader knows ({shown(' '.join(told))!r}): it must be ISO 8601"
        raise CatalogError(msg) from error
    moment, start, end = moments
    if start and end and end - start > _ONE_DAY:
        days = f"{(end - start).days} days ({start.date()} to {end.date()})"
        msg = f"item {name} is made of {days}, not of one look: use a collection of single scenes"
        raise CatalogError(msg)
    if (taken := moment or start) is None:
        msg = f"item {name} has no acquisition time: 'datetime' must be ISO 8601"
        raise CatalogError(msg)
    return taken


def _footprint(name: str, raw: Raw) -> BaseGeometry:
    """Give the ground an item covers, cut at the antimeridian: uncut it would cover the world the other way."""
    try:
        geometry = raw.get("geometry")
        with np.errstate(invalid="ignore"):  # NaN is refused in words below
            footprint = mended(_box(raw["bbox"]) if geometry is None else shape(geometry))
        if not footprint.area:
            msg = "no area"
            raise ValueError(msg)
    except (ShapelyError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        msg = (
            f"item {name} has no usable footprint ({type(error).__name__}: {shown(str(error))}): 'geometry' must be a"
            " polygon in degrees"
        )
        raise CatalogError(msg) from error
    return footprint


def _box(bbox: Sequence[float]) -> MultiPolygon:
    """Give the ground within a `bbox` of four or six numbers; west of it may lie east of the antimeridian."""
    west, south, east, north = (float(bbox[at]) for at in (0, 1, len(bbox) // 2, len(bbox) // 2 + 1))
    parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]  # RFC 7946, 5.2
    return MultiPolygon([box(left, south, right, north) for left, right in parts])


def _epsg(places: Iterable[Raw]) -> int | None:
    """Find the CRS, on the item or (CDSE) its assets, as `proj:code` or the older `proj:epsg`."""
    for place in places:
        for key in ("proj:code", "proj:epsg"):
            if code := re.fullmatch(r"(?:EPSG:)?(\d{4,6})(?:\.0)?", text(place.get(key)).upper()):
                return int(code[1])
    return None


def _within(value: object, low: float, high: float) -> float | None:
    """Give a number inside its range; providers write -1 for a cloud cover where they did not look."""
    told = number(value)
    return told if told is not None and low <= told <= high else None


def _sun_elevation(properties: Raw) -> float | None:
    for key in ("view:sun_elevation", "eo:sun_elevation"):
        if (elevation := _within(properties.get(key), -90, 90)) is not None:
            return elevation
    zenith = _within(properties.get("s2:mean_solar_zenith"), 0, 180)
    return None if zenith is None else 90.0 - zenith
