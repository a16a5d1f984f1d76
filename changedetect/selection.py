"""Which scenes of a site are read: found, weighed by their quality bands over the site, chosen, replaced when dead."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from odc.geo.geobox import GeoBox

from changedetect import prepare, tiling
from changedetect.catalog import Catalog
from changedetect.config import RunConfig
from changedetect.errors import NoScenesError, SceneError
from changedetect.journal import note
from changedetect.model import Scene, Site, Window, same_pass
from changedetect.parallel import mapped
from changedetect.scenes import next_copy
from changedetect.seasons import day_of_year, days_apart, season_targets
from changedetect.sensors import COMMON_BANDS, SENSORS
from changedetect.types import BoolArray

log = logging.getLogger(__name__)

_WEIGHED_PX = 512
"""Clear fractions are counted on at most this many pixels a side."""
_WORTH_READING = 0.01
"""A scene is read when it adds a clear look to at least this share of the site."""
_EQUALLY_CLEAR = 0.05
"""Steps of clear fraction."""
_SEEN_ENOUGH = 0.5
"""A finer sensor is preferred when it sees at least this share of the site on both dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A scene and what its quality band says of the site."""

    scene: Scene
    """The scene, or a copy of it that can be read."""
    clear: BoolArray
    """(y, x) True where the ground is seen, on the thinned grid of the site."""
    coverage: float
    """Share of the site that the scene has data of."""

    @property
    def clear_fraction(self) -> float:
        """Share of the site that is seen."""
        return float(self.clear.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be read for a site."""

    grid: GeoBox
    """The site's grid."""
    windows: tuple[Window, Window]
    """Before and after."""
    weighed: tuple[tuple[Weighed, ...], tuple[Weighed, ...]]
    """All usable scenes of either window, the clearest first."""
    chosen: tuple[tuple[Weighed, ...], tuple[Weighed, ...]]
    """Those to be read, oldest first."""

    @property
    def seen(self) -> float:
        """Share of the site that has a clear look on both dates."""
        both = [np.any([one.clear for one in some], axis=0) for some in self.chosen if some]
        return float(np.logical_and(*both).mean()) if len(both) == len(self.chosen) else 0.0


def find_scenes(site: Site, catalog: Catalog, window: Window, max_cloud_cover: float) -> tuple[Scene, ...]:
    """Scenes of a window over a site, oldest first; `NoScenesError` when none is clear enough."""
    scenes = catalog.search(site.geometry, window)
    fit = tuple(scene for scene in scenes if scene.cloud_cover is None or scene.cloud_cover <= max_cloud_cover)
    if not fit:
        cloudy = f", but {len(scenes)} with more than {max_cloud_cover:g} % cloud" if scenes else ""
        msg = f"no scene over the site in {window}{cloudy}: widen the window or ask another catalog"
        raise NoScenesError(msg)
    return fit


def plan_site(site: Site, catalog: Catalog, config: RunConfig) -> Plan:
    """Find the scenes of both windows, look at their quality bands over the site, and choose.

    The finest sensor that sees the site on both dates is used alone; a coarser one, or a mixture, only where it does
    not.

    Raises
    ------
    NoScenesError
        A window has no scene, or none that shows the site.
    """
    windows = config.windows()
    found = [find_scenes(site, catalog, window, config.prepare.max_cloud_cover) for window in windows]
    targets = season_targets(windows, site.geometry.centroid.y)
    best: Plan | None = None
    refusal: NoScenesError | None = None
    for group in _groups(*found):
        before, after = _with_usual_bands(group)
        grid = tiling.site_grid(site, [*before, *after], config.tiling)
        try:
            weighed = (weigh(before, grid, targets[0], config), weigh(after, grid, targets[1], config))
            plan = _choose(Plan(grid=grid, windows=windows, weighed=weighed, chosen=((), ())), config)
        except NoScenesError as error:
            refusal = refusal or error
            continue
        if plan.seen >= _SEEN_ENOUGH:
            return plan
        best = plan if best is None or plan.seen > best.seen else best
    if best is None:
        raise refusal or NoScenesError("no scene")
    return best


