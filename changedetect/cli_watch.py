"""`changedetect watch` and `changedetect verdict`: what is new since last week, and what an analyst says of it."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from changedetect.errors import ConfigError

if TYPE_CHECKING:
    from changedetect.config import RunConfig
    from changedetect.ledger import Ledger, Watched

SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("watch")(watch)
    app.command("verdict")(verdict)


def watch(  # noqa: PLR0913 - an option each
    sites: Annotated[
        Path,
        typer.Argument(help="Sites: GeoJSON, GeoPackage, KML, or CSV with lat, lon, radius_m.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the ledger and the outputs.", show_default=False)],
    baseline: Annotated[
        str | None,
        typer.Option(metavar="A/B", help="What everything later is compared to, asked once; best a whole year."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Last day to look at: replays the past.", show_default="today"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="List what is new since that day.", show_default="the last run"),
    ] = None,
    catalog: Annotated[
        list[str] | None,
        typer.Option(
            "--catalog",
            metavar="NAME|URL|PATH",
            help="Where scenes come from, as for `run`; repeat it for others to fall back on.",
            show_default="earth-search",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Run file (TOML); see `changedetect config`.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one option; repeat.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event, one a line.")] = False,
) -> None:
    """Find what was newly built since the last time, and keep a ledger of it."""
    from changedetect import console, ledger
    from changedetect.catalog import open_catalog
    from changedetect.config import load_config
    from changedetect.sites import read_site_list

    last, first = _day("--until", until) or datetime.now(UTC).date(), _day("--since", since)
    given = [*(assignments or []), *([f"watch.baseline={baseline}"] if baseline else [])]
    options = load_config(config, given, {"catalog": catalog or None})
    scenes = open_catalog(options.catalog)
    listed = read_site_list(sites, options.sites)
    for _, reason in listed.refused:
        console.say(f"Warning: {reason}", style="yellow")
    started = datetime.now(UTC)
    kept = options.watch.baseline
    with ledger.open_ledger(out, None if kept is None else str(kept)) as opened:
        watched = []
        for one in ledger.watch_sites(listed.sites, scenes, options, opened, last):
            console.say(_line(one), style="red" if one.reason else None)
            watched.append(one)
        failed = {one.site.site_id: one.reason for one in watched if one.reason}
        failed |= {site.site_id: reason for site, reason in listed.refused}
        ledger.publish_run(opened, failed, _record(options, opened, watched, started))
        for told in ledger.news(opened, first):
            typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _news(told))
        ledger.mark_told(opened)
    console.say(f"ledger  {out / 'ledger.gpkg'}\nfeed  {out / 'feed.xml'}")
    if failed:
        raise typer.Exit(SOME_FAILED)


def verdict(
    out: Annotated[Path, typer.Argument(help="Folder of a `watch`.", show_default=False)],
    change_id: Annotated[str, typer.Argument(help="Which alert; `change_id` in changes.geojson.", show_default=False)],
    said: Annotated[
        Literal["dismissed", "confirmed"],
        typer.Argument(metavar="dismissed|confirmed", help="What it is.", show_default=False),
    ],
    note: Annotated[str, typer.Option(help="Why; kept with the alert.", show_default=False)],
) -> None:
    """Say what an alert is: dismissed ground stays quiet until something clearly different is built there."""
    from changedetect import console, ledger

    if not (out / "ledger.gpkg").exists():
        there = "is the output of a run, which keeps no verdicts" if (out / "run.json").exists() else "has no ledger"
        msg = (
            f"{out} {there}: begin a ledger with `changedetect watch SITES -o OUT --baseline A/B` and judge its alerts"
        )
        raise ConfigError(msg)
    with ledger.open_ledger(out) as opened:
        alert = ledger.give_verdict(opened, change_id, said, note)
        ledger.publish_verdict(opened, alert.site_id)
        opened.keep_copy()
    console.say(f"{change_id}: {alert.state}, {note}")


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        msg = f"{option} is {text!r}: write YYYY-MM-DD"
        raise ConfigError(msg) from error


def _line(one: "Watched") -> str:
    if one.reason:
        return f"{one.site.site_id}: not looked at this time: {one.reason}"
    fetched = one.fetched
    failed = f", {len(fetched.failed)} unreadable" if fetched.failed else ""
    scenes = f"{fetched.found} new scenes, {fetched.read} read{failed}"
    return f"{one.site.site_id}: {scenes}; {one.compared} comparisons in {one.weeks} weeks, up to {one.seen_until}"


def _news(told: Mapping[str, Any]) -> str:
    since = f"  {told['last_clear_without'] or '?'} to {told['first_seen'] or '?'}"
    what = f"{told['event']}  {told['kind']}  {told['area_m2']:.0f} m2{since}"
    return f"{told['happened_on']}  {told['site_id']}  {what}  {told['lat']:.5f},{told['lon']:.5f}  {told['change_id']}"


def _record(options: "RunConfig", opened: "Ledger", watched: "list[Watched]", started: datetime) -> Mapping[str, Any]:
    """What `run.json` says of a run of `watch`."""
    from changedetect.concluding import run_record

    rows = {row.site_id: row for row in opened.sites()}
    done = {
        one.site.site_id: {
            "status": "failed" if one.reason else "ok",
            "reason": one.reason or (rows[one.site.site_id].reason if one.site.site_id in rows else ""),
            "seen_until": one.seen_until,
            "scenes_new": one.fetched.found,
            "scenes_read": one.fetched.read,
            "scenes_unreadable": list(one.fetched.failed),
            "weeks": one.weeks,
            "comparisons": one.compared,
            "worked_around": one.worked_around,
        }
        for one in watched
    }
    return {**run_record(options, [], started), "baseline": opened.value("baseline"), "sites": done}
