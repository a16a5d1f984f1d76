"""From a STAC item, as any provider writes it, to a `Scene`.

What providers' items look like and where they mislead: Earth Search v1 (Element84/earth-search issues 25, 66, 71),
Planetary Computer, CDSE and LandsatLook items, STAC 1.0 and 1.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import antimeridian
import pystac
from shapely import make_valid
from shapely.errors import ShapelyError
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.calibration import Raw, baseline, calibration, declared, first_of
from changedetect.errors import CatalogError
from changedetect.model import BandAsset, Scene
from changedetect.sensors import SENSORS, Sensor

MIN_BANDS = 3
"""A scene with fewer reflectance bands can't be compared with anything."""

_SAME_PASS_S = 60.0
"""Copies of one acquisition agree to a second; the satellite meets the tile again after 99 minutes at the earliest."""

_COPY_OVERLAP = 0.5
"""Share of the smaller footprint that copies of one acquisition have in common, at least."""

_HALF_WORLD_DEG = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A scene, with what tells reprocessed copies of one acquisition apart."""

    scene: Scene
    """What the item became."""
    place: tuple[str, ...]
    """Sensor, platform and tile (or path and row, or footprint)."""
    rank: tuple[Any, ...]
    """Sorts copies of one acquisition by processing, the newest last."""


def scene_from_item(item: pystac.Item | Raw) -> Scene:
    """Read a STAC item: which sensor, where each band lies, how its numbers become reflectance.

    Sentinel-2's offset is decided by processing baseline and flag, whatever the asset declares; Landsat's scale and
    offset are Collection 2 constants. The decision is written down in `Scene.notes`.

    Raises
    ------
    CatalogError
        The item is no surface reflectance scene of a known sensor, or lacks what reading it needs.
    """
    return entry_from_item(item).scene


def entry_from_item(item: pystac.Item | Raw) -> Entry:
    """Read a STAC item as `scene_from_item` does, and say which acquisition it is and how newly processed."""
    raw = _raw(item)
    name = str(raw.get("id"))
    properties: Raw = raw.get("properties") or {}
    assets: Raw = raw.get("assets") or {}
    sensor = _sensor(name, properties)
    keys = {common: key for common, names in sensor.assets.items() if (key := first_of(names, assets))}
    qa_key = first_of(sensor.qa_assets, assets)
    if len(keys) < MIN_BANDS or qa_key is None:
        msg = (
            f"item {name} is no {sensor.title} scene: it has {len(keys)} of the reflectance bands {[*sensor.assets]}"
            f" and {'no' if qa_key is None else 'a'} quality band {'/'.join(sensor.qa_assets)}"
        )
        raise CatalogError(msg)
    scale, offset, notes = calibration(raw, sensor, [assets[key] for key in keys.values()])
    scene = Scene(
        scene_id=name,
        sensor=sensor.name,
        datetime=_moment(name, properties),
        footprint=_footprint(name, raw),
        bands={
            common: BandAsset(href=_href(name, assets, key), scale=scale, offset=offset, nodata=sensor.nodata)
            for common, key in keys.items()
        },
        qa=BandAsset(href=_href(name, assets, qa_key), nodata=declared(assets[qa_key], "nodata")),
        epsg=_epsg([properties, *(assets[key] for key in keys.values())]),
        collection=str(raw.get("collection") or ""),
        cloud_cover=_percent(properties.get("eo:cloud_cover")),
        sun_elevation_deg=_sun_elevation(properties),
        notes=notes,
    )
    place = (sensor.name, _platform(properties), _tile(properties, scene.footprint))
    processed = str(properties.get("s2:generation_time") or properties.get("created") or "")
    return Entry(scene=scene, place=place, rank=(baseline(raw) or (0, 0), "_RT" not in name, processed, name))


def newest(entries: Iterable[Entry]) -> tuple[Scene, ...]:
    """Keep the newest processing of every acquisition, oldest acquisition first."""
    kept: list[Scene] = []
    for _, group in groupby(sorted(entries, key=_place_and_time), key=lambda entry: entry.place):
        best: Entry | None = None
        for entry in group:
            apart = best is None or not _copies(best.scene, entry.scene)
            if best is not None and apart:
                kept.append(best.scene)
            if best is None or apart or entry.rank > best.rank:
                best = entry
        if best is not None:
            kept.append(best.scene)
    return tuple(sorted(kept, key=lambda scene: (scene.datetime, scene.scene_id)))


def _copies(one: Scene, other: Scene) -> bool:
    """Whether two scenes of one satellite and tile are one acquisition: not two halves of a tile cut by a datastrip."""
    if abs((one.datetime - other.datetime).total_seconds()) > _SAME_PASS_S:
        return False
    smaller = min(one.footprint.area, other.footprint.area)
    return bool(one.footprint.intersection(other.footprint).area >= _COPY_OVERLAP * smaller)


def _place_and_time(entry: Entry) -> tuple[Any, ...]:
    return (entry.place, entry.scene.datetime, entry.scene.scene_id)


def _raw(item: pystac.Item | Raw) -> Raw:
    """Give the item's JSON with absolute asset hrefs."""
    if not isinstance(item, pystac.Item):
        return item
    raw: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    for key, asset in item.assets.items():
        raw["assets"][key]["href"] = asset.get_absolute_href() or asset.href
    return raw


