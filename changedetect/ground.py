"""The pixels of a site as the diff engine wants them: pairs, tile by tile, read whenever asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from odc.geo.geobox import GeoBox

from changedetect import diff, prepare, tiling
from changedetect.config import RunConfig
from changedetect.grid import TileSpec, pixel_size_m
from changedetect.memory import give_back
from changedetect.model import Composite, Pair, Scene
from changedetect.parallel import mapped, processors
from changedetect.scene_reader import SceneReader
from changedetect.scratch import Scratch
from changedetect.thinned import Canvas

PREVIEW_PX = 1500
"""Pictures are thinned to at most this many pixels a side."""
BLOCK_PX = 512
"""Side of what is computed at once: a plane of it fits the cache of a processor. Results do not depend on it."""
PATCH_PX = 128
"""The same where objects alone are looked at: so small that most hold none, so large that halos cost little."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A site's grid, its tiles, and how to read one."""

    grid: GeoBox
    """The whole site."""
    tiles: tuple[TileSpec, ...]
    """Cover the grid exactly once; each with the halo that the diff engine needs."""
    read: Callable[[TileSpec], Pair]
    """Pixels of a tile and its halo; an only tile is remembered, so small sites are read once."""
    options: diff.DiffOptions
    """What the diff engine is asked: by that it knows how much halo it needs."""
    calibrated: bool = True
    """Whether the numbers are surface reflectance."""

    def pairs(self) -> Iterator[tuple[TileSpec, Pair]]:
        """Every tile with its pixels, one at a time."""
        for spec in self.tiles:
            yield spec, self.read(spec)

    def parts(self, places: Sequence[tuple[slice, slice]]) -> Iterator[tuple[TileSpec, Pair]]:
        """Rows and columns of the site, wherever they lie; of a site of one tile, that tile: it is remembered."""
        if len(self.tiles) == 1:
            yield from self.pairs()
            return
        for rows, cols in places:
            spec = TileSpec(grid=self.grid, rows=rows, cols=cols, halo_px=self.tiles[0].halo_px)
            yield spec, self.read(spec)

    def blocks(self) -> Iterator[tuple[TileSpec, Pair]]:
        """Every tile cut into blocks that a processor's cache holds, with the halo that the diff engine needs."""
        for tile, pair in self.pairs():
            yield from self.cut(tile, pair)

    def cut(self, tile: TileSpec, pair: Pair) -> Iterator[tuple[TileSpec, Pair]]:
        """The blocks of one tile."""
        return ((spec, _cropped(pair, tile, spec)) for spec in self._cut(tile))

    def computed(
        self,
        work: Callable[[TileSpec, Pair], R],
        wanted: Callable[[TileSpec], bool] | None = None,
        side_px: int = BLOCK_PX,
    ) -> Iterator[tuple[TileSpec, R]]:
        """Do pure `work` on every block of `side_px` that is `wanted`, several at once; results in their order."""
        for tile in self.tiles:
            specs = [spec for spec in self._cut(tile, side_px) if wanted is None or wanted(spec)]
            if specs:
                task = partial(_on_block, work, tile, self.read(tile))
                yield from zip(specs, mapped(task, specs, processors()), strict=True)
                del task
        give_back()

    def _cut(self, tile: TileSpec, side_px: int = BLOCK_PX) -> list[TileSpec]:
        halo_px = min(diff.engine_halo_px(_pixel_m(self.grid), self.options), tile.halo_px)
        return [
            TileSpec(grid=self.grid, rows=rows, cols=cols, halo_px=halo_px)
            for rows in _spans(tile.rows, side_px)
            for cols in _spans(tile.cols, side_px)
        ]


def _on_block(work: Callable[[TileSpec, Pair], R], tile: TileSpec, pair: Pair, spec: TileSpec) -> R:
    return work(spec, _cropped(pair, tile, spec))


def _spans(whole: slice, side_px: int) -> list[slice]:
    return [slice(start, min(start + side_px, whole.stop)) for start in range(whole.start, whole.stop, side_px)]


