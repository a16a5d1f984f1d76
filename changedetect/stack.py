"""The looks of a site through time: found once, read one by one where something wants to be seen."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from changedetect import prepare, tiling
from changedetect.config import RunConfig
from changedetect.errors import SceneError
from changedetect.model import Scene, Tile, same_pass
from changedetect.prepare.masks import looks_of
from changedetect.scenes import next_copy
from changedetect.types import BoolArray, FloatArray

_LOST = "no date is told by it"
"""What becomes of a look whose files are dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overpass:
    """The scenes of one flight over a site: one look."""

    scenes: tuple[Scene, ...]
    """One, or neighbours that overlap, by time and id."""

    @property
    def first(self) -> Scene:
        """The scene that the look is named after."""
        return self.scenes[0]

    @property
    def cloud_cover(self) -> float:
        """Least cloud cover of its scenes, percent; 0 where the catalog does not say."""
        return min(scene.cloud_cover or 0.0 for scene in self.scenes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """One look on a grid, before clouds are grown."""

    data: FloatArray
    """(band, y, x) reflectance, NaN where there is none."""
    usable: BoolArray
    """(y, x) True where there is data that is neither defective, saturated nor snow."""
    cloud: BoolArray
    """(y, x) True where the quality band says cloud."""
    shadow: BoolArray
    """(y, x) True where it says cloud shadow."""


def overpasses(scenes: Iterable[Scene]) -> tuple[Overpass, ...]:
    """Put the scenes of one pass together; oldest first, whatever order they come in."""
    found: list[list[Scene]] = []
    for scene in sorted(scenes, key=lambda one: (one.datetime, one.scene_id)):
        home = next((some for some in found if same_pass(some[0], scene)), None)
        if home is None:
            found.append([scene])
        else:
            home.append(scene)
    return tuple(Overpass(scenes=tuple(some)) for some in found)


class Stack:
    """Looks of a site, read on any part of its grid; memory holds those asked for, and no more."""

    def __init__(self, looks: Sequence[Overpass], bands: tuple[str, ...], config: RunConfig) -> None:
        scenes = [scene for look in looks for scene in look.scenes]
        self.looks = tuple(looks)
        self.bands = tuple("nir" if name == "nir08" else name for name in bands)
        self._target = prepare.harmonising(scenes).target if config.prepare.harmonise else None
        # Sensors are brought together in the narrow infrared, the wide one of Sentinel-2 has no like.
        narrow = self._target is not None and all("nir08" in scene.bands for scene in scenes)
        self._asked = tuple("nir08" if narrow and name == "nir" else name for name in bands)
        self._config = config
        self._read: Counter[tuple[str, bool]] = Counter()
        self._standing: dict[str, Scene | None] = {}

    @property
    def reads(self) -> Mapping[str, int]:
        """How often the bands of each scene were read, by id; those that were not are not in it."""
        return {scene_id: count for (scene_id, bands), count in sorted(self._read.items()) if bands}

    @property
    def quality_reads(self) -> int:
        """How often a quality band was read alone."""
        return sum(count for (_, bands), count in self._read.items() if not bands)

    def read(self, numbers: Sequence[int], geobox: GeoBox) -> list[Pixels]:
        """Read looks by their number; a look whose files are dead shows nothing, and the journal says so."""
        return self._looks(numbers, geobox, self._asked)

    def qualities(self, numbers: Sequence[int], geobox: GeoBox) -> list[Pixels]:
        """The same without any band: quality bands alone, which tell where reading the others is in vain."""
        return self._looks(numbers, geobox, ())

    def _looks(self, numbers: Sequence[int], geobox: GeoBox, bands: tuple[str, ...]) -> list[Pixels]:
        scenes = [scene for number in numbers for scene in self.looks[number].scenes]
        tiles = iter(self._tiles(scenes, geobox, bands))
        return [_pixels([next(tiles) for _ in self.looks[number].scenes], geobox, len(bands)) for number in numbers]

    def _tiles(self, scenes: Sequence[Scene], geobox: GeoBox, asked: tuple[str, ...]) -> list[Tile | None]:
        """Tiles in the order of the scenes; a copy's where a scene is dead, None where all are."""
        done: dict[int, Tile] = {}
        todo = list(range(len(scenes)))
        while todo:
            alive: dict[tuple[str, ...], list[tuple[int, Scene]]] = {}
            for at in todo:
                now = self._now(scenes[at], asked)
                if now is not None:
                    alive.setdefault(bands_of(now, asked) or (), []).append((at, now))
            todo = []
            for bands, some in sorted(alive.items()):
                read = tiling.read_scenes([now for _, now in some], geobox, bands, self._config.tiling.threads)
                for (at, now), tile in zip(some, read, strict=True):
                    if isinstance(tile, Tile):
                        done[at] = prepare.harmonise(tile, self._target) if bands else tile
                        self._read[now.scene_id, bool(bands)] += 1
                    else:
                        self._bury(scenes[at], tile)
                        todo.append(at)
        return [done.get(at) for at in range(len(scenes))]

    def _now(self, scene: Scene, asked: tuple[str, ...]) -> Scene | None:
        """The scene, or what stands in for it since it was found dead; None when nothing is left."""
        while (now := self._standing.setdefault(scene.scene_id, scene)) is not None:
            if bands_of(now, self._asked) is None:
                self._standing[scene.scene_id] = next_copy(now, f"scene {now.scene_id} lacks bands", _LOST)
                continue
            if not asked or not now.offset_doubted:
                return now
            try:
                self._standing[scene.scene_id] = tiling.settle_offset(now)
            except SceneError as error:
                self._bury(scene, error)
        return None

    def _bury(self, scene: Scene, error: SceneError) -> None:
        now = self._standing[scene.scene_id]
        self._standing[scene.scene_id] = next_copy(now, str(error), _LOST) if now is not None else None


def _pixels(tiles: Sequence[Tile | None], geobox: GeoBox, bands: int) -> Pixels:
    """Put the scenes of one pass together, the first that has data first."""
    data = np.full((bands, *geobox.shape), np.nan, dtype=np.float32)
    usable, cloud, shadow = (np.zeros(tuple(geobox.shape), dtype=bool) for _ in range(3))
    for look in looks_of([tile for tile in tiles if tile is not None]):
        data[:, look.first] = look.tile.data[:, look.first]
        usable |= look.first & look.usable
        cloud |= look.first & look.cloud
        shadow |= look.first & look.shadow
    return Pixels(data=data, usable=usable, cloud=cloud, shadow=shadow)


def bands_of(scene: Scene, bands: Sequence[str]) -> tuple[str, ...] | None:
    """The names under which a scene has bands, `nir08` where it lacks `nir`; None where it lacks one.

    The other way round there is no substitute: the wide band sees other wavelengths.
    """
    names = tuple("nir08" if name == "nir" and "nir" not in scene.bands else name for name in bands)
    return names if all(name in scene.bands for name in names) else None
