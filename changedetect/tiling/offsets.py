"""The reflectance offset of a Sentinel-2 scene, decided by its pixels where its item can't be believed.

Since processing baseline 04.00 a DN holds reflectance * 10000 + 1000 (Sentinel-2 Products Specification Document, ESA
S2-PDGS-TAS-DI-PSD, 14.9). Earth Search has taken the 1000 off in some files and says of some that it did not
(earth-search issues 66 and 71, cirrus-earth-search issue 33).
"""

from dataclasses import replace

import numpy as np

from changedetect import geotiff
from changedetect.errors import RasterError, SceneError
from changedetect.model import Scene
from changedetect.types import IntArray

_OVERVIEW_PX = 512
_DARK_DN = 900
"""Below this a DN that still held the 1000 would be a reflectance under -0.01: rare, while in blue light vegetation,
shadow and water lie at 0.02-0.06, a DN of 200-600 when the 1000 is gone."""
_DARK_SHARE = 0.05
_ENOUGH_PX = 1000


def settle_offset(scene: Scene) -> Scene:
    """Look at a thinned blue band of the whole scene where the item's word on the offset is doubted.

    Raises
    ------
    SceneError
        The band can't be read.
    """
    if not scene.offset_doubted:
        return scene
    asset = scene.bands.get("blue") or next(iter(scene.bands.values()))
    try:
        numbers = geotiff.overview(asset.href, _OVERVIEW_PX, index=asset.index)
    except RasterError as error:
        msg = f"scene {scene.scene_id}: {error}"
        raise SceneError(msg, scene_id=scene.scene_id) from error
    share = dark_share(numbers)
    if share is None:
        note = "too few pixels to check the reflectance offset by: left as it is"
        return replace(scene, offset_doubted=False, notes=(*scene.notes, note))
    shifted = share >= _DARK_SHARE
    verdict = "they are already shifted, reflectance offset 0" if shifted else "the 1000 is still in them"
    note = f"pixels: {share:.1%} of the blue band lie below DN {_DARK_DN}: {verdict}"
    bands = {name: replace(band, offset=0.0) if shifted else band for name, band in scene.bands.items()}
    return replace(scene, bands=bands, offset_doubted=False, notes=(*scene.notes, note))


def dark_share(numbers: IntArray) -> float | None:
    """Share of the data (DN above 0) too dark for DNs that hold the offset of 1000; None where there is next to none.

    >>> dark_share(np.repeat([0, 400, 1600], [500, 900, 100]))
    0.9
    """
    data = numbers[numbers > 0]
    return float(np.mean(data < _DARK_DN)) if data.size >= _ENOUGH_PX else None