def _cropped(pair: Pair, tile: TileSpec, spec: TileSpec) -> Pair:
    """The part of a tile's pair that a block of it sees."""
    rows, cols = (
        slice(own.start - whole.start, own.stop - whole.start)
        for own, whole in zip(spec.padded, tile.padded, strict=True)
    )
    before, after = (_part(date, rows, cols, spec.geobox) for date in (pair.before, pair.after))
    return replace(pair, before=before, after=after)


def _part(date: Composite, rows: slice, cols: slice, geobox: GeoBox) -> Composite:
    return replace(
        date,
        geobox=geobox,
        data=date.data[:, rows, cols],
        valid=date.valid[rows, cols],
        looks=date.looks[rows, cols],
        spread=None if date.spread is None else date.spread[rows, cols],
    )


def ground_of_pair(pair: Pair, config: RunConfig) -> Ground:
    """Ground of a pair that is in memory already."""

    def read(spec: TileSpec) -> Pair:
        rows, cols = spec.padded
        before, after = (_part(date, rows, cols, spec.geobox) for date in (pair.before, pair.after))
        return replace(pair, before=before, after=after)

    tiles = tiling.cut(pair.geobox, config.tiling.tile_px, _halo_px(pair.geobox, config))
    return Ground(grid=pair.geobox, tiles=tiles, read=read, options=config.diff, calibrated=pair.calibrated)


def ground_of_scenes(
    grid: GeoBox, before: Sequence[Scene], after: Sequence[Scene], config: RunConfig, reader: SceneReader
) -> Ground:
    """Ground whose two dates are composites of scenes; reading it raises `SceneError` where a scene is dead."""
    halo_px = _halo_px(grid, config) + prepare.halo_px(_pixel_m(grid), config.prepare)

    tiles = tiling.cut(grid, config.tiling.tile_px, halo_px)

    def read(spec: TileSpec) -> Pair:
        return reader.pair(spec, before, after, counts=spec in tiles)

    return Ground(grid=grid, tiles=tiles, read=_only(read, tiles), options=config.diff)


