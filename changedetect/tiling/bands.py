"""Which bands scenes and rasters have in common, and what a raster's bands are called."""

import logging
import re
from collections.abc import Mapping, Sequence

from changedetect.errors import BandError
from changedetect.geotiff import RasterInfo
from changedetect.model import Scene
from changedetect.sensors import COMMON_BANDS

log = logging.getLogger(__name__)

MIN_BANDS = 3
"""Fewer bands can't tell what a change is."""

_NAMES: Mapping[str, str] = {name: name for name in (*COMMON_BANDS, "nir08")} | {
    "swir1": "swir16",
    "swir2": "swir22",
    "nirnarrow": "nir08",
}
"""Names by which bands are known, without punctuation → common names."""

_SENTINEL2 = {"2": "blue", "3": "green", "4": "red", "8": "nir", "8a": "nir08", "11": "swir16", "12": "swir22"}
_LANDSAT_OLI = {"2": "blue", "3": "green", "4": "red", "5": "nir08", "6": "swir16", "7": "swir22"}

_BY_COUNT: Mapping[int, tuple[str, ...]] = {
    3: ("red", "green", "blue"),
    4: ("blue", "green", "red", "nir"),
    6: ("blue", "green", "red", "nir", "swir16", "swir22"),
}
"""The usual order of bands that carry no names, by their number."""


def common_bands(scenes: Sequence[Scene]) -> tuple[str, ...]:
    """Give the bands that every scene has, in the order of `COMMON_BANDS`.

    `nir08` takes the place of `nir` when a scene lacks `nir` and all have `nir08`: the narrow bands of Sentinel-2
    and Landsat see the same wavelengths, the wide one does not (HLS, doi:10.1016/j.rse.2018.09.002). `read_scene`
    gives it the name `nir`.

    Raises
    ------
    BandError
        Fewer than three bands are common.
    """
    shared = set[str].intersection(*(set(scene.bands) for scene in scenes)) if scenes else set()
    bands = tuple(
        "nir08" if name == "nir" and name not in shared else name
        for name in COMMON_BANDS
        if name in shared or (name == "nir" and "nir08" in shared)
    )
    if len(bands) < MIN_BANDS:
        poorest = min(scenes, key=lambda scene: len(scene.bands), default=None)
        has = f"{poorest.scene_id} has {', '.join(poorest.bands)}" if poorest else "there is no scene"
        msg = f"{len(scenes)} scenes share {len(bands)} of the bands {', '.join(COMMON_BANDS)}, 3 are needed: {has}"
        raise BandError(msg)
    return bands


def band_indexes(raster: RasterInfo) -> dict[str, int]:
    """Give the bands of a raster by common name, counted from 1.

    Names come from the band descriptions: common names, `swir1` and `swir2`, Sentinel-2's `B02` to `B12`, and
    Landsat 8/9's `SR_B2` to `SR_B7` where `SR_B6` tells them from older generations. Without any description three,
    four and six bands are taken to be in their usual order, and the log says so.

    Raises
    ------
    BandError
        Fewer than three bands can be told apart.
    """
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in raster.band_names]
    if not any(plain) and len(plain) in _BY_COUNT:
        order = _BY_COUNT[len(plain)]
        log.warning("%s does not name its bands: taken to be %s", raster.href, ", ".join(order))
        return {name: index for index, name in enumerate(order, start=1)}
    known = dict(_NAMES) | _numbered(plain)
    found: dict[str, int] = {}
    for index, name in enumerate(plain, start=1):
        if name in known:
            found.setdefault(known[name], index)
    if len(found) < MIN_BANDS:
        msg = (
            f"{raster.href} has bands {', '.join(name or '(unnamed)' for name in raster.band_names)}: name at least 3 "
            f"of {', '.join(COMMON_BANDS)} in their descriptions, e.g. with rio edit-info or gdal_edit.py"
        )
        raise BandError(msg)
    return found


def _numbered(plain: Sequence[str]) -> dict[str, str]:
    """Give the meaning of numbered names, where only one sensor can have the whole set.

    >>> _numbered(["b2", "b3", "b4"])  # green, red, nir of Landsat 5; blue, green, red of Landsat 8
    {}
    """
    names = set(plain)
    if names & {"b02", "b03", "b04", "b08", "b8a"} or {"b11", "b12"} <= names:
        return {form: common for n, common in _SENTINEL2.items() for form in (f"b{n}", f"b{n:0>2}")}
    if "srb6" in names:
        return {f"srb{n}": common for n, common in _LANDSAT_OLI.items()}
    return {}
