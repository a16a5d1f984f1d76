"""What each sensor's bands are called, how its numbers become reflectance, and what its QA codes mean.

A sensor generation is one row of `SENSORS`. Sources: Sentinel-2 Products Specification Document (ESA,
S2-PDGS-TAS-DI-PSD) and Level-2A ATBD for SCL; USGS LSDS-1619, Landsat 8-9 Collection 2 Level 2 Science Product
Guide, and LSDS-1618 for Landsat 4-7, for QA_PIXEL and the reflectance scale.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from changedetect.types import BoolArray, IntArray

COMMON_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""The bands that the diff engine works on, in order; `nir08` stands in for `nir` where a sensor has only that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A QA band decoded; each array is (y, x), True where the pixel is such."""

    nodata: BoolArray
    """No observation, or a defective one."""
    cloud: BoolArray
    """Cloud, medium or high confidence, or cirrus."""
    shadow: BoolArray
    """Cloud shadow."""
    snow: BoolArray
    """Snow or ice."""
    water: BoolArray
    """Open water."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One sensor generation and product level."""

    name: str
    """Key in `SENSORS`."""
    title: str
    """What people call it."""
    assets: Mapping[str, tuple[str, ...]]
    """Common name → asset keys that catalogs use for it, preferred first."""
    qa_assets: tuple[str, ...]
    """Asset keys of the QA band."""
    scale: float
    """Reflectance per DN."""
    offset: float
    """Added after scaling (Sentinel-2: before baseline 04.00 none, see `catalog`)."""
    nodata: float
    """DN that means no data."""
    gsd_m: float
    """Finest native pixel, metres."""
    decode_qa: Callable[[IntArray], Quality]
    """QA codes → `Quality`."""


def decode_scl(scl: IntArray) -> Quality:
    """Decode the Sentinel-2 scene classification layer.

    0 nodata, 1 saturated or defective, 3 cloud shadow, 6 water, 8-9 cloud, 10 thin cirrus, 11 snow; 2 (dark), 4
    (vegetation), 5 (bare) and 7 (unclassified) are left as ground.

    >>> decode_scl(np.array([[4, 9], [3, 0]])).cloud.tolist()
    [[False, True], [False, False]]
    """
    return Quality(nodata=scl <= 1, cloud=(scl >= 8) & (scl <= 10), shadow=scl == 3, snow=scl == 11, water=scl == 6)


def decode_qa_pixel(qa: IntArray) -> Quality:
    """Decode the Landsat Collection 2 QA_PIXEL bit field.

    Bits: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow, 7 water.

    >>> decode_qa_pixel(np.array([[21824, 22280, 1]])).cloud.tolist()
    [[False, True, False]]
    """

    def bit(position: int) -> BoolArray:
        return np.asarray((qa >> position) & 1, dtype=bool)

    return Quality(nodata=bit(0), cloud=bit(1) | bit(2) | bit(3), shadow=bit(4), snow=bit(5), water=bit(7))


def _landsat(name: str, title: str, numbers: tuple[int, int, int, int, int, int]) -> Sensor:
    commons = ("blue", "green", "red", "nir08", "swir16", "swir22")
    return Sensor(
        name=name,
        title=title,
        assets={common: (common, f"SR_B{n}") for common, n in zip(commons, numbers, strict=True)},
        qa_assets=("qa_pixel", "QA_PIXEL"),
        scale=0.0000275,
        offset=-0.2,
        nodata=0,
        gsd_m=30.0,
        decode_qa=decode_qa_pixel,
    )


SENSORS: Mapping[str, Sensor] = MappingProxyType(
    {
        sensor.name: sensor
        for sensor in (
            Sensor(
                name="sentinel-2-l2a",
                title="Sentinel-2 L2A",
                assets={
                    "blue": ("blue", "B02", "B02_10m"),
                    "green": ("green", "B03", "B03_10m"),
                    "red": ("red", "B04", "B04_10m"),
                    "nir": ("nir", "B08", "B08_10m"),
                    "nir08": ("nir08", "B8A", "B8A_20m"),
                    "swir16": ("swir16", "B11", "B11_20m"),
                    "swir22": ("swir22", "B12", "B12_20m"),
                },
                qa_assets=("scl", "SCL", "SCL_20m"),
                scale=0.0001,
                offset=-0.1,
                nodata=0,
                gsd_m=10.0,
                decode_qa=decode_scl,
            ),
            _landsat("landsat-8-9-c2-l2", "Landsat 8/9 C2 L2", (2, 3, 4, 5, 6, 7)),
            _landsat("landsat-4-7-c2-l2", "Landsat 4-7 C2 L2", (1, 2, 3, 4, 5, 7)),
        )
    }
)
"""Every sensor generation that scenes are read of, by name."""
