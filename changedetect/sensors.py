"""What each sensor's bands are called, how its numbers become reflectance, and what its QA codes mean.

A sensor generation at one product level is one row of `SENSORS`: adding a row is all it takes to read it, and the
tests take it up. Sources: Sentinel-2 Products Specification Document (ESA, S2-PDGS-TAS-DI-PSD) and Level-2A ATBD for
SCL; USGS LSDS-1619, Landsat 8-9 Collection 2 Level 2 Science Product Guide, and LSDS-1618 for Landsat 4-7, for QA_PIXEL
and the reflectance scale; HLS Product User Guide v2.0 (NASA, 2023), tables 6-9; Geoscience Australia's product
descriptions of ga_ls8c_ard_3 and ga_s2am_ard_3.
"""

import re
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
    """Added after scaling (Sentinel-2 L2A: before baseline 04.00 none, see `catalog`)."""
    nodata: float
    """DN that means no data."""
    qa_nodata: float
    """QA code that means no observation and nothing else."""
    gsd_m: float
    """Finest native pixel, metres."""
    decode_qa: Callable[[IntArray], Quality]
    """QA codes → `Quality`."""
    platforms: tuple[str, ...]
    """Satellites that carry it, lower case with hyphens; `sentinel-2` stands for each of that name."""
    marks: re.Pattern[str]
    """Matches what a collection, item or product of this sensor and level is called, and nothing else is."""


def decode_scl(scl: IntArray) -> Quality:
    """Decode the Sentinel-2 scene classification layer.

    0 nodata, 1 saturated or defective, 3 cloud shadow, 6 water, 8-9 cloud, 10 thin cirrus, 11 snow; 2 (dark), 4
    (vegetation), 5 (bare) and 7 (unclassified) are left as ground. There are no others: they fill what was clipped.

    >>> decode_scl(np.array([[4, 9], [3, 0]])).cloud.tolist()
    [[False, True], [False, False]]
    """
    absent = (scl <= 1) | (scl > 11)
    return Quality(nodata=absent, cloud=(scl >= 8) & (scl <= 10), shadow=scl == 3, snow=scl == 11, water=scl == 6)


def decode_qa_pixel(qa: IntArray) -> Quality:
    """Decode the Landsat Collection 2 QA_PIXEL bit field.

    Bits: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow, 7 water. What was observed has its
    confidence bits (8-13) set: 0 is what fills a clipped file.

    >>> decode_qa_pixel(np.array([[21824, 22280, 1]])).cloud.tolist()
    [[False, True, False]]
    """

    def bit(position: int) -> BoolArray:
        return np.asarray((qa >> position) & 1, dtype=bool)

    return Quality(nodata=bit(0) | (qa == 0), cloud=bit(1) | bit(2) | bit(3), shadow=bit(4), snow=bit(5), water=bit(7))


def decode_hls_fmask(fmask: IntArray) -> Quality:
    """Decode the HLS Fmask bit field, v1.5 and v2.0.

    Bits: 1 cloud, 2 adjacent to cloud or shadow, 3 cloud shadow, 4 snow or ice, 5 water; 255 is fill. Bits 6-7 tell
    the aerosol level, which decides nothing here.

    >>> decode_hls_fmask(np.array([[64, 66, 68, 255]])).cloud.tolist()
    [[False, True, True, False]]
    """
    fill = np.asarray(fmask == 255, dtype=bool)

    def bit(position: int) -> BoolArray:
        return np.asarray((fmask >> position) & 1 & ~fill, dtype=bool)

    return Quality(nodata=fill, cloud=bit(1) | bit(2), shadow=bit(3), snow=bit(4), water=bit(5))


def decode_oa_fmask(fmask: IntArray) -> Quality:
    """Decode the Fmask classes of Geoscience Australia: 0 nodata, 1 valid, 2 cloud, 3 shadow, 4 snow, 5 water.

    There are no others: they fill what was clipped.

    >>> decode_oa_fmask(np.array([[0, 1, 2, 5]])).cloud.tolist()
    [[False, False, True, False]]
    """
    absent = (fmask <= 0) | (fmask > 5)
    return Quality(nodata=absent, cloud=fmask == 2, shadow=fmask == 3, snow=fmask == 4, water=fmask == 5)


_LANDSAT_C2_L2 = re.compile(
    r"^L[COTE]0[4-9]_L2S[PR]_\d{6}_\d{8}(_\d{8})?_02_(T1|T2|RT)(_SR)?$"  # LSDS-1618 and 1619, file naming
    r"|^L[COTE]0[4-9]_[A-Z]{2}_\d{6}_\d{8}_\d{8}_02_SR$"  # U.S. Landsat ARD: the same numbers on an Albers grid
    r"|^landsat(-\d)?-c2-?l2(-sr)?$|^landsat-c2(ard|l2alb)-sr$"
    r"|^ls[4-9]_sr$",  # Digital Earth Africa
    re.IGNORECASE,
)


