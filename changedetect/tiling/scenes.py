"""The pixels of scenes on a grid, as reflectance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.errors import BandError, RasterError, SceneError
from changedetect.model import BandAsset, Scene, Tile
from changedetect.parallel import mapped, processors
from changedetect.types import BoolArray, FloatArray

Numbers = tuple[NDArray[Any], BoolArray]
"""(y, x) raw numbers of one band, and where they are data."""


def read_scene(scene: Scene, geobox: GeoBox, bands: Sequence[str]) -> Tile:
    """Read bands of one scene on a grid; see `read_scenes`.

    Raises
    ------
    BandError
        The scene lacks a band.
    SceneError
        A file can't be read.
    """
    (tile,) = read_scenes([scene], geobox, bands, threads=1)
    if isinstance(tile, SceneError):
        raise tile
    return tile


def read_scenes(scenes: Sequence[Scene], geobox: GeoBox, bands: Sequence[str], threads: int) -> list[Tile | SceneError]:
    """Read bands of scenes on a grid: reflectance, validity and quality codes, in the order of the scenes.

    Nodata is masked first, then a coarser band is interpolated and a finer one averaged, then numbers become
    reflectance: DN 0 with an offset of -0.1 is no data, never -0.1. Quality codes are taken from the nearest pixel;
    where there is none, nothing is valid.

    Parameters
    ----------
    scenes : sequence of Scene
        What to read.
    geobox : GeoBox
        The grid, usually a `TileSpec.geobox`.
    bands : sequence of str
        Common names, from `common_bands`; none for quality codes alone. `nir08` without `nir` is given the name `nir`
        in the tile.
    threads : int
        Files read at once.

    Returns
    -------
    list of Tile or SceneError
        Instead of a scene of which a file can't be read, the error that says why: it costs only itself.

    Raises
    ------
    BandError
        A scene lacks a band.
    """
    for scene in scenes:
        if missing := [name for name in bands if name not in scene.bands]:
            msg = f"scene {scene.scene_id} has no band {missing[0]}: it has {', '.join(scene.bands)}"
            raise BandError(msg)
    assets = [asset for scene in scenes for asset in (scene.qa, *(scene.bands[name] for name in bands))]
    count = 1 + len(bands)

    def numbers(number: int) -> Numbers | RasterError:
        return _numbers(assets[number], geobox, quality=number % count == 0)

    if not any(geotiff.is_remote(asset.href) for asset in assets):
        # A disk does not make one wait, and every thread keeps the memory that a band took.
        threads = min(threads, processors())
    read = mapped(numbers, range(len(assets)), threads)
    tiles: list[Tile | SceneError] = []
    for scene in scenes:
        tiles.append(_tile(scene, geobox, bands, read[:count]))
        del read[:count]  # raw numbers take as much memory as what they become
    return tiles


def _numbers(asset: BandAsset, geobox: GeoBox, *, quality: bool) -> Numbers | RasterError:
    """Raw numbers of one band, or why they can't be had."""
    resampling: geotiff.ResamplingName = "nearest" if quality else "auto"
    try:
        data, valid = geotiff.read(
            asset.href, geobox, indexes=(asset.index,), resampling=resampling, nodata=asset.nodata
        )
    except RasterError as error:
        return error
    return data[0], valid


def _tile(
    scene: Scene, geobox: GeoBox, bands: Sequence[str], read: Sequence[Numbers | RasterError]
) -> Tile | SceneError:
    layers: list[Numbers] = []
    for one in read:
        if isinstance(one, RasterError):
            return SceneError(f"scene {scene.scene_id}: {one}", scene_id=scene.scene_id)
        layers.append(one)
    (codes, valid), *rest = layers
    data = np.empty((len(bands), *geobox.shape), dtype=np.float32)
    for layer, name, (numbers, good) in zip(data, bands, rest, strict=True):
        asset = scene.bands[name]
        layer[:] = calibrate(numbers, good, asset.scale, asset.offset)
        valid = valid & good
    if not valid.all():  # dear, and mostly in vain
        for layer in data:
            np.copyto(layer, np.float32(np.nan), where=~valid)
    names = tuple("nir" if name == "nir08" and "nir" not in bands else name for name in bands)
    return Tile(scene=scene, geobox=geobox, bands=names, data=data, valid=valid, qa=codes)


def calibrate(numbers: NDArray[Any], valid: BoolArray, scale: float, offset: float) -> FloatArray:
    """Turn raw numbers into `numbers * scale + offset`, float32, NaN where not valid.

    >>> print(calibrate(np.array([0, 2000, 3000]), np.array([False, True, True]), 0.0001, -0.1).round(3))
    [nan 0.1 0.2]
    """
    values: FloatArray = numbers.astype(np.float32)
    values *= np.float32(scale)
    values += np.float32(offset)
    if not valid.all():
        np.copyto(values, np.float32(np.nan), where=~valid)
    return values
