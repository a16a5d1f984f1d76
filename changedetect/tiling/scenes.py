"""The pixels of a scene on a grid, as reflectance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.errors import BandError
from changedetect.model import Scene, Tile
from changedetect.types import BoolArray, FloatArray


def read_scene(scene: Scene, geobox: GeoBox, bands: Sequence[str]) -> Tile:
    """Read bands of a scene on a grid: reflectance, validity and quality codes.

    Nodata is masked first, then a coarser band is interpolated and a finer one averaged, then numbers become
    reflectance: DN 0 with an offset of -0.1 is no data, never -0.1. Quality codes are taken from the nearest pixel;
    where there is none, nothing is valid.

    Parameters
    ----------
    scene : Scene
        What to read.
    geobox : GeoBox
        The grid, usually a `TileSpec.geobox`.
    bands : sequence of str
        Common names, from `common_bands`. `nir08` without `nir` is given the name `nir` in the tile.

    Raises
    ------
    BandError
        The scene lacks a band.
    RasterError
        A file can't be read.
    """
    if missing := [name for name in bands if name not in scene.bands]:
        msg = f"scene {scene.scene_id} has no band {missing[0]}: it has {', '.join(scene.bands)}"
        raise BandError(msg)
    data = np.empty((len(bands), *geobox.shape), dtype=np.float32)
    codes, valid = geotiff.read(scene.qa.href, geobox, nodata=scene.qa.nodata)
    for layer, name in zip(data, bands, strict=True):
        asset = scene.bands[name]
        numbers, good = geotiff.read(asset.href, geobox, resampling="auto", nodata=asset.nodata)
        layer[:] = calibrate(numbers[0], good, asset.scale, asset.offset)
        valid &= good
    data[:, ~valid] = np.nan
    names = tuple("nir" if name == "nir08" and "nir" not in bands else name for name in bands)
    return Tile(scene=scene, geobox=geobox, bands=names, data=data, valid=valid, qa=codes[0])


def calibrate(numbers: NDArray[Any], valid: BoolArray, scale: float, offset: float) -> FloatArray:
    """Turn raw numbers into `numbers * scale + offset`, float32, NaN where not valid.

    >>> print(calibrate(np.array([0, 2000, 3000]), np.array([False, True, True]), 0.0001, -0.1).round(3))
    [nan 0.1 0.2]
    """
    values = numbers.astype(np.float32) * np.float32(scale) + np.float32(offset)
    return np.where(valid, values, np.float32(np.nan)).astype(np.float32)
