"""What was written of a site, read back: the same values that the files say."""

import json
from functools import lru_cache
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from changedetect.changes import CHANGE_COLUMNS, empty_changes
from changedetect.errors import OutputError

_BROKEN = (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError)
"""What comes up over a file that is not what we write."""


def changes_of(content: bytes, where: str) -> gpd.GeoDataFrame:
    """Changes from the text of a `changes.geojson`, typed as a frame that was just made; `where` is for messages.

    Raises
    ------
    OutputError
        It is no such file.
    """
    frame = _none()
    try:
        features = json.loads(content)["features"]
        if not features:
            return frame.copy()
        columns: dict[str, Any] = {}
        for name in CHANGE_COLUMNS:
            if name != "geometry":
                told = [one["properties"].get(name) for one in features]
                columns[name] = pd.Series(told, dtype="float64") if frame[name].dtype == "float64" else told
        geometry = shapely.from_geojson([json.dumps(one["geometry"]) for one in features])
    except _BROKEN as error:
        raise _not_ours(where) from error
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4326")


@lru_cache(maxsize=1)
def _none() -> gpd.GeoDataFrame:
    """No change; making such a frame anew for each of thousands of sites takes longer than reading their files."""
    return empty_changes()


def record_of(content: bytes, where: str) -> dict[str, Any]:
    """The record from the text of a `provenance.json` or of any other object that we write.

    Raises
    ------
    OutputError
        It is no such file.
    """
    try:
        record = json.loads(content)
    except ValueError as error:
        raise _not_ours(where) from error
    if not isinstance(record, dict):
        raise _not_ours(where)
    return record


def _not_ours(where: str) -> OutputError:
    return OutputError(f"{where} is not what a run writes: remove its folder, and run again")
