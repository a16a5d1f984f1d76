"""Many sites, week by week, from where the ledger stands up to a day: each week of each site is one transaction."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from changedetect import outputs
from changedetect.catalog import Catalog
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError, OutputError
from changedetect.journal import in_words, journal
from changedetect.ledger.alerts import is_current
from changedetect.ledger.kept import Fetched, KeptScenes
from changedetect.ledger.publishing import provenance_of
from changedetect.ledger.rows import changes_of
from changedetect.ledger.store import FOLDER, Ledger, SiteRow
from changedetect.ledger.week import Week, compared_week, quiet_week
from changedetect.ledger.weeks import has_news, latest_looks, weeks_between
from changedetect.model import Site, SiteResult, Window
from changedetect.outputs.files import plain

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a run of `watch` did at a site."""

    site: Site
    """The place."""
    seen_until: str
    """Last week that is accounted for, ISO date of its Sunday; of the baseline's end where none is."""
    fetched: Fetched
    """Scenes that were new and read."""
    weeks: int
    """Weeks that were gone through."""
    compared: int
    """Those with new looks, in which the site was compared."""
    reason: str = ""
    """Why it could not be watched, in one line; empty where it could."""
    worked_around: str = ""
    """What had to be worked around, in one line."""


def watch_sites(
    sites: Iterable[Site], catalog: Catalog, config: RunConfig, ledger: Ledger, until: date
) -> Iterator[Watched]:
    """Bring the ledger up to the last Sunday up to a day, site after site; one that fails costs only itself.

    Raises
    ------
    ConfigError
        An option is wrong for every site.
    OutputError
        The ledger or its folder can't be written.
    """
    baseline = Window.parse(str(ledger.value("baseline")))
    for site in sites:
        with journal() as kept:
            try:
                watched = _watch(site, catalog, replace(config, before=baseline, after=None), baseline, ledger, until)
            except (ConfigError, OutputError):
                raise
            except ChangeDetectError as error:
                watched = _failed(site, ledger, baseline, str(error))
            except Exception as error:
                # A bug of ours, or a file that no one foresaw: it must not cost the other sites, nor be hushed up.
                log.exception("site %s: unexpected error, please report it", site.site_id)
                watched = _failed(site, ledger, baseline, f"unexpected {type(error).__name__}: {error}")
        yield replace(watched, worked_around=in_words(kept))


def _watch(site: Site, catalog: Catalog, config: RunConfig, baseline: Window, ledger: Ledger, until: date) -> Watched:
    scenes = KeptScenes(ledger.path.parent / FOLDER / "scenes", site)
    row = ledger.site(site.site_id)
    seen = date.fromisoformat(row.seen_until) if row is not None else baseline.end
    weeks = list(weeks_between(seen, until, config.watch.every_weeks))
    fetched = Fetched()
    if weeks:
        fetched = scenes.fetch(catalog, Window(start=baseline.start, end=weeks[-1]), config)
    compared, last = 0, None
    for sunday in weeks:
        week, reason = _one_week(site, scenes, config, baseline, ledger, sunday)
        _write(site, ledger, week, sunday, reason)
        if week.result is not None and week.result.status == "ok":
            compared, last = compared + 1, week.result
    if last is not None:
        _publish(last, ledger, ledger.path.parent)
    now = weeks[-1] if weeks else seen
    return Watched(site=site, seen_until=now.isoformat(), fetched=fetched, weeks=len(weeks), compared=compared)


def _one_week(
    site: Site, scenes: KeptScenes, config: RunConfig, baseline: Window, ledger: Ledger, sunday: date
) -> tuple[Week, str]:
    """What a week came to, and why there was no comparison where there should have been one."""
    alerts, every = ledger.alerts(site.site_id), config.watch.every_weeks
    if not has_news(scenes.all(), sunday, every):
        return quiet_week(alerts, sunday), ""
    window = latest_looks(scenes.all(), baseline, sunday, config.watch)
    if window is None:
        return quiet_week(alerts, sunday), f"fewer than {config.watch.looks} clear looks since the baseline"
    try:
        week = compared_week(site, scenes, replace(config, after=window), alerts, sunday)
    except (ConfigError, OutputError):
        raise
    except ChangeDetectError as error:
        return quiet_week(alerts, sunday), str(error)
    return week, week.result.reason if week.result is not None else ""


def _write(site: Site, ledger: Ledger, week: Week, sunday: date, reason: str) -> None:
    """The week's transaction."""
    before = ledger.site(site.site_id)
    done = week.result is not None and week.result.status == "ok"
    row: dict[str, Any] = {
        "seen_until": sunday.isoformat(),
        "compared_on": sunday.isoformat() if done else (before.compared_on if before else None),
        "reason": reason,
        "summary": _summary(week, before),
    }
    with ledger.transaction():
        ledger.put_alerts(week.alerts, week.events)
        for name, told in week.timelines.items():
            ledger.put_timeline(name, told)
        ledger.put_site(site, row)


def _summary(week: Week, before: SiteRow | None) -> dict[str, Any]:
    if week.result is None or week.result.status != "ok":
        return dict(before.summary) if before else {}
    return dict(plain(week.result.summary))


def _publish(result: SiteResult, ledger: Ledger, out: Path) -> None:
    """Write the site's own files: the last comparison, with the alerts that are current."""
    alerts = [one for one in ledger.alerts(result.site.site_id) if is_current(one)]
    told = provenance_of(ledger, alerts)
    outputs.write_site(replace(result, changes=changes_of(alerts), provenance={**result.provenance, **told}), out)


def _failed(site: Site, ledger: Ledger, baseline: Window, reason: str) -> Watched:
    row = ledger.site(site.site_id)
    seen = row.seen_until if row is not None else baseline.end.isoformat()
    why = " ".join(reason.split())
    return Watched(site=site, seen_until=seen, fetched=Fetched(), weeks=0, compared=0, reason=why)
