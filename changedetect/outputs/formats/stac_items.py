"""`stac/`: a collection with an item for each site and comparison, whose links are relative: OUT can be moved.

STAC 1.1 (stacspec.org), with the extensions projection 2.0, raster 2.0, classification 2.0 and processing 1.2.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pystac
import shapely

from changedetect.model import KIND_CODES, UNKNOWN, Window
from changedetect.outputs.files import plain, write_json
from changedetect.outputs.formats.folders import whole_folder
from changedetect.outputs.formats.published import Published, PublishedSite
from changedetect.redaction import redact
from changedetect.types import WINDOW_NAMES

_EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("projection/v2.0.0", "raster/v2.0.0", "classification/v2.0.0", "processing/v1.2.0")
)
_TOLD = ("n_changes", "n_construction", "n_clearing", "area_m2", "clear_fraction", "shift", "rule", "warnings")
"""What items tell of the summary, as `changedetect:<name>`."""

_WORLD = [-180.0, -90.0, 180.0, 90.0]
_ABOUT = "What was newly built at the sites of a list between two dates, from free satellite imagery."


def write_stac(published: Published, path: Path) -> None:
    """Write `collection.json` and `<site_id>/<item id>.json` of every site that was compared.

    Where two rasters without dates were compared, an item's time is that of the comparison.

    Raises
    ------
    OutputError
        The folder can't be written, or a site's files can't be read.
    """
    with whole_folder(path) as folder:
        boxes, spans, links = [], [], [_link("root", "./collection.json")]
        for place in published.sites():
            if place.status == "failed":
                continue
            item = _item(published, place)
            name = f"{place.site.site_id}/{item.id}.json"
            write_json(folder / name, item.to_dict(include_self_link=False, transform_hrefs=False))
            links.append({**_link("item", f"./{name}"), "type": "application/geo+json"})
            boxes.append(item.bbox or _WORLD)
            spans.append(_span(place.windows) or (published.finished, published.finished))
        collection = _collection(published, boxes, spans)
        write_json(folder / "collection.json", {**collection.to_dict(include_self_link=False), "links": links})


def _collection(
    published: Published, boxes: Iterable[list[float]], spans: Iterable[tuple[datetime, datetime]]
) -> pystac.Collection:
    boxes, spans = list(boxes), list(spans)
    told: list[float] = []
    if boxes:
        # Boxes across the antimeridian have their west end beyond their east one; a union of such is the world.
        across = any(box[0] > box[2] for box in boxes)
        west, south, east, north = zip(*boxes, strict=True)
        told = [-180.0 if across else min(west), min(south), 180.0 if across else max(east), max(north)]
    first = min((span[0] for span in spans), default=published.finished)
    last = max((span[1] for span in spans), default=published.finished)
    return pystac.Collection(
        id="changedetect",
        description=_ABOUT,
        extent=pystac.Extent(pystac.SpatialExtent([told or _WORLD]), pystac.TemporalExtent([[first, last]])),
        license="other",
        keywords=["change detection", "construction"],
    )


def _item(published: Published, place: PublishedSite) -> pystac.Item:
    span, geometry = _span(place.windows), place.site.geometry
    properties = {f"changedetect:{name}": plain(place.summary.get(name)) for name in _TOLD}
    properties |= {"changedetect:status": place.status, "changedetect:site_id": place.site.site_id}
    properties |= {f"changedetect:{date}_scenes": _scene_ids(place, date) for date in WINDOW_NAMES}
    properties |= {
        "title": place.site.name,
        "processing:software": {"changedetect": published.version},
        "processing:datetime": _iso(published.finished),
        "processing:lineage": _lineage(place),
    }
    item = pystac.Item(
        id=_item_id(place),
        geometry=None if geometry.is_empty else plain(shapely.geometry.mapping(geometry)),
        bbox=None if geometry.is_empty else _bbox(geometry),
        datetime=None if span else published.finished,
        properties={name: value for name, value in properties.items() if value is not None},
        start_datetime=span[0] if span else None,
        end_datetime=span[1] if span else None,
        stac_extensions=list(_EXTENSIONS),
        collection="changedetect",
    )
    for name, asset in _assets(place):
        item.add_asset(name, asset)
    for rel in ("root", "parent", "collection"):
        item.add_link(pystac.Link(rel, "../collection.json", media_type=pystac.MediaType.JSON))
    for href in _sources(place):
        item.add_link(pystac.Link("derived_from", href, media_type=pystac.MediaType.GEOJSON))
    return item


def _item_id(place: PublishedSite) -> str:
    """The site and the first and last day that were compared: items of many runs may be put together."""
    if place.windows is None:
        return place.site.site_id
    first, last = place.windows[0].start, place.windows[1].end
    return f"{place.site.site_id}_{first:%Y%m%d}_{last:%Y%m%d}"


def _assets(place: PublishedSite) -> Iterable[tuple[str, pystac.Asset]]:
    """Assets whose files are there."""
    known: Mapping[str, tuple[str, str, str, list[str]]] = {
        "changes": ("changes.geojson", "Changes", pystac.MediaType.GEOJSON, ["data"]),
        "change_map": ("change_map.tif", "Changed, confidence and kind of every pixel", pystac.MediaType.COG, ["data"]),
        "preview": ("preview.tif", "The compared pixels of both dates", pystac.MediaType.COG, ["data"]),
        "before": ("before.png", "Before", pystac.MediaType.PNG, ["overview"]),
        "after": ("after.png", "After", pystac.MediaType.PNG, ["overview", "thumbnail"]),
        "provenance": ("provenance.json", "Scenes, decisions and statistics", pystac.MediaType.JSON, ["metadata"]),
    }
    for name, (file, title, kind, roles) in known.items():
        if not (place.folder / file).exists():
            continue
        more = _grid(place) if kind == pystac.MediaType.COG else {}
        more |= {"bands": _bands(), "data_type": "float32", "nodata": UNKNOWN} if name == "change_map" else {}
        href = f"../../sites/{quote(place.site.site_id)}/{file}"
        yield name, pystac.Asset(href, title=title, media_type=kind, roles=roles, extra_fields=more)


def _grid(place: PublishedSite) -> dict[str, Any]:
    """Where the pixels lie; nothing where the provenance does not say."""
    grid = place.provenance.get("grid") or {}
    if not str(grid.get("crs", "")).startswith("EPSG:"):
        return {}
    transform = [float(number) for number in grid["transform"]]
    told = {"proj:code": grid["crs"], "proj:shape": grid["shape"], "proj:transform": transform}
    # Degrees are no metres: the extension wants metres.
    metric = max(abs(transform[0]), abs(transform[4])) > 0.1
    return told | ({"raster:spatial_resolution": abs(transform[0])} if metric else {})


def _bands() -> list[dict[str, Any]]:
    kinds = {0: "none", **{code: kind for kind, code in KIND_CODES.items()}}
    classes = {"changed": {0: "unchanged", 1: "changed"}, "kind": kinds}
    bands: list[dict[str, Any]] = [
        {"name": "changed", "description": "whether the ground differs beyond the noise of the comparison"},
        {"name": "confidence", "description": "confidence of the object that a pixel belongs to, 0 outside objects"},
        {"name": "kind", "description": "kind of the object that a pixel belongs to"},
    ]
    for band in bands:
        if band["name"] in classes:
            known = {**classes[band["name"]], UNKNOWN: "unknown"}
            band["classification:classes"] = [
                {"value": value, "name": name, **({"nodata": True} if value == UNKNOWN else {})}
                for value, name in known.items()
            ]
    return bands


def _sources(place: PublishedSite) -> list[str]:
    """Addresses of the compared scenes' STAC items, where the provenance knows them."""
    scenes = [scene for date in WINDOW_NAMES for scene in (place.provenance.get(date) or {}).get("scenes", [])]
    return list(dict.fromkeys(redact(str(scene["item"])) for scene in scenes if scene.get("item")))


