"""The scenes of a site's two windows, read tile by tile and made one picture each."""

from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from changedetect import prepare, tiling
from changedetect.config import RunConfig
from changedetect.errors import SceneError
from changedetect.grid import TileSpec
from changedetect.model import Pair, Scene, Tile


class SceneReader:
    """Reads scenes on tiles; what could be read of a tile is kept when one scene of it could not."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._rescued: dict[tuple[str, GeoBox, tuple[str, ...]], Tile] = {}
        self._accounts: dict[tuple[int, int], tuple[prepare.SceneAccount, ...]] = {}

    @property
    def accounts(self) -> tuple[prepare.SceneAccount, ...]:
        """What was decided about the pixels of each scene, over all tiles read."""
        return prepare.added_up(one for some in self._accounts.values() for one in some)

    def pair(self, spec: TileSpec, before: Sequence[Scene], after: Sequence[Scene], *, counts: bool = True) -> Pair:
        """Composites of two windows on a tile, which `counts` for the accounts or not.

        Raises
        ------
        SceneError
            A scene can't be read: ask again with others.
        """
        bands = tiling.common_bands([*before, *after])
        tiles = self._tiles([*before, *after], spec.geobox, bands)
        first, second = tiles[: len(before)], tiles[len(before) :]
        made = prepare.make_composites(first, second, self._config.prepare, spec.inner)
        if counts:
            self._accounts[spec.rows.start, spec.cols.start] = made.accounts
        return Pair(before=made.before, after=made.after)

    def _tiles(self, scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...]) -> list[Tile]:
        kept, self._rescued = self._rescued, {}
        missing = [scene for scene in scenes if (scene.scene_id, geobox, bands) not in kept]
        read = iter(tiling.read_scenes(missing, geobox, bands, self._config.tiling.threads))
        tiles = [kept.get((scene.scene_id, geobox, bands)) or next(read) for scene in scenes]
        good = [tile for tile in tiles if isinstance(tile, Tile)]
        for tile in tiles:
            if isinstance(tile, SceneError):
                self._rescued = {(one.scene.scene_id, geobox, bands): one for one in good}
                raise tile
        return good
