"""What people see in the terminal: progress, tables, one-line warnings. All of it on stderr, but for `search`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from changedetect.making import Made
from changedetect.model import SiteResult
from changedetect.redaction import redact
from changedetect.scouting import Found, Planned
from changedetect.types import WINDOW_NAMES

people = Console(stderr=True)
"""Where people read."""

_SHOWN = 200
"""Sites that are shown in a table; of longer lists `summary.csv` tells."""

_SCENE_COLUMNS = ("site", "window", "date", "sensor", "clear", "coverage", "catalog", "scene")


def follow(made: Iterable[Made], total: int) -> Iterator[Made]:
    """Draw a bar while sites are done; where stderr is no terminal, print a line a site."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    kept = failed = changes = done = 0
    with Progress(*columns, console=people, disable=not people.is_terminal) as bar:
        task = bar.add_task("sites", total=total, told="")
        for one in made:
            done, kept, failed = done + 1, kept + one.kept, failed + (one.result.status == "failed")
            changes += int(one.result.summary.get("n_changes") or 0)
            there = f", {kept} were there" if kept else ""
            bar.update(task, advance=1, told=f"{changes} changes, {failed} failed{there}")
            if not people.is_terminal:
                say(f"[{done}/{total}] {one.result.site.site_id}: {_in_words(one)}")
            yield one


def _in_words(made: Made) -> str:
    result = made.result
    if result.status != "ok":
        return f"{result.status}: {result.reason}"
    return f"{result.summary.get('n_changes', 0)} changes{', was there' if made.kept else ''}"


def say(text: str, style: str | None = None) -> None:
    """Print a line, whatever it holds: names from users' lists are text, not markup."""
    people.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def show_results(results: Sequence[SiteResult], out: str | Path) -> None:
    """Print a row a site, why sites failed, and where to look; of many sites only what failed or needs care."""
    if len(results) <= _SHOWN:
        _print_results(results)
    else:
        say(f"{len(results)} sites, {sum(int(one.summary.get('n_changes') or 0) for one in results)} changes")
    for result in results:
        if result.status != "ok":
            style = "red" if result.status == "failed" else "yellow"
            say(f"{result.status}  {result.site.site_id}: {result.reason}", style=style)
        elif told := result.summary.get("warnings"):
            say(f"beware  {result.site.site_id}: {told}", style="yellow")
    say(f"polygons  {out}/changes.geojson")
    if (Path(out) / "report.html").exists():  # none is written to a bucket
        say(f"report    {out}/report.html")


def _print_results(results: Iterable[SiteResult]) -> None:
    table = Table()
    table.add_column("site", overflow="fold")
    table.add_column("status", no_wrap=True)
    for name in ("built", "cleared", "area m²", "seen"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("rule", no_wrap=True)
    for result in results:
        table.add_row(Text(result.site.site_id), result.status, *_numbers(result), str(result.summary.get("rule", "")))
    people.print(table)


def _numbers(result: SiteResult) -> list[str]:
    told = result.summary
    if result.status == "failed":
        return [""] * 4
    counts = [str(told["n_construction"]), str(told["n_clearing"])]
    return [*counts, f"{told['area_m2']:,.0f}", f"{told['clear_fraction']:.0%}"]


def print_scenes(records: Iterable[dict[str, Any]]) -> None:
    """Print scenes as a table, on stdout: the answer to `search`."""
    table = _table(_SCENE_COLUMNS)
    for record in records:
        shown = record | {"date": record["datetime"][:10], "clear": _share(record["clear_fraction"])}
        shown |= {"coverage": _share(record["coverage"]), "site": record["site_id"], "scene": record["scene_id"]}
        shown |= {"catalog": _short(record["catalog"])}
        table.add_row(*(Text(str(shown[column])) for column in _SCENE_COLUMNS))
    _programs().print(table)


def print_plan(planned: Iterable[Planned]) -> None:
    """Print what a run would read, on stdout: the answer to `run --dry-run`."""
    table = _table(("site", "window", "date", "sensor", "clear", "catalog", "scene"))
    table.add_column("MB", justify="right")
    total = 0
    for one in planned:
        if one.plan is None:
            reason = Text(f"nothing to read: {one.reason}", style="red")
            table.add_row(Text(one.site.site_id), *[""] * 5, reason)
            continue
        for window, chosen in zip(WINDOW_NAMES, one.plan.chosen, strict=True):
            for weighed in chosen:
                scene, size = weighed.scene, one.bytes_of[weighed.scene.scene_id]
                total += size
                cells = (one.site.site_id, window, scene.datetime.date(), scene.sensor, _share(weighed.clear_fraction))
                table.add_row(
                    *(Text(str(cell)) for cell in (*cells, _short(scene.catalog), scene.scene_id, _megabytes(size)))
                )
    _programs().print(table)
    _programs().print(f"to be read: {_megabytes(total)} MB", highlight=False)


def _programs() -> Console:
    """Stdout; where it is no terminal, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _table(columns: Iterable[str]) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _short(catalog: str) -> str:
    """A catalog's name, or the end of its address."""
    return redact(catalog).rstrip("/").rpartition("/")[2]


def _share(part: float | None) -> str:
    return "" if part is None else f"{part:.0%}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def scene_record(found: Found) -> dict[str, Any]:
    """A scene over a site, ready for JSON; nothing in it is secret."""
    scene = found.scene
    return {
        "site_id": found.site_id,
        "window": found.window,
        "datetime": scene.datetime.isoformat(),
        "sensor": scene.sensor,
        "clear_fraction": found.clear_fraction,
        "coverage": found.coverage,
        "cloud_cover": scene.cloud_cover,
        "catalog": redact(scene.catalog),
        "scene_id": scene.scene_id,
        "collection": scene.collection,
        "platform": scene.platform,
        "bands": list(scene.bands),
        "decisions": list(scene.notes),
    }