def _landsat(name: str, title: str, platforms: str, numbers: tuple[int, int, int, int, int, int]) -> Sensor:
    commons = ("blue", "green", "red", "nir08", "swir16", "swir22")
    return Sensor(
        name=name,
        title=title,
        assets={common: (common, f"SR_B{n}") for common, n in zip(commons, numbers, strict=True)},
        qa_assets=("qa_pixel", "QA_PIXEL"),
        scale=0.0000275,
        offset=-0.2,
        nodata=0,
        qa_nodata=1,
        gsd_m=30.0,
        decode_qa=decode_qa_pixel,
        platforms=tuple(f"landsat-{number}" for number in platforms),
        marks=_LANDSAT_C2_L2,
    )


def _hls(letter: str, title: str, platforms: tuple[str, ...], keys: Mapping[str, str]) -> Sensor:
    return Sensor(
        name=f"hls-{letter.lower()}30",
        title=title,
        assets={common: (common, key) for common, key in keys.items()},
        qa_assets=("Fmask", "fmask"),
        scale=0.0001,
        offset=0.0,
        nodata=-9999,
        qa_nodata=255,
        gsd_m=30.0,
        decode_qa=decode_hls_fmask,
        platforms=platforms,
        marks=re.compile(rf"(^|[^a-z])HLS(2?[-._])?{letter}30(?!_VI)", re.IGNORECASE),
    )


def _australian(name: str, title: str, platforms: tuple[str, ...], keys: Mapping[str, str], products: str) -> Sensor:
    return Sensor(
        name=name,
        title=title,
        assets={common: (f"nbart_{key}",) for common, key in keys.items()},
        qa_assets=("oa_fmask",),
        scale=0.0001,
        offset=0.0,
        nodata=-999,
        qa_nodata=0,
        gsd_m=10.0 if "sentinel-2" in platforms else 30.0,
        decode_qa=decode_oa_fmask,
        platforms=platforms,
        marks=re.compile(rf"^ga_{products}_ard(_provisional)?_3($|[-_])"),
    )


_NBART_LANDSAT = {
    "blue": "blue",
    "green": "green",
    "red": "red",
    "nir08": "nir",
    "swir16": "swir_1",
    "swir22": "swir_2",
}
_ROWS = (
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
        qa_nodata=0,
        gsd_m=10.0,
        decode_qa=decode_scl,
        platforms=("sentinel-2",),
        marks=re.compile(r"(^|[^a-z0-9])L2A($|[^a-z0-9])|MSIL?2A|^Level-?2A$|^SCL(_20m)?$", re.IGNORECASE),
    ),
    _landsat("landsat-8-9-c2-l2", "Landsat 8/9 C2 L2", "89", (2, 3, 4, 5, 6, 7)),
    _landsat("landsat-4-7-c2-l2", "Landsat 4-7 C2 L2", "457", (1, 2, 3, 4, 5, 7)),
    _hls(
        "S",
        "HLS S30",
        ("sentinel-2",),
        {
            "blue": "B02",
            "green": "B03",
            "red": "B04",
            "nir": "B08",
            "nir08": "B8A",
            "swir16": "B11",
            "swir22": "B12",
        },
    ),
    _hls(
        "L",
        "HLS L30",
        ("landsat-8", "landsat-9"),
        {"blue": "B02", "green": "B03", "red": "B04", "nir08": "B05", "swir16": "B06", "swir22": "B07"},
    ),
    _australian(
        "ga-s2-ard-3",
        "Geoscience Australia Sentinel-2 ARD",
        ("sentinel-2",),
        {
            "blue": "blue",
            "green": "green",
            "red": "red",
            "nir": "nir_1",
            "nir08": "nir_2",
            "swir16": "swir_2",
            "swir22": "swir_3",
        },
        "s2[abc]m",
    ),
    _australian(
        "ga-ls8-9-ard-3",
        "Geoscience Australia Landsat 8/9 ARD",
        ("landsat-8", "landsat-9"),
        _NBART_LANDSAT,
        "ls[89]c",
    ),
    _australian(
        "ga-ls5-7-ard-3",
        "Geoscience Australia Landsat 5/7 ARD",
        ("landsat-5", "landsat-7"),
        _NBART_LANDSAT,
        "ls(5t|7e)",
    ),
)

SENSORS: Mapping[str, Sensor] = MappingProxyType({sensor.name: sensor for sensor in _ROWS})
"""Every sensor generation that scenes are read of, by name."""
