"""How far a pair of dates can be trusted: one readable record, put together from what the stages measured."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from changedetect.comparison import Reading
from changedetect.model import Composite, Pair, Scene
from changedetect.prepare.alignment import Alignment
from changedetect.seasons import YEAR_D, season_gap_d

LARGE_SEASON_GAP_D = 45.0
"""Half a season: fields are sown, green and harvested within it."""
LARGE_SUN_GAP_DEG = 15.0
"""A wall of 10 m casts 17 m of shadow at 30 degrees and 10 m at 45: most of a Sentinel-2 pixel of difference."""
FEW_LOOKS = 3
"""The median of fewer shows a cloud that one mask missed."""
FEWEST_CLEAR, FEW_CLEAR = 0.10, 0.60
"""Share of the site seen at both dates: below the first what is not seen decides, below the second it matters."""
SHIFT_POOR_PX, SHIFT_WARNED_PX = 1.0, 0.25
"""Shift that was left. On three suburbs a quarter of a pixel took object F1 from 0.94 to 0.90, a whole one to 0.70; on
farmland half a pixel took it from 0.87 to 0.65."""
BLUR_WARNED_PX = 0.4
"""Relative blur that was left. On farmland half a pixel took object F1 from 0.87 to 0.77."""
NOISE_POOR, NOISE_WARNED = 0.05, 0.02
"""Noise of the visible bands where nothing changed. Concrete differs from soil by 0.05 to 0.15, and an object must
stand out by about three standard deviations. Suburbs have 0.004, farmland on two single dates 0.025."""
LOW_CORRELATION = 0.30
"""Rank correlation under which the dates hardly show one ground."""
LOW_PURITY = 0.60
"""Share of strongly changed ground that may be construction; four pairs with construction had 0.87 to 0.94, a dozen
changed by seasons, floods and mud 0.07 to 0.49. Warned of where the rule that needs it is used."""
MATCHED_SEASON_D = 30.0
"""Up to a month apart, seasons count as one: it is what a clear day must be waited for."""
LEAST_FACTOR = 0.5
"""Confidence factor at opposite seasons, by judgement: confidence was fitted on matched seasons, and of a July and a
November date every object with a confidence above 0.8 was false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairQuality:
    """What is known of a pair; ready for JSON."""

    clear_fraction: float
    """Share of the site seen at both dates, 0-1."""
    looks_before: float
    """Median clear looks behind a pixel of the earlier date that is seen."""
    looks_after: float
    """The same, later date."""
    season_gap_d: float | None
    """Days of the year between the mean dates of the two windows, 0-182; None where dates are unknown."""
    sun_gap_deg: float | None
    """Difference of mean sun elevation, degrees; None where it is unknown."""
    shift_dy_px: float | None
    """Rows by which the later date lay lower than the earlier one; None where it could not be measured."""
    shift_dx_px: float | None
    """Columns by which it lay farther right."""
    shift_applied: bool
    """Whether the dates were moved onto each other."""
    shift_uncertainty_px: float | None
    """Standard error of the shift, pixels; None where it could not be measured."""
    relative_blur_px: float | None
    """Blur that the sharper date lacks, standard deviation, pixels, after matching; None where it was not measured."""
    normalisation_residual: dict[str, float] = field(default_factory=dict)
    """Band → size of the difference left where nothing changed, reflectance (1.4826 times its median)."""
    noise_floor: dict[str, float] = field(default_factory=dict)
    """Band → robust standard deviation of it after smoothing, reflectance."""
    rank_correlation: float
    """Median over bands of Spearman's rho between the dates."""
    purity: float
    """Share of the strongly changed ground that may be construction, 0-1."""
    confidence_factor: float
    """What confidence is multiplied by for seasons that don't match, 0.5-1."""
    warnings: tuple[str, ...] = ()
    """What to beware of, in words."""
    poor: bool = False
    """Whether the pair is too bad for its polygons to mean anything."""
    reason: str = ""
    """Why it is poor, in words; empty where it is not."""

    @property
    def visible_noise(self) -> float:
        """Median of `noise_floor` over the visible bands, or all where there are none; reflectance."""
        known = [self.noise_floor[name] for name in ("blue", "green", "red") if name in self.noise_floor]
        return float(np.median(known or list(self.noise_floor.values()) or [0.0]))


