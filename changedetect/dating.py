"""Since when each change of a site is there: the looks between and around its windows, read and put together."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import geopandas as gpd
import numpy as np
from odc.geo.geobox import GeoBox

from changedetect import tiling, timeline
from changedetect.catalog import Catalog
from changedetect.changes import CONFIDENCE_DECIMALS, DATE_COLUMNS, SURE_FIRST, counted
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError
from changedetect.grid import pixel_size_m
from changedetect.model import UNKNOWN, ChangeMap, SiteResult, Window
from changedetect.repainting import repainted
from changedetect.selection import Plan
from changedetect.series import Item, Part, date_group
from changedetect.stack import Overpass, Stack, bands_of, overpasses

log = logging.getLogger(__name__)

_GROUP_PX = 512
"""Objects within a square of this side are read together; what is found does not depend on it."""


def date_changes(result: SiteResult, plan: Plan, catalog: Catalog, config: RunConfig) -> SiteResult:
    """Add to each change since when it is there and how sure its looks make it, and to the provenance which they are.

    What can't be dated keeps its polygon, without dates and with the reason.
    """
    if not config.timeline.enabled or not len(result.changes) or result.change_map is None:
        return result
    try:
        items = _items(result, result.change_map)
        dated, told = _dated(result, items, plan, catalog, config)
    except ConfigError:
        raise
    except ChangeDetectError as error:
        log.warning("site %s: its changes are not dated: %s", result.site.site_id, error)
        return _undated(result, str(error))
    except Exception as error:
        # The polygons are done and right: no mistake made after them may cost them.
        log.exception("site %s: its changes are not dated, please report it", result.site.site_id)
        return _undated(result, f"unexpected {type(error).__name__}: {error}")
    changes = _believed(_with_dates(result.changes, dated), dated)
    kept = changes[changes["confidence"] >= config.min_confidence]
    counts = {f"n_{status}": int((kept["status"] == status).sum()) for status in ("confirmed", "reverted")}
    return replace(
        result,
        changes=kept.sort_values([*SURE_FIRST], ascending=False, kind="stable", ignore_index=True),
        change_map=repainted(result.change_map, result.changes, kept),
        summary={**result.summary, **counted(kept), **counts},
        provenance={**result.provenance, "timeline": told},
    )


def _believed(changes: gpd.GeoDataFrame, dated: Mapping[str, timeline.Dated]) -> gpd.GeoDataFrame:
    """Weigh every change by the looks at it; what was not dated keeps its confidence."""
    said = zip(changes["change_id"], changes["confidence"], strict=True)
    weighed = [timeline.believed(was, dated[change_id]) if change_id in dated else was for change_id, was in said]
    return changes.assign(confidence=np.array(weighed, dtype=np.float64).round(CONFIDENCE_DECIMALS))


def _undated(result: SiteResult, reason: str) -> SiteResult:
    warnings = "; ".join(filter(None, [result.summary.get("warnings", ""), f"changes are not dated: {reason}"]))
    return replace(
        result,
        summary={**result.summary, "warnings": warnings},
        provenance={**result.provenance, "timeline": {"reason": reason, "changes": {}}},
    )


def _with_dates(changes: gpd.GeoDataFrame, dated: Mapping[str, timeline.Dated]) -> gpd.GeoDataFrame:
    out = changes.copy()
    rows = [dated.get(change_id) for change_id in changes["change_id"]]
    for name in DATE_COLUMNS:
        values = [None if row is None else getattr(row, name) for row in rows]
        if name == "n_clear_looks":
            out[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            out[name] = np.array([None if value is None else str(value) for value in values], dtype=object)
    return out


def _dated(
    result: SiteResult, items: Sequence[Item], plan: Plan, catalog: Catalog, config: RunConfig
) -> tuple[dict[str, timeline.Dated], dict[str, Any]]:
    """Date all changes of a site, and tell how."""
    span = Window(
        start=plan.windows[0].start, end=max(plan.windows[1].end, config.timeline.until or plan.windows[1].end)
    )
    stack = Stack(*_looks(result, span, plan, catalog), config)
    dated: dict[str, timeline.Dated] = {}
    failed: dict[str, str] = {}
    for part, some in _groups(items, plan.grid, config):
        for change_id, one in date_group(part, some, stack, plan, config):
            if isinstance(one, str):
                failed[change_id] = one
            else:
                dated[change_id] = one
    reads = stack.reads
    told = {
        "span": str(span),
        "scenes": sum(len(look.scenes) for look in stack.looks),
        "scenes_read": len(reads),
        "reads": sum(reads.values()),
        "quality_bands_read_alone": stack.quality_reads,
        "changes": {change_id: _told(one, stack.bands) for change_id, one in sorted(dated.items())},
        "failed": failed,
    }
    return dated, told


def _looks(
    result: SiteResult, span: Window, plan: Plan, catalog: Catalog
) -> tuple[tuple[Overpass, ...], tuple[str, ...]]:
    """All looks of the span that have the site's bands, and those bands; what was compared is as the plan has it."""
    known = {one.scene.scene_id: one.scene for some in plan.chosen for one in some}
    bands = tiling.common_bands(list(known.values()))
    for scene in catalog.search(result.site.geometry, span):
        stood_in = any(copy.scene_id in known for copy in scene.copies)
        if scene.scene_id not in known and not stood_in and bands_of(scene, bands) is not None:
            known[scene.scene_id] = scene
    return overpasses(known.values()), bands


