"""Seasons of two windows: on which day of the year they can be compared best, and how far apart scenes are."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np

from changedetect.model import Window

YEAR_D = 365
"""Days of a year; the 366th counts as the 365th."""

_HIGH_SUN_NORTH, _HIGH_SUN_SOUTH = 172, 355
"""Days of the solstices: shadows are shortest, and of a whole year it is the season seen best."""


def season_targets(windows: tuple[Window, Window], latitude: float) -> tuple[int, int]:
    """Days of the year that scenes of either window should be near to, so that both show one season.

    The middle of the days that both windows have; of those, when they are the whole year, the day of the highest sun.
    Windows without a day of the year in common give their days nearest to each other.

    >>> season_targets((Window.parse("2022-05/2022-09"), Window.parse("2023-06/2023-07")), 50.0)
    (182, 182)
    >>> season_targets((Window.parse("2022-01/2022-02"), Window.parse("2023-06/2023-07")), 50.0)
    (59, 152)
    """
    before, after = (_days(window) for window in windows)
    shared = before & after
    if len(shared) >= YEAR_D:
        target = _HIGH_SUN_NORTH if latitude >= 0 else _HIGH_SUN_SOUTH
        return target, target
    if shared:
        middle = _middle_of_longest_run(shared)
        return middle, middle
    pairs = ((days_apart(one, other), one, other) for one in sorted(before) for other in sorted(after))
    _, one, other = min(pairs)
    return one, other


def _days(window: Window) -> set[int]:
    span = min((window.end - window.start).days, YEAR_D)
    return {day_of_year(window.start + timedelta(days=step)) for step in range(span + 1)}


def _middle_of_longest_run(days: set[int]) -> int:
    """Middle of the longest unbroken run of days, over the turn of the year; the earlier of two as long."""
    best_start, best_length = 0, 0
    for start in sorted(day for day in days if _before(day) not in days):
        length = next(step for step in range(1, YEAR_D + 1) if (start - 1 + step) % YEAR_D + 1 not in days)
        if length > best_length:
            best_start, best_length = start, length
    return (best_start - 1 + (best_length - 1) // 2) % YEAR_D + 1


def _before(day: int) -> int:
    return (day - 2) % YEAR_D + 1


def day_of_year(day: date) -> int:
    """Day of the year, 1 to 365.

    >>> day_of_year(date(2024, 12, 31)), day_of_year(date(2023, 1, 1))
    (365, 1)
    """
    return min(day.timetuple().tm_yday, YEAR_D)


def days_apart(one: float, other: float) -> float:
    """Days between two days of the year, the shorter way round.

    >>> days_apart(360, 5)
    10
    """
    apart = abs(one - other) % YEAR_D
    return min(apart, YEAR_D - apart)


def mean_day(days: Iterable[date]) -> float:
    """Circular mean of days of the year (Mardia & Jupp 2000, Directional Statistics, 2.2).

    >>> round(mean_day([date(2022, 12, 30), date(2023, 1, 11)]))
    5
    """
    angles = np.array([day_of_year(day) for day in days]) * (2 * np.pi / YEAR_D)
    mean = np.arctan2(np.sin(angles).mean(), np.cos(angles).mean()) * YEAR_D / (2 * np.pi)
    return float((mean - 1) % YEAR_D + 1)


def season_gap_d(before: Sequence[date], after: Sequence[date]) -> float:
    """Days of the year between the mean days of two sets of scenes.

    >>> season_gap_d([date(2022, 7, 1)], [date(2023, 7, 11), date(2023, 7, 21)])
    15.0
    """
    return round(days_apart(mean_day(before), mean_day(after)), 1)
