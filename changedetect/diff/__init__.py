"""The diff engine: how much changed, and what kind of change it was."""

from changedetect.diff.attributes import attributes
from changedetect.diff.detectors import DETECTORS, ENTRY_POINTS, Detector, Strength, detector_named
from changedetect.diff.engine import (
    Fitted,
    Layers,
    apply,
    engine_halo_px,
    fit,
    fit_both_ways,
    needs_context,
    purity,
    settledness,
    trust_in_change,
    with_witnesses,
)
from changedetect.diff.evidence import Evidence, Gathering, Tally, tally
from changedetect.diff.features import Features
from changedetect.diff.found import Found, stands
from changedetect.diff.kinds import Judgement, judge
from changedetect.diff.levels import Levels, fit_levels, level
from changedetect.diff.measured import Measured, measure
from changedetect.diff.options import DiffOptions
from changedetect.diff.sample import sample_features, stride_px

__all__ = [
    "DETECTORS",
    "ENTRY_POINTS",
    "Detector",
    "DiffOptions",
    "Evidence",
    "Features",
    "Fitted",
    "Found",
    "Gathering",
    "Judgement",
    "Layers",
    "Levels",
    "Measured",
    "Strength",
    "Tally",
    "apply",
    "attributes",
    "detector_named",
    "engine_halo_px",
    "fit",
    "fit_both_ways",
    "fit_levels",
    "judge",
    "level",
    "measure",
    "needs_context",
    "purity",
    "sample_features",
    "settledness",
    "stands",
    "stride_px",
    "tally",
    "trust_in_change",
    "with_witnesses",
]
