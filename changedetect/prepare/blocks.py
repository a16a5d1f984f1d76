"""Blocks of a site's grid that stand for the whole when geometry and sharpness are measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from odc.geo.geobox import GeoBox

from changedetect.errors import PairError
from changedetect.grid import TileSpec
from changedetect.model import Pair
from changedetect.types import BoolArray, FloatArray

FINE_BANDS = ("blue", "green", "red", "nir")
"""Bands at the sensor's finest pixel (Sentinel-2: 10 m; its SWIR at 20 m is interpolated on the grid, and what
interpolation adds stays where it is when the ground moves)."""
MARGIN_PX = 12
"""Pixels around a block: the search (8) and the reach of the filters."""
_MOST_BLOCKS = 36
"""Bounds memory to some 30 MB, and time, whatever the size of the site."""
_LARGEST_PX, _SMALLEST_PX = 128, 20
"""Side of a block: larger tells nothing new, smaller can't tell a shift to half a pixel by itself."""


class Dates(NamedTuple):
    """Arrays of both dates on one block: a pair without its grid."""

    before: FloatArray
    """(band, y, x), 0 where not valid."""
    before_valid: BoolArray
    """(y, x) True where usable."""
    after: FloatArray
    """As `before`, later date."""
    after_valid: BoolArray
    """As `before_valid`, later date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the grid with a margin."""

    dates: Dates
    """Pixels of block and margin."""
    inner: tuple[slice, slice]
    """Rows and columns of the arrays that are the block itself."""
    fold: int
    """0 or 1, like the colours of a chessboard: one checks what the other says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A site's blocks: those of its grid, so they do not depend on how the site was cut into tiles."""

    bands: tuple[str, ...]
    """Common names, in the order of the arrays."""
    blocks: tuple[Block, ...]
    """Row by row."""


def sample_blocks(tiles: Iterable[tuple[TileSpec, Pair]]) -> Blocks:
    """Collect the blocks of a site from its tiles, one tile in memory at a time.

    Raises
    ------
    PairError
        There is no tile.
    """
    bands: tuple[str, ...] = ()
    indexes: list[int] = []
    places: list[tuple[slice, slice]] = []
    canvas: list[Dates] = []
    for spec, pair in tiles:
        if not bands:
            fine = tuple(name for name in FINE_BANDS if name in pair.bands)
            bands = fine if len(fine) > 1 else pair.bands
            indexes = [pair.bands.index(name) for name in bands]
            places = padded_places(spec.grid)
            canvas = [_blank(len(bands), place) for place in places]
        for place, block in zip(places, canvas, strict=True):
            _copy(spec, pair, indexes, (place, block))
    if not bands:
        msg = "a site without a tile has no blocks to measure: check its grid"
        raise PairError(msg)
    columns = zones(spec.grid)[1]
    blocks = (
        Block(dates=dates, inner=_inside(place, padded), fold=(number // columns + number % columns) % 2)
        for number, (place, padded, dates) in enumerate(zip(block_places(spec.grid), places, canvas, strict=True))
    )
    return Blocks(bands=bands, blocks=tuple(blocks))


def zones(grid: GeoBox) -> tuple[int, int]:
    """Rows and columns of zones that a grid is divided into, each with one block in its middle."""
    height, width = grid.shape
    rows = round((_MOST_BLOCKS * height / width) ** 0.5)
    rows = max(1, min(rows, height // _SMALLEST_PX, _MOST_BLOCKS))
    return rows, max(1, min(_MOST_BLOCKS // rows, width // _SMALLEST_PX))


def block_places(grid: GeoBox) -> list[tuple[slice, slice]]:
    """Rows and columns of every block, without its margin.

    >>> from affine import Affine
    >>> len(block_places(GeoBox((400, 200), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")))
    32
    """
    rows, cols = (_middles(length, count) for length, count in zip(grid.shape, zones(grid), strict=True))
    return [(row, col) for row in rows for col in cols]


def padded_places(grid: GeoBox) -> list[tuple[slice, slice]]:
    """Rows and columns of every block with its margin: all that `sample_blocks` looks at."""
    return [_padded(place, grid) for place in block_places(grid)]


def _middles(length: int, count: int) -> list[slice]:
    middles = []
    for number in range(count):
        start, stop = number * length // count, (number + 1) * length // count
        spare = max(stop - start - _LARGEST_PX, 0) // 2
        middles.append(slice(start + spare, min(start + spare + _LARGEST_PX, stop)))
    return middles


def _padded(place: tuple[slice, slice], grid: GeoBox) -> tuple[slice, slice]:
    rows, cols = (
        slice(max(part.start - MARGIN_PX, 0), min(part.stop + MARGIN_PX, length))
        for part, length in zip(place, grid.shape, strict=True)
    )
    return rows, cols


def _inside(place: tuple[slice, slice], padded: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, cols = (slice(own.start - wide.start, own.stop - wide.start) for own, wide in zip(place, padded, strict=True))
    return rows, cols


def _blank(bands: int, place: tuple[slice, slice]) -> Dates:
    shape = (place[0].stop - place[0].start, place[1].stop - place[1].start)
    empty = np.zeros((2, bands, *shape), dtype=np.float32)
    return Dates(empty[0], np.zeros(shape, dtype=bool), empty[1], np.zeros(shape, dtype=bool))


def _copy(spec: TileSpec, pair: Pair, indexes: list[int], target: tuple[tuple[slice, slice], Dates]) -> None:
    """Copy what a tile owns of a block."""
    place, block = target
    overlaps = [_overlap(*three) for three in zip((spec.rows, spec.cols), spec.inner, place, strict=True)]
    if any(take.start >= take.stop for take, _ in overlaps):
        return
    (rows, own_rows), (cols, own_cols) = overlaps
    for date, data, valid in (
        (pair.before, block.before, block.before_valid),
        (pair.after, block.after, block.after_valid),
    ):
        seen = date.valid[rows, cols]
        valid[own_rows, own_cols] = seen
        for layer, index in zip(data, indexes, strict=True):
            layer[own_rows, own_cols] = np.where(seen, date.data[index, rows, cols], 0)


def _overlap(owned: slice, inner: slice, wanted: slice) -> tuple[slice, slice]:
    """What a tile owns of a span, as it lies in the tile's arrays and in those of the block."""
    start, stop = max(owned.start, wanted.start), min(owned.stop, wanted.stop)
    in_tile, in_block = inner.start - owned.start, wanted.start
    return slice(start + in_tile, stop + in_tile), slice(start - in_block, stop - in_block)
