"""Tiles made of arrays, for the tests of this folder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from changedetect.model import BandAsset, Composite, Scene, Tile

GRID = GeoBox((40, 50), Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32634")
VEGETATION, SHADOW, CLOUD, SNOW = 4, 3, 9, 11
OLI_CLEAR, OLI_CLOUD, OLI_FILL = 21824, 22280, 1


def tile(qa, *, valid=None, data=None, day=0, sensor="sentinel-2-l2a", grid=GRID, bands=("red", "nir")):
    """One scene's pixels; without data, every band is 0.1."""
    qa = np.broadcast_to(np.asarray(qa, dtype=np.uint16), grid.shape)
    valid = np.ones(grid.shape, dtype=bool) if valid is None else valid
    data = (
        np.full((len(bands), *grid.shape), 0.1, dtype=np.float32) if data is None else np.array(data, dtype=np.float32)
    )
    data[:, ~valid] = np.nan
    asset = BandAsset(href="nowhere.tif")
    scene = Scene(
        scene_id=f"day-{day}",
        sensor=sensor,
        datetime=datetime(2023, 6, 1, 9, tzinfo=UTC) + timedelta(days=day),
        footprint=box(20, 45, 22, 47),
        bands=dict.fromkeys(bands, asset),
        qa=asset,
    )
    return Tile(scene=scene, geobox=grid, bands=bands, data=data, valid=valid, qa=qa)


def of_scene(one, **changes):
    """A tile with other fields of its scene."""
    return replace(one, scene=replace(one.scene, **changes))


def composite(data, *, grid=GRID):
    """A composite of two bands, valid where finite."""
    valid = np.isfinite(data).all(axis=0)
    return Composite(geobox=grid, bands=("red", "nir"), data=data, valid=valid, looks=valid.astype(np.uint8))
