"""Cloud masks from models: plug-ins that see what quality bands miss.

A model is shown square windows of a fixed size, cut along the lines of the CRS's own coordinates and not of the tile's,
so that a pixel is seen in the same surroundings however a site is tiled.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np

from changedetect.errors import BandError, ConfigError
from changedetect.grid import pixel_size_m
from changedetect.model import Tile
from changedetect.plugins import plugin_named
from changedetect.types import BoolArray, FloatArray

ENTRY_POINTS = "changedetect.mask_models"
"""Entry-point group under which other packages register a mask model: a callable without arguments that gives one."""


class MaskModel(Protocol):
    """Tells clouds and their shadows from reflectance alone."""

    @property
    def name(self) -> str:
        """What the option `prepare.mask_model` calls it."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """Common names of the bands it needs, in its order."""
        ...

    @property
    def window_px(self) -> int:
        """Side of the square that it is shown, in pixels of its own."""
        ...

    @property
    def context_px(self) -> int:
        """Margin of the square whose answer is not used, the same unit."""
        ...

    @property
    def pixel_m(self) -> float:
        """Size of its pixels, metres: finer pixels are averaged to about that; coarser ones are shown as they are."""
        ...

    def __call__(self, reflectance: FloatArray) -> BoolArray:
        """(y, x) True where (band, y, x) reflectance, 0 where there is no data, shows cloud or cloud shadow."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UkisCsmask:
    """UKIS-CSMASK of the German Aerospace Center, a network for Sentinel-2 and Landsat at about 30 m.

    Wieland, Li and Martinis 2019, doi:10.1016/j.rse.2019.05.022; package `ukis-csmask` (Apache-2.0), whose wheel holds
    the weights, those for surface reflectance (l2a) among them.
    """

    csmask: Callable[..., Any]
    """The package's class of that work."""
    name: str = "ukis-csmask"
    """As on PyPI."""
    bands: tuple[str, ...] = ("blue", "green", "red", "nir", "swir16", "swir22")
    """Those of the package's better model; another needs the first four alone."""
    window_px: int = 256
    """The network's own."""
    context_px: int = 64
    """Clouds throw shadows this far."""
    pixel_m: float = 30.0
    """What it was trained on."""

    def __call__(self, reflectance: FloatArray) -> BoolArray:
        """Segment one window; classes 1 and 2 are cloud and shadow."""
        image = np.ascontiguousarray(np.moveaxis(reflectance, 0, -1))
        mask = self.csmask(
            img=image,
            band_order=list(self.bands),
            product_level="l2a",
            intra_op_num_threads=1,
            inter_op_num_threads=1,
            providers=["CPUExecutionProvider"],
        )
        return np.asarray(mask.csm[..., 0] > 0)


def _csmask() -> Callable[..., Any]:
    try:
        package = import_module("ukis_csmask.mask")
    except ImportError as error:
        msg = "prepare.mask_model is ukis-csmask, which is not installed: pip install 'changedetect[masks]'"
        raise ConfigError(msg) from error
    return cast("Callable[..., Any]", package.CSmask)


def _six_bands() -> MaskModel:
    return UkisCsmask(csmask=_csmask())


def _four_bands() -> MaskModel:
    return UkisCsmask(csmask=_csmask(), name="ukis-csmask-4", bands=("blue", "green", "red", "nir"))


BUILT_IN: Mapping[str, Callable[[], MaskModel]] = MappingProxyType(
    {"ukis-csmask": _six_bands, "ukis-csmask-4": _four_bands}
)
"""Adapters that ship with the package, by name; what they adapt is an extra."""


def mask_model_named(name: str) -> MaskModel:
    """Look a mask model up: the package's own adapters, then other packages' entry points.

    Raises
    ------
    ConfigError
        No such model (the message lists those there are), or it is not installed.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    unknown = f"prepare.mask_model is {name!r}, which is unknown"
    plugin: MaskModel = plugin_named(ENTRY_POINTS, name, BUILT_IN, unknown)
    return plugin


def model_reach_px(model: MaskModel, pixel_m: float) -> int:
    """Pixels that `clouds_by` looks beyond the ones it decides: the rest of a window."""
    return (model.window_px - model.context_px) * _factor(model, pixel_m)


def _factor(model: MaskModel, pixel_m: float) -> int:
    """Pixels of a tile to a side of one of the model's."""
    return max(1, round(model.pixel_m / pixel_m))


def clouds_by(model: MaskModel, tile: Tile) -> BoolArray:
    """(y, x) True where a model sees cloud or shadow; right beyond `model_reach_px` of the tile's edges.

    Raises
    ------
    BandError
        The tile lacks a band that the model needs.
    """
    if missing := [band for band in model.bands if band not in tile.bands]:
        msg = f"mask model {model.name} needs {missing[0]}, which the scenes of the site don't share: leave it out"
        raise BandError(msg)
    data = np.nan_to_num(tile.data[[tile.bands.index(band) for band in model.bands]])
    factor = _factor(model, min(pixel_size_m(tile.geobox)))
    core, margin = (model.window_px - 2 * model.context_px) * factor, model.context_px * factor
    top, left = _place(tile)
    found = np.zeros_like(tile.valid)
    height, width = found.shape
    for row in range(-(top % core), height, core):
        for col in range(-(left % core), width, core):
            window = _cut(data, row - margin, col - margin, core + 2 * margin)
            seen = np.kron(_shown(model, window, factor), np.ones((factor, factor), dtype=bool))
            rows, cols = slice(max(row, 0), min(row + core, height)), slice(max(col, 0), min(col + core, width))
            found[rows, cols] = seen[
                rows.start - row + margin : rows.stop - row + margin,
                cols.start - col + margin : cols.stop - col + margin,
            ]
    return np.asarray(found & tile.valid)


def _place(tile: Tile) -> tuple[int, int]:
    """Row and column of a tile in a grid of its pixels that starts at the CRS's origin.

    The quarter keeps grids off the origin by nothing or half a pixel (Landsat's) from rounding now up, now down.
    """
    affine = tile.geobox.affine
    return math.floor(affine.f / affine.e + 0.25), math.floor(affine.c / affine.a + 0.25)


def _cut(data: FloatArray, row: int, col: int, side: int) -> FloatArray:
    """(band, side, side) from any row and column on; beyond the edge, mirrored as often as needed."""
    rows, cols = (_mirrored(start, side, size) for start, size in zip((row, col), data.shape[1:], strict=True))
    return data[:, rows[:, None], cols[None, :]]


def _mirrored(start: int, count: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Positions 0 to size - 1, run through forth and back.

    >>> _mirrored(-2, 7, 3).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    turn = np.arange(start, start + count) % (2 * size)
    return np.asarray(np.minimum(turn, 2 * size - 1 - turn))


def _shown(model: MaskModel, window: FloatArray, factor: int) -> BoolArray:
    """What a model says of a window, on the model's own pixels."""
    bands, side = len(window), window.shape[1] // factor
    shown = window.reshape(bands, side, factor, side, factor).mean(axis=(2, 4), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of windows that the model itself may find small
        return np.asarray(model(shown), dtype=bool)
