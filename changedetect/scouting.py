"""Before anything is read: which scenes there are over a site, how clear they are there, and what a run would read."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from changedetect import display, geotiff, tiling
from changedetect.catalog import Catalog
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError, RasterError, SceneError
from changedetect.model import Scene, Site
from changedetect.parallel import mapped
from changedetect.selection import Plan, Weighed, look, plan_site, without
from changedetect.types import WINDOW_NAMES, WindowName

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A scene over a site."""

    site_id: str
    """Which site."""
    window: WindowName
    """In which window it was taken."""
    scene: Scene
    """The scene."""
    clear_fraction: float | None
    """Share of the site that is seen, by the scene's quality band; None where that can't be read."""
    coverage: float | None
    """Share of the site that the scene has data of; None where the quality band can't be read."""

    def _repr_html_(self) -> str:
        told = {
            "site": self.site_id,
            "window": self.window,
            "sensor": self.scene.sensor,
            "day": self.scene.datetime.date(),
        }
        return display.facts_html(
            self.scene.scene_id, {**told, "clear": self.clear_fraction, "coverage": self.coverage}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scouted:
    """What there is over a site."""

    site: Site
    """Which site."""
    found: tuple[Found, ...]
    """Scenes of both windows, oldest first."""
    reason: str = ""
    """Why there are none, or none in one of the windows; empty when there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run would read for a site."""

    site: Site
    """Which site."""
    plan: Plan | None
    """Scenes chosen; None where there is nothing to read."""
    bytes_of: dict[str, int]
    """Bytes to be read of each chosen scene, by scene id."""
    reason: str = ""
    """Why there is nothing to read."""


def scout(sites: Iterable[Site], catalog: Catalog, config: RunConfig) -> Iterator[Scouted]:
    """Find the scenes over sites in both windows and look at their quality bands there.

    Raises
    ------
    ConfigError
        No dates.
    """
    config.windows()
    for site in sites:
        try:
            yield _scout(site, catalog, config)
        except ConfigError:
            raise
        except ChangeDetectError as error:
            yield Scouted(site=site, found=(), reason=str(error))


def _scout(site: Site, catalog: Catalog, config: RunConfig) -> Scouted:
    windows = config.windows()
    found = [catalog.search(site.geometry, window) for window in windows]
    grid = tiling.site_grid(site, [scene for scenes in found for scene in scenes], config.tiling)
    told: list[Found] = []
    for name, scenes in zip(WINDOW_NAMES, found, strict=True):
        for scene, seen in zip(scenes, look(scenes, grid, config), strict=True):
            if isinstance(seen, RasterError):
                log.warning("how clear %s is can't be told: %s", scene.scene_id, seen)
            told.append(_found(site, name, scene, None if isinstance(seen, RasterError) else seen))
    empty = [str(window) for window, scenes in zip(windows, found, strict=True) if not scenes]
    return Scouted(site=site, found=tuple(told), reason=f"no scene in {' nor in '.join(empty)}" if empty else "")


def _found(site: Site, window: WindowName, scene: Scene, seen: Weighed | None) -> Found:
    return Found(
        site_id=site.site_id,
        window=window,
        scene=scene,
        clear_fraction=None if seen is None else round(seen.clear_fraction, 4),
        coverage=None if seen is None else round(seen.coverage, 4),
    )


def plan_run(sites: Iterable[Site], catalog: Catalog, config: RunConfig) -> Iterator[Planned]:
    """Choose scenes for every site as a run does, and count the bytes, from quality bands and headers alone."""
    for site in sites:
        try:
            yield _planned(site, plan_site(site, catalog, config), config)
        except ConfigError:
            raise
        except ChangeDetectError as error:
            yield Planned(site=site, plan=None, bytes_of={}, reason=str(error))


def _planned(site: Site, plan: Plan, config: RunConfig) -> Planned:
    """Count bytes, and plan anew without scenes that turn out to be dead, as a run does."""
    while True:
        sizes = _bytes_of(plan, config)
        dead = [size for size in sizes.values() if isinstance(size, SceneError)]
        if not dead:
            told = {name: size for name, size in sizes.items() if isinstance(size, int)}
            return Planned(site=site, plan=plan, bytes_of=told)
        plan = without(plan, dead[0], config)


def _bytes_of(plan: Plan, config: RunConfig) -> dict[str, int | SceneError]:
    """Bytes of each chosen scene, or why it can't be read."""
    scenes = [one.scene for some in plan.chosen for one in some]
    bands = tiling.common_bands(scenes)

    def size(scene: Scene) -> int | SceneError:
        assets = (scene.qa, *(scene.bands[name] for name in bands))
        try:
            return sum(geotiff.cost(asset.href, plan.grid, index=asset.index) for asset in assets)
        except RasterError as error:
            return SceneError(f"scene {scene.scene_id}: {error}", scene_id=scene.scene_id)

    sizes = mapped(size, scenes, config.tiling.threads)
    return {scene.scene_id: told for scene, told in zip(scenes, sizes, strict=True)}
