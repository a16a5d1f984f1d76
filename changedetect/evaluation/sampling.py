"""Draw the points to be labelled: at random in each class of the change maps, or in predicted polygons and around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from changedetect.errors import EvaluationError
from changedetect.evaluation.design import NO_CHANGE, SampleOptions, allocate, sample_size
from changedetect.evaluation.options import EvaluateOptions
from changedetect.evaluation.places import flat, plane
from changedetect.evaluation.reading import Source, read_extent
from changedetect.evaluation.sides import read_predicted
from changedetect.geotiff import info, read
from changedetect.grid import mean_pixel_m
from changedetect.model import KIND_CODES, UNKNOWN
from changedetect.types import BoolArray, Float64Array, IntArray

_KIND_BAND = 3
"""Band of `change_map.tif` that holds the kind."""
_LARGEST_URN = 10**9
"""NumPy draws without replacement from fewer things than this; of more, it makes no difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Points to be labelled, and what their labels will be weighed by."""

    points: gpd.GeoDataFrame
    """Lon/lat points in random order: `point_id`, `lon`, `lat`, an empty `reference`. Nothing tells the stratum:
    whoever labels shall not know what the map says."""
    stratum: Mapping[str, str]
    """Stratum of each `point_id`."""
    area_m2: Mapping[str, float]
    """Area of each stratum."""
    seed: int
    """Of the draw."""
    sources: tuple[str, ...]
    """The maps, or the predictions."""


def sample_maps(maps: Sequence[str | Path], options: SampleOptions | None = None) -> Sample:
    """Draw points in the classes of change maps: each kind, and `none`; unknown ground is left out.

    Pixels are drawn, without replacement, and their centres labelled. The strata span all maps.

    Parameters
    ----------
    maps : sequence of str or Path
        `change_map.tif` files, or folders of runs, which stand for all maps in them.
    options : SampleOptions, optional
        How many points, and where.

    Raises
    ------
    EvaluationError
        A folder holds no map, or no map has known ground.
    RasterError
        A map can't be read.
    """
    options = options or SampleOptions()
    rng = np.random.default_rng(options.seed)
    paths = [path for given in maps for path in _maps_at(Path(given))]
    names = {0: NO_CHANGE, **{code: kind for kind, code in KIND_CODES.items()}}
    counts = np.array([np.bincount(_kinds(path).ravel(), minlength=256)[list(names)] for path in paths])
    pixel_m2 = np.array([mean_pixel_m(info(path).geobox) ** 2 for path in paths])
    area = dict(zip(names.values(), (pixel_m2 @ counts).tolist(), strict=True))
    pixels = dict(zip(names.values(), counts.sum(axis=0).tolist(), strict=True))
    wanted = _wanted({name: number for name, number in area.items() if number}, options, ", ".join(map(str, maps)))
    drawn: dict[str, list[Float64Array]] = {name: [] for name in wanted}
    shares = [  # of each map and class, how many
        _spread(rng, counts[:, column], min(wanted.get(name, 0), pixels[name]))
        for column, name in enumerate(names.values())
    ]
    for number, path in enumerate(paths):
        kind, geobox = _kinds(path), info(path).geobox
        to_lonlat = Transformer.from_crs(str(geobox.crs), "EPSG:4326", always_xy=True)
        for (code, name), share in zip(names.items(), shares, strict=True):
            if share[number]:
                row, col = _choose(kind == code, int(share[number]), rng)
                drawn[name].append(np.column_stack(to_lonlat.transform(*_centres(geobox, row, col))))
    found = {name: np.concatenate(parts) for name, parts in drawn.items()}
    return _sample(found, {name: area[name] for name in found}, tuple(map(str, paths)), rng, options)


def sample_polygons(predicted: Source, extent: Source | BaseGeometry, options: SampleOptions | None = None) -> Sample:
    """Draw points in predicted polygons, by kind, and in the rest of the ground that was looked at.

    Raises
    ------
    EvaluationError
        A file can't be read, or no prediction lies on the extent.
    """
    options = options or SampleOptions()
    rng = np.random.default_rng(options.seed)
    side, ground = read_predicted(predicted, EvaluateOptions()), read_extent(extent)
    there = plane(*(float(x) for x in shapely.get_coordinates(ground.centroid)[0]))
    rest = flat(np.array([ground], dtype=object), there)[0]
    strata: dict[str, BaseGeometry] = {}
    for kind, group in side.objects.groupby("kind"):
        mine = shapely.intersection(shapely.union_all(flat(group.geometry.to_numpy(), there)), rest)
        rest = shapely.difference(rest, mine)
        strata[str(kind) or "change"] = mine
    strata[NO_CHANGE] = rest
    area = {name: float(shapely.area(stratum)) for name, stratum in strata.items() if not stratum.is_empty}
    wanted = _wanted(area, options, side.name)
    back = {name: _within(strata[name], number, rng) for name, number in wanted.items()}
    found = {
        name: np.column_stack(there.transform(xy[:, 0], xy[:, 1], direction="INVERSE")) for name, xy in back.items()
    }
    return _sample(found, area, (side.name,), rng, options)


def _maps_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    maps = sorted(path.glob("**/change_map.tif"))
    if not maps:
        msg = f"{path} holds no change_map.tif: give the folder of a run, or the maps themselves"
        raise EvaluationError(msg)
    return maps


def _kinds(path: Path) -> IntArray:
    """(y, x) uint8 codes of band 3, 255 where unknown."""
    data, valid = read(path, info(path).geobox, indexes=(_KIND_BAND,))
    return np.where(valid, data[0], UNKNOWN).astype(np.uint8)


def _wanted(area: Mapping[str, float], options: SampleOptions, name: str) -> dict[str, int]:
    """Points a stratum."""
    if not set(area) - {NO_CHANGE}:
        msg = f"{name} shows no change on known ground: there is no class whose accuracy a sample could tell"
        raise EvaluationError(msg)
    total = sum(area.values())
    shares = {key: part / total for key, part in area.items()}
    least = options.minimum * len(shares) if options.allocation == "minimum" else 2 * len(shares)
    points = options.points or max(sample_size(shares, options), least)
    return allocate(shares, points, options)


def _spread(rng: np.random.Generator, counts: IntArray, points: int) -> IntArray:
    """(maps,) how many of a class's points fall on each map, as if its pixels lay in one urn."""
    if counts.sum() < _LARGEST_URN:
        return np.asarray(rng.multivariate_hypergeometric(counts, points, method="marginals"))
    return np.minimum(rng.multinomial(points, counts / counts.sum()), counts)


