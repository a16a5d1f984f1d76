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

CONFIDENCE_DECIMALS = 3
"""Decimals of a confidence that mean anything."""

SURE_FIRST: tuple[str, ...] = ("confidence", "area_m2")
"""Columns by which changes are ordered, the highest first."""

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


def counted(changes: gpd.GeoDataFrame) -> dict[str, int | float]:
    """What a site's summary says of its changes: how many, how many of the kinds that are news, and their area in m2.

    >>> counted(empty_changes())
    {'n_changes': 0, 'n_construction': 0, 'n_clearing': 0, 'area_m2': 0.0}
    """
    kinds = {f"n_{kind}": int((changes["kind"] == kind).sum()) for kind in ("construction", "clearing")}
    return {"n_changes": len(changes), **kinds, "area_m2": float(changes["area_m2"].sum())}
