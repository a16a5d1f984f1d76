"""One clear picture of a window: the median of its clear looks."""

from collections.abc import Sequence

import numpy as np

from changedetect.errors import NoScenesError
from changedetect.model import Composite, Tile, same_pass
from changedetect.prepare.masks import clear_sky
from changedetect.prepare.options import PrepareOptions
from changedetect.types import FloatArray, IntArray

_STRIP_ROWS = 256
"""Rows composited at a time, so that memory holds one strip of all looks twice, not the whole tile."""


def median_composite(tiles: Sequence[Tile], options: PrepareOptions) -> Composite:
    """Per-pixel, per-band median of the clear looks; where tiles of one pass overlap, they are one look.

    Parameters
    ----------
    tiles
        The same ground and bands, a tile a scene.
    options
        Masking, and how many looks a pixel needs.

    Raises
    ------
    NoScenesError
        There is no tile.
    """
    if not tiles:
        msg = "no scene to make a composite of: widen the window"
        raise NoScenesError(msg)
    tiles = sorted(tiles, key=lambda tile: (tile.scene.datetime, tile.scene.scene_id))
    clear = np.stack([clear_sky(tile, options) for tile in tiles])
    for number, tile in enumerate(tiles):
        for earlier in range(number):
            if same_pass(tiles[earlier].scene, tile.scene):
                clear[number] &= ~clear[earlier]
    looks = clear.sum(axis=0).astype(np.uint16)
    data = np.empty((len(tiles[0].bands), *looks.shape), dtype=np.float32)
    for top in range(0, looks.shape[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        seen = np.stack(
            [np.where(see[rows], tile.data[:, rows], np.nan) for tile, see in zip(tiles, clear, strict=True)]
        )
        data[:, rows] = median_of_looks(seen, looks[rows])
    valid = looks >= options.min_looks
    data[:, ~valid] = np.nan
    return Composite(
        geobox=tiles[0].geobox,
        bands=tiles[0].bands,
        data=data,
        valid=valid,
        looks=looks,
        scene_ids=tuple(tile.scene.scene_id for tile in tiles),
    )


def median_of_looks(seen: FloatArray, looks: IntArray) -> FloatArray:
    """Median over the first axis of (look, band, y, x), NaN where a look is not clear.

    `looks` (y, x) is the number of clear ones; where it is 0 the median is NaN. Equal to `numpy.nanmedian`, without its
    warning where there is nothing to see.
    """
    ordered = np.sort(seen, axis=0)  # NaN goes last
    low, high = np.maximum(looks.astype(np.intp) - 1, 0) // 2, looks.astype(np.intp) // 2
    index = np.broadcast_to(np.stack([low, np.minimum(high, len(seen) - 1)])[:, None], (2, *seen.shape[1:]))
    middle = np.take_along_axis(ordered, index, axis=0)
    return np.asarray((middle[0] + middle[1]) / np.float32(2), dtype=np.float32)