def _choose(mask: BoolArray, number: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Rows and columns of `number` pixels of a mask, each as likely; only their own rows are ever listed."""
    upto = mask.sum(axis=1).cumsum()
    ranks = np.sort(rng.choice(int(upto[-1]), size=number, replace=False))
    rows = np.searchsorted(upto, ranks, side="right")
    before = np.where(rows > 0, upto[rows - 1], 0)
    listed = {row: np.flatnonzero(mask[row]) for row in np.unique(rows).tolist()}
    cols = [listed[row][rank] for row, rank in zip(rows.tolist(), (ranks - before).tolist(), strict=True)]
    return rows, np.array(cols)


def _centres(geobox: GeoBox, row: IntArray, col: IntArray) -> tuple[Float64Array, Float64Array]:
    """X and y of pixel centres, in the grid's CRS."""
    a, b, c, d, e, f = geobox.affine[:6]
    return a * (col + 0.5) + b * (row + 0.5) + c, d * (col + 0.5) + e * (row + 0.5) + f


def _within(stratum: BaseGeometry, number: int, rng: np.random.Generator) -> Float64Array:
    """(number, 2) points uniform in polygons on a plane: a polygon by its area, then darts at its box."""
    parts: NDArray[Any] = shapely.get_parts(stratum)
    parts = parts[shapely.area(parts) > 0]
    share = shapely.area(parts) / shapely.area(parts).sum()
    numbers = rng.multinomial(number, share)
    found = []
    for part, wanted in zip(parts, numbers.tolist(), strict=True):
        shapely.prepare(part)
        west, south, east, north = shapely.bounds(part)
        hits = np.empty((0, 2))
        while len(hits) < wanted:
            darts = rng.uniform((west, south), (east, north), (4 * wanted + 16, 2))
            hits = np.concatenate([hits, darts[shapely.contains_xy(part, darts)]])
        found.append(hits[:wanted])
    return np.concatenate(found)


def _sample(
    found: Mapping[str, Float64Array],
    area_m2: Mapping[str, float],
    sources: tuple[str, ...],
    rng: np.random.Generator,
    options: SampleOptions,
) -> Sample:
    names = np.repeat(list(found), [len(xy) for xy in found.values()])
    order = rng.permutation(len(names))
    lon, lat = np.round(np.concatenate(list(found.values()))[order], 7).T
    width = max(4, len(str(len(order))))
    ids = [f"p{number:0{width}d}" for number in range(1, len(order) + 1)]
    columns = {"point_id": ids, "lon": lon, "lat": lat, "reference": ""}
    return Sample(
        points=gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326"),
        stratum=dict(zip(ids, names[order].tolist(), strict=True)),
        area_m2=dict(area_m2),
        seed=options.seed,
        sources=sources,
    )
