"""Alerts as a table of changes, and values as the ledger keeps them."""

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.changes import CHANGE_COLUMNS, empty_changes
from changedetect.ledger.alerts import Alert

NUMBERS = ("delta_ndvi", "delta_ndbi", "delta_bsi", "delta_brightness", "magnitude")
"""The evidence of a change."""


def changes_of(alerts: Sequence[Alert]) -> gpd.GeoDataFrame:
    """Alerts with the columns of changes, surest first; lon/lat."""
    if not alerts:
        return empty_changes()
    names = [name for name in CHANGE_COLUMNS if name != "geometry"]
    ordered = sorted(alerts, key=lambda one: (-one.confidence, -one.area_m2, one.change_id))
    columns = {name: [getattr(one, name) for one in ordered] for name in names}
    columns["n_clear_looks"] = [np.nan if one is None else float(one) for one in columns["n_clear_looks"]]
    frame = gpd.GeoDataFrame(columns, geometry=[one.geometry for one in ordered], crs="EPSG:4326")
    return frame.astype(dict.fromkeys(NUMBERS, "float64"))[list(CHANGE_COLUMNS)]


def rounded(geometry: BaseGeometry) -> BaseGeometry:
    """Coordinates as they are published: 1 cm."""
    return shapely.transform(geometry, lambda xy: np.round(xy, 7))


def number(value: Any) -> float | None:  # noqa: ANN401 - a cell of a table
    """A number as it is kept; None for what is missing."""
    return None if value is None or pd.isna(value) else round(float(str(value)), 6)


def text_of(value: Any) -> str | None:  # noqa: ANN401 - a cell of a table
    """A text as it is kept; None for what is missing."""
    return None if value is None or pd.isna(value) else str(value)
