"""Before anything is read: which scenes there are over a site, how clear they are there, and what a run would read."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from changedetect import geotiff, tiling
from changedetect.catalog import Catalog
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError, RasterError
from changedetect.model import BandAsset, Scene, Site
from changedetect.parallel import mapped
from changedetect.selection import Plan, look, plan_site
from changedetect.types import WindowName

log = logging.getLogger(__name__)

WINDOW_NAMES: tuple[WindowName, WindowName] = ("before", "after")
"""The two windows of a comparison, in order of time."""


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


def scout(sites: Iterable[Site], catalog: Catalog, config: RunConfig) -> Iterator[Found]:
    """Find the scenes over sites in both windows and look at their quality bands there, oldest first.

    Raises
    ------
    ConfigError
        No dates.
    CatalogError
        No catalog can be asked.
    """
    windows = config.windows()
    for site in sites:
        found = [catalog.search(site.geometry, window) for window in windows]
        grid = tiling.site_grid(site, [scene for scenes in found for scene in scenes], config.tiling)
        for name, scenes in zip(WINDOW_NAMES, found, strict=True):
            for scene, seen in zip(scenes, look(scenes, grid, config), strict=True):
                told = None if isinstance(seen, RasterError) else seen
                if isinstance(seen, RasterError):
                    log.warning("how clear %s is can't be told: %s", scene.scene_id, seen)
                yield Found(
                    site_id=site.site_id,
                    window=name,
                    scene=scene,
                    clear_fraction=None if told is None else round(told.clear_fraction, 4),
                    coverage=None if told is None else round(told.coverage, 4),
                )


def plan_run(sites: Iterable[Site], catalog: Catalog, config: RunConfig) -> Iterator[Planned]:
    """Choose scenes for every site as a run does, and count the bytes, from quality bands and headers alone."""
    for site in sites:
        try:
            plan = plan_site(site, catalog, config)
            yield Planned(site=site, plan=plan, bytes_of=_bytes_of(plan, config))
        except ConfigError:
            raise
        except ChangeDetectError as error:
            yield Planned(site=site, plan=None, bytes_of={}, reason=str(error))


def _bytes_of(plan: Plan, config: RunConfig) -> dict[str, int]:
    scenes = [one.scene for some in plan.chosen for one in some]
    bands = tiling.common_bands(scenes)
    assets = [(scene, asset) for scene in scenes for asset in (scene.qa, *(scene.bands[name] for name in bands))]

    def size(one: tuple[Scene, BandAsset]) -> int:
        return geotiff.cost(one[1].href, plan.grid, index=one[1].index)

    total = dict.fromkeys((scene.scene_id for scene in scenes), 0)
    for (scene, _), bytes_ in zip(assets, mapped(size, assets, config.tiling.threads), strict=True):
        total[scene.scene_id] += bytes_
    return total
