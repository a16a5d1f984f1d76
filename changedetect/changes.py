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
    "delta_ndvi",
    "delta_ndbi",
    "delta_bsi",
    "delta_brightness",
    "magnitude",
    "geometry",
)
"""Columns of `model.SiteResult.changes` and of every vector output, in order."""

_TEXT_COLUMNS = frozenset({"change_id", "site_id", "site_name", "kind", "before", "after"})


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
