"""By how much two dates are shifted, and whether moving them helps.

Whole pixels by masked normalised cross-correlation of gradient magnitudes, summed over the blocks of a site; fractions
by Gauss-Newton steps on the likelihood of `matching`, both dates moved half way, so that neither is favoured.
"""

from collections.abc import Sequence

import numpy as np

from changedetect.prepare.alignment import Alignment, AlignmentVerdict, Measured, Shift
from changedetect.prepare.blocks import Block, Blocks, Dates
from changedetect.prepare.matching import Look, Structure, look, structures_of
from changedetect.prepare.searching import SEARCH_PX, whole_shift
from changedetect.types import BoolArray, Float64Array, FloatArray

LIMIT_PX = 5.0
"""Shifts beyond this are refused: half a field away, one structure is easily taken for the next."""
SMALLEST_PX = 0.25
"""Shifts below are left alone: the engine smooths by a pixel of 10 m, and interpolating both dates costs what little
there is to gain (three suburbs that lie 0.1-0.2 px apart were no better for it)."""
_MOST_UNCERTAIN_PX = 0.1
"""Standard error above which the blocks are said to disagree."""
_LEAST_AGREEING = 0.7
"""Share of the blocks that must have a say: a site of two halves that moved differently has no one shift."""
_LEAST_BLOCKS = 4
"""Two to fit and two to check."""
_LEAST_GAIN = 0.005
"""Share of the residual that moving must take away on blocks that were not asked; where it adds as much, the shift was
found by chance: fields that changed, or too few blocks."""
_CLEAR_GAIN = 0.02
"""Share from which a shift beyond the limit is believed, however uncertain: the search may not reach its end."""
_STEPS, _SETTLED_PX = 8, 0.002
_TUKEY = 4.685
"""Tukey's biweight at 95 % efficiency (Holland & Welsch 1977, doi:10.1080/03610927708827533)."""
_LEAST_SCATTER_PX = 0.05
"""Blocks closer than this to the others are never outliers."""


def estimate_shift(
    before: FloatArray, after: FloatArray, valid: BoolArray, after_valid: BoolArray | None = None
) -> Shift:
    """Shift of the content of `after` relative to `before`; positive is down and right.

    Parameters
    ----------
    before, after
        (band, y, x), any unit: gain and offset may differ from place to place. At least about 32 pixels a side.
    valid
        (y, x) True where `before` is usable, and `after` too unless told otherwise.
    after_valid
        (y, x) True where `after` is usable.
    """
    other = valid if after_valid is None else after_valid
    structures = structures_of([Dates(before, valid, after, other)])
    inner = (slice(None), slice(None))
    return _refined(structures, [inner], whole_shift(structures))[0]


def fit_alignment(blocks: Blocks, *, limit_px: float = LIMIT_PX) -> Alignment:
    """Measure the shift of a site's dates and decide whether to move them.

    Parameters
    ----------
    blocks
        From `sample_blocks`.
    limit_px
        Longest shift that may be applied, at most 5.
    """
    chosen = [block for block in blocks.blocks if _usable(block)]
    if len(chosen) < _LEAST_BLOCKS:
        return _unmeasured(f"only {len(chosen)} blocks of the site are clear at both dates, {_LEAST_BLOCKS} are needed")
    structures = structures_of([block.dates for block in chosen])
    inners = [block.inner for block in chosen]
    shift, looks = _refined(structures, inners, whole_shift(structures))
    measured = _measured(shift, looks)
    if measured is None:
        return _unmeasured("the ground shows too little structure that both dates share")
    others = _others(shift, looks, [block.fold for block in chosen])
    here = [look(*each, Shift(dy_px=0, dx_px=0)) for each in zip(structures, inners, strict=True)]
    there = [look(*each) for each in zip(structures, inners, others, strict=True)]
    return _decided(measured, (_residual(here), _residual(there)), limit_px)


