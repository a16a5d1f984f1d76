"""The map of a site after its changes were weighed again."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
from scipy import ndimage as ndi

from changedetect.changes import CONFIDENCE_DECIMALS
from changedetect.model import KIND_CODES, ChangeMap
from changedetect.timeline import body_of


def repainted(change_map: ChangeMap, was: gpd.GeoDataFrame, now: gpd.GeoDataFrame) -> ChangeMap:
    """The map of the changes there `was`, with the confidence that those of `now` have, and without the others."""
    confidence, kind = change_map.confidence.copy(), change_map.kind.copy()
    sure = dict(zip(now["change_id"], now["confidence"], strict=True))
    outlines = was.to_crs(str(change_map.geobox.crs)).geometry
    for change_id, name, old, outline in zip(was["change_id"], was["kind"], was["confidence"], outlines, strict=True):
        rows, cols, body = body_of(outline, change_map.geobox)
        part = rows, cols
        same = np.abs(change_map.confidence[part] - old) < 10.0**-CONFIDENCE_DECIMALS
        pieces, _ = ndi.label(same & (change_map.kind[part] == KIND_CODES[name]), structure=np.ones((3, 3)))
        own = (pieces > 0) & np.isin(pieces, pieces[body])
        confidence[part][own] = sure.get(change_id, 0)
        kind[part][own] = KIND_CODES[name] if change_id in sure else 0
    return replace(change_map, confidence=confidence, kind=kind)
