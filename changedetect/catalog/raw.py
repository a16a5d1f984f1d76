"""Looking into JSON that a stranger wrote: whatever is there, the answer has the type that was asked for."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Raw = Mapping[str, Any]
"""A piece of an item's JSON."""

_SHOWN = 120


def mapping(value: object) -> Raw:
    """Give an object, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Give an array, or an empty one in place of anything else."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """Give a text or a number as text, without blanks around it; empty in place of anything else.

    >>> text(" EPSG:32635 "), text(32635), text(True), text(None)
    ('EPSG:32635', '32635', '', '')
    """
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if plain and not _endless(value) else ""


def number(value: object) -> float | None:
    """Give a finite number; None in place of anything else.

    >>> number(-1), number("nan"), number(float("nan")), number(True)
    (-1.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or _endless(value):
        return None
    return float(value) if math.isfinite(value) else None


def utc(told: str) -> datetime:
    """Read a moment in ISO 8601, which is UTC where it does not say otherwise.

    `ValueError` where it is none, `OverflowError` at the ends of the calendar.

    >>> utc("2023-06-01T12:00:00+03:00"), utc("2016-01-11")
    (datetime.datetime(2023, 6, 1, 9, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2016, 1, 11, 0, 0, tzinfo=datetime.timezone.utc))
    """
    moment = datetime.fromisoformat(told.strip())
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def shown(value: object) -> str:
    r"""Give anything as one short line that any terminal can show.

    >>> shown("S2A\nT35TKM")
    'S2A T35TKM'
    """
    line = " ".join(text(value).split()).encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _endless(value: object) -> bool:
    """Whether a whole number has more digits than a float can hold, or Python will write."""
    return isinstance(value, int) and value.bit_length() > 1000