def assess(
    reading: Reading,
    picture: Pair,
    scenes: tuple[Sequence[Scene], Sequence[Scene]] = ((), ()),
    alignment: Alignment | None = None,
    relative_blur_px: float | None = None,
) -> PairQuality:
    """Judge a pair.

    Parameters
    ----------
    reading
        Time read forward.
    picture
        The whole site, thinned or not: tells the looks.
    scenes
        Those read for either date; empty for rasters.
    alignment
        What was decided about the shift; None where it was not asked for.
    relative_blur_px
        Blur between the dates as compared, pixels; None where it was not measured.
    """
    gap_d = _season_gap(scenes)
    # What half of the blocks say and the other half refutes is no measurement.
    by_chance = alignment is not None and alignment.verdict == "refuted"
    measured = alignment.measured if alignment is not None and not by_chance else None
    looks = [float(np.median(date.looks[date.valid])) if date.valid.any() else 0.0 for date in _dates(picture)]
    bands = reading.fitted.radiometry
    quality = PairQuality(
        clear_fraction=float(reading.layers.known.mean()),
        looks_before=looks[0],
        looks_after=looks[1],
        season_gap_d=gap_d,
        sun_gap_deg=_sun_gap(scenes),
        shift_dy_px=measured.shift.dy_px if measured is not None else None,
        shift_dx_px=measured.shift.dx_px if measured is not None else None,
        shift_applied=alignment is not None and alignment.applied,
        shift_uncertainty_px=measured.uncertainty_px if measured is not None else None,
        relative_blur_px=relative_blur_px,
        normalisation_residual={one.band: one.difference_after for one in bands},
        noise_floor={one.band: one.noise_floor for one in bands},
        rank_correlation=reading.fitted.correlation,
        purity=reading.purity,
        confidence_factor=season_factor(gap_d),
    )
    refused = alignment.reason if alignment is not None and not alignment.applied else ""
    chance = refused if by_chance else ""
    reasons = list(_reasons(quality, refused, chance))
    doubts = chain(_doubts_of_scenes(quality, has_scenes=any(scenes)), _doubts_of_pixels(quality, refused, chance))
    if reading.settled and quality.purity < LOW_PURITY:
        doubts = chain(doubts, [f"only {quality.purity:.0%} of what changed strongly may be construction"])
    return replace(quality, warnings=tuple(doubts), poor=bool(reasons), reason="; ".join(reasons))


def season_factor(gap_d: float | None) -> float:
    """What confidence is multiplied by when two dates lie `gap_d` days of the year apart; 1 where that is unknown.

    Two days of a yearly cosine, the first harmonic of vegetation (Jakubauskas et al. 2001, Photogrammetric Engineering
    and Remote Sensing 67(4)), differ on average in proportion to the sine of half the angle between them.

    >>> [round(season_factor(gap), 2) for gap in (0, 30, 60, 120, 182.5)]
    [1.0, 1.0, 0.84, 0.59, 0.5]
    """
    if gap_d is None or gap_d <= MATCHED_SEASON_D:
        return 1.0
    least = math.sin(math.pi * MATCHED_SEASON_D / YEAR_D)
    beyond = (math.sin(math.pi * min(gap_d, YEAR_D / 2) / YEAR_D) - least) / (1 - least)
    return 1.0 - (1.0 - LEAST_FACTOR) * beyond


def lowered(reading: Reading, factor: float) -> Reading:
    """The reading with every object's confidence multiplied by `factor`."""
    if factor == 1:
        return reading
    judgement = reading.found.judgement
    trusted = replace(judgement, confidence=judgement.confidence * factor)
    return replace(reading, found=replace(reading.found, judgement=trusted))


