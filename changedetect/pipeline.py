"""One site, from its scenes (or two rasters) to its changes: a recipe that can be read aloud."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odc.geo.geobox import GeoBox

from changedetect import tiling
from changedetect.catalog import Catalog
from changedetect.comparison import change_map, changes_frame, choose, read_both_ways
from changedetect.config import RunConfig
from changedetect.errors import NoScenesError
from changedetect.ground import Ground, ground_of_rasters, ground_of_scenes, preview
from changedetect.lonlat import footprint
from changedetect.model import UNKNOWN, Scene, Site, SiteResult, Window


def run_site(site: Site, catalog: Catalog, config: RunConfig) -> SiteResult:
    """Find what changed at a site between two windows of scenes.

    Raises
    ------
    ChangeDetectError
        No scene in a window, nothing clear, unreadable pixels: one line each.
    """
    windows = config.windows()
    before, after = (find_scenes(site, catalog, window, config.prepare.max_cloud_cover) for window in windows)
    grid = tiling.site_grid(site, [*before, *after], config.tiling)
    ground = ground_of_scenes(grid, before, after, config)
    sources = {"before": _told(windows[0], before), "after": _told(windows[1], after)}
    return _compare(site, ground, config, sources)


def compare_rasters(before: Path, after: Path, config: RunConfig) -> SiteResult:
    """Find what changed between two rasters with named bands; the site is where they overlap.

    Raises
    ------
    ChangeDetectError
        A raster can't be read, they don't overlap, or their bands can't be matched.
    """
    rasters = tiling.open_rasters(before, after)
    site_id = "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", path.stem).strip("-._") or "raster" for path in (before, after))
    site = Site(site_id=site_id[:100], name=f"{before.name} to {after.name}", geometry=footprint(rasters.geobox))
    sources = {"before": {"raster": before.name}, "after": {"raster": after.name}}
    return _compare(site, ground_of_rasters(rasters, config), config, sources)


def find_scenes(site: Site, catalog: Catalog, window: Window, max_cloud_cover: float) -> tuple[Scene, ...]:
    """Scenes of a window over a site, oldest first; `NoScenesError` when none is clear enough."""
    scenes = catalog.search(site.geometry, window)
    fit = tuple(scene for scene in scenes if scene.cloud_cover is None or scene.cloud_cover <= max_cloud_cover)
    if not fit:
        cloudy = f", but {len(scenes)} with more than {max_cloud_cover:g} % cloud" if scenes else ""
        msg = f"no scene over the site in {window}{cloudy}: widen the window or ask another catalog"
        raise NoScenesError(msg)
    return fit


def _compare(site: Site, ground: Ground, config: RunConfig, sources: Mapping[str, Mapping[str, Any]]) -> SiteResult:
    forward, backward = read_both_ways(ground, config)
    chosen = choose(forward, backward, ground, config)
    dates = (sources["before"].get("window"), sources["after"].get("window"))
    changes = changes_frame(site, chosen, ground, dates)
    picture = preview(ground)
    told = {
        "clear_fraction": float((forward.layers.changed != UNKNOWN).mean()),
        "rule": "settled" if forward.settled else "restless",
        "purity": forward.purity,
    }
    counts = {f"n_{kind}": int((changes["kind"] == kind).sum()) for kind in ("construction", "clearing")}
    return SiteResult(
        site=site,
        status="ok",
        changes=changes,
        change_map=change_map(forward, chosen, ground),
        preview=picture,
        summary={
            "before": dates[0],
            "after": dates[1],
            "n_changes": len(changes),
            **counts,
            "area_m2": float(changes["area_m2"].sum()),
            "before_scenes": len(sources["before"].get("scenes", [None])),
            "after_scenes": len(sources["after"].get("scenes", [None])),
            **told,
        },
        provenance={
            **sources,
            "grid": _grid(ground.grid),
            "bands": list(picture.bands),
            "calibrated": ground.calibrated,
            "rank_correlation": forward.fitted.correlation,
            "detector": config.diff.detector,
            **told,
        },
    )


def _grid(grid: GeoBox) -> dict[str, Any]:
    return {"crs": str(grid.crs), "shape": list(grid.shape), "transform": list(grid.affine)[:6]}


def _told(window: Window, scenes: tuple[Scene, ...]) -> dict[str, Any]:
    return {
        "window": str(window),
        "scenes": [
            {
                "id": scene.scene_id,
                "sensor": scene.sensor,
                "datetime": scene.datetime.isoformat(),
                "cloud_cover": scene.cloud_cover,
                "sun_elevation_deg": scene.sun_elevation_deg,
                "decisions": list(scene.notes),
            }
            for scene in scenes
        ],
    }