def ground_of_rasters(rasters: tiling.RasterPair, config: RunConfig) -> Ground:
    """Ground whose two dates are rasters, in whatever unit their numbers are."""
    grid = rasters.geobox
    tiles = tiling.cut(grid, config.tiling.tile_px, _halo_px(grid, config))

    def read(spec: TileSpec) -> Pair:
        before, after = tiling.read_rasters(rasters, spec.geobox)
        return Pair(before=before, after=after)

    raw = Ground(grid=grid, tiles=tiles, read=_only(read, tiles), options=config.diff)
    thin = _thinned(raw, diff.stride_px(grid.shape, config.diff.sample_px))
    units = prepare.detect_units(*(date.data[np.isfinite(date.data)] for date in (thin.before, thin.after)))
    return replace(raw, read=lambda spec: prepare.apply_units(raw.read(spec), units), calibrated=units.calibrated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What was decided to make two dates comparable; None where it was not asked for."""

    alignment: prepare.Alignment | None
    """How they are laid over each other."""
    sharpness: prepare.Sharpness | None
    """How the sharper one is blurred."""

    @property
    def blur_left_px(self) -> float | None:
        """Relative blur of the dates as they are compared, standard deviation, pixels; None where it is not known."""
        if self.sharpness is None or self.sharpness.blur_px is None:
            return None
        return abs(self.sharpness.blur_px) if self.sharpness.blurred is None else 0.0


def matched(ground: Ground, config: RunConfig) -> tuple[Ground, Matching]:
    """The ground with its dates laid over each other and equally sharp, and what was decided."""
    options = config.prepare
    if not (options.register or options.match_sharpness):
        return _kept(ground, ground.read), Matching(alignment=None, sharpness=None)
    blocks = prepare.sample_blocks(ground.parts(prepare.padded_places(ground.grid)))
    alignment = prepare.fit_alignment(blocks) if options.register else None
    sharpness = prepare.fit_sharpness(blocks, alignment) if options.match_sharpness else None

    def read(spec: TileSpec) -> Pair:
        pair = ground.read(spec)
        pair = pair if alignment is None else prepare.align(pair, alignment)
        return pair if sharpness is None else prepare.match_sharpness(pair, sharpness)

    return _kept(ground, read), Matching(alignment=alignment, sharpness=sharpness)


def _kept(ground: Ground, read: Callable[[TileSpec], Pair]) -> Ground:
    """The ground with what `read` gives of its tiles, read once; their halo is what the engine needs, and no more."""
    wide, halo_px = ground.tiles, diff.engine_halo_px(_pixel_m(ground.grid), ground.options)
    tiles = tuple(replace(tile, halo_px=min(halo_px, tile.halo_px)) for tile in wide)

    def narrow(spec: TileSpec) -> Pair:
        whole = replace(spec, halo_px=wide[0].halo_px)
        return _cropped(read(whole), whole, spec)

    return replace(ground, tiles=tiles, read=_remembering(narrow, tiles))


def levelled(ground: Ground, picture: Pair, config: RunConfig) -> tuple[Ground, diff.Levels | None]:
    """The ground with a date that is off in reflectance put right, and what was decided; None where not wanted.

    `picture` is the ground's `preview`.
    """
    if not config.diff.level:
        return ground, None
    levels = diff.fit_levels(picture)
    if levels.off is None:
        return ground, levels
    read = _only(lambda spec: diff.level(ground.read(spec), levels), ground.tiles)
    return replace(ground, read=read), levels


def _halo_px(grid: GeoBox, config: RunConfig) -> int:
    """Pixels around a tile that the engine looks at, once the dates are aligned."""
    shift_px = prepare.shift_halo_px(prepare.LIMIT_PX) if config.prepare.register else 0
    blur_px = prepare.REACH_PX if config.prepare.match_sharpness else 0
    return diff.engine_halo_px(_pixel_m(grid), config.diff) + shift_px + blur_px


def _remembering(read: Callable[[TileSpec], Pair], tiles: Sequence[TileSpec]) -> Callable[[TileSpec], Pair]:
    """Read tiles once, however often they are asked for: an only one stays in memory, several go to a scratch file."""
    if len(tiles) > 1:
        return Scratch(read, tiles).pair
    last: list[tuple[TileSpec, Pair]] = []

    def remembered(spec: TileSpec) -> Pair:
        if not last or last[0][0] != spec:
            last[:] = [(spec, read(spec))]
        return last[0][1]

    return remembered


def _only(read: Callable[[TileSpec], Pair], tiles: Sequence[TileSpec]) -> Callable[[TileSpec], Pair]:
    """The same, but several are read whenever asked for: a later step keeps what it makes of them."""
    return read if len(tiles) > 1 else _remembering(read, tiles)


def _pixel_m(grid: GeoBox) -> float:
    """The finer side of a pixel: a halo in pixels of that many metres is never too small."""
    return min(pixel_size_m(grid))


def preview(ground: Ground) -> Pair:
    """The whole site, thinned to at most `PREVIEW_PX` a side, for pictures."""
    return _thinned(ground, preview_step(ground.grid))


def looked_over(ground: Ground, config: RunConfig) -> tuple[Pair, diff.Features]:
    """The site's `preview`, and the sample that statistics are fitted on: all tiles read once for both."""
    picture = Canvas(ground.grid, preview_step(ground.grid))

    def blocks() -> Iterator[tuple[TileSpec, Pair]]:
        for tile, pair in ground.pairs():
            picture.add(tile, pair)
            yield from ground.cut(tile, pair)
            del pair  # before the next is read
            give_back()

    sample = diff.sample_features(blocks(), config.diff.sample_px, context=diff.needs_context(config.diff))
    return picture.pair(calibrated=ground.calibrated), sample


def preview_step(grid: GeoBox) -> int:
    """Every how many rows and columns of a grid its `preview` has."""
    return -(-max(grid.shape) // PREVIEW_PX)


def _thinned(ground: Ground, step: int) -> Pair:
    """Every `step`-th row and column of the whole site."""
    canvas = Canvas(ground.grid, step)
    for spec, pair in ground.pairs():
        canvas.add(spec, pair)
    return canvas.pair(calibrated=ground.calibrated)