def _dates(pair: Pair) -> tuple[Composite, Composite]:
    return pair.before, pair.after


def _season_gap(scenes: tuple[Sequence[Scene], Sequence[Scene]]) -> float | None:
    before, after = ([scene.datetime for scene in some] for some in scenes)
    return season_gap_d(before, after) if before and after else None


def _sun_gap(scenes: tuple[Sequence[Scene], Sequence[Scene]]) -> float | None:
    known = [[one.sun_elevation_deg for one in some if one.sun_elevation_deg is not None] for some in scenes]
    return round(float(abs(np.mean(known[0]) - np.mean(known[1]))), 1) if all(known) else None


def _left_px(quality: PairQuality) -> float:
    """Shift that was measured and not taken out, pixels."""
    if quality.shift_applied or quality.shift_dy_px is None or quality.shift_dx_px is None:
        return 0.0
    return math.hypot(quality.shift_dy_px, quality.shift_dx_px)


def _reasons(quality: PairQuality, refused: str, chance: str) -> Iterator[str]:
    """Why a pair is poor."""
    if quality.clear_fraction < FEWEST_CLEAR:
        yield f"only {quality.clear_fraction:.0%} of the site is clear at both dates; widen a window"
    if _left_px(quality) >= SHIFT_POOR_PX:
        yield f"the dates lie {_left_px(quality):.1f} pixels apart and were not aligned ({refused})"
    if chance and quality.rank_correlation < LOW_CORRELATION:
        yield (
            f"the dates hardly look alike (rank correlation {quality.rank_correlation:.2f}), and how far they lie apart"
            f" could not be measured ({chance})"
        )
    if quality.visible_noise >= NOISE_POOR:
        yield (
            f"ground where nothing was built differs by {quality.visible_noise:.3f} of reflectance, as much as new"
            " concrete; choose windows of one season, or clearer ones"
        )


def _doubts_of_scenes(quality: PairQuality, *, has_scenes: bool) -> Iterator[str]:
    if quality.season_gap_d is not None and quality.season_gap_d > LARGE_SEASON_GAP_D:
        factor = quality.confidence_factor
        yield f"seasons differ by {quality.season_gap_d:.0f} days: confidence is lowered to {factor:.0%}"
    if quality.sun_gap_deg is not None and quality.sun_gap_deg > LARGE_SUN_GAP_DEG:
        yield f"the sun stood {quality.sun_gap_deg:.0f} degrees higher at one date: shadows moved"
    for name, looks in (("before", quality.looks_before), ("after", quality.looks_after)):
        if has_scenes and looks < FEW_LOOKS:
            yield f"{looks:g} clear {'look' if looks == 1 else 'looks'} {name}: a missed cloud or haze would show"


def _doubts_of_pixels(quality: PairQuality, refused: str, chance: str) -> Iterator[str]:
    if FEWEST_CLEAR <= quality.clear_fraction < FEW_CLEAR:
        yield f"only {quality.clear_fraction:.0%} of the site is clear at both dates"
    if SHIFT_WARNED_PX <= _left_px(quality) < SHIFT_POOR_PX:
        yield f"the dates lie {_left_px(quality):.2f} pixels apart and were not aligned ({refused})"
    if chance:
        yield f"how far the dates lie apart could not be measured ({chance})"
    if quality.relative_blur_px is not None and quality.relative_blur_px > BLUR_WARNED_PX:
        yield f"one date is sharper by {quality.relative_blur_px:.1f} pixels: edges may pass for new structure"
    if NOISE_WARNED <= quality.visible_noise < NOISE_POOR:
        yield f"much of the ground changed by {quality.visible_noise:.3f} of reflectance: fields, haze or season"
    if quality.rank_correlation < LOW_CORRELATION:
        yield f"the dates hardly look alike (rank correlation {quality.rank_correlation:.2f})"
