"""A satellite looks at a landscape: optics, sampling, noise, registration, clouds, encodings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from changedetect.errors import ConfigError
from changedetect.lonlat import footprint
from changedetect.sensors import SENSORS
from changedetect.testing.landscape import FINE_M, Landscape, cast_shadows, render
from changedetect.testing.quality import View, qa_pixel, scene_classification
from changedetect.testing.sky import SKY_FACTOR, Sky, make_sky, through_sky
from changedetect.testing.spectra import BANDS
from changedetect.testing.sun import sun_position
from changedetect.types import BoolArray, FloatArray, IntArray

_PSF_SIGMA = 0.53
"""Standard deviation of the point spread in native pixels: full width at half maximum 1.25 px, modulation transfer 0.25
at Nyquist, inside the 0.15-0.30 required and measured of MSI (Gascon et al. 2017, doi:10.3390/rs9060584)."""

_NOISE = (0.0006, 1 / 170)
"""Noise floor, and noise over signal at the reference radiance (MSI: 142-174 in the 10 m bands, 72-100 at 20 m; Gascon
et al. 2017), carried to reflectance by photon statistics."""

_SIGNAL = 0.11
"""Reflectance at which the ratio above holds."""

_LAYOUT: Mapping[str, tuple[Mapping[str, float], float, float]] = MappingProxyType(
    {
        "sentinel-2-l2a": (
            {"blue": 10, "green": 10, "red": 10, "nir": 10, "nir08": 20, "swir16": 20, "swir22": 20},
            20.0,
            0.0,
        ),
        "landsat-8-9-c2-l2": (
            dict.fromkeys(("blue", "green", "red", "nir08", "swir16", "swir22"), 30.0),
            30.0,
            15.0,
        ),
    }
)
"""Per sensor: pixel of each band, pixel of the quality layer, and how far its grid lies off the UTM origin, metres
(Landsat centres its pixels on multiples of 30 m)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One overpass and how it was processed; with the landscape it determines every pixel."""

    sensor: str
    """`sentinel-2-l2a` or `landsat-8-9-c2-l2`, keys of `changedetect.sensors.SENSORS`."""
    moment: datetime
    """Overpass, timezone-aware UTC."""
    seed: int
    """Clouds, noise, registration, haze and errors of the quality layer follow from it."""
    baseline: str = "05.00"
    """Sentinel-2 processing baseline: from 04.00 on, 1000 is added to every DN. Landsat: ignored."""
    cloud_cover: float = 0.0
    """Share of the wide sky under cloud, 0-1."""
    cirrus_cover: float = 0.0
    """Share of the wide sky under cirrus, 0-1."""
    wedge: float = 0.0
    """Share of the top edge that lies outside the swath, 0-1; the edge of the swath runs down to the left."""

    def __post_init__(self) -> None:
        if self.sensor not in _LAYOUT:
            msg = f"no simulation of sensor {self.sensor!r}: use one of {', '.join(_LAYOUT)}"
            raise ConfigError(msg)
        if self.moment.tzinfo is None:
            msg = f"acquisition at {self.moment} has no time zone: use UTC"
            raise ConfigError(msg)

    @property
    def offset(self) -> float:
        """Reflectance that is added to DN times scale."""
        fresh = self.sensor != "sentinel-2-l2a" or self.baseline >= "04.00"
        return SENSORS[self.sensor].offset if fresh else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The pixels of one acquisition, as a provider would ship them, and what only a simulator knows."""

    landscape: Landscape
    """What was looked at."""
    acquisition: Acquisition
    """How."""
    bands: Mapping[str, tuple[IntArray, GeoBox]]
    """uint16 DN (y, x) and grid, by STAC common name."""
    qa: tuple[IntArray, GeoBox]
    """SCL (uint8) or QA_PIXEL (uint16), (y, x), and its grid."""
    sun: tuple[float, float]
    """Elevation and azimuth, degrees."""
    cloud: FloatArray
    """(y, x) true opacity of cloud and cirrus together on the quality layer's grid, 0-1."""
    shadow: FloatArray
    """(y, x) true share of direct light that clouds keep off, on the quality layer's grid, 0-1."""


