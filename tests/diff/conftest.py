"""Ground by construction, small: land covers in a patchwork, noise of known size, changes painted where we know."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from changedetect.diff import Features, sample_features
from changedetect.grid import TileSpec
from changedetect.model import Composite, Pair
from changedetect.sensors import COMMON_BANDS
from changedetect.types import BoolArray, FloatArray

SPECTRA = np.array(
    [
        [0.03, 0.06, 0.04, 0.42, 0.20, 0.10],  # meadow
        [0.02, 0.04, 0.03, 0.28, 0.12, 0.06],  # wood
        [0.07, 0.10, 0.14, 0.24, 0.32, 0.26],  # soil
        [0.05, 0.08, 0.09, 0.20, 0.22, 0.15],  # mixed
        [0.09, 0.12, 0.13, 0.17, 0.20, 0.18],  # town
    ],
    dtype=np.float32,
)
ROOF = np.array([0.34, 0.36, 0.37, 0.40, 0.38, 0.33], dtype=np.float32)

MakePair = Callable[..., Pair]
Scenery = Callable[..., tuple[FloatArray, FloatArray]]
MakeSample = Callable[[Pair], Features]
Cut = Callable[[Pair, Sequence[int], Sequence[int], int], Iterator[tuple[TileSpec, Pair]]]


def _geobox(shape: tuple[int, int]) -> GeoBox:
    return GeoBox(shape, Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32633")


def _composite(data: FloatArray, valid: BoolArray, geobox: GeoBox, bands: tuple[str, ...]) -> Composite:
    seen = np.where(valid, data, np.nan).astype(np.float32)
    return Composite(geobox=geobox, bands=bands, data=seen, valid=valid, looks=valid.astype(np.uint8))


def _pair(
    before: FloatArray,
    after: FloatArray,
    valid: BoolArray | None = None,
    *,
    bands: tuple[str, ...] = COMMON_BANDS,
    calibrated: bool = True,
) -> Pair:
    shape = before.shape[1:]
    seen = np.ones(shape, dtype=bool) if valid is None else valid
    dates = (_composite(date, seen, _geobox(shape), bands) for date in (before, after))
    return Pair(before=next(dates), after=next(dates), calibrated=calibrated)


def _scenery(seed: int = 0, side: int = 80, noise: float = 0.01) -> tuple[FloatArray, FloatArray]:
    """Two looks, on the square root scale `noise` apart, at fields of eight pixels."""
    rng = np.random.default_rng(seed)
    fields = np.kron(rng.integers(0, len(SPECTRA), (side // 8, side // 8)), np.ones((8, 8), dtype=int))
    ground = np.sqrt(np.moveaxis(SPECTRA[fields], -1, 0)) + rng.normal(0, 0.02, (6, side, side))
    looks = [np.maximum(ground + rng.normal(0, noise, ground.shape), 0.05) ** 2 for _ in range(2)]
    return looks[0].astype(np.float32), looks[1].astype(np.float32)


def _cut(pair: Pair, rows: Sequence[int], cols: Sequence[int], halo_px: int) -> Iterator[tuple[TileSpec, Pair]]:
    """Tiles of `pair` between the given row and column edges."""
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            spec = TileSpec(grid=pair.geobox, rows=slice(top, bottom), cols=slice(left, right), halo_px=halo_px)
            parts = [
                Composite(
                    geobox=spec.geobox,
                    bands=date.bands,
                    data=date.data[:, *spec.padded],
                    valid=date.valid[spec.padded],
                    looks=date.looks[spec.padded],
                )
                for date in (pair.before, pair.after)
            ]
            yield spec, Pair(before=parts[0], after=parts[1], calibrated=pair.calibrated)


def _sample(pair: Pair) -> Features:
    height, width = pair.geobox.shape
    return sample_features(_cut(pair, (0, height), (0, width), 0), 10**9, context=True)


@pytest.fixture(scope="session")
def make_pair() -> MakePair:
    return _pair


@pytest.fixture(scope="session")
def scenery() -> Scenery:
    return _scenery


@pytest.fixture(scope="session")
def make_sample() -> MakeSample:
    return _sample


@pytest.fixture(scope="session")
def cut() -> Cut:
    return _cut


@pytest.fixture(scope="session")
def roof() -> FloatArray:
    """(band, 1, 1) reflectance of a bright roof, unlike all of the scenery."""
    return ROOF[:, None, None]
