"""What a pair says whichever way time is read: learnt once for what was built and what is gone."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from changedetect.diff.features import Features
from changedetect.diff.radiometry import IndexScale, fit_index_scale, no_change_half
from changedetect.diff.soil_line import Line, fit_lines
from changedetect.types import BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """Statistics of a sample."""

    no_change: BoolArray
    """(pixel,) True on the half that changed least."""
    scales: tuple[IndexScale, IndexScale]
    """What makes each date's numbers reflectance, for indices: earlier, later."""
    lines: tuple[Line, ...]
    """Soil lines; empty without blue and red."""
    correlation: float
    """Median over the bands of the rank correlation between the dates."""

    def swapped(self) -> "Common":
        """The same with the dates exchanged."""
        lines = tuple(replace(line, before=line.after, after=line.before) for line in self.lines)
        return replace(self, scales=self.scales[::-1], lines=lines)


def common_of(sample: Features, *, calibrated: bool) -> Common:
    """Learn it from a (band, pixel) sample of valid pixels."""
    scales = (
        fit_index_scale(sample.before**2, sample.bands, calibrated=calibrated),
        fit_index_scale(sample.after**2, sample.bands, calibrated=calibrated),
    )
    return Common(
        no_change=no_change_half(sample.before, sample.after),
        scales=scales,
        lines=fit_lines(sample, scales),
        correlation=_rank_correlation(sample),
    )


def _rank_correlation(sample: Features) -> float:
    """Median over bands of Spearman's rho; 1 for bands without contrast, which can't have changed in rank."""
    rhos = []
    for before, after in zip(sample.before, sample.after, strict=True):
        flat = np.ptp(before) == 0 or np.ptp(after) == 0
        rhos.append(1.0 if flat else float(stats.spearmanr(before, after).statistic))
    return float(np.median(rhos))
