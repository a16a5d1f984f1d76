"""The diff engine: how much changed, and what kind of change it was."""

from changedetect.diff.attributes import attributes
from changedetect.diff.detectors import DETECTORS, ENTRY_POINTS, Detector, Strength, detector_named
from changedetect.diff.engine import (
    Fitted,
    Layers,
    apply,
    engine_halo_px,
    fit,
    purity,
    settledness,
    trust_in_change,
    with_witnesses,
)
from changedetect.diff.engine import swapped as swapped_sample
from changedetect.diff.evidence import Evidence, gather
from changedetect.diff.features import Features
from changedetect.diff.found import Found, stands
from changedetect.diff.kinds import Judgement, judge
from changedetect.diff.levels import Levels, fit_levels, level
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
    "Judgement",
    "Layers",
    "Levels",
    "Strength",
    "apply",
    "attributes",
    "detector_named",
    "engine_halo_px",
    "fit",
    "fit_levels",
    "gather",
    "judge",
    "level",
    "purity",
    "sample_features",
    "settledness",
    "stands",
    "stride_px",
    "swapped_sample",
    "trust_in_change",
    "with_witnesses",
]
