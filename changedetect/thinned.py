"""A site thinned to every n-th row and column, put together tile by tile: for pictures, and for what a glance tells."""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from changedetect.grid import TileSpec, thinned_shape
from changedetect.model import Composite, Pair


class Canvas:
    """A thinned site in the making: `grid` is that of the whole, every `step`-th row and column are kept."""

    def __init__(self, grid: GeoBox, step: int) -> None:
        self._step = step
        self._grid = GeoBox(thinned_shape(grid, step), grid.affine @ Affine.scale(step), grid.crs)
        self._dates: list[Composite] = []

    def add(self, spec: TileSpec, pair: Pair) -> None:
        """Take a tile's share of rows and columns."""
        take, place = spec.every(self._step)
        dates = (pair.before, pair.after)
        self._dates = self._dates or [_blank(date, self._grid) for date in dates]
        for whole, date in zip(self._dates, dates, strict=True):
            whole.data[:, *place], whole.valid[place] = date.data[:, *take], date.valid[take]
            whole.looks[place] = date.looks[take]

    def pair(self, *, calibrated: bool) -> Pair:
        """All that was added."""
        return Pair(before=self._dates[0], after=self._dates[1], calibrated=calibrated)


def _blank(date: Composite, grid: GeoBox) -> Composite:
    return Composite(
        geobox=grid,
        bands=date.bands,
        data=np.full((len(date.bands), *grid.shape), np.nan, dtype=np.float32),
        valid=np.zeros(grid.shape, dtype=bool),
        looks=np.zeros(grid.shape, dtype=date.looks.dtype),
        scene_ids=date.scene_ids,
    )
