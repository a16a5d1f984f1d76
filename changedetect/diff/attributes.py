"""Columns of the output that the diff engine answers for."""

from collections.abc import Sequence

import numpy as np

from changedetect.changes import CONFIDENCE_DECIMALS
from changedetect.diff.found import Found
from changedetect.types import BoolArray, Float64Array

DELTAS = ("ndvi", "ndbi", "bsi", "brightness")
"""Indices whose change, later minus earlier date, is evidence in every output."""


def attributes(found: Found, keep: BoolArray, *, backward: bool = False) -> dict[str, Sequence[object]]:
    """`confidence`, `area_m2`, `magnitude` and the deltas of the objects in `keep` (object,).

    Found by reading time `backward`, an object's evidence is turned back into later minus earlier date.
    """
    means, sign = found.evidence.means, -1.0 if backward else 1.0
    unknown = np.full(len(found.areas_m2), np.nan)
    columns: dict[str, Float64Array] = {
        "confidence": found.judgement.confidence,
        "area_m2": found.areas_m2,
        "magnitude": means.get("magnitude", unknown),
    }
    for name in DELTAS:
        after, before = means.get(f"{name}_after", unknown), means.get(f"{name}_before", unknown)
        columns[f"delta_{name}"] = sign * (after - before)
    digits = {"area_m2": 1, "confidence": CONFIDENCE_DECIMALS, "magnitude": 2}
    return {name: np.round(values[keep], digits.get(name, 4)).tolist() for name, values in columns.items()}
