"""What an evaluation says."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from changedetect.evaluation.calibration import Calibration
from changedetect.evaluation.options import Estimate

SIZE_CLASSES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "under 1,600 m2": (0.0, 1600.0),
        "1,600 to 5,000 m2": (1600.0, 5000.0),
        "5,000 to 20,000 m2": (5000.0, 20_000.0),
        "over 20,000 m2": (20_000.0, float("inf")),
    }
)
"""Smallest (included) and largest area of each class; 1,600 m2 is four pixels of 20 m, the least that SWIR resolves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectScores:
    """Objects counted one by one."""

    reference: int
    """Positive references."""
    found: int
    """Those that were found."""
    predicted: int
    """Predictions."""
    right: int
    """Those that are right."""
    precision: Estimate | None
    """`right / predicted`; None without a prediction."""
    recall: Estimate | None
    """`found / reference`; None without a reference."""
    f1: Estimate | None
    """Harmonic mean of the two, 0 where nothing was predicted; None without a reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaScores:
    """Ground compared outright, outside what is ignored: objects of all sizes."""

    reference_m2: float
    """Ground on positive references."""
    predicted_m2: float
    """Ground on predictions."""
    common_m2: float
    """Ground on both."""
    precision: Estimate | None
    """`common / predicted`; None without a prediction."""
    recall: Estimate | None
    """`common / reference`; None without a reference."""
    f1: Estimate | None
    """Harmonic mean of the two; None without a reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How good the predictions are; 95 % intervals throughout."""

    objects: ObjectScores
    """Object by object."""
    area: AreaScores
    """Square metre by square metre."""
    by_size: Mapping[str, ObjectScores]
    """By the size of the object itself, on either side (`SIZE_CLASSES`)."""
    by_kind: Mapping[str, ObjectScores]
    """Precision by the prediction's kind, recall by the reference's; another kind is no error here."""
    negatives: int
    """References that are neither positive nor ignored."""
    negatives_hit: int
    """Those on which predictions lie as on a found reference."""
    extent_km2: float | None
    """The ground that was looked at; None where neither `extent` nor a SMART region tells it."""
    false_alarms_per_100km2: Estimate | None
    """Wrong predictions, with Garwood's exact Poisson interval; None without an extent."""
    calibration: Calibration | None
    """Of the counted predictions' confidence; None where they have none."""
    remarks: tuple[str, ...]
    """What a reader of the figures should know."""
