"""One week of one site: what the latest looks show against the baseline, and what that means for the alerts known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import geopandas as gpd
from rasterio.features import geometry_mask
from shapely.geometry.base import BaseGeometry

from changedetect.catalog import Catalog
from changedetect.config import RunConfig
from changedetect.dating import date_changes
from changedetect.ledger.alerts import Alert, Event, grown, is_sure, settled
from changedetect.ledger.naming import named, whole
from changedetect.ledger.rows import NUMBERS, changes_of, number, rounded, text_of
from changedetect.model import Site, SiteResult, Window
from changedetect.outputs.files import plain
from changedetect.pipeline import run_site
from changedetect.selection import Plan, plan_site

_BACK = 0.7
"""Share of an alert's ground that must look as in the baseline before the timeline is asked whether it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a week came to."""

    alerts: tuple[Alert, ...]
    """All alerts of the site, as they are now."""
    events: tuple[Event, ...]
    """What happened."""
    timelines: Mapping[str, str]
    """By which looks those were dated that were dated this week; JSON by id."""
    result: SiteResult | None
    """The comparison; None where there was none."""


def quiet_week(alerts: Sequence[Alert], sunday: date) -> Week:
    """A week without a comparison: only time goes by."""
    return _closed({alert.change_id: alert for alert in alerts}, {}, sunday, [], None)


def compared_week(site: Site, scenes: Catalog, config: RunConfig, alerts: Sequence[Alert], sunday: date) -> Week:
    """Compare, match, date, and bring every alert up to the week.

    Parameters
    ----------
    site, scenes
        The site and its scenes; none later than the week is looked at.
    config
        Options, with the baseline and the latest looks for windows.
    alerts
        The alerts as they were after the week before.
    sunday
        The week's last day.

    Raises
    ------
    ChangeDetectError
        Nothing to compare.
    """
    undated = replace(config, timeline=replace(config.timeline, enabled=False, until=None))
    plan = plan_site(site, scenes, undated)
    result = run_site(site, scenes, undated, plan)
    if result.status != "ok":
        return replace(quiet_week(alerts, sunday), result=result)
    known = {alert.change_id: alert for alert in alerts}
    changes, merged, doubted = named(result.changes, known, site)
    changes = whole(changes)
    wanted = {one for one in changes["change_id"] if one not in known or _wants_dates(known[one], changes)}
    dated = _dated(result, changes[changes["change_id"].isin(wanted)], scenes, plan, undated)
    told = _told(dated)
    dates = {row["change_id"]: row for row in dated.changes.to_dict("records")}
    events: list[Event] = []
    found: set[str] = set()
    for row in changes.to_dict("records"):
        name = row["change_id"]
        news = dates.get(name, {})
        if name in wanted and not news:
            continue  # its looks took the confidence that two dates had given it
        if name in doubted and news.get("status") != "confirmed":
            continue  # another kind of thing on dismissed ground is news only when it is sure
        found.add(name)
        known[name], more = _found(known.get(name), row, news, sunday)
        events += more
    for name, into in merged.items():
        known[name] = replace(known[name], merged_into=into)
    missing = [name for name in sorted(known) if name not in found and name not in merged]
    _missed(missing, known, result, scenes, undated, told)
    return _closed(known, told, sunday, events, result)


def _wants_dates(alert: Alert, found: gpd.GeoDataFrame) -> bool:
    """Whether the timeline is asked again: what it confirmed stays, but a clearing may have been built on since."""
    if alert.status != "confirmed":
        return True
    kind = found.loc[found["change_id"] == alert.change_id, "kind"].iloc[0]
    return bool(alert.kind == "clearing" and kind == "construction")


def _dated(result: SiteResult, changes: gpd.GeoDataFrame, scenes: Catalog, plan: Plan, config: RunConfig) -> SiteResult:
    """Changes with the dates that all looks since the baseline give them."""
    some = replace(result, changes=changes.reset_index(drop=True))
    if changes.empty:
        return some
    dating = replace(config, timeline=replace(config.timeline, enabled=True))
    return date_changes(some, plan, scenes, dating)


def _told(dated: SiteResult) -> dict[str, str]:
    changes = dated.provenance.get("timeline", {}).get("changes", {})
    return {name: json.dumps(plain(told), sort_keys=True, ensure_ascii=False) for name, told in changes.items()}


