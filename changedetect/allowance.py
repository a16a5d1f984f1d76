"""How many false alarms are allowed: the surest changes of a site whose doubts add up to no more."""

from dataclasses import replace

import numpy as np

from changedetect.changes import SURE_FIRST, counted
from changedetect.config import RunConfig
from changedetect.model import UNKNOWN, SiteResult
from changedetect.polygons import pixel_area_m2
from changedetect.repainting import repainted


def within_allowance(result: SiteResult, config: RunConfig) -> SiteResult:
    """Keep the surest changes, as many as `max_false_alarms_per_100km2` allows on the ground that was compared.

    Of changes of confidence p a share of 1 - p is expected to be false (that is what calibrated means), so the expected
    number of false ones among the surest is the sum of what they lack of 1. It is as good as the calibration is.
    """
    most = config.max_false_alarms_per_100km2
    if most is None or result.change_map is None or not len(result.changes):
        return result
    pixel_m2 = pixel_area_m2(result.change_map.geobox)
    seen_km2 = float((result.change_map.changed != UNKNOWN).sum()) * pixel_m2 / 1e6
    changes = result.changes.sort_values([*SURE_FIRST], ascending=False, kind="stable", ignore_index=True)
    kept = changes[np.cumsum(1 - changes["confidence"]) <= most * seen_km2 / 100]
    return replace(
        result,
        changes=kept,
        change_map=repainted(result.change_map, changes, kept),
        summary={**result.summary, **counted(kept)},
    )
