"""What is known of how two dates lie over each other."""

from dataclasses import dataclass
from typing import Literal

from changedetect.types import WindowName

AlignmentVerdict = Literal["aligned", "in_place", "unmeasured", "beyond_limit", "disagrees", "refuted", "no_gain"]
"""What was decided about a shift, in one word; `Alignment.reason` says it in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Where the content of the later date lies relative to the earlier one: positive is down and right, in pixels."""

    dy_px: float
    """Rows; positive: what is at row y before is at row y + `dy_px` after."""
    dx_px: float
    """Columns; positive: to the right."""

    @property
    def length_px(self) -> float:
        """Length, pixels."""
        return float((self.dy_px**2 + self.dx_px**2) ** 0.5)

    def split(self) -> tuple[tuple[int, int], dict[WindowName, tuple[float, float]]]:
        """Divide the work between the dates: whole pixels that `after` is moved by, and where each date is sampled.

        The rest, at most half a pixel, is shared: each date is sampled half of it away from its pixel centres, in
        opposite directions, so that interpolation costs both the same sharpness.

        >>> Shift(dy_px=1.25, dx_px=-0.5).split()
        ((1, 0), {'before': (-0.125, 0.25), 'after': (0.125, -0.25)})
        """
        whole = (round(self.dy_px), round(self.dx_px))
        half = ((self.dy_px - whole[0]) / 2, (self.dx_px - whole[1]) / 2)
        return whole, {"before": (-half[0], -half[1]), "after": half}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A shift and how well it is known."""

    shift: Shift
    """Best estimate."""
    uncertainty_px: float
    """Standard error, pixels, the longer axis: how far the blocks scatter, over the root of how many there are."""
    spread_px: float
    """Robust standard deviation of a single block's shift, pixels; what remains after a shift of the whole: relief,
    rotation, changed ground."""
    blocks: int
    """Blocks of the site that were asked."""
    agreeing: float
    """Share of them that have a say in the shift, 0-1: the others show no structure or another shift."""
    sharpness_of_peak: float
    """Curvature of the likelihood along its flattest direction, per pixel of ground and square pixel of shift; near 0
    where the ground has no structure in some direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What was measured and decided; ready for `provenance.json` by `dataclasses.asdict`."""

    applied: bool
    """Whether the dates are to be moved."""
    verdict: AlignmentVerdict
    """The decision in one word."""
    reason: str
    """The decision in words, with the numbers it rests on."""
    measured: Measured | None
    """The shift and its reliability; None where nothing could be measured."""
    residual_before: float | None
    """Share of local structure that the dates don't share as they lie, 0-1; None where nothing could be measured."""
    residual_after: float | None
    """The same on the same blocks, each moved by what the *other* half of the blocks says."""