def _usable(block: Block) -> bool:
    """A tenth of a block, and a square of 10 pixels, seen at both dates."""
    seen = (block.dates.before_valid & block.dates.after_valid)[block.inner]
    return bool(seen.sum() >= max(seen.size / 10, 100))


def _refined(
    structures: Sequence[Structure], inners: Sequence[tuple[slice, slice]], start: Shift
) -> tuple[Shift, list[Look]]:
    """Gauss-Newton steps of all blocks together; what each block says where they end."""
    shift = start
    for _ in range(_STEPS):
        looks = [look(structure, inner, shift) for structure, inner in zip(structures, inners, strict=True)]
        dy, dx = np.clip(_step(looks, _trust(looks)), -1, 1)
        shift = Shift(
            dy_px=float(np.clip(shift.dy_px + dy, -SEARCH_PX, SEARCH_PX)),
            dx_px=float(np.clip(shift.dx_px + dx, -SEARCH_PX, SEARCH_PX)),
        )
        if max(abs(dy), abs(dx)) < _SETTLED_PX:
            break
    return shift, looks


def _step(looks: Sequence[Look], trust: Float64Array) -> Float64Array:
    """(2,) dy and dx from where the blocks were looked at to where they match best together."""
    slope = np.sum([share * one.slope for share, one in zip(trust, looks, strict=True)], axis=0)
    curvature = np.sum([share * one.curvature for share, one in zip(trust, looks, strict=True)], axis=0)
    return np.asarray(np.linalg.solve(curvature + _ridge(curvature), slope))


def _ridge(curvature: Float64Array, share: float = 1e-6) -> Float64Array:
    """What keeps ground without structure in one direction from sending the other to infinity."""
    return np.asarray((share * max(float(np.trace(curvature)), 0) + 1e-9) * np.eye(2))


def _own_steps(looks: Sequence[Look]) -> Float64Array:
    """(block, 2) where each block by itself would go; little in directions in which it has no structure."""
    return np.array([np.linalg.solve(one.curvature + _ridge(one.curvature, 0.05), one.slope) for one in looks])


def _say(looks: Sequence[Look]) -> Float64Array:
    """(block,) weight of each block's opinion: the root of its information."""
    return np.sqrt(np.maximum([np.trace(one.curvature) for one in looks], 0))


def _trust(looks: Sequence[Look]) -> Float64Array:
    """(block,) 0-1, less for blocks that would go elsewhere than most (Tukey's biweight)."""
    steps, say = _own_steps(looks), _say(looks)
    middle = np.array([weighted_median(part, say) for part in steps.T])
    away = np.hypot(*(steps - middle).T)
    scatter = max(weighted_median(away, say), _LEAST_SCATTER_PX)
    return np.asarray(np.clip(1 - (away / (_TUKEY * scatter)) ** 2, 0, 1) ** 2)


