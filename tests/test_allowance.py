"""The surest changes whose doubts add up to what is allowed."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from changedetect import RunConfig, Site
from changedetect.allowance import within_allowance
from changedetect.changes import CHANGE_COLUMNS, counted
from changedetect.errors import ConfigError
from changedetect.lonlat import footprint
from changedetect.model import KIND_CODES, ChangeMap, SiteResult
from changedetect.polygons import to_frame

GRID = GeoBox((200, 200), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32634")  # 4 km2
SITE = Site(site_id="plant", name="plant", geometry=footprint(GRID))
PLACES = {0.98: np.s_[10:20, 10:20], 0.9: np.s_[50:60, 50:60], 0.5: np.s_[100:110, 100:110], 0.2: np.s_[150:160, 20:30]}


@pytest.fixture(scope="module")
def result():
    kind, confidence = np.zeros((200, 200), dtype=np.uint8), np.zeros((200, 200), dtype=np.float32)
    outlines = []
    for sure, place in PLACES.items():
        kind[place], confidence[place] = KIND_CODES["construction"], sure
        rows, cols = place
        (left, top), (right, bottom) = GRID.affine @ (cols.start, rows.start), GRID.affine @ (cols.stop, rows.stop)
        outlines.append(box(left, bottom, right, top))
    told = {
        name: [None] * 4 for name in CHANGE_COLUMNS if name not in {"geometry", "site_id", "site_name", "change_id"}
    }
    told |= {"kind": ["construction"] * 4, "confidence": list(PLACES), "area_m2": [10_000.0] * 4}
    changes = to_frame(SITE, outlines, told, GRID)
    painted = ChangeMap(geobox=GRID, changed=(kind > 0).astype(np.uint8), confidence=confidence, kind=kind)
    return SiteResult(site=SITE, status="ok", changes=changes, change_map=painted, summary=counted(changes))


@pytest.mark.parametrize(("most", "kept"), [(None, 4), (100, 4), (16, 3), (15, 2), (3, 2), (2.9, 1), (0.4, 0), (0, 0)])
def test_doubts_add_up_to_no_more_than_allowed(result, most, kept):
    # Four square kilometres: 0.02, 0.12, 0.62 and 1.42 false alarms are expected among the surest one to four.
    found = within_allowance(result, replace(RunConfig(), max_false_alarms_per_100km2=most))
    assert found.changes["confidence"].tolist() == list(PLACES)[:kept]
    assert found.summary["n_construction"] == kept
    assert (found.change_map.kind > 0).sum() == 100 * kept
    assert {float(sure) for sure in np.unique(found.change_map.confidence[found.change_map.kind > 0])} == {
        float(np.float32(sure)) for sure in list(PLACES)[:kept]
    }


def test_ground_that_was_not_compared_allows_nothing(result):
    blind = result.change_map.changed.copy()
    blind[:, 100:] = 255
    half = replace(result, change_map=replace(result.change_map, changed=blind))
    config = replace(RunConfig(), max_false_alarms_per_100km2=3)
    assert len(within_allowance(half, config).changes) == 1


def test_a_negative_number_is_refused():
    with pytest.raises(ConfigError, match="max_false_alarms_per_100km2 is -1"):
        RunConfig(max_false_alarms_per_100km2=-1)