def _found(
    alert: Alert | None, row: Mapping[str, Any], dates: Mapping[str, Any], sunday: date
) -> tuple[Alert, list[Event]]:
    """An alert, new or known, as the week's comparison shows it."""
    on = sunday.isoformat()
    facts: dict[str, Any] = {
        "kind": row["kind"],
        "confidence": round(float(row["confidence"]), 6),
        "area_m2": round(float(row["area_m2"]), 3),
        "before": row["before"],
        "after": row["after"],
        "geometry": rounded(row["geometry"]),
        **{name: number(row[name]) for name in NUMBERS},
    }
    if dates:
        facts["confidence"] = round(float(dates["confidence"]), 6)
        facts |= {name: text_of(dates[name]) for name in ("last_clear_without", "first_seen", "confirmed_on")}
        looks = number(dates["n_clear_looks"])
        facts |= {"n_clear_looks": None if looks is None else int(looks)}
        facts |= {"status": text_of(dates["status"]) or "candidate"}
    if alert is None:
        undated: dict[str, Any] = {"status": "candidate", **dict.fromkeys(_UNDATED)}
        alert = Alert(
            **(undated | facts),
            change_id=row["change_id"],
            site_id=row["site_id"],
            site_name=row["site_name"],
            state="new",
            reported_on=on,
            found_on=on,
            event_on=on,
        )
        return _sure(grown(alert, sunday), on), [_event(alert, on, "new")]
    events = []
    if is_sure(alert) and alert.kind != facts["kind"]:
        if facts["kind"] == "construction" and facts.get("status") == "confirmed":
            events.append(_event(alert, on, f"became {facts['kind']}"))
        else:  # a season's word against what was confirmed: its dates are those of the kind it has
            facts = {name: value for name, value in facts.items() if name not in {"kind", "status", *_UNDATED}}
    if not dates:  # what is sure is not doubted for a season in which it is seen less well
        facts["confidence"] = max(alert.confidence, facts["confidence"])
    after = replace(alert, **facts, found_on=on, missed=0)
    if events:
        after = replace(after, event_on=on)
    return _sure(grown(after, sunday), on), events


_UNDATED = ("last_clear_without", "first_seen", "confirmed_on", "n_clear_looks")


def _sure(alert: Alert, on: str) -> Alert:
    """The alert with the week in which it was confirmed, from which growth is measured."""
    if not is_sure(alert) or alert.sure_on is not None:
        return alert
    return replace(alert, sure_on=on, grown_m2=alert.area_m2)


def _missed(
    names: Sequence[str],
    known: dict[str, Alert],
    result: SiteResult,
    scenes: Catalog,
    config: RunConfig,
    told: dict[str, str],
) -> None:
    """What was not found: one comparison more; where its ground looks as before, the timeline is asked."""
    until = config.windows()[1].end
    plans: dict[str, Plan] = {}
    for name in names:
        alert = known[name]
        if alert.state in {"dismissed", "merged", "reverted"}:
            continue
        known[name] = replace(alert, missed=alert.missed + 1)
        if alert.state == "dormant" and not is_sure(alert):
            continue
        if _as_before(alert.geometry, result) >= _BACK:
            last = replace(
                config,
                after=Window.parse(alert.after),
                min_confidence=0.0,
                timeline=replace(config.timeline, until=until),
            )
            if alert.after not in plans:
                plans[alert.after] = plan_site(result.site, scenes, last)
            dated = _dated(result, changes_of([known[name]]), scenes, plans[alert.after], last)
            if [text_of(one) for one in dated.changes["status"]] == ["reverted"]:
                known[name] = replace(known[name], status="reverted", confirmed_on=None)
                told |= _told(dated)


def _as_before(outline: BaseGeometry, result: SiteResult) -> float:
    """Share of an outline's ground that the comparison saw and found unchanged."""
    if result.change_map is None:
        return 0.0
    grid = result.change_map.geobox
    shape = gpd.GeoSeries([outline], crs=4326).to_crs(str(grid.crs)).iloc[0]
    inside = geometry_mask([shape], tuple(grid.shape), grid.affine, invert=True)
    return float((result.change_map.changed[inside] == 0).mean()) if inside.any() else 0.0


def _closed(
    known: Mapping[str, Alert],
    told: Mapping[str, str],
    sunday: date,
    events: Sequence[Event],
    result: SiteResult | None,
) -> Week:
    alerts, more = [], list(events)
    for name in sorted(known):
        alert, event = settled(known[name], sunday)
        alerts.append(alert)
        more += [event] if event is not None else []
    own = {name: text for name, text in told.items() if name in known}
    return Week(alerts=tuple(alerts), events=tuple(more), timelines=own, result=result)


def _event(alert: Alert, on: str, event: str) -> Event:
    return Event(change_id=alert.change_id, happened_on=on, event=event, area_m2=alert.area_m2)