def weighted_median(values: Float64Array, weights: Float64Array) -> float:
    """Value below which half of the weight lies; 0 without weight."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(below, below[-1] / 2))]) if below[-1] > 0 else 0.0


def _measured(shift: Shift, looks: Sequence[Look]) -> Measured | None:
    """Reliability of a shift; None where no block has structure that both dates share.

    The standard error is that of clustered observations, the sandwich of Liang & Zeger (1986),
    doi:10.1093/biomet/73.1.13: the blocks' slopes scatter as they do, whatever the likelihood says.
    """
    trust = _trust(looks)
    curvature = np.sum([share * one.curvature for share, one in zip(trust, looks, strict=True)], axis=0)
    flattest = float(np.linalg.eigvalsh(curvature)[0])
    pixels = sum(one.weight for one in looks)
    telling = int((_say(looks) * trust > 0).sum())
    if flattest <= 0 or telling < _LEAST_BLOCKS:
        return None
    bread = np.linalg.inv(curvature)
    filling = np.sum(
        [share**2 * np.outer(one.slope, one.slope) for share, one in zip(trust, looks, strict=True)], axis=0
    )
    covariance = bread @ filling @ bread * telling / (telling - 1)
    away = np.hypot(*_own_steps(looks).T)
    return Measured(
        # A thousandth of a pixel is noise, and may differ between machines.
        shift=Shift(dy_px=round(shift.dy_px, 3), dx_px=round(shift.dx_px, 3)),
        uncertainty_px=float(np.sqrt(np.linalg.eigvalsh(covariance)[-1])),
        # The median length of a two-dimensional normal step is 1.1774 standard deviations.
        spread_px=weighted_median(away, _say(looks)) / 1.1774,
        blocks=len(looks),
        agreeing=telling / len(looks),
        sharpness_of_peak=flattest / max(pixels, 1.0),
    )


def _others(shift: Shift, looks: Sequence[Look], folds: Sequence[int]) -> list[Shift]:
    """For every block, the shift that the blocks of the other colour find."""
    trust, fold = _trust(looks), np.array(folds)
    steps = [_step(looks, trust * (fold != own)) for own in (0, 1)]
    moved = [Shift(dy_px=shift.dy_px + float(dy), dx_px=shift.dx_px + float(dx)) for dy, dx in steps]
    return [moved[own] for own in folds]


def _residual(looks: Sequence[Look]) -> float:
    """Share of the local structure that the dates do not share, 0-1."""
    return sum(one.unshared for one in looks) / max(sum(one.structured for one in looks), 1e-9)


def _unmeasured(reason: str) -> Alignment:
    return Alignment(
        applied=False,
        verdict="unmeasured",
        reason=f"not aligned: {reason}",
        measured=None,
        residual_before=None,
        residual_after=None,
    )


def _decided(measured: Measured, residuals: tuple[float, float], limit_px: float) -> Alignment:
    verdict, reason = _judged(measured, residuals, limit_px)
    return Alignment(
        applied=verdict == "aligned",
        verdict=verdict,
        reason=reason,
        measured=measured,
        residual_before=residuals[0],
        residual_after=residuals[1],
    )


def _judged(measured: Measured, residuals: tuple[float, float], limit_px: float) -> tuple[AlignmentVerdict, str]:
    shift, gain = measured.shift, 1 - residuals[1] / max(residuals[0], 1e-9)
    if shift.length_px > limit_px and gain >= _CLEAR_GAIN:
        return "beyond_limit", f"not aligned: after is off by more than {limit_px:g} px ({_words(shift)})"
    if measured.uncertainty_px > _MOST_UNCERTAIN_PX or measured.agreeing < _LEAST_AGREEING:
        return "disagrees", (
            f"not aligned: the site's blocks disagree on the shift ({_words(shift)}, give or take"
            f" {measured.uncertainty_px:.2f} px, is what {measured.agreeing:.0%} of {measured.blocks} say)"
        )
    if shift.length_px < SMALLEST_PX:
        return "in_place", f"the dates agree within {SMALLEST_PX:g} px ({_words(shift)})"
    if gain <= -_LEAST_GAIN:
        return "refuted", (
            f"not aligned: moving by {_words(shift)}, as half of the blocks say, makes the dates share {-gain:.1%} less"
            " on the other half"
        )
    if gain < _LEAST_GAIN or shift.length_px > limit_px:
        return "no_gain", (
            f"not aligned: moving by {_words(shift)} changes what the dates don't share by {-gain:+.1%} on blocks that"
            " were not asked"
        )
    return "aligned", f"after lay {_words(shift)}; moved, what the dates do not share falls by {gain:.0%}"


def _words(shift: Shift) -> str:
    down, right = ("down" if shift.dy_px >= 0 else "up"), ("right" if shift.dx_px >= 0 else "left")
    return f"{abs(shift.dy_px):.2f} px {down}, {abs(shift.dx_px):.2f} px {right}"
