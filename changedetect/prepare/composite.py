"""One clear picture of each window."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from changedetect.errors import NoScenesError
from changedetect.model import Composite, Tile, same_pass
from changedetect.prepare.harmonise import harmonise, harmonising
from changedetect.prepare.mask_models import clouds_by, mask_model_named, model_reach_px
from changedetect.prepare.masks import Look, clear_of, looks_of
from changedetect.prepare.options import CompositeName, PrepareOptions
from changedetect.prepare.outliers import STRIP_ROWS, outlier_reach_px, outliers
from changedetect.prepare.roofs import roof_reach_px, roofs_called_cloud
from changedetect.types import BoolArray, FloatArray, IntArray

WHOLE = (slice(None), slice(None))
"""All rows and columns of a tile."""
_LOOKS_THAT_AGREE = 2
"""Fewer looks can't contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to make one picture of looks."""

    name: CompositeName
    """Key in `METHODS`."""
    rank: Callable[[Tile], Any]
    """Looks are handed over in this order."""
    combine: Callable[[FloatArray], FloatArray]
    """(look, band, y, x), NaN in every band where not clear → (band, y, x), NaN where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneAccount:
    """What was decided about the pixels of one scene; counts of tiles may be added up."""

    scene_id: str
    """The scene."""
    looks_px: int
    """Pixels that it gave to its window's picture."""
    roof_px: int
    """Pixels called cloud that are a roof."""
    outlier_px: int
    """Pixels called clear that stand out from the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composites:
    """Both windows of a tile."""

    before: Composite
    """The earlier window."""
    after: Composite
    """The later one."""
    accounts: tuple[SceneAccount, ...]
    """A line a scene, oldest first in each window."""


def halo_px(pixel_m: float, options: PrepareOptions) -> int:
    """Pixels that `make_composites` looks beyond the ones it decides."""
    reach = math.ceil(options.cloud_dilation_m / pixel_m)
    if options.keep_roofs:
        reach += roof_reach_px(pixel_m)
    if options.reject_outliers:
        reach += outlier_reach_px(pixel_m)
    if options.mask_model:
        reach += model_reach_px(mask_model_named(options.mask_model), pixel_m)
    return reach


def make_composites(
    before: Sequence[Tile],
    after: Sequence[Tile],
    options: PrepareOptions,
    owned: tuple[slice, slice] = WHOLE,
) -> Composites:
    """Make one clear picture of each window, on one grid and in the same bands.

    In this order: bands of different sensors are brought together, quality bands decoded (and joined by a mask model),
    roofs freed of them, clouds and shadows grown, looks rejected that stand out, the rest combined. Where tiles of one
    pass overlap, they are one look.

    Parameters
    ----------
    before, after
        The same ground and bands, a tile a scene; all scenes of the site's two windows, on every tile.
    options
        What to do, and how many looks a pixel needs.
    owned
        Rows and columns that the accounts count, so that halos are not counted twice.

    Raises
    ------
    NoScenesError
        A window has no tile.
    ConfigError
        The mask model is unknown or not installed.
    BandError
        The mask model needs bands that the tiles lack.
    """
    if not before or not after:
        msg = "no scene to make a composite of: widen the window"
        raise NoScenesError(msg)
    target = harmonising([tile.scene for tile in (*before, *after)]).target if options.harmonise else None
    windows = [looks_of([harmonise(tile, target) for tile in tiles]) for tiles in (before, after)]
    if options.mask_model:
        model = mask_model_named(options.mask_model)
        windows = [
            tuple(replace(one, cloud=one.cloud | clouds_by(model, one.tile)) for one in some) for some in windows
        ]
    roofs = [[np.zeros_like(look.cloud) for look in looks] for looks in windows]
    if options.keep_roofs:
        roofs = [roofs_called_cloud(*windows), roofs_called_cloud(*reversed(windows))]
    made = [_window(looks, roof, options, owned) for looks, roof in zip(windows, roofs, strict=True)]
    return Composites(before=made[0][0], after=made[1][0], accounts=(*made[0][1], *made[1][1]))


def added_up(accounts: Iterable[SceneAccount]) -> tuple[SceneAccount, ...]:
    """Accounts of many tiles, one a scene, in the order in which they first come."""
    total: dict[str, SceneAccount] = {}
    for one in accounts:
        so_far = total.get(one.scene_id)
        total[one.scene_id] = (
            one
            if so_far is None
            else SceneAccount(
                scene_id=one.scene_id,
                looks_px=so_far.looks_px + one.looks_px,
                roof_px=so_far.roof_px + one.roof_px,
                outlier_px=so_far.outlier_px + one.outlier_px,
            )
        )
    return tuple(total.values())


def _window(
    looks: Sequence[Look], roofs: Sequence[BoolArray], options: PrepareOptions, owned: tuple[slice, slice]
) -> tuple[Composite, list[SceneAccount]]:
    looks = [replace(look, cloud=look.cloud & ~roof) for look, roof in zip(looks, roofs, strict=True)]
    clear = _clear(looks, options)
    out = outliers(looks, clear) if options.reject_outliers else np.zeros_like(clear)
    clear &= ~out
    accounts = [
        SceneAccount(
            scene_id=look.tile.scene.scene_id,
            looks_px=int(see[owned].sum()),
            roof_px=int((roof & see)[owned].sum()),
            outlier_px=int(stood_out[owned].sum()),
        )
        for look, see, roof, stood_out in zip(looks, clear, roofs, out, strict=True)
    ]
    return composite_of([look.tile for look in looks], clear, options), accounts


def _clear(looks: Sequence[Look], options: PrepareOptions) -> BoolArray:
    """(look, y, x) True where each shows the ground, and no earlier tile of its pass does."""
    clear = np.stack([clear_of(look, options) for look in looks])
    for number, look in enumerate(looks):
        for earlier in range(number):
            if same_pass(looks[earlier].tile.scene, look.tile.scene):
                clear[number] &= ~clear[earlier]
    return clear


def composite_of(tiles: Sequence[Tile], clear: BoolArray, options: PrepareOptions) -> Composite:
    """Combine looks: `tiles` oldest first, `clear` (look, y, x) where each is to be used."""
    method = METHODS[options.composite]
    order = sorted(range(len(tiles)), key=lambda number: method.rank(tiles[number]))
    looks = clear.sum(axis=0).astype(np.uint16)
    if len(tiles) == 1:
        return _composite_of_one(tiles[0], looks, options)
    data = np.empty((len(tiles[0].bands), *looks.shape), dtype=np.float32)
    spread = np.full(looks.shape, np.inf, dtype=np.float32)
    for top in range(0, looks.shape[0], STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        seen = np.stack([np.where(clear[n, rows], tiles[n].data[:, rows], np.float32(np.nan)) for n in order])
        data[:, rows] = method.combine(seen)
        deviation = median_of_looks(np.abs(seen - data[:, rows]))
        spread[rows] = np.sqrt((deviation * deviation).sum(axis=0))
    valid = looks >= options.min_looks
    data[:, ~valid] = np.nan
    spread[looks < _LOOKS_THAT_AGREE] = np.inf
    return Composite(
        geobox=tiles[0].geobox,
        bands=tiles[0].bands,
        data=data,
        valid=valid,
        looks=looks,
        scene_ids=tuple(tile.scene.scene_id for tile in tiles),
        spread=spread,
    )


def _composite_of_one(tile: Tile, looks: IntArray, options: PrepareOptions) -> Composite:
    """What every method makes of one look."""
    valid = looks >= options.min_looks
    return Composite(
        geobox=tile.geobox,
        bands=tile.bands,
        data=np.where(valid, tile.data, np.float32(np.nan)),
        valid=valid,
        looks=looks,
        scene_ids=(tile.scene.scene_id,),
    )


def median_of_looks(seen: FloatArray) -> FloatArray:
    """Median over the first axis of (look, band, y, x), NaN where a look is not clear.

    Equal to `numpy.nanmedian`, without its warning where there is nothing to see.
    """
    looks = np.isfinite(seen[:, 0]).sum(axis=0)
    ordered = np.sort(seen, axis=0)  # NaN goes last
    low, high = np.maximum(looks - 1, 0) // 2, looks // 2
    index = np.broadcast_to(np.stack([low, np.minimum(high, len(seen) - 1)])[:, None], (2, *seen.shape[1:]))
    middle = np.take_along_axis(ordered, index, axis=0)
    return np.asarray((middle[0] + middle[1]) / np.float32(2), dtype=np.float32)


def medoid_of_looks(seen: FloatArray) -> FloatArray:
    """Give the look nearest to the median, in all bands together: its bands belong to one day.

    After Flood 2013 (doi:10.3390/rs5126481), who takes the look with the least sum of distances to all others; the
    distance to the median is as robust and costs one pass. Of looks equally near, the first.
    """
    distance = ((seen - median_of_looks(seen)) ** 2).sum(axis=1)
    nearest = np.where(np.isnan(distance), np.float32(np.inf), distance).argmin(axis=0)
    return _taken(seen, nearest)


def first_look(seen: FloatArray) -> FloatArray:
    """Give the first clear look."""
    return _taken(seen, np.isfinite(seen[:, 0]).argmax(axis=0))


def _taken(seen: FloatArray, number: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> FloatArray:
    return np.asarray(np.take_along_axis(seen, number[None, None], axis=0)[0])


def _age(tile: Tile) -> tuple[float, str]:
    return -tile.scene.datetime.timestamp(), tile.scene.scene_id


def _cloudiness(tile: Tile) -> tuple[float, float, str]:
    """Cloud over the whole scene: the only measure that is the same on every tile of a site."""
    cover = tile.scene.cloud_cover
    return (math.inf if cover is None else cover, *_age(tile))


def _oldest(tile: Tile) -> float:
    return tile.scene.datetime.timestamp()


METHODS: Mapping[CompositeName, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(name="median", rank=_oldest, combine=median_of_looks),
            Method(name="medoid", rank=_oldest, combine=medoid_of_looks),
            Method(name="least-cloudy", rank=_cloudiness, combine=first_look),
            Method(name="recent", rank=_age, combine=first_look),
        )
    }
)
"""Ways to make one picture of a window, by name."""