def plan_scenes(site: Site, scenes: tuple[Scene, Scene], windows: tuple[Window, Window], config: RunConfig) -> Plan:
    """Plan a comparison of two given scenes.

    Raises
    ------
    NoScenesError
        One can't be read, or does not show the site.
    """
    grid = tiling.site_grid(site, scenes, config.tiling)
    first, second = (weigh([scene], grid, day_of_year(scene.datetime), config) for scene in scenes)
    return _choose(Plan(grid=grid, windows=windows, weighed=(first, second), chosen=((), ())), config)


def _groups(before: Sequence[Scene], after: Sequence[Scene]) -> Iterator[tuple[Sequence[Scene], Sequence[Scene]]]:
    """Scenes of sensors of one pixel size, the finest first, where both windows have some; then all together."""
    sizes = sorted({SENSORS[scene.sensor].gsd_m for scene in (*before, *after)})
    for size in sizes:
        group = [[scene for scene in some if SENSORS[scene.sensor].gsd_m == size] for some in (before, after)]
        if all(group):
            yield group[0], group[1]
    if len(sizes) > 1:
        yield before, after


def look(scenes: Sequence[Scene], grid: GeoBox, config: RunConfig) -> list[Weighed | SceneError]:
    """Read the quality bands over a site, thinned, and count what is clear; an error where one can't be read."""
    step = -(-max(grid.shape) // _WEIGHED_PX)
    thin = grid if step == 1 else grid.zoom_out(step)
    tiles = tiling.read_scenes(scenes, thin, (), config.tiling.threads)
    return [
        tile
        if isinstance(tile, SceneError)
        else Weighed(scene=tile.scene, clear=prepare.clear_sky(tile, config.prepare), coverage=float(tile.valid.mean()))
        for tile in tiles
    ]


def _with_usual_bands(
    group: tuple[Sequence[Scene], Sequence[Scene]],
) -> tuple[Sequence[Scene], Sequence[Scene]]:
    """Leave out scenes that lack a band which most have: it would be lost for all. Not the last of a window."""
    scenes = [scene for some in group for scene in some]
    has = {scene.scene_id: _comparable(scene) for scene in scenes}
    usual = {name for name in COMMON_BANDS if 2 * sum(name in bands for bands in has.values()) > len(scenes)}
    kept: list[Sequence[Scene]] = []
    for some in group:
        whole = [scene for scene in some if usual <= has[scene.scene_id]]
        kept.append(whole or some)
        for scene in some if whole else ():
            if scene not in whole:
                text = f"left out: scene {scene.scene_id} lacks {', '.join(sorted(usual - has[scene.scene_id]))}"
                log.warning("%s", text)
                note(text)
    return kept[0], kept[1]


def _comparable(scene: Scene) -> set[str]:
    """Bands of a scene by the names they are compared under: `nir08` stands in for `nir`."""
    return {"nir" if name == "nir08" else name for name in scene.bands}


def weigh(scenes: Sequence[Scene], grid: GeoBox, target: int, config: RunConfig) -> tuple[Weighed, ...]:
    """Look at scenes over a site; the clearest first, of equally clear ones that nearest to a day of the year.

    A scene whose quality band is dead is replaced by its copy, or left out, which the journal says.

    Raises
    ------
    NoScenesError
        No quality band can be read.
    """
    weighed: list[Weighed] = []
    failure: SceneError | None = None
    todo = list(scenes)
    while todo:
        seen = look(todo, grid, config)
        weighed += [one for one in seen if isinstance(one, Weighed)]
        dead = [(scene, one) for scene, one in zip(todo, seen, strict=True) if isinstance(one, SceneError)]
        failure = failure or next((error for _, error in dead), None)
        if not weighed and not any(scene.copies for scene, _ in dead):
            break  # nothing can be read: said once, below
        todo = [copy for scene, error in dead if (copy := _copy_of(scene, error))]
    if not weighed and failure is not None:
        msg = f"none of {len(scenes)} scenes can be read: {failure}"
        raise NoScenesError(msg)
    epsg = grid.crs.epsg if grid.crs is not None else None

    def rank(one: Weighed) -> tuple[int, bool, float, str]:
        clear = -round(one.clear_fraction / _EQUALLY_CLEAR)
        off_season = days_apart(day_of_year(one.scene.datetime), target)
        return clear, one.scene.epsg != epsg, off_season, one.scene.scene_id

    return tuple(sorted(weighed, key=rank))


def _copy_of(scene: Scene, error: SceneError) -> Scene | None:
    copy = next_copy(scene, str(error), "left out")
    if copy is not None:
        log.warning("%s; reading %s of %s instead", error, copy.scene_id, copy.catalog or copy.collection)
    return copy


def _choose(plan: Plan, config: RunConfig) -> Plan:
    """Choose for both windows, and have doubted offsets decided by pixels."""
    weighed = [list(some) for some in plan.weighed]
    chosen: list[tuple[Weighed, ...]] = []
    for window, some in zip(plan.windows, weighed, strict=True):
        last: SceneError | None = None
        while True:
            taken = choose_looks(some, config.prepare.looks)
            if not some and last is not None:
                msg = f"no scene in {window} can be read; the last: {last}"
                raise NoScenesError(msg)
            if not taken:
                best = max((one.clear_fraction for one in some), default=0.0)
                msg = (
                    f"none of {len(some)} scenes in {window} shows the site: the clearest sees {best:.0%} of it; widen"
                    " the window"
                )
                raise NoScenesError(msg)
            settled = mapped(_settled, [one.scene for one in taken], config.tiling.threads)
            dead = [one for one in settled if isinstance(one, SceneError)]
            for one in dead:
                _replace(some, one)
                last = one
            if not dead:
                by_id = {scene.scene_id: scene for scene in settled if isinstance(scene, Scene)}
                some[:] = [replace(one, scene=by_id.get(one.scene.scene_id, one.scene)) for one in some]
                taken = [one for one in some if one.scene.scene_id in by_id]
                chosen.append(tuple(sorted(taken, key=lambda one: (one.scene.datetime, one.scene.scene_id))))
                break
    return replace(plan, weighed=(tuple(weighed[0]), tuple(weighed[1])), chosen=(chosen[0], chosen[1]))


def _settled(scene: Scene) -> Scene | SceneError:
    try:
        return tiling.settle_offset(scene)
    except SceneError as error:
        return error


def _replace(weighed: list[Weighed], error: SceneError) -> None:
    """Put a dead scene's copy in its place, or take it out."""
    for number, one in enumerate(weighed):
        if one.scene.scene_id == error.scene_id:
            copy = _copy_of(one.scene, error)
            weighed[number : number + 1] = [replace(one, scene=copy)] if copy else []
            return


def without(plan: Plan, error: SceneError, config: RunConfig) -> Plan:
    """The plan when a scene turns out to be dead: its copy instead, or the next best scenes.

    Raises
    ------
    NoScenesError
        Nothing is left that shows the site.
    """
    weighed = [list(some) for some in plan.weighed]
    for some in weighed:
        _replace(some, error)
    for window, some, before in zip(plan.windows, weighed, plan.weighed, strict=True):
        if before and not some:
            msg = f"no scene in {window} can be read; the last: {error}"
            raise NoScenesError(msg)
    return _choose(replace(plan, weighed=(tuple(weighed[0]), tuple(weighed[1]))), config)


def choose_looks(weighed: Sequence[Weighed], looks: int) -> list[Weighed]:
    """Take scenes, in their order, until every pixel has `looks` clear looks; those that would add next to none stay.

    Scenes of one pass are one look where they overlap.
    """
    taken: list[Weighed] = []
    count: np.ndarray[tuple[int, ...], np.dtype[np.uint16]] | None = None
    for one in weighed:
        count = np.zeros(one.clear.shape, dtype=np.uint16) if count is None else count
        new = one.clear.copy()
        for other in taken:
            if same_pass(one.scene, other.scene):
                new &= ~other.clear
        if (new & (count < looks)).mean() < _WORTH_READING:
            continue
        taken.append(one)
        count += new
    return taken
