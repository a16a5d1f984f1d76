"""Spans of days."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime

from changedetect.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of days, both ends included."""

    start: date
    """First day."""
    end: date
    """Last day."""

    def __post_init__(self) -> None:
        if self.end < self.start:
            msg = f"window ends ({self.end}) before it starts ({self.start}): write START/END"
            raise ConfigError(msg)

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read `A/B`, or one date; each end is `YYYY-MM-DD` or `YYYY-MM` (the whole month).

        >>> str(Window.parse("2023-05/2023-09"))
        '2023-05-01/2023-09-30'
        """
        first, slash, last = text.strip().partition("/")
        return cls(start=_day(first, text, last=False), end=_day(last if slash else first, text, last=True))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment.date() <= self.end

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


def _day(text: str, whole: str, *, last: bool) -> date:
    match = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?", text.strip())
    try:
        if match is None:
            raise ValueError
        year, month = int(match[1]), int(match[2])
        day = int(match[3]) if match[3] else (calendar.monthrange(year, month)[1] if last else 1)
        return date(year, month, day)
    except ValueError:
        msg = f"window {whole!r} is not a date: write YYYY-MM-DD/YYYY-MM-DD, YYYY-MM/YYYY-MM or one date"
        raise ConfigError(msg) from None
