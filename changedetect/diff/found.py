"""Objects found in one direction of time, and what to make of those found in both."""

from dataclasses import dataclass

import numpy as np

from changedetect.components import shared
from changedetect.diff.evidence import Evidence
from changedetect.diff.kinds import Judgement
from changedetect.types import BoolArray, Float64Array, IntArray, Kind

BOTH_WAYS_SHARE = 0.5
"""An object that looks newly built whichever date is called the later one, over this share of it, is in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The objects of a pair, read in one direction of time."""

    labels: IntArray
    """(y, x) on the site's grid: 0 none, 1..n objects."""
    areas_m2: Float64Array
    """(object,) size."""
    evidence: Evidence
    """What their pixels say; its `before` and `after` are those of this direction."""
    judgement: Judgement
    """What they are."""

    def of_kind(self, kind: Kind) -> BoolArray:
        """(object,) True where the object is of that kind."""
        return np.array([k == kind for k in self.judgement.kinds], dtype=bool)


def stands(found: Found, opposite: Found) -> BoolArray:
    """(object,) False where the opposite direction of time explains a construction better.

    Between two bare surfaces, a change shows in both directions: a lot becomes a roof, or a roof a lot. Soil is
    redder than roofs and paving, so it was built in the direction in which redness fell. Where redness can't be
    told, both readings stand.
    """
    covered = shared(found.labels, opposite.labels, np.r_[False, opposite.of_kind("construction")])[1:]
    doubtful = found.of_kind("construction") & (covered >= BOTH_WAYS_SHARE * found.evidence.pixels)
    means = found.evidence.means
    if "redness_before" not in means:
        return np.ones(len(doubtful), dtype=bool)
    return ~(doubtful & (means["redness_after"] > means["redness_before"]))
