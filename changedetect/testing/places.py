"""Three invented places, each with a life of its own: a factory, a rail crossing, and one where nothing is built.

They lie at coordinates in the Hungarian plain only to have a sun and a grid; nothing of the real ground is copied.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
from shapely import affinity
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from changedetect.testing.farmland import Painting, block, distance_m, farmland, paint, strip, village
from changedetect.testing.landscape import Feature, Landscape
from changedetect.testing.textures import smooth_noise

_SIDE_M = 2400.0
_UTM_34N = 32634

Place = Callable[[BaseGeometry], BaseGeometry]


def factory(
    name: str = "sim-factory", *, west: float = 470_040.0, north: float = 5_190_000.0, seed: int = 11
) -> Landscape:
    """A plant between fields, where two halls, an apron, a workshop and a graded pad appear from November 2016 on."""
    land = farmland(name, west=west, north=north, epsg=_UTM_34N, size_m=(_SIDE_M, _SIDE_M), seed=seed)
    put = _placer(west, north)
    old = [
        *village(np.random.default_rng([seed, 20]), 480, 1880, 200),
        (strip([(0, 1500), (700, 1420), (1500, 1010), (2400, 900)], 9), "asphalt"),
        (strip([(480, 1880), (560, 1436)], 7), "asphalt"),
        (block(1130, 1020, (420, 300), 12), "old_concrete"),
        (block(1255, 985, (130, 190), 12), "bare_light"),
        (block(1040, 1080, (150, 60), 12), "grey_roof"),
        (block(1050, 985, (130, 50), 12), "slate_roof"),
        (block(1150, 910, (120, 36), 12), "white_roof"),
        (block(950, 930, (50, 60), 12), "garden"),
        (strip([(1220, 1130), (1190, 1010)], 8), "asphalt"),
    ]
    features = (
        _feature("hall-2", block(1258, 990, (62, 124), 12), "blue_roof", "2017-03-20"),
        _feature("hall-1", block(1010, 770, (150, 72), 12), "white_roof", "2017-05-08", "2016-11-05"),
        _feature("apron", block(1026, 699, (150, 68), 12), "concrete", "2017-05-15", "2016-11-05"),
        _feature("workshop", block(1190, 760, (64, 38), 12), "grey_roof", "2017-04-26", "2017-01-20"),
        _feature("pad", block(1500, 790, (120, 90), -18), "graded_earth", "2017-04-12"),
    )
    return _finish(land, [(put(shape), cover) for shape, cover in old], features, put)


def rail_crossing(
    name: str = "sim-crossing", *, west: float = 520_020.0, north: float = 5_160_000.0, seed: int = 23
) -> Landscape:
    """A railway over a river, where sidings, a transhipment pad and small sheds appear from October 2016 on."""
    land = farmland(name, west=west, north=north, epsg=_UTM_34N, size_m=(_SIDE_M, _SIDE_M), seed=seed)
    put = _placer(west, north)
    river = LineString([(1780, 0), (1700, 500), (1850, 1000), (1760, 1500), (1900, 1950), (1820, 2400)])
    line = [(0, 700), (900, 1100), (2400, 1767)]
    old = [
        *village(np.random.default_rng([seed, 20]), 600, 1700, 230),
        (river.buffer(75), "meadow"),
        (strip([(600, 1700), (700, 1230), (900, 1140)], 7), "asphalt"),
        (strip([(0, 300), (700, 420), (1500, 330), (2400, 520)], 9), "asphalt"),
        (strip(line, 13), "ballast"),
        (block(905, 1150, (90, 36), 24), "old_concrete"),
        (block(905, 1152, (60, 16), 24), "red_tile"),
    ]
    features = (
        _feature("sidings", block(1180, 1191, (430, 30), 24), "ballast", "2017-03-30", "2016-10-20"),
        _feature("pad", block(1250, 1152, (160, 62), 24), "concrete", "2017-05-12", "2016-11-20"),
        _feature("shed", block(1120, 1092, (74, 40), 24), "grey_roof", "2017-05-02", "2017-02-10"),
        _feature("customs", block(860, 1010, (48, 40), 24), "white_roof", "2017-04-18", "2017-03-05"),
        _feature("depot", block(1420, 1190, (60, 58), 24), "graded_earth", "2017-05-05"),
    )
    land = _finish(land, [(put(shape), cover) for shape, cover in old], features, put)
    bank = (distance_m(land, put(river)) - 18) / 7
    bridge = distance_m(land, put(LineString(line))) < 6
    return replace(land, bank_m=np.where(bridge, np.inf, bank).astype(np.float32))


def control(
    name: str = "sim-control", *, west: float = 430_020.0, north: float = 5_220_000.0, seed: int = 37
) -> Landscape:
    """Fields, a reservoir, a village and an old plant, where nothing is built at all."""
    land = farmland(name, west=west, north=north, epsg=_UTM_34N, size_m=(_SIDE_M, _SIDE_M), seed=seed)
    put = _placer(west, north)
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    reach = 300 * (1 + 0.28 * np.sin(2 * turn + 1) + 0.14 * np.sin(3 * turn + 2) + 0.07 * np.sin(7 * turn))
    lake = Polygon(np.column_stack([1720 + 1.2 * reach * np.cos(turn), 1640 + 0.9 * reach * np.sin(turn)]))
    old = [
        *village(np.random.default_rng([seed, 20]), 560, 620, 210),
        (strip([(0, 980), (560, 900), (1300, 980), (2400, 760)], 9), "asphalt"),
        (strip([(560, 620), (560, 900)], 7), "asphalt"),
        (lake.buffer(60), "meadow"),
        (block(1400, 820, (260, 160), -8), "old_concrete"),
        (block(1370, 850, (120, 50), -8), "white_roof"),
        (block(1470, 790, (90, 46), -8), "blue_roof"),
        (block(1360, 770, (80, 30), -8), "slate_roof"),
    ]
    land = _finish(land, [(put(shape), cover) for shape, cover in old], (), put)
    shore = smooth_noise(np.random.default_rng([seed, 21]), land.cover.shape, 28)
    ragged = distance_m(land, put(lake.buffer(-90))) + 30 * shore.clip(-2, 2)
    return replace(land, bank_m=((ragged - 40) / 13).astype(np.float32))


def _placer(west: float, north: float) -> Place:
    """From metres east and north of the lower left corner to the CRS."""

    def place(shape: BaseGeometry) -> BaseGeometry:
        return affinity.translate(shape, west, north - _SIDE_M)

    return place


def _feature(feature_id: str, shape: BaseGeometry, cover: str, built: str, cleared: str | None = None) -> Feature:
    opened = date.fromisoformat(cleared) if cleared else None
    return Feature(feature_id=feature_id, geometry=shape, cover=cover, built=date.fromisoformat(built), cleared=opened)


def _finish(land: Landscape, old: Painting, features: tuple[Feature, ...], put: Place) -> Landscape:
    moved = tuple(replace(feature, geometry=put(feature.geometry)) for feature in features)
    return replace(land, cover=paint(land, old), features=tuple(sorted(moved, key=lambda item: item.built)))
