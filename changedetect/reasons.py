"""What was weighed at a site, reported or not: the record from which `explain` answers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from changedetect import diff
from changedetect.comparison import Reading
from changedetect.config import RunConfig
from changedetect.types import IntArray

_DECIMALS = 4
"""Of an object's means: finer than any threshold they are held against."""


def decided(forward: Reading, backward: Reading) -> tuple[IntArray, IntArray, IntArray]:
    """Give the bands of `decisions.DECISION_BANDS`, (y, x) each: not copied, for they are large."""
    return forward.layers.passed, forward.found.labels, backward.found.labels


def objects_weighed(forward: Reading, backward: Reading, confidence_factor: float, config: RunConfig) -> dict[str, Any]:
    """Every object of both directions of time, column by column, and what all of them were held against.

    `forward` and `backward` are as they were reported from: their confidence is final.
    """
    return {
        "kinds": list(config.kinds),
        "min_confidence": config.min_confidence,
        "min_area_m2": config.polygons.min_area_m2,
        "confidence_factor": confidence_factor,
        "rule": "settled" if forward.settled else "restless",
        "forward": _told(forward, backward),
        "backward": _told(backward, forward),
    }


def _told(reading: Reading, opposite: Reading) -> Mapping[str, Any]:
    found = reading.found
    return {
        "thresholds": {"changed_at": reading.fitted.changed_at, "object_at": reading.fitted.object_at},
        "green": None if reading.fitted.green is None else asdict(reading.fitted.green),
        "trust": reading.trust,
        "settled": reading.settled,
        "kind": list(found.judgement.kinds),
        "stands": diff.stands(found, opposite.found).tolist(),
        "confidence": np.round(found.judgement.confidence, _DECIMALS).tolist(),
        "area_m2": np.round(found.areas_m2, 1).tolist(),
        "evidence": {
            name: np.round(values, _DECIMALS).tolist() for name, values in sorted(found.evidence.means.items())
        },
    }
