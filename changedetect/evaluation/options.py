"""The rules of an evaluation, and a figure with its interval."""

from dataclasses import dataclass

from changedetect.errors import ConfigError
from changedetect.model import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """When a reference counts as found and a prediction as right."""

    min_area_m2: float = 1000.0
    """Smaller objects are not counted on their own side; a small reference still excuses a prediction on it."""
    found_share: float = 0.25
    """A reference is found where at least this share of it is covered by predictions."""
    right_share: float = 1 / 3
    """A prediction is right where at least this share of it lies on positives, widened by `near_m`."""
    near_m: float = 10.0
    """How far a right prediction may stray from a positive, metres: a pixel of Sentinel-2."""
    ignored_share: float = 0.5
    """A prediction of which more than this share lies on ignored ground is not counted."""
    transient: bool = False
    """Whether SMART's `transient_positive` sites (fairs, camps) are positives; else they are ignored."""
    between: Window | None = None
    """The compared span: SMART positives without any activity in it are negatives. None: dates don't matter."""
    resamples: int = 2000
    """Bootstrap resamples behind each interval."""
    seed: int = 0
    """Of the resampling: the same seed gives the same intervals."""

    def __post_init__(self) -> None:
        for name in ("found_share", "right_share", "ignored_share"):
            share = getattr(self, name)
            if not 0 < share <= 1:
                msg = f"{name} is {share}: give a share above 0, at most 1"
                raise ConfigError(msg)
        for name, least in (("min_area_m2", 0), ("near_m", 0), ("seed", 0), ("resamples", 100)):
            number = getattr(self, name)
            if not least <= number < float("inf"):
                msg = f"{name} is {number}: give a number of at least {least}"
                raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    """What the data at hand give."""
    low: float | None
    """Lower end; None where fewer than two objects speak."""
    high: float | None
    """Upper end; None where fewer than two objects speak."""
