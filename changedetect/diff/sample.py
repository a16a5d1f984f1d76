"""A thinned copy of a site, on which the statistics are fitted."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from changedetect.diff.features import Features, features_of
from changedetect.model import Pair, TileSpec
from changedetect.types import FloatArray, IntArray


def stride_px(shape: Sequence[int], sample_px: int) -> int:
    """Every how many rows and columns a pixel is taken, so that about `sample_px` are.

    >>> stride_px((1000, 1000), 250_000)
    2
    """
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / sample_px)))


def sample_features(tiles: Iterable[tuple[TileSpec, Pair]], sample_px: int) -> Features:
    """Features of every n-th valid pixel of the site's grid, in grid order: (band, pixel).

    The pixels are those of the grid, not of the tiles, so the sample does not depend on how the site was cut.
    """
    parts: list[tuple[IntArray, FloatArray]] = []
    bands: tuple[str, ...] = ()
    for spec, pair in tiles:
        features, step = features_of(pair), stride_px(spec.grid.shape, sample_px)
        rows, cols = spec.inner
        take = (
            slice(rows.start + -spec.rows.start % step, rows.stop, step),
            slice(cols.start + -spec.cols.start % step, cols.stop, step),
        )
        valid, bands = features.valid[take], features.bands
        position = _positions(spec, step)[valid]
        planes = (features.before, features.after, features.before_smooth, features.after_smooth)
        parts.append((position, np.stack([plane[:, *take][:, valid] for plane in planes])))
    order = np.argsort(np.concatenate([position for position, _ in parts]))
    before, after, before_smooth, after_smooth = np.concatenate([values for _, values in parts], axis=2)[..., order]
    return Features(
        bands=bands,
        before=before,
        after=after,
        before_smooth=before_smooth,
        after_smooth=after_smooth,
        valid=np.ones(before.shape[1], dtype=bool),
    )


def _positions(spec: TileSpec, step: int) -> IntArray:
    rows = np.arange(spec.rows.start + -spec.rows.start % step, spec.rows.stop, step)
    cols = np.arange(spec.cols.start + -spec.cols.start % step, spec.cols.stop, step)
    return np.asarray(rows[:, None] * spec.grid.shape[1] + cols[None, :])
