"""One site, from its scenes (or two rasters) to its changes: a recipe that can be read aloud."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath
from typing import Any

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from changedetect import tiling
from changedetect.allowance import within_allowance
from changedetect.catalog import Catalog, item_url
from changedetect.changes import counted, empty_changes
from changedetect.comparison import change_map, changes_frame, choose, read_both_ways
from changedetect.config import RunConfig
from changedetect.dating import date_changes
from changedetect.diff import Levels
from changedetect.errors import PairError, SceneError
from changedetect.geotiff import held_open
from changedetect.ground import Ground, ground_of_rasters, ground_of_scenes, levelled, looked_over, matched
from changedetect.lonlat import footprint, polygons_of
from changedetect.memory import give_back
from changedetect.model import Scene, Site, SiteResult, Window
from changedetect.prepare import Alignment, Sharpness, harmonising
from changedetect.quality import assess, lowered
from changedetect.reasons import decided, objects_weighed
from changedetect.redaction import redact
from changedetect.scene_reader import SceneReader
from changedetect.selection import Plan, Weighed, plan_scenes, plan_site, without
from changedetect.types import WINDOW_NAMES
from changedetect.unmasked import cleared


def run_site(site: Site, catalog: Catalog, config: RunConfig, plan: Plan | None = None) -> SiteResult:
    """Find what changed at a site between two windows of scenes; by a plan of `plan_site` where one is made already.

    Raises
    ------
    ChangeDetectError
        No scene in a window, nothing clear, unreadable pixels: one line each.
    """
    plan = plan_site(site, catalog, config) if plan is None else plan
    reader = SceneReader(config)
    while True:
        before, after = ([one.scene for one in some] for some in plan.chosen)
        ground = ground_of_scenes(plan.grid, before, after, config, reader)
        try:
            result = _compare(site, ground, config, _sources(plan), (before, after))
            dated = date_changes(_accounted(result, reader, [*before, *after]), plan, catalog, config)
            return within_allowance(dated, config)
        except SceneError as error:
            plan = without(plan, error, config)


def compare_rasters(before: str, after: str, config: RunConfig) -> SiteResult:
    """Find what changed between two rasters with named bands; the site is where they overlap.

    Raises
    ------
    ChangeDetectError
        A raster can't be read, they don't overlap, or their bands can't be matched.
    """
    rasters = tiling.open_rasters(before, after)
    names = [PurePath(redact(href)).name for href in (before, after)]
    site = _between([PurePath(name).stem for name in names], names, footprint(rasters.geobox))
    ground, clouds = cleared(ground_of_rasters(rasters, config), config)
    sources: dict[str, dict[str, Any]] = {
        date: {"raster": name, "clouds": asdict(clouds[date]) if date in clouds else None}
        for date, name in zip(WINDOW_NAMES, names, strict=True)
    }
    return within_allowance(_compare(site, ground, config, sources), config)


def compare_scenes(before: Scene, after: Scene, config: RunConfig) -> SiteResult:
    """Find what changed between two scenes; the site is where they overlap.

    Raises
    ------
    ChangeDetectError
        They don't overlap or share too few bands, nothing is clear, or a scene can't be read.
    """
    shared = polygons_of(before.footprint.intersection(after.footprint))
    names = [before.scene_id, after.scene_id]
    if shared.is_empty:
        msg = f"{names[0]} and {names[1]} do not overlap: give two dates of the same place"
        raise PairError(msg)
    site = _between(names, names, shared)
    windows = [Window(start=scene.datetime.date(), end=scene.datetime.date()) for scene in (before, after)]
    plan = plan_scenes(site, (before, after), (windows[0], windows[1]), config)
    chosen = [[one.scene for one in some] for some in plan.chosen]
    reader = SceneReader(config)
    ground = ground_of_scenes(plan.grid, chosen[0], chosen[1], config, reader)
    result = _compare(site, ground, config, _sources(plan), (chosen[0], chosen[1]))
    return within_allowance(_accounted(result, reader, [*chosen[0], *chosen[1]]), config)


def _accounted(result: SiteResult, reader: SceneReader, scenes: Sequence[Scene]) -> SiteResult:
    """The result with what was decided about the pixels of each scene."""
    looks = {one.scene_id: asdict(one) for one in reader.accounts}
    notes = list(harmonising(scenes).notes)
    return replace(result, provenance={**result.provenance, "looks": looks, "harmonising": notes})


def _between(parts: Sequence[str], names: Sequence[str], geometry: BaseGeometry) -> Site:
    """The site of two dates: named after them, with an id that can be a folder."""
    site_id = "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-._") or "raster" for part in parts)
    return Site(site_id=site_id[:100], name=f"{names[0]} to {names[1]}", geometry=geometry)


def _compare(
    site: Site,
    ground: Ground,
    config: RunConfig,
    sources: Mapping[str, Mapping[str, Any]],
    scenes: tuple[Sequence[Scene], Sequence[Scene]] = ((), ()),
) -> SiteResult:
    with held_open():
        ground, matching = matched(ground, config)
        picture, sample = looked_over(ground, config)
    ground, levels = levelled(ground, picture, config)
    forward, backward = read_both_ways(ground, config, sample if levels is None or levels.off is None else None)
    del sample
    quality = assess(forward, picture, scenes, matching.alignment, matching.blur_left_px)
    forward, backward = (lowered(reading, quality.confidence_factor) for reading in (forward, backward))
    chosen = choose(forward, backward, ground, config)
    dates = (sources["before"].get("window"), sources["after"].get("window"))
    changes = empty_changes() if quality.poor else changes_frame(site, chosen, ground, dates)
    told = {
        "clear_fraction": float(forward.layers.known.mean()),
        "rule": "settled" if forward.settled else "restless",
        "purity": forward.purity,
    }
    give_back()
    return SiteResult(
        site=site,
        status="poor" if quality.poor else "ok",
        reason=quality.reason,
        changes=changes,
        change_map=replace(change_map(forward, chosen, ground), decisions=decided(forward, backward)),
        preview=picture,
        summary={
            "before": dates[0],
            "after": dates[1],
            **counted(changes),
            "before_scenes": len(sources["before"].get("scenes", [None])),
            "after_scenes": len(sources["after"].get("scenes", [None])),
            "shift": _shift_px(matching.alignment),
            "season_gap_d": quality.season_gap_d,
            "noise": quality.visible_noise,
            "warnings": "; ".join(quality.warnings),
            **told,
        },
        provenance={
            **sources,
            "grid": _grid(ground.grid),
            "bands": list(picture.bands),
            "calibrated": ground.calibrated,
            **{
                name: _record(part)
                for name, part in (("alignment", matching.alignment), ("sharpness", matching.sharpness))
            },
            "levels": _record(levels),
            "radiometry": [asdict(band) for band in forward.fitted.radiometry],
            "quality": asdict(quality),
            "objects": objects_weighed(forward, backward, quality.confidence_factor, config),
            "rank_correlation": forward.fitted.correlation,
            "detector": config.diff.detector,
            **told,
        },
    )


def _record(part: Alignment | Sharpness | Levels | None) -> dict[str, Any] | None:
    return None if part is None else asdict(part)


def _shift_px(alignment: Alignment | None) -> float | None:
    """Length of the shift between the dates, pixels; None where it is not known."""
    return None if alignment is None or alignment.measured is None else alignment.measured.shift.length_px


def _grid(grid: GeoBox) -> dict[str, Any]:
    return {"crs": str(grid.crs), "shape": list(grid.shape), "transform": list(grid.affine)[:6]}


def _sources(plan: Plan) -> dict[str, dict[str, Any]]:
    """What is told of either date: its window, the scenes read, and how many were not."""
    told: dict[str, dict[str, Any]] = {}
    for name, window, weighed, chosen in zip(WINDOW_NAMES, plan.windows, plan.weighed, plan.chosen, strict=True):
        scenes = [_told(one) for one in chosen]
        told[name] = {"window": str(window), "scenes": scenes, "scenes_not_needed": len(weighed) - len(chosen)}
    return told


def _told(weighed: Weighed) -> dict[str, Any]:
    scene = weighed.scene
    return {
        "id": scene.scene_id,
        "catalog": scene.catalog,
        "item": item_url(scene),
        "sensor": scene.sensor,
        "datetime": scene.datetime.isoformat(),
        "cloud_cover": scene.cloud_cover,
        "clear_fraction": round(weighed.clear_fraction, 4),
        "coverage": round(weighed.coverage, 4),
        "sun_elevation_deg": scene.sun_elevation_deg,
        "decisions": list(scene.notes),
    }
