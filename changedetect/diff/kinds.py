"""What an object is, from what its pixels say on average, and how far to believe it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from changedetect.diff.evidence import Evidence
from changedetect.types import Float64Array, Kind

CLEARED_REDNESS, CLEARED_NDVI = 0.19, 0.6
"""Ground redder than this and barer than that afterwards is earth, not a building: `clearing`."""
OLD_NDVI, OLD_REDNESS_SHIFT, OLD_ANGLE = 0.18, 0.10, 0.20
"""Bare before, and of nearly the same hue after: a surface renewed, not a new one. Redness and radians."""
NEW_TEXTURE = 1.6
"""On restless ground, structure must be this many times rougher than before, or it was there already."""
BUILT_EXCESS, CLEARED_EXCESS = 0.2, -1.0
"""On restless ground, in units of the soil line's scatter: bluer than before by this is built, redder by that bare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdicts on all objects of one direction of time, in the order of their labels."""

    kinds: tuple[Kind, ...]
    """`construction`, `clearing` or `other`."""
    confidence: Float64Array
    """(object,) 0-1."""


def judge(evidence: Evidence, areas_m2: Float64Array, *, settled: bool, purity: float) -> Judgement:
    """Judge every object; `areas_m2` is (object,)."""
    means = evidence.means
    nothing = np.full(len(areas_m2), np.nan)
    get = {name: means.get(name, nothing) for name in _USED}
    kinds = _settled_kinds(get) if settled else _restless_kinds(get)
    if settled:
        # A ranking fitted on suburbs; where much else changed too, no object deserves more trust than the pair.
        confidence = np.minimum(_settled_confidence(get, areas_m2), purity)
    else:
        confidence = _restless_confidence(get, areas_m2)
    return Judgement(kinds=tuple(kinds), confidence=confidence)


_USED = (
    "magnitude", "angle", "ndvi_before", "ndvi_after", "redness_before", "redness_after",
    "texture_before", "texture_after", "excess_gain", "structure",
)  # fmt: skip


def _settled_kinds(means: Mapping[str, Float64Array]) -> list[Kind]:
    # Comparisons with NaN are False: bands that are missing leave `construction`.
    with np.errstate(invalid="ignore"):
        shift = np.abs(means["redness_after"] - means["redness_before"])
        renewed = (means["ndvi_before"] < OLD_NDVI) & (shift < OLD_REDNESS_SHIFT) & (means["angle"] < OLD_ANGLE)
        earth = (means["redness_after"] > CLEARED_REDNESS) & (means["ndvi_after"] < CLEARED_NDVI)
    return [
        "other" if old else "clearing" if bare else "construction" for old, bare in zip(renewed, earth, strict=True)
    ]


def _restless_kinds(means: Mapping[str, Float64Array]) -> list[Kind]:
    with np.errstate(invalid="ignore"):
        old = means["texture_after"] < NEW_TEXTURE * means["texture_before"]
        built = ~old & (means["excess_gain"] >= BUILT_EXCESS)
        bare = ~old & (means["excess_gain"] <= CLEARED_EXCESS)
    return ["construction" if b else "clearing" if c else "other" for b, c in zip(built, bare, strict=True)]


def _settled_confidence(means: Mapping[str, Float64Array], areas_m2: Float64Array) -> Float64Array:
    """Logistic in strength, change of hue and size, fitted on Sentinel-2 pairs of three suburbs: a ranking."""
    strength = np.minimum(means["magnitude"], 8)
    angle = np.minimum(np.nan_to_num(means["angle"]), 0.35)
    return _logistic(-12.8 + 1.05 * strength + 17.8 * angle + 0.83 * np.log(areas_m2))


def _restless_confidence(means: Mapping[str, Float64Array], areas_m2: Float64Array) -> Float64Array:
    """Logistic in strength of structure, its hue and size, by reasoning on one farmland pair: a weak ranking."""
    strength = np.log(np.maximum(np.nan_to_num(means["structure"], nan=1), 1))
    excess = np.nan_to_num(means["excess_gain"])
    return _logistic(-2.2 + 1.6 * strength + 0.4 * excess + 0.35 * np.log(areas_m2 / 1000))


def _logistic(x: Float64Array) -> Float64Array:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
