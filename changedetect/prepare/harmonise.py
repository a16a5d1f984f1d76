"""Bringing the bands of different sensors together.

Sentinel-2's bands are adjusted to those of Landsat 8/9's OLI with the linear fits of HLS (Claverie et al. 2018,
doi:10.1016/j.rse.2018.09.002; coefficients of the HLS project's page on bandpass adjustment and Product User Guide
v2.0, table 5), made from 160 hyperspectral scenes.

Landsat 4-7 stays as it is. The fits of ETM+ to OLI in use (Roy et al. 2016, doi:10.1016/j.rse.2015.12.024) were made on
surface reflectance from before the Collections, and Google's Earth Engine guide, which spread them, now calls them
neither needed nor recommended for Collection 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from changedetect.model import Scene, Tile

Target = Literal["oli"]
"""The sensor whose bands all others are brought to."""

_MSI = frozenset({"sentinel-2-l2a", "ga-s2-ard-3"})
"""Sensors in the bands of Sentinel-2."""
_OLI = frozenset({"landsat-8-9-c2-l2", "ga-ls8-9-ard-3", "hls-l30", "hls-s30"})
"""Sensors in the bands of Landsat 8/9; HLS S30 has been brought there by its makers."""
_OLDER = frozenset({"landsat-4-7-c2-l2", "ga-ls5-7-ard-3"})

Fit = tuple[float, float]
"""Slope and offset."""

_FITS: Mapping[str, Mapping[str, Fit]] = MappingProxyType(
    {
        "a": {
            "blue": (0.9778, -0.0040),
            "green": (1.0053, -0.0009),
            "red": (0.9765, 0.0009),
            "nir": (0.9983, -0.0001),
            "swir16": (0.9987, -0.0011),
            "swir22": (1.0030, -0.0012),
        },
        "b": {
            "blue": (0.9778, -0.0040),
            "green": (1.0075, -0.0008),
            "red": (0.9761, 0.0010),
            "nir": (0.9966, 0.0000),
            "swir16": (1.0000, -0.0003),
            "swir22": (0.9867, 0.0004),
        },
    }
)
"""By Sentinel-2 unit and band. `nir` is that of B8A: where Landsat is in the mixture, it stands in for B08."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonising:
    """What is done to make a site's scenes comparable."""

    target: Target | None
    """Whose bands the scenes are brought to; None: they are left as they are."""
    notes: tuple[str, ...]
    """The same in words, for the provenance."""


def harmonising(scenes: Sequence[Scene]) -> Harmonising:
    """Decide from all scenes of a site's two windows."""
    sensors = {scene.sensor for scene in scenes}
    notes = []
    target: Target | None = None
    if sensors & _MSI and sensors & _OLI:
        target = "oli"
        count = sum(scene.sensor in _MSI for scene in scenes)
        notes.append(f"{count} Sentinel-2 scenes adjusted to the bands of Landsat OLI (HLS, Claverie et al. 2018)")
        if any(_unit(scene) == "c" for scene in scenes if scene.sensor in _MSI):
            notes.append("Sentinel-2C adjusted like Sentinel-2B: no coefficients of its own are published")
    if sensors & _OLDER and sensors - _OLDER:
        notes.append("Landsat 4-7 left as it is beside newer sensors: no coefficients for its Collection 2")
    return Harmonising(target=target, notes=tuple(notes))


def harmonise(tile: Tile, target: Target | None) -> Tile:
    """Bring a tile's reflectance to the target's bands; the tile itself where nothing is to be done.

    Bands of which no fit is known stay.
    """
    if target is None or tile.scene.sensor not in _MSI:
        return tile
    fits = _FITS["a" if _unit(tile.scene) in {"a", ""} else "b"]
    slope, offset = np.array([fits.get(band, (1.0, 0.0)) for band in tile.bands], dtype=np.float32).T
    return replace(tile, data=tile.data * slope[:, None, None] + offset[:, None, None])


def _unit(scene: Scene) -> str:
    """Letter of the satellite, lower case; empty where neither platform nor id tell."""
    if scene.platform.startswith("sentinel-2"):
        return scene.platform.removeprefix("sentinel-2")
    return scene.scene_id[2].lower() if scene.scene_id.startswith(("S2A", "S2B", "S2C")) else ""
