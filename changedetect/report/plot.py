"""The timeline of a change as an inline SVG: how much each look resembles what is there now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from changedetect.report.words import day

WIDTH, HEIGHT = 430, 214
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 10, 64
"""Margins in units of the drawing."""
LOW, HIGH = -0.25, 1.25
"""Range of the index that is drawn; what lies beyond sits on the edge."""
_KNOWN = {"without": 0.0, "with": 1.0}
"""Where looks are drawn that are recognised without an index."""
SHAPES: Mapping[str, str] = {
    "without": "circle",
    "with": "square",
    "between": "diamond",
    "other": "triangle",
    "alike": "cross",
    "cloudy": "tick",
}
"""Mark by what a look shows: shapes, for readers who see no colours."""
MEANINGS: Mapping[str, str] = {
    "without": "as before",
    "with": "as after",
    "between": "in between",
    "other": "like neither",
    "alike": "can't be told from its surroundings",
    "cloudy": "cloudy, not seen",
}
"""What they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One look."""

    x: float
    """Place in the drawing."""
    y: float
    """Place in the drawing."""
    shows: str
    """A key of `SHAPES`."""
    shape: str
    """Its value."""
    title: str
    """What a reader is told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """All that is drawn."""

    marks: tuple[Mark, ...]
    """Looks, oldest first."""
    bracket: tuple[float, float] | None
    """Left and right edge of the days in which it came; None where they are not known."""
    ticks: tuple[tuple[float, str], ...]
    """Place and text along the time axis."""
    levels: tuple[tuple[float, str], ...]
    """Place and text along the index."""
    legend: tuple[tuple[float, float, str, str], ...]
    """Place across and down, shape and meaning of what occurs."""
    text: str
    """The same in words, for who does not see it."""


def plot_of(dated: Mapping[str, Any]) -> Plot:
    """Lay out the looks by which a change was dated."""
    looks = dated["looks"]
    moments = [datetime.fromisoformat(one).date() for one in looks["datetime"]]
    first, last = min(moments), max(moments)
    span = max((last - first).days, 1)

    def across(moment: date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (0.02 + 0.96 * (moment - first).days / span), 1)

    marks = [
        Mark(
            x=across(moment),
            y=_down(_KNOWN.get(shows, LOW) if share is None else share),
            shows=shows,
            shape=SHAPES.get(shows, "cross"),
            title=f"{day(moment)}: {MEANINGS.get(shows, shows)}" + ("" if share is None else f", {share:.2f}"),
        )
        for moment, share, shows in sorted(
            zip(moments, looks["share"], looks["shows"], strict=True), key=lambda it: it[0]
        )
    ]
    without, seen = dated.get("last_clear_without"), dated.get("first_seen")
    bracket = (across(date.fromisoformat(without)), across(date.fromisoformat(seen))) if without and seen else None
    return Plot(
        marks=tuple(marks),
        bracket=bracket,
        ticks=tuple(_ticks(first, last, across)),
        levels=((_down(0), "before"), (_down(1), "after")),
        legend=tuple(_legend([one.shows for one in marks])),
        text=_told(marks, without, seen),
    )


def _down(share: float) -> float:
    inner = (min(max(share, LOW), HIGH) - LOW) / (HIGH - LOW)
    return round(HEIGHT - BOTTOM - inner * (HEIGHT - BOTTOM - TOP), 1)


def _ticks(first: date, last: date, across: Any) -> list[tuple[float, str]]:  # noqa: ANN401 - a local function
    """Starts of years, or of quarters or months where there are few."""
    starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    months = [one for one in starts if first <= one <= last]
    for step in (1, 3, 6, 12, 24, 60):
        chosen = [one for one in months if ((one.year * 12) + one.month - 1) % step == 0]
        if len(chosen) <= 5:
            break
    return [(across(one), f"{one:%b %Y}" if step < 12 else f"{one.year}") for one in chosen]


def _legend(shown: list[str]) -> list[tuple[float, float, str, str]]:
    places = []
    across, down = 8.0, HEIGHT - 28.0
    for shows in (one for one in SHAPES if one in shown):
        length = 26 + 6.6 * len(MEANINGS[shows])
        if across + length > WIDTH:
            across, down = 8.0, down + 19
        places.append((across, down, SHAPES[shows], MEANINGS[shows]))
        across = round(across + length, 1)
    return places


def _told(marks: list[Mark], without: str | None, seen: str | None) -> str:
    counts = [f"{sum(one.shows == shows for one in marks)} {meaning}" for shows, meaning in MEANINGS.items()]
    told = ", ".join(one for one in counts if not one.startswith("0 "))
    bracket = f" It came between {day(without)} and {day(seen)}." if without and seen else ""
    return f"Timeline of {len(marks)} looks: {told}.{bracket}"
