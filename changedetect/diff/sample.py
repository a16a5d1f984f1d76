"""A thinned copy of a site, on which the statistics are fitted."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from changedetect.diff.context import Context
from changedetect.diff.features import Features, features_at
from changedetect.errors import PairError
from changedetect.grid import TileSpec, thinned_shape
from changedetect.model import Pair
from changedetect.types import FloatArray


def stride_px(shape: Sequence[int], sample_px: int) -> int:
    """Every how many rows and columns a pixel is taken, so that about `sample_px` are.

    >>> stride_px((1000, 1000), 250_000)
    2
    """
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / sample_px)))


def sample_features(tiles: Iterable[tuple[TileSpec, Pair]], sample_px: int, *, context: bool = False) -> Features:
    """Features of every n-th valid pixel of the site's grid, in grid order: (band, pixel); with context if asked.

    The pixels are those of the grid, not of the tiles, so the sample does not depend on how the site was cut.

    Raises
    ------
    PairError
        There is no tile.
    """
    bands: tuple[str, ...] = ()
    site: FloatArray | None = None
    for spec, pair in tiles:
        step = stride_px(spec.grid.shape, sample_px)
        take, place = spec.every(step)
        features = features_at(pair, *take, context=context)
        planes = [features.before, features.after, features.before_smooth, features.after_smooth]
        if features.context is not None:
            planes += [*features.context.missed, *features.context.spread]
        if site is None:
            bands = features.bands
            site = np.full((len(planes), len(bands), *thinned_shape(spec.grid, step)), np.nan, dtype=np.float32)
        for number, plane in enumerate(planes):
            site[number, :, *place] = np.where(features.valid, plane, np.nan)
        del pair, features, planes, plane  # views hold their whole tile while the next is read
    if site is None:
        msg = "a site without a tile has no pixels to compare: check its grid"
        raise PairError(msg)
    before, after, before_smooth, after_smooth, *around = site[:, :, np.isfinite(site[0, 0])]
    return Features(
        bands=bands,
        before=before,
        after=after,
        before_smooth=before_smooth,
        after_smooth=after_smooth,
        valid=np.ones(before.shape[1], dtype=bool),
        context=Context(missed=np.stack(around[:2]), spread=np.stack(around[2:])) if around else None,
    )
