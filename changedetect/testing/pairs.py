"""A pair of clear composites with construction painted on it: truth by construction for tests of the later stages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from shapely.geometry import box

from changedetect.errors import ConfigError
from changedetect.model import Composite, Pair
from changedetect.sensors import COMMON_BANDS
from changedetect.testing.farmland import farmland
from changedetect.testing.landscape import Feature, Landscape, cast_shadows, render
from changedetect.testing.sensing import native_grid, noise_of, sample
from changedetect.testing.spectra import BANDS
from changedetect.types import BoolArray

_PIXEL_M = 10.0
_WEST, _NORTH, _EPSG = 500_040.0, 5_100_000.0, 32634
_LOOKS = 4
_BEFORE, _AFTER = date(2022, 8, 10), date(2023, 8, 14)


Change = tuple[tuple[slice, slice], str]
"""Rows and columns that are built over, as `np.s_[4:9, 6:13]` gives them, and the key of `COVERS` that covers them."""

DEFAULT_CHANGES: tuple[Change, ...] = (
    ((slice(30, 38), slice(24, 38)), "white_roof"),
    ((slice(62, 72), slice(86, 95)), "concrete"),
    ((slice(96, 102), slice(40, 48)), "grey_roof"),
)
"""What is built in `simulated_pair` unless told otherwise: 11,200, 9,000 and 4,800 m²."""


def simulated_pair(
    seed: int, shape: tuple[int, int] = (128, 128), changes: Sequence[Change] | None = None
) -> tuple[Pair, BoolArray]:
    """Farmland in two Augusts, six bands at 10 m, fully valid, with known construction.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns, even numbers.
    changes : sequence, optional
        What is built, like `[(np.s_[4:9, 6:13], "concrete")]`; None: `DEFAULT_CHANGES`; empty: nothing.

    Returns
    -------
    pair : Pair
        Calibrated composites of `COMMON_BANDS`.
    truth : ndarray
        (y, x) True where something was built.

    Raises
    ------
    ConfigError
        When a change lies outside the grid, or the shape is odd.

    >>> pair, truth = simulated_pair(1, (32, 48), [(np.s_[4:9, 6:13], "concrete")])
    >>> pair.before.data.shape, int(truth.sum())
    ((6, 32, 48), 35)
    """
    chosen = DEFAULT_CHANGES if changes is None else tuple(changes)
    truth = np.zeros(shape, dtype=bool)
    for place, cover in chosen:
        if any(part.start < 0 or part.stop > side for part, side in zip(place, shape, strict=True)):
            msg = f"change to {cover} at {place} lies outside a pair of {shape} pixels: move it inside"
            raise ConfigError(msg)
        truth[place] = True
    size_m = (shape[0] * _PIXEL_M, shape[1] * _PIXEL_M)
    land = farmland("pair", west=_WEST, north=_NORTH, epsg=_EPSG, size_m=size_m, seed=seed)
    land = replace(land, features=tuple(_feature(number, change) for number, change in enumerate(chosen)))
    return Pair(before=_composite(land, _BEFORE), after=_composite(land, _AFTER)), truth


def _feature(number: int, change: Change) -> Feature:
    (rows, cols), cover = change
    shape = box(
        _WEST + cols.start * _PIXEL_M,
        _NORTH - rows.stop * _PIXEL_M,
        _WEST + cols.stop * _PIXEL_M,
        _NORTH - rows.start * _PIXEL_M,
    )
    return Feature(feature_id=f"change-{number}", geometry=shape, cover=cover, built=date(2023, 2, 1))


def _composite(land: Landscape, day: date) -> Composite:
    """A clear composite: the ground on one day, with the noise of a mean of `_LOOKS` looks and a small gain error."""
    grid = native_grid(land, _PIXEL_M)
    rng = np.random.default_rng([land.seed, 50, day.toordinal()])
    ground, height = render(land, day)
    ground *= 1 - 0.7 * cast_shadows(height, 52.0, 155.0)
    data = np.stack([sample(ground[BANDS.index(name)], grid, land.geobox) for name in COMMON_BANDS])
    data *= (1 + rng.normal(0, 0.02, (len(COMMON_BANDS), 1, 1))).astype(np.float32)
    data += (rng.normal(0, 1, data.shape) * noise_of(data) / np.sqrt(_LOOKS)).astype(np.float32)
    return Composite(
        geobox=grid,
        bands=COMMON_BANDS,
        data=data,
        valid=np.ones(grid.shape, dtype=bool),
        looks=np.full(grid.shape, _LOOKS, dtype=np.uint8),
        scene_ids=(f"simulated-{day.isoformat()}",),
    )
