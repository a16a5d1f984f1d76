"""What the ledger knows of one thing that was built, and in what state that is on a given day."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from shapely.geometry.base import BaseGeometry

AlertState = Literal["new", "growing", "confirmed", "dormant", "reverted", "dismissed", "merged"]
"""`new` reported, not yet confirmed; `growing` larger than when confirmed, lately; `confirmed` by the timeline or an
analyst; `dormant` nothing new of it for long; `reverted` gone again; `dismissed` by an analyst; `merged` part of
another."""

Verdict = Literal["", "dismissed", "confirmed"]
"""What an analyst said; empty where none did."""

QUIET_D = 180
"""Days after which nothing is expected of a confirmed thing: a median of 143 days lies between breaking ground and the
structure (IARPA SMART), so a works that stands still longer has mostly ended."""
GROWING_D = 90
"""Days for which a thing counts as growing after it grew."""
LOST_D, LOST_LOOKS = 60, 3
"""What was never confirmed, and not found for as many days in as many comparisons, was nothing that lasts."""
GREW, GREW_M2, AGREE = 1.5, 800.0, 2
"""Growth is told from the noise of outlines by half as much again, at least the smallest thing that is reported, in two
comparisons in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that was built or cleared; field names are the columns of the ledger's table `alerts`."""

    change_id: str
    """Name for good, from site and place at the first report."""
    site_id: str
    """Of which site."""
    site_name: str
    """What people call that."""
    kind: str
    """Kind of change; a clearing becomes a construction when the timeline confirms it as one."""
    state: AlertState
    """State at the site's `seen_until`."""
    status: str
    """What the timeline says: `candidate`, `confirmed`, `reverted`."""
    confidence: float
    """That of the looks when it was dated last, or a later comparison's where that is higher; 0-1."""
    area_m2: float
    """Area when last found, square metres."""
    before: str
    """Baseline window."""
    after: str
    """Window of the last comparison that found it."""
    last_clear_without: str | None
    """Last clear look without it, ISO date; None where there is none."""
    first_seen: str | None
    """First clear look with it."""
    confirmed_on: str | None
    """Look that confirmed it."""
    n_clear_looks: int | None
    """Clear looks that show it, of those read."""
    delta_ndvi: float | None
    """Change of NDVI; None where unknown, as for the next four."""
    delta_ndbi: float | None
    """Change of NDBI."""
    delta_bsi: float | None
    """Change of the bare soil index."""
    delta_brightness: float | None
    """Change of brightness, reflectance."""
    magnitude: float | None
    """Strength of the change."""
    reported_on: str
    """Week in which it was found first, ISO date of its Sunday."""
    found_on: str
    """Week in which it was found last."""
    event_on: str
    """Week of the last event of its history."""
    missed: int = 0
    """Comparisons since `found_on` that did not find it."""
    larger: int = 0
    """Comparisons in a row that found it grown."""
    sure_on: str | None = None
    """Week in which it was confirmed."""
    grown_on: str | None = None
    """Week in which it grew last."""
    grown_m2: float = 0.0
    """Area that growth is measured from."""
    verdict: Verdict = ""
    """What an analyst said."""
    note: str = ""
    """And why."""
    merged_into: str | None = None
    """Which alert it is part of now."""
    geometry: BaseGeometry
    """Outline when last found, lon/lat; of a dismissed one, the ground that is quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of an alert's history."""

    change_id: str
    """Of which alert."""
    happened_on: str
    """Week, ISO date of its Sunday."""
    event: str
    """The state it came into, or `became construction`."""
    area_m2: float
    """Area then."""
    text: str = ""
    """More, in words."""


def state_of(alert: Alert, on: date) -> AlertState:
    """State of an alert on a day: a function of what is known of it, not of when anyone asked."""
    if alert.merged_into:
        return "merged"
    if alert.verdict == "dismissed":
        return "dismissed"
    if alert.status == "reverted":
        return "reverted"
    if alert.grown_on and _days(alert.grown_on, on) <= GROWING_D:
        return "growing"
    if is_sure(alert):
        last = max(filter(None, (alert.reported_on, alert.sure_on, alert.grown_on)))
        return "dormant" if _days(last, on) > QUIET_D else "confirmed"
    return "dormant" if alert.missed >= LOST_LOOKS and _days(alert.found_on, on) > LOST_D else "new"


def settled(alert: Alert, on: date) -> tuple[Alert, Event | None]:
    """The alert in its state on a day, and the event where that is another one than before."""
    state = state_of(alert, on)
    if state == alert.state:
        return alert, None
    text = f"part of {alert.merged_into}" if alert.merged_into else ""
    event = Event(change_id=alert.change_id, happened_on=on.isoformat(), event=state, area_m2=alert.area_m2, text=text)
    return replace(alert, state=state, event_on=on.isoformat()), event


def is_sure(alert: Alert) -> bool:
    """Whether the timeline or an analyst confirmed it."""
    return alert.status == "confirmed" or alert.verdict == "confirmed"


def is_current(alert: Alert) -> bool:
    """Whether it belongs in the files of current changes: not dismissed, not merged, and not forgotten unconfirmed."""
    if alert.state in {"dismissed", "merged"}:
        return False
    return alert.state != "dormant" or is_sure(alert)


def grown(alert: Alert, on: date) -> Alert:
    """The alert with its growth told: from the time when it is confirmed, outlines before still fill up."""
    if not is_sure(alert) or alert.sure_on is None:
        return replace(alert, grown_m2=max(alert.grown_m2, alert.area_m2))
    if alert.area_m2 < max(GREW * alert.grown_m2, alert.grown_m2 + GREW_M2):
        return replace(alert, larger=0)
    if alert.larger + 1 < AGREE:  # one outline may have flowed into a field beside it
        return replace(alert, larger=alert.larger + 1)
    return replace(alert, grown_m2=alert.area_m2, grown_on=on.isoformat(), larger=0)


def _days(since: str, on: date) -> int:
    return (on - date.fromisoformat(since)).days
