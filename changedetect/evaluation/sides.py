"""The two sides of an evaluation: what was predicted, and what is known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.errors import EvaluationError
from changedetect.evaluation.options import EvaluateOptions
from changedetect.evaluation.reading import Role, Source, name_of, read_polygons, roles
from changedetect.model import Window

STATUSES: Mapping[str, Role] = MappingProxyType(
    {
        "positive_annotated": "positive",
        "positive_partial": "positive",
        "positive_annotated_static": "positive",
        "positive_partial_static": "positive",
        "positive_pending": "positive",
        "positive_excluded": "positive",
        "negative": "negative",
        "ignore": "ignored",
        "transient_positive": "ignored",
        "transient_pending": "ignored",
        "transient_negative": "negative",
        "transient_excluded": "ignored",
        "transient_ignore": "ignored",
        "system_proposed": "positive",
        "system_confirmed": "positive",
        "system_rejected": "negative",
    }
)
"""Site statuses of IARPA SMART heavy-construction models (JSON schema, `_annotated_site_status` and
`_system_site_status`): what they say of new construction. `positive_excluded` sites are real construction below the
programme's own size limits; ours is `EvaluateOptions.min_area_m2`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Polygons that take part."""

    name: str
    """The file, or what it is."""
    objects: gpd.GeoDataFrame
    """Lon/lat polygons with `kind` (empty without one), `role` and `confidence` (0-1, NaN without one)."""
    extent: BaseGeometry | None = None
    """Lon/lat polygon that was looked at, where the file tells (a SMART region)."""


def read_predicted(source: Source, options: EvaluateOptions) -> Side:
    """Read predictions: those of kind `construction` or `clearing`, or all where there is no `kind`; may be none.

    Raises
    ------
    EvaluationError
        The file can't be read, a kind is unknown, or a confidence is no number from 0 to 1.
    """
    frame, name = read_polygons(source, "predictions"), name_of(source, "predictions")
    side = _smart(frame, name, options) if _is_smart(frame) else _plain(frame, name, ("kind", "class"))
    predicted = side.objects[side.objects["role"] == "positive"].reset_index(drop=True)
    return Side(name=name, objects=predicted)


def read_reference(source: Source, options: EvaluateOptions) -> Side:
    """Read references: polygons with `class` or `kind`, polygons alone (all positives), or a SMART model.

    Where there is a `certainty` column, positives of `low` certainty are ignored.

    Raises
    ------
    EvaluationError
        The file can't be read, or a class, kind or status is unknown.
    """
    frame, name = read_polygons(source, "reference"), name_of(source, "reference")
    return _smart(frame, name, options) if _is_smart(frame) else _plain(frame, name, ("class", "kind"))


def _plain(frame: gpd.GeoDataFrame, name: str, columns: tuple[str, str]) -> Side:
    column = next((column for column in columns if column in frame), None)
    known = roles(frame, column, name)
    if "certainty" in frame:
        low = frame["certainty"].astype("string").str.strip().str.lower().eq("low").fillna(value=False)
        known.loc[low & known["role"].eq("positive"), "role"] = "ignored"
    return Side(name=name, objects=_objects(frame, known, _confidence(frame, "confidence", name)))


def _is_smart(frame: gpd.GeoDataFrame) -> bool:
    """Whether rows are features of a SMART model: they have a `type` of site, and a `status`."""
    if not {"type", "status"} <= set(frame.columns):
        return False
    return bool(frame["type"].isin(["site", "site_summary", "region"]).any())


def _smart(frame: gpd.GeoDataFrame, name: str, options: EvaluateOptions) -> Side:
    sites = frame[frame["type"].isin(["site", "site_summary"])].reset_index(drop=True)
    regions = frame[frame["type"] == "region"]
    said = [_role(site, name, options) for site in sites.to_dict("records")]
    known = pd.DataFrame({"kind": "construction", "role": pd.Series(said, dtype=object)}, index=sites.index)
    extent = shapely.union_all(regions.geometry.to_numpy()) if len(regions) else None
    return Side(name=name, objects=_objects(sites, known, _confidence(sites, "score", name)), extent=extent)


def _role(site: Mapping[str, Any], name: str, options: EvaluateOptions) -> Role:
    status = site["status"]
    if status not in STATUSES:
        msg = f"{name}, site {site.get('site_id')} has status {status!r}: SMART knows {', '.join(STATUSES)}"
        raise EvaluationError(msg)
    role: Role = "positive" if options.transient and status == "transient_positive" else STATUSES[status]
    between = options.between
    active = between is None or _active(site.get("start_date"), site.get("end_date"), between)
    return role if active or role != "positive" else "negative"


def _active(start: object, end: object, between: Window) -> bool:
    """Whether activity falls into a span; an end that is not told is open (`null` in SMART)."""
    first, last = (str(moment)[:10] if _DAY.match(str(moment)) else None for moment in (start, end))
    return (first is None or first <= between.end.isoformat()) and (last is None or last >= between.start.isoformat())


def _confidence(frame: gpd.GeoDataFrame, column: str, name: str) -> "pd.Series[float]":
    if column not in frame:
        return pd.Series(float("nan"), index=frame.index, dtype="float64")
    numbers: pd.Series[float] = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    wrong = (numbers.isna() & frame[column].notna()) | numbers.lt(0) | numbers.gt(1)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        msg = f"{name}, row {row + 1} has {column} {frame[column].iloc[row]}: give a number from 0 to 1"
        raise EvaluationError(msg)
    return numbers


def _objects(frame: gpd.GeoDataFrame, known: pd.DataFrame, confidence: "pd.Series[float]") -> gpd.GeoDataFrame:
    columns = {"kind": known["kind"].astype(str), "role": known["role"].astype(str), "confidence": confidence}
    return gpd.GeoDataFrame(columns, geometry=frame.geometry, index=frame.index, crs="EPSG:4326")