def _items(result: SiteResult, change_map: ChangeMap) -> list[Item]:
    quiet = (change_map.changed == 0) & ((change_map.kind == 0) | (change_map.kind == UNKNOWN))
    outlines = result.changes.to_crs(str(change_map.geobox.crs)).geometry
    return [
        Item(change_id=change_id, kind=kind, place=timeline.place_of(outline, change_map.geobox, quiet))
        for change_id, kind, outline in zip(result.changes["change_id"], result.changes["kind"], outlines, strict=True)
    ]


def _groups(items: Sequence[Item], grid: GeoBox, config: RunConfig) -> Iterator[tuple[Part, list[Item]]]:
    """Objects that lie together, and the part of the grid that holds them and the clouds that may reach them."""
    side = min(config.tiling.tile_px, _GROUP_PX)
    homes: dict[tuple[int, int], list[Item]] = {}
    for item in items:
        centre = [(part.start + part.stop) // 2 // side for part in (item.place.rows, item.place.cols)]
        homes.setdefault((centre[0], centre[1]), []).append(item)
    for home in sorted(homes):
        parts = []
        for axis, name in enumerate(("rows", "cols")):
            halo = int(np.ceil(config.prepare.cloud_dilation_m / pixel_size_m(grid)[axis]))
            spans = [getattr(item.place, name) for item in homes[home]]
            low, high = min(part.start for part in spans), max(part.stop for part in spans)
            parts.append(slice(max(low - halo, 0), min(high + halo, grid.shape[axis])))
        yield (parts[0], parts[1]), homes[home]


def _told(dated: timeline.Dated, bands: tuple[str, ...]) -> dict[str, Any]:
    """What the provenance says of a change: its dates, and every look that was read, column by column."""
    sights = dated.sights
    looks: dict[str, list[Any]] = {
        "datetime": [one.moment.isoformat() for one in sights],
        "scene_id": [one.scene_id for one in sights],
        "shows": [one.shows for one in sights],
        "share": [_short(one.share, 3) for one in sights],
        "clear_fraction": [round(one.clear_fraction, 3) for one in sights],
        "veil": [round(one.veil.opacity, 3) if one.veil.likely else 0.0 for one in sights],
    }
    for place in ("inside", "ring"):
        for at, band in enumerate(bands):
            looks[f"{place}_{band}"] = [_short(getattr(one, place)[at], 4) for one in sights]
    return {
        "status": dated.status,
        "reason": dated.reason,
        **{name: getattr(dated, name) for name in ("last_clear_without", "first_seen", "confirmed_on", "gone_on")},
        "n_clear_looks": dated.n_clear_looks,
        "phases": [asdict(phase) for phase in dated.phases],
        "looks": looks,
    }


def _short(value: float, decimals: int) -> float | None:
    """A rounded number; None where it is not known."""
    return round(float(value), decimals) if np.isfinite(value) else None
