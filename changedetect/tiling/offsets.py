"""The reflectance offset of a Sentinel-2 scene, decided by its pixels where its item can't be believed.

Since processing baseline 04.00 a DN holds reflectance * 10000 + 1000 (Sentinel-2 Products Specification Document, ESA
S2-PDGS-TAS-DI-PSD, 14.9). Earth Search has taken the 1000 off in some files and says of some that it did not
(earth-search issues 66 and 71, cirrus-earth-search issue 33).
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from changedetect import geotiff
from changedetect.errors import RasterError, SceneError
from changedetect.journal import note
from changedetect.model import Scene
from changedetect.types import IntArray

log = logging.getLogger(__name__)

OffsetVerdict = Literal["shifted", "unshifted", "undecided"]
"""Whether the 1000 is gone from the DNs, is still in them, or can't be told."""

_BANDS = ("blue", "red", "nir", "swir16", "swir22")
_OVERVIEW_PX = 512
_DARK_PERCENT = 1.0
_GONE_DN, _FLOOR_DN = 600, (850, 1250)
"""A DN of 600 that still held the 1000 would be a reflectance of -0.04, which atmospheric correction hardly ever gives
to the darkest hundredth of a band; when it holds it, dark wood, water and shadow lie at 0-0.025, just above 1000."""
_ENOUGH_PX = 1000


def settle_offset(scene: Scene) -> Scene:
    """Look at thinned bands of the whole scene where the item's word on the offset is doubted.

    Raises
    ------
    SceneError
        A band can't be read, or the pixels can't tell and there is a copy of the scene to read instead.
    """
    if not scene.offset_doubted:
        return scene
    try:
        numbers = {
            name: geotiff.overview(band.href, _OVERVIEW_PX, index=band.index)
            for name, band in scene.bands.items()
            if name in _BANDS
        }
    except RasterError as error:
        msg = f"scene {scene.scene_id}: {error}"
        raise SceneError(msg, scene_id=scene.scene_id) from error
    darkest = darkest_dn(numbers)
    verdict = offset_verdict(darkest)
    told = ", ".join(f"{name} {value:.0f}" for name, value in darkest.items()) or "no data"
    evidence = f"pixels: the darkest hundredth lies at DN {told}"
    if verdict == "undecided":
        msg = f"scene {scene.scene_id}: its reflectance offset can't be told, neither by its item nor by its pixels"
        if scene.copies:
            raise SceneError(msg, scene_id=scene.scene_id)
        log.warning("%s: taken as its processing baseline says", msg)
        note(f"{msg}: taken as its processing baseline says")
        words = "undecided, the offset is taken as the processing baseline says"
    elif verdict == "shifted":
        words = "the 1000 is gone, reflectance offset 0"
    else:
        words = "the 1000 is still in them"
    bands = {name: replace(band, offset=0.0) if verdict == "shifted" else band for name, band in scene.bands.items()}
    return replace(scene, bands=bands, offset_doubted=False, notes=(*scene.notes, f"{evidence}: {words}"))


def darkest_dn(numbers: Mapping[str, IntArray]) -> dict[str, float]:
    """First percentile of the data (DN above 0) of each band; bands with next to no data are left out.

    >>> darkest_dn({"blue": np.arange(2001)})
    {'blue': 21}
    """
    data = {name: values[values > 0] for name, values in numbers.items()}
    return {
        name: round(float(np.percentile(values, _DARK_PERCENT)))
        for name, values in data.items()
        if values.size >= _ENOUGH_PX
    }


def offset_verdict(darkest: Mapping[str, float]) -> OffsetVerdict:
    """Tell by the darkest DNs of the bands whether they hold the 1000.

    They do where several bands reach down to it and none below; they don't where one reaches far below. On bright
    ground (desert, snow, cloud) no band reaches down, and it stays open.

    >>> offset_verdict({"blue": 260, "swir22": 90}), offset_verdict({"blue": 1130, "swir22": 1040})
    ('shifted', 'unshifted')
    >>> offset_verdict({"blue": 1200, "red": 2400, "swir22": 3900})
    'undecided'
    """
    low, high = _FLOOR_DN
    if any(value < _GONE_DN for value in darkest.values()):
        return "shifted"
    on_floor = sum(low <= value <= high for value in darkest.values())
    return "unshifted" if on_floor >= 2 and min(darkest.values()) >= low else "undecided"
