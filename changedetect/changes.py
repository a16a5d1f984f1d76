"""The columns of a table of changes."""

import geopandas as gpd
import numpy as np

CHANGE_COLUMNS: tuple[str, ...] = (
    "change_id",
    "site_id",
    "site_name",
    "kind",
    "confidence",
    "area_m2",
    "before",
    "after",
    "last_clear_without",
    "first_seen",
    "confirmed_on",
    "n_clear_looks",
    "delta_ndvi",
    "delta_ndbi",
    "delta_bsi",
    "delta_brightness",
    "magnitude",
    "status",
    "geometry",
)
"""Columns of `model.SiteResult.changes` and of every vector output, in order."""

DATE_COLUMNS: tuple[str, ...] = ("last_clear_without", "first_seen", "confirmed_on", "n_clear_looks", "status")
"""Those that are filled when a change is dated; missing in a comparison of two dates alone."""

COUNT_COLUMNS: tuple[str, ...] = ("n_clear_looks",)
"""Those that are published as whole numbers; in frames they are floats, since they may be missing."""

_TEXT_COLUMNS = frozenset({"change_id", "site_id", "site_name", "kind", "before", "after", *DATE_COLUMNS}) - {
    "n_clear_looks"
}


def empty_changes() -> gpd.GeoDataFrame:
    """No change at all, with the columns and types of a frame that has some.

    >>> len(empty_changes()), tuple(empty_changes().columns) == CHANGE_COLUMNS
    (0, True)
    """
    columns = {
        name: np.array([], dtype=object if name in _TEXT_COLUMNS else np.float64)
        for name in CHANGE_COLUMNS
        if name != "geometry"
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs="EPSG:4326"), crs="EPSG:4326")
