"""`change_map.tif`: what every pixel was found to be, as a cloud-optimised GeoTIFF."""

from pathlib import Path

import numpy as np

from changedetect.geotiff import write_cog
from changedetect.model import UNKNOWN, ChangeMap

BAND_NAMES = ("changed", "confidence", "kind")
"""Bands of `change_map.tif`, in order."""


def write_change_map(path: Path, change_map: ChangeMap) -> None:
    """Write the three bands as float32, 255 where unknown; whole or not at all, as `write_cog` does.

    Raises
    ------
    RasterError
        The file can't be written.
    """
    data = np.stack([change_map.changed, change_map.confidence, change_map.kind]).astype(np.float32)
    write_cog(path, data, change_map.geobox, band_names=BAND_NAMES, nodata=float(UNKNOWN))
