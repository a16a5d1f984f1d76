"""The ground: what covers it, what is built on it and when, and how it reflects on any day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.features import rasterize
from scipy import ndimage
from shapely import orient_polygons, transform
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from changedetect.errors import ConfigError
from changedetect.testing.crops import field_states
from changedetect.testing.spectra import BANDS, COVER_CODES, COVERS, cover_states
from changedetect.testing.textures import smooth_noise
from changedetect.types import FloatArray, IntArray, Kind

FARMLAND = 255
"""Code in `Landscape.cover` of ground that belongs to a field."""

FINE_M = 2.5
"""Pixel of a landscape, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something that is built, and stays."""

    feature_id: str
    """Unique in its landscape."""
    geometry: BaseGeometry
    """Polygon in the landscape's CRS, metres."""
    cover: str
    """Key of `COVERS`; `graded_earth` makes it a clearing, anything else a construction."""
    built: date
    """First day on which it stands finished."""
    cleared: date | None = None
    """First day on which its ground lies open as graded earth; None: on no day before `built`."""

    def __post_init__(self) -> None:
        if self.cover not in COVERS:
            msg = f"feature {self.feature_id}: cover {self.cover!r} is unknown: use one of {', '.join(COVERS)}"
            raise ConfigError(msg)
        if self.cleared is not None and self.cleared > self.built:
            msg = (
                f"feature {self.feature_id} is cleared on {self.cleared}, after it is built on {self.built}: swap them"
            )
            raise ConfigError(msg)

    @property
    def kind(self) -> Kind:
        """What a detector should call it once it is finished."""
        return "clearing" if self.cover == "graded_earth" else "construction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """A piece of ground on a fine grid, with everything that happens on it."""

    name: str
    """Becomes the site id."""
    geobox: GeoBox
    """Grid of the arrays: UTM, north up, `FINE_M` pixels."""
    seed: int
    """Everything random on this ground follows from it."""
    cover: IntArray
    """(y, x) uint8 position in `COVERS`, or `FARMLAND`."""
    parcel: IntArray
    """(y, x) int32 number of the field, counted from 0, also where `cover` is not `FARMLAND`."""
    bank_m: FloatArray
    """(y, x) height of the ground over the lowest water level, metres; infinite where water never reaches."""
    features: tuple[Feature, ...] = ()
    """What is built, oldest first."""

    @property
    def epsg(self) -> int:
        """EPSG code of the grid."""
        return epsg_of(self.geobox)


def epsg_of(geobox: GeoBox) -> int:
    """EPSG code of a grid; `ConfigError` when it has none."""
    code = geobox.crs.epsg if geobox.crs is not None else None
    if code is None:
        msg = f"grid in {geobox.crs} has no EPSG code: use a UTM zone"
        raise ConfigError(msg)
    return int(code)


def water_level_m(seed: int, day: date) -> float:
    """Height of the water over its lowest level: high in April, low in October, another amplitude each year."""
    wet = np.random.default_rng([seed, 5, day.year]).uniform(0.6, 1.4)
    turn = 2 * np.pi * (day.timetuple().tm_yday - 105) / 365
    return float(1.0 + wet * (1 + np.cos(turn)))


def render(landscape: Landscape, day: date) -> tuple[FloatArray, FloatArray]:
    """What the ground reflects on a day, and what stands on it.

    Returns
    -------
    reflectance : ndarray
        (band, y, x) in the order of `BANDS`.
    height_m : ndarray
        (y, x) height of trees and buildings, metres.
    """
    code = _covers_on(landscape, day)
    fields = int(landscape.parcel.max()) + 1
    row = np.where(code == FARMLAND, len(COVERS) + landscape.parcel, code)
    states = zip(cover_states(float(day.timetuple().tm_yday)), field_states(landscape.seed, fields, day), strict=True)
    dry, green, share = (np.concatenate(parts).astype(np.float32) for parts in states)
    covers = COVERS.values()
    grain = np.array([cover.texture for cover in covers] + [0.06] * fields, dtype=np.float32)
    height = np.array([cover.height_m for cover in covers] + [0.0] * fields, dtype=np.float32)

    shape = code.shape
    lasting = np.random.default_rng([landscape.seed, 6])
    patches, clods = smooth_noise(lasting, shape, 14), smooth_noise(lasting, shape, 1.6)
    growth = smooth_noise(np.random.default_rng([landscape.seed, 7, day.year]), shape, 9)
    uneven = np.where((share > 0.02) & (share < 1), 0.3 * share * (1 - share) + 0.04, 0)[row]
    leaves = np.clip(share[row] + uneven * (0.6 * growth + 0.8 * patches), 0, 1)
    shade = np.exp(grain[row] * (0.5 * patches + 0.6 * clods + 0.4 * growth))
    moisture = np.random.default_rng([landscape.seed, 8, day.toordinal()]).uniform(0.86, 1.04)
    soil_like = (dry[:, 5] > dry[:, 3]) & (grain >= 0.06)
    shade *= np.where(soil_like[row], leaves + (1 - leaves) * moisture, 1.0)
    mixed = np.empty((len(BANDS), *shape), dtype=np.float32)
    for band in range(len(BANDS)):
        low = dry[row, band]
        mixed[band] = (low + leaves * (green[row, band] - low)) * shade
    return mixed, np.asarray(height[row] * (1 + 0.2 * clods * (height[row] > 12)), dtype=np.float32)


def _covers_on(landscape: Landscape, day: date) -> IntArray:
    code = landscape.cover.copy()
    level = water_level_m(landscape.seed, day)
    code[landscape.bank_m < 4.2] = COVER_CODES["mud"]
    code[landscape.bank_m < level] = COVER_CODES["turbid_water" if level > 2.6 else "water"]
    for feature in landscape.features:
        if feature.built <= day:
            _burn(code, feature.geometry, landscape.geobox, COVER_CODES[feature.cover])
        elif feature.cleared is not None and feature.cleared <= day:
            _burn(code, feature.geometry, landscape.geobox, COVER_CODES["graded_earth"])
    return code


def _burn(code: IntArray, shape: BaseGeometry, geobox: GeoBox, value: int) -> None:
    rasterize([(shape, value)], out=code, transform=geobox.affine)


def cast_shadows(height_m: FloatArray, sun_elevation_deg: float, sun_azimuth_deg: float) -> FloatArray:
    """(y, x) share of direct light that trees and buildings keep from the ground, 0-1; rays followed to 60 m."""
    away = np.radians(sun_azimuth_deg + 180)
    slope = np.tan(np.radians(sun_elevation_deg))
    shaded = np.zeros(height_m.shape, dtype=bool)
    reach = min(float(height_m.max()) / slope, 60.0)
    for distance in np.arange(FINE_M, reach + FINE_M, FINE_M):
        drop = distance * slope
        move = (round(-np.cos(away) * distance / FINE_M), round(np.sin(away) * distance / FINE_M))
        shaded |= np.roll(height_m, move, axis=(0, 1)) - drop > height_m
    return np.asarray(ndimage.uniform_filter(shaded.astype(np.float32), 3), dtype=np.float32)


def truth(landscape: Landscape) -> dict[str, Any]:
    """What is built on a landscape, as GeoJSON in lon/lat.

    Properties of each feature: `id`, `kind`, `cover`, `built`, `cleared` (ISO dates; `cleared` may be null) and
    `area_m2` in the landscape's own CRS.
    """
    return {"type": "FeatureCollection", "features": [_truth_of(f, landscape) for f in landscape.features]}


def _truth_of(feature: Feature, landscape: Landscape) -> Mapping[str, Any]:
    there = Transformer.from_crs(landscape.epsg, 4326, always_xy=True)
    lonlat = transform(feature.geometry.normalize(), lambda xy: np.column_stack(there.transform(*xy.T)))
    return {
        "type": "Feature",
        "geometry": mapping(orient_polygons(lonlat)),
        "properties": {
            "id": feature.feature_id,
            "kind": feature.kind,
            "cover": feature.cover,
            "built": feature.built.isoformat(),
            "cleared": feature.cleared.isoformat() if feature.cleared else None,
            "area_m2": round(feature.geometry.area, 1),
        },
    }
