"""Weeks, and the latest looks that a week is judged by: chosen by date alone, never by when a run was made."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from changedetect.config import WatchOptions
from changedetect.model import Scene, Window
from changedetect.sensors import SENSORS

_WEEK_D = 7
_NEWS = 0.2
"""A scene that shows less of the site tells nothing new of it."""
_PARTLY = 0.25
"""Three looks of which small clouds hide a part are three looks."""
_FEWEST = 2
"""Looks that do where the whole reach holds no more: one alone may be a cloud that was missed."""


def weeks_between(after: date, until: date, every: int) -> Iterator[date]:
    """Sundays after a day and up to another; of several weeks, the last, counted from the year 1.

    >>> [str(day) for day in weeks_between(date(2023, 6, 4), date(2023, 6, 19), 1)]
    ['2023-06-11', '2023-06-18']
    """
    step = _WEEK_D * every
    first = after.toordinal() // step + 1  # ordinals that seven divides are Sundays
    for number in range(first, until.toordinal() // step + 1):
        yield date.fromordinal(number * step)


def has_news(scenes: Sequence[tuple[Scene, float]], sunday: date, every: int) -> bool:
    """Whether any scene of the week that ends on a day shows the site."""
    since = sunday - timedelta(days=_WEEK_D * every)
    return any(since < scene.datetime.date() <= sunday and clear >= _NEWS for scene, clear in scenes)


def latest_looks(
    scenes: Sequence[tuple[Scene, float]], baseline: Window, sunday: date, options: WatchOptions
) -> Window | None:
    """Span of the latest clear looks up to a day; None where there are not enough.

    As many as asked, or the whole reach where it holds but two. Parts of the site that are clear add up to looks. The
    finest sensor that the baseline has too is counted alone, as the comparison prefers it; all together where none has
    enough.
    """
    earliest = max(baseline.end + timedelta(days=1), sunday - timedelta(days=options.reach_days))
    recent = [
        (scene, clear)
        for scene, clear in sorted(scenes, key=lambda one: (one[0].datetime, one[0].scene_id), reverse=True)
        if earliest <= scene.datetime.date() <= sunday
    ]
    known = {SENSORS[scene.sensor].gsd_m for scene, clear in scenes if clear > 0 and scene.datetime in baseline}
    groups = [[one for one in recent if SENSORS[one[0].sensor].gsd_m == size] for size in sorted(known)]
    for some, enough in itertools.product((*groups, recent), (options.looks, min(options.looks, _FEWEST))):
        total = 0.0
        for scene, clear in some:
            total += clear
            if total >= enough - _PARTLY:
                return Window(start=scene.datetime.date() if enough == options.looks else earliest, end=sunday)
    return None
