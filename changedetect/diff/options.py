"""What a user can choose about the diff engine."""

from dataclasses import dataclass
from typing import Literal

from changedetect.errors import ConfigError

Rule = Literal["auto", "settled", "restless"]
"""How objects are told from background; see `DiffOptions.rule`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """Options of the diff engine."""

    detector: str = "ensemble"
    """How change is measured: ensemble (whitened, irmad and pca together), one of these, cva, context (what a pixel's
    surroundings don't explain), or a plug-in's name."""
    rule: Rule = "auto"
    """settled: whatever changed strongly and is not green or wet; restless: new fine structure that soil does not
    make, for farmland where most fields differ; auto: decided from the pair itself."""
    changed_at: float | None = None
    """Strength (multiples of the pair's median) that counts as changed in change_map.tif; unset: the detector's own."""
    object_at: float | None = None
    """Strength that a pixel of a reported object must exceed; unset: the detector's own."""
    level: bool = True
    """Whether a date whose reflectance is clearly off is put right by the other one."""
    sample_px: int = 500_000
    """About how many pixels of a site the statistics are fitted on."""

    def __post_init__(self) -> None:
        for name in ("changed_at", "object_at"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                msg = f"diff.{name} is {value}: give a multiple of the median above 0, or leave it out"
                raise ConfigError(msg)
        if self.sample_px < 1000:
            msg = f"diff.sample_px is {self.sample_px}: give at least 1000"
            raise ConfigError(msg)