def _sensor(name: str, properties: Raw) -> Sensor:
    """Decide the sensor generation by platform, and that the product is surface reflectance."""
    platform = _platform(properties)
    if platform.startswith("sentinel-2") or _plain(properties.get("constellation")) == "sentinel-2":
        product = str(properties.get("s2:product_type") or properties.get("product:type") or "")
        if "1C" in product:
            msg = f"item {name} is {product}, top of atmosphere: use the L2A collection"
            raise CatalogError(msg)
        return SENSORS["sentinel-2-l2a"]
    generation = {"4": "4-7", "5": "4-7", "7": "4-7", "8": "8-9", "9": "8-9"}.get(platform.removeprefix("landsat-"))
    if not platform.startswith("landsat-") or generation is None:
        msg = f"item {name} is of platform {platform or 'unknown'!r}, not one of Sentinel-2 and Landsat 4, 5, 7, 8, 9"
        raise CatalogError(msg)
    level = str(properties.get("landsat:correction") or name)
    if "L2S" not in level or not ("_02_" in name or str(properties.get("landsat:collection_number")) == "02"):
        msg = f"item {name} is not Landsat Collection 2 Level 2 (L2SP or L2SR): use the landsat-c2-l2 collection"
        raise CatalogError(msg)
    return SENSORS[f"landsat-{generation}-c2-l2"]


def _plain(value: object) -> str:
    """Lower case with hyphens: providers write `Sentinel-2A`, `sentinel 2`, `LANDSAT_8`."""
    return str(value or "").strip().lower().replace(" ", "-").replace("_", "-")


def _platform(properties: Raw) -> str:
    return _plain(properties.get("platform"))


def _tile(properties: Raw, footprint: BaseGeometry) -> str:
    """Name the MGRS tile or path and row, else the footprint to a hundredth of a degree."""
    if code := properties.get("grid:code") or properties.get("s2:mgrs_tile"):
        return str(code).removeprefix("MGRS-")
    if path := properties.get("landsat:wrs_path"):
        return f"{int(path):03d}{int(properties.get('landsat:wrs_row') or 0):03d}"
    mgrs = [properties.get(f"sentinel:{part}") for part in ("utm_zone", "latitude_band", "grid_square")]
    if all(mgrs):
        return "".join(str(part) for part in mgrs)
    return " ".join(f"{edge:.2f}" for edge in footprint.bounds)


def _href(name: str, assets: Raw, key: str) -> str:
    href = assets[key].get("href")
    if not href:
        msg = f"item {name} has no href in its asset {key!r}: the catalog is damaged, ask its provider"
        raise CatalogError(msg)
    return str(href)


def _moment(name: str, properties: Raw) -> datetime:
    text = str(properties.get("datetime") or properties.get("start_datetime") or "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"item {name} has no acquisition time a reader knows ({text!r}): 'datetime' must be ISO 8601"
        raise CatalogError(msg) from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _footprint(name: str, raw: Raw) -> BaseGeometry:
    try:
        geometry = raw.get("geometry")
        if geometry is None:
            edges = raw["bbox"]
            return box(edges[0], edges[1], edges[len(edges) // 2], edges[len(edges) // 2 + 1])
        footprint = shape(geometry)
        west, _, east, _ = footprint.bounds
        if east - west > _HALF_WORLD_DEG:  # crosses the antimeridian uncut, and would cover the world the other way
            footprint = shape(antimeridian.fix_shape(geometry, fix_winding=True))
        return footprint if footprint.is_valid else make_valid(footprint)
    except (ShapelyError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        msg = f"item {name} has no usable footprint ({type(error).__name__}: {error}): 'geometry' must be a polygon"
        raise CatalogError(" ".join(msg.split())) from error


def _epsg(places: Iterable[Raw]) -> int | None:
    """Find the CRS, on the item or (CDSE) its assets, as `proj:code` or the older `proj:epsg`."""
    for place in places:
        code = str(place.get("proj:code") or place.get("proj:epsg") or "").upper().removeprefix("EPSG:")
        if code.isdigit():
            return int(code)
    return None


def _percent(value: object) -> float | None:
    """Give a cloud cover; providers write -1 where they did not look."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 100 else None


def _sun_elevation(properties: Mapping[str, Any]) -> float | None:
    if (elevation := properties.get("view:sun_elevation")) is not None:
        return float(elevation)
    zenith = properties.get("s2:mean_solar_zenith")
    return None if zenith is None else 90.0 - float(zenith)
