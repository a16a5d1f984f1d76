"""What an analyst says of an alert; it outlives every later run."""

from dataclasses import replace
from datetime import date

from changedetect.errors import ConfigError
from changedetect.ledger.alerts import Alert, Event, Verdict, settled
from changedetect.ledger.store import Ledger


def give_verdict(ledger: Ledger, change_id: str, verdict: Verdict, note: str) -> Alert:
    """Put down what an analyst says of an alert, in one transaction; it holds for every later week.

    Raises
    ------
    ConfigError
        There is no such alert, or it is part of another one.
    """
    known = {alert.change_id: alert for alert in ledger.alerts()}
    if change_id not in known:
        msg = f"no alert {change_id!r} among {len(known)} in {ledger.path}: see `change_id` in its changes.geojson"
        raise ConfigError(msg)
    alert = known[change_id]
    if alert.merged_into:
        msg = f"alert {change_id!r} is part of {alert.merged_into} by now: give the verdict on that one"
        raise ConfigError(msg)
    site = ledger.site(alert.site_id)
    on = date.fromisoformat(site.seen_until if site is not None else alert.event_on)
    sure = alert.sure_on or (on.isoformat() if verdict == "confirmed" else None)
    grown_m2 = alert.area_m2 if alert.sure_on is None else alert.grown_m2
    said = replace(alert, verdict=verdict, note=note, sure_on=sure, grown_m2=grown_m2)
    after, _ = settled(said, on)
    event = Event(
        change_id=change_id, happened_on=on.isoformat(), event=verdict, area_m2=alert.area_m2, text=f"analyst: {note}"
    )
    with ledger.transaction():
        ledger.put_alerts([replace(after, event_on=on.isoformat())], [event])
    return after