def _scene_ids(place: PublishedSite, date: str) -> list[str]:
    return [scene["id"] for scene in (place.provenance.get(date) or {}).get("scenes", [])]


def _lineage(place: PublishedSite) -> str:
    counts = ", ".join(f"{len(_scene_ids(place, date))} scenes {date}" for date in WINDOW_NAMES)
    return f"compared {counts}, detector {place.provenance.get('detector', 'unknown')}; see provenance.json"


def _span(windows: tuple[Window, Window] | None) -> tuple[datetime, datetime] | None:
    if windows is None:
        return None
    first, last = windows[0].start, windows[1].end
    return datetime.combine(first, time.min, UTC), datetime.combine(last, time(23, 59, 59), UTC)


def _bbox(geometry: shapely.geometry.base.BaseGeometry) -> list[float]:
    """West, south, east, north; west is the larger where the outline was cut at the antimeridian (RFC 7946, 5.2)."""
    parts = shapely.get_parts(geometry)
    edges = shapely.bounds(parts)
    west, south, east, north = (float(edge) for edge in geometry.bounds)
    if len(parts) > 1 and west <= -180 and east >= 180:
        return [float(edges[edges[:, 0] > 0, 0].min()), south, float(edges[edges[:, 2] < 0, 2].max()), north]
    return [west, south, east, north]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": "application/json"}