def observe(landscape: Landscape, acquisition: Acquisition) -> Observation:
    """Look at a landscape; the same arguments give the same pixels."""
    centre = footprint(landscape.geobox).centroid
    sun = sun_position(centre.x, centre.y, acquisition.moment)
    rng = np.random.default_rng([landscape.seed, acquisition.seed])
    ground, height = render(landscape, acquisition.moment.date())
    ground *= 1 + 0.06 * (sun[0] - 45) / 20 + rng.normal(0, 0.01)
    sky_shape = (ground.shape[1] // SKY_FACTOR, ground.shape[2] // SKY_FACTOR)
    sky = make_sky(
        np.random.default_rng([landscape.seed, acquisition.seed, 40]),
        sky_shape,
        sun,
        cloud_cover=acquisition.cloud_cover,
        cirrus_cover=acquisition.cirrus_cover,
    )
    haze = float(rng.gamma(2.0, 0.012))
    seen = through_sky(ground, sky, cast_shadows(height, *sun), haze=haze, rng=rng)

    native, qa_m, off_m = _LAYOUT[acquisition.sensor]
    shift = _misregistration(rng, SENSORS[acquisition.sensor].gsd_m)
    bands = {}
    for name, pixel_m in native.items():
        grid = native_grid(landscape, pixel_m, off_m)
        image = sample(seen[BANDS.index(name)], grid, landscape.geobox, shift)
        noisy = image + rng.standard_normal(image.shape, dtype=np.float32) * noise_of(image)
        bands[name] = (_encode(noisy, acquisition, _outside(landscape, grid, acquisition)), grid)
    qa_grid = native_grid(landscape, qa_m, off_m)
    view = _view(seen, sky, landscape, qa_grid, shift)
    view = replace(view, fill=_outside(landscape, qa_grid, acquisition))
    classify = scene_classification if acquisition.sensor == "sentinel-2-l2a" else qa_pixel
    return Observation(
        landscape=landscape,
        acquisition=acquisition,
        bands=MappingProxyType(bands),
        qa=(classify(view, rng), qa_grid),
        sun=sun,
        cloud=np.maximum(view.cloud, view.cirrus),
        shadow=view.shadow,
    )


def native_grid(landscape: Landscape, pixel_m: float, off_m: float = 0.0) -> GeoBox:
    """Grid of whole pixels over a landscape, `off_m` right of and below its corner."""
    corner = landscape.geobox.affine
    height, width = (int((side * FINE_M - off_m) // pixel_m) for side in landscape.geobox.shape)
    affine = Affine(pixel_m, 0, corner.c + off_m, 0, -pixel_m, corner.f - off_m)
    return GeoBox((height, width), affine, landscape.geobox.crs)


def sample(field: FloatArray, grid: GeoBox, fine: GeoBox, shift_m: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """A fine field through the optics onto native pixels, the image moved down and right by `shift_m`.

    >>> fine = GeoBox.from_bbox((0, 0, 40, 40), "EPSG:32634", resolution=FINE_M)
    >>> coarse = GeoBox.from_bbox((0, 0, 40, 40), "EPSG:32634", resolution=10)
    >>> sample(np.ones((16, 16), np.float32), coarse, fine).shape
    (4, 4)
    """
    factor = round(grid.affine.a / FINE_M)
    blurred = ndimage.gaussian_filter(field, _PSF_SIGMA * factor, mode="nearest", truncate=3)
    if any(shift_m):
        blurred = ndimage.shift(blurred, [part / FINE_M for part in shift_m], order=1, mode="nearest")
    top = round((fine.affine.f - grid.affine.f) / FINE_M) + factor // 2
    left = round((grid.affine.c - fine.affine.c) / FINE_M) + factor // 2
    rows = top + factor * np.arange(grid.shape[0])
    cols = left + factor * np.arange(grid.shape[1])
    centre = sum(blurred[np.ix_(rows - a, cols - b)] for a in (0, 1) for b in (0, 1))
    return np.asarray(centre / 4, dtype=np.float32)


def noise_of(reflectance: FloatArray) -> FloatArray:
    """Standard deviation of the sensor's noise at a reflectance: a floor, and photon noise.

    >>> round(float(noise_of(np.float32(0.11))), 4)
    0.0009
    """
    floor, relative = _NOISE
    photons = relative * np.sqrt(np.maximum(reflectance, 0) * _SIGNAL)
    return np.asarray(np.hypot(floor, photons), dtype=np.float32)


def _misregistration(rng: np.random.Generator, gsd_m: float) -> tuple[float, float]:
    """Up to 0.3 pixels in any direction, as after refinement with the global reference (Gascon et al. 2017)."""
    angle, length = rng.uniform(0, 2 * np.pi), 0.3 * gsd_m * np.sqrt(rng.uniform())
    return float(length * np.sin(angle)), float(length * np.cos(angle))


def _view(seen: FloatArray, sky: Sky, landscape: Landscape, grid: GeoBox, shift: tuple[float, float]) -> View:
    fine = landscape.geobox
    over = [sample(sky.fine(part), grid, fine, shift) for part in (sky.cloud, sky.cirrus, sky.shadow)]
    bands = np.stack([sample(band, grid, fine, shift) for band in seen])
    fill = np.zeros(grid.shape, dtype=bool)
    return View(reflectance=bands, cloud=over[0], cirrus=over[1], shadow=over[2], fill=fill)


def _outside(landscape: Landscape, grid: GeoBox, acquisition: Acquisition) -> BoolArray:
    """(y, x) True right of the swath's edge, which runs at 13 degrees like the orbit's track."""
    rows, cols = np.indices(grid.shape)
    x = (cols + 0.5) * grid.affine.a + grid.affine.c - landscape.geobox.affine.c
    y = (rows + 0.5) * grid.affine.a
    width = landscape.geobox.shape[1] * FINE_M
    edge = width * (1 - acquisition.wedge) - np.tan(np.radians(13)) * y if acquisition.wedge else np.inf
    return np.asarray(x > edge, dtype=bool)


def _encode(reflectance: FloatArray, acquisition: Acquisition, outside: BoolArray) -> IntArray:
    sensor = SENSORS[acquisition.sensor]
    exact = np.rint((reflectance - acquisition.offset) / sensor.scale)
    numbers: IntArray = np.clip(exact, 1, 65535).astype(np.uint16)
    numbers[outside] = 0
    return numbers
