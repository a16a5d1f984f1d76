"""What a user can choose about the dating of changes."""

from dataclasses import dataclass
from datetime import date

from changedetect.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineOptions:
    """How changes are dated."""

    enabled: bool = True
    """Whether the changes of a run are dated at all; it needs scenes between the windows."""
    confirm_looks: int = 3
    """Clear looks that must show a change before it counts as confirmed."""
    confirm_days: int = 30
    """Days that those looks must span at least: a convoy leaves within them, most floods go."""
    until: date | None = None
    """Last day that is looked at for what became of a change: YYYY-MM-DD, not before the end of the later window; left
    out, the end of the later window."""
    all_looks: bool = False
    """Whether every scene of the span is read; otherwise those alone that narrow the dates and confirm them."""

    def __post_init__(self) -> None:
        if self.confirm_looks < 1:
            msg = f"timeline.confirm_looks is {self.confirm_looks}: give at least 1"
            raise ConfigError(msg)
        if self.confirm_days < 0:
            msg = f"timeline.confirm_days is {self.confirm_days}: give 0 or more"
            raise ConfigError(msg)
