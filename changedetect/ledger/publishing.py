"""What the ledger says, for people and programs: the ordinary output files, the feed, and a list of what is new."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import shapely

from changedetect import outputs
from changedetect.changes import counted, empty_changes
from changedetect.ledger.alerts import Alert, Event, is_current
from changedetect.ledger.rows import changes_of
from changedetect.ledger.store import Ledger
from changedetect.model import Site, SiteResult
from changedetect.outputs.feed import FeedEntry, write_feed
from changedetect.outputs.vectors import conform, gather, write_geojson, write_geoparquet

_NEWS = ("new", "confirmed", "growing", "reverted", "became construction")
"""Events that are told; dormancy, mergers and what the analyst said herself are no news."""


def publish_run(ledger: Ledger, failed: Mapping[str, str], run: Mapping[str, Any]) -> None:
    """Write `changes.geojson`, `changes.parquet`, `summary.csv`, `feed.xml` and, last, `run.json`.

    Parameters
    ----------
    ledger
        The ledger; its folder is written to.
    failed
        Why sites could not be looked at this time, by id; they keep the alerts that they have.
    run
        What `run.json` says.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    out = ledger.path.parent
    outputs.write_run([_result(ledger, site_id, failed) for site_id in _site_ids(ledger, failed)], out, run)
    _feed(ledger, out)


def publish_verdict(ledger: Ledger, site_id: str) -> None:
    """Write the files that a verdict changes."""
    out = ledger.path.parent
    current = [one for one in ledger.alerts() if is_current(one)]
    frames = [changes_of([one for one in current if one.site_id == row.site_id]) for row in ledger.sites()]
    everywhere = gather([frame for frame in frames if len(frame)])
    write_geojson(out / "changes.geojson", everywhere)
    write_geoparquet(out / "changes.parquet", everywhere)
    home = out / "sites" / site_id
    if home.is_dir():
        write_geojson(home / "changes.geojson", conform(changes_of([one for one in current if one.site_id == site_id])))
    _feed(ledger, out)


def provenance_of(ledger: Ledger, alerts: Sequence[Alert]) -> dict[str, Any]:
    """The looks by which alerts were dated, where a run's provenance has them."""
    told = {alert.change_id: found for alert in alerts if (found := ledger.timeline(alert.change_id)) is not None}
    return {"timeline": {"changes": told, "failed": {}}}


def news(ledger: Ledger, since: date | None) -> list[dict[str, Any]]:
    """What happened after a day, or since it was told last; oldest first, a mapping that JSON can hold each."""
    told = ledger.value("told_until")
    after = since.isoformat() if since is not None else told
    alerts = {alert.change_id: alert for alert in ledger.alerts()}
    return [
        _news(event, alerts[event.change_id])
        for event in ledger.history()
        if event.event in _NEWS and (after is None or event.happened_on > after) and is_current(alerts[event.change_id])
    ]


def mark_told(ledger: Ledger) -> None:
    """Keep that everything up to now has been told; and a copy of the ledger as it is now."""
    weeks = [row.seen_until for row in ledger.sites()]
    if weeks:
        with ledger.transaction():
            ledger.put_value("told_until", max(weeks))
    ledger.keep_copy()


def _site_ids(ledger: Ledger, failed: Mapping[str, str]) -> list[str]:
    return sorted({row.site_id for row in ledger.sites()} | set(failed))


def _result(ledger: Ledger, site_id: str, failed: Mapping[str, str]) -> SiteResult:
    row = ledger.site(site_id)
    if row is None:
        site = Site(site_id=site_id, name=site_id, geometry=shapely.MultiPolygon())
        return SiteResult(site=site, status="failed", reason=failed[site_id], changes=empty_changes())
    changes = changes_of([alert for alert in ledger.alerts(site_id) if is_current(alert)])
    seen = {"clear_fraction": 0.0}
    reason = failed.get(site_id) or row.reason
    return SiteResult(
        site=Site(site_id=site_id, name=row.name, geometry=row.geometry),
        status="poor" if reason else "ok",
        reason=reason,
        changes=changes,
        summary={**seen, **row.summary, **counted(changes)},
    )


def _news(event: Event, alert: Alert) -> dict[str, Any]:
    place = alert.geometry.representative_point()
    return {
        "happened_on": event.happened_on,
        "event": event.event,
        "change_id": alert.change_id,
        "site_id": alert.site_id,
        "site_name": alert.site_name,
        "kind": alert.kind,
        "state": alert.state,
        "confidence": alert.confidence,
        "area_m2": event.area_m2,
        "last_clear_without": alert.last_clear_without,
        "first_seen": alert.first_seen,
        "confirmed_on": alert.confirmed_on,
        "lon": round(place.x, 6),
        "lat": round(place.y, 6),
        "note": alert.note,
    }


def _feed(ledger: Ledger, out: Path) -> None:
    current = [one for one in ledger.alerts() if is_current(one)]
    histories: defaultdict[str, list[Event]] = defaultdict(list)
    for event in ledger.history():
        histories[event.change_id].append(event)
    write_feed(
        out / "feed.xml",
        "changedetect: what was newly built",
        f"{ledger.value('baseline')}",
        [_entry(alert, histories[alert.change_id]) for alert in current],
    )


def _entry(alert: Alert, history: Sequence[Event]) -> FeedEntry:
    since = "no clear look shows the ground without it"
    if alert.last_clear_without and alert.first_seen:
        since = f"absent on {alert.last_clear_without}, first seen on {alert.first_seen}"
    lines = [f"{alert.kind}, {alert.area_m2:,.0f} m², confidence {alert.confidence:.2f}: {since}."]
    lines += [f"{one.happened_on}: {one.event}{' - ' + one.text if one.text else ''}" for one in history]
    return FeedEntry(
        entry_id=alert.change_id,
        title=f"{alert.site_name}: {alert.kind}, {alert.area_m2:,.0f} m², {alert.state}",
        text="\n".join(lines),
        published=date.fromisoformat(alert.reported_on),
        updated=date.fromisoformat(alert.event_on),
        category=alert.state,
        geometry=alert.geometry,
    )
