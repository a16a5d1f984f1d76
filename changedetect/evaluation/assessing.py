"""Read a labelled sample back, and tell how accurate the map is and how much has truly changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from changedetect.errors import EvaluationError
from changedetect.evaluation.estimates import ClassEstimates, Stratified, class_estimates, overall_accuracy
from changedetect.evaluation.reading import CLASSES

UNSURE = "unsure"
"""The label of a point of which no one can tell; it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a sample was drawn; written beside it."""

    stratum: Mapping[str, str]
    """Stratum of each point, by its id."""
    area_m2: Mapping[str, float]
    """Area of each stratum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a labelled stratified sample says of a map; 95 % intervals throughout."""

    overall: Stratified
    """Share of the area that the map has right."""
    classes: tuple[ClassEstimates, ...]
    """User's and producer's accuracy and area of each class; labels that the map does not know come last."""
    strata: tuple[str, ...]
    """Rows of `counts`: what the map says."""
    labels: tuple[str, ...]
    """Columns of `counts`: what the reference says."""
    counts: tuple[tuple[int, ...], ...]
    """Error matrix of points."""
    total_m2: float
    """Area of all strata."""
    unsure: int
    """Points labelled `unsure`, left out: if they are not like the others, the estimates are biased."""


def read_design(path: Path) -> Design:
    """Read the design that was written beside a sample.

    Raises
    ------
    EvaluationError
        It is not there, or is no design.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Design(
            stratum={str(point): str(name) for point, name in told["stratum"].items()},
            area_m2={str(name): float(area) for name, area in told["area_m2"].items()},
        )
    except OSError as error:
        msg = f"{path} can't be read ({error.strerror}): the design is written beside a sample; give --design FILE"
        raise EvaluationError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is no design of a sample ({error!r}): give the file that was written beside one"
        raise EvaluationError(msg) from error


def read_labels(path: Path) -> pd.DataFrame:
    """Read `point_id` and `reference` of a labelled sample: GeoJSON, GeoPackage, or CSV.

    Raises
    ------
    EvaluationError
        It can't be read, or lacks one of these columns.
    """
    try:
        frame = pd.read_csv(path, dtype=str) if path.suffix.lower() == ".csv" else pyogrio.read_dataframe(path)
    except (OSError, ValueError, pyogrio.errors.DataSourceError) as error:
        msg = f"labelled sample {path} can't be read ({error}): give GeoJSON, GeoPackage or CSV"
        raise EvaluationError(" ".join(msg.split())) from error
    return _checked(frame, str(path))


def assess(labelled: pd.DataFrame | gpd.GeoDataFrame, design: Design, name: str = "labelled sample") -> Assessment:
    """Weigh labels by their strata's areas.

    Parameters
    ----------
    labelled : DataFrame
        `point_id` and `reference`: the name of a stratum, any other word for a class the map does not have, or
        `unsure`.
    design : Design
        How the sample was drawn.
    name : str
        What the sample is called in messages.

    Raises
    ------
    EvaluationError
        Points are missing, unknown, twice there or without a label, or a stratum has fewer than two labels.
    """
    frame = _checked(labelled, name)
    _check_ids(frame["point_id"], design, name)
    if empty := int(frame["reference"].eq("").sum()):
        first = frame["point_id"][frame["reference"].eq("")].iloc[0]
        msg = f"{name}: {empty} of {len(frame)} points have no reference ({first} first): label them, or say {UNSURE}"
        raise EvaluationError(msg)
    sure = frame[frame["reference"] != UNSURE]
    strata = tuple(design.area_m2)
    labels = (*strata, *sorted(set(sure["reference"]) - set(strata)))
    said = sure["point_id"].map(dict(design.stratum))
    counts = np.zeros((len(strata), len(labels)))
    np.add.at(counts, ([strata.index(one) for one in said], [labels.index(one) for one in sure["reference"]]), 1)
    for stratum, points in zip(strata, counts.sum(axis=1), strict=True):
        if points < 2:
            msg = f"{name}: stratum {stratum!r} has {points:.0f} labelled points: at least two are needed"
            raise EvaluationError(msg)
    area = np.array(list(design.area_m2.values()))
    total, shares = float(area.sum()), area / area.sum()
    return Assessment(
        overall=overall_accuracy(counts, shares),
        classes=class_estimates(counts, shares, labels, total),
        strata=strata,
        labels=labels,
        counts=tuple(tuple(int(number) for number in row) for row in counts),
        total_m2=total,
        unsure=len(frame) - len(sure),
    )


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if lacking := [column for column in ("point_id", "reference") if column not in frame]:
        msg = f"{name} has no column {lacking[0]!r}: label the points of the sample as it was drawn"
        raise EvaluationError(msg)
    texts = {column: frame[column].astype("string").fillna("").str.strip() for column in ("point_id", "reference")}
    labels = texts["reference"].str.lower()
    known = labels.map(lambda word: CLASSES[word][0] if word in CLASSES else word)  # cleared is clearing
    return pd.DataFrame({"point_id": texts["point_id"], "reference": known})


def _check_ids(ids: "pd.Series[str]", design: Design, name: str) -> None:
    for what, wrong in (
        ("is there twice", ids[ids.duplicated()].tolist()),
        ("is not of this design", sorted(set(ids) - set(design.stratum))),
        ("is missing", sorted(set(design.stratum) - set(ids))),
    ):
        if wrong:
            msg = f"{name}: point {wrong[0]!r} {what} ({len(wrong)} such): give every point of the sample, once"
            raise EvaluationError(msg)
