"""What people see in the terminal: progress, tables, one-line warnings. All of it on stderr, but for `search`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from changedetect.model import Scene, Site, SiteResult

people = Console(stderr=True)
"""Where people read."""

_SCENE_COLUMNS = ("site", "window", "date", "sensor", "cloud %", "scene")


def progress(results: Iterable[SiteResult], total: int) -> list[SiteResult]:
    """Draw a bar while sites are done; where stderr is no terminal, a line a site."""
    done = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=people, disable=not people.is_terminal) as bar:
        task = bar.add_task("sites", total=total)
        for result in results:
            done.append(result)
            bar.advance(task)
            if not people.is_terminal:
                outcome = f"{len(result.changes)} changes" if result.status == "ok" else f"failed: {result.reason}"
                say(f"{result.site.site_id}: {outcome}")
    return done


def say(text: str, style: str | None = None) -> None:
    """Print a line, whatever it holds: names from users' lists are text, not markup."""
    people.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def show_results(results: Sequence[SiteResult], out: Path) -> None:
    """Print a row a site, why sites failed, and where to look."""
    table = Table()
    table.add_column("site", no_wrap=True)
    table.add_column("status")
    for name in ("built", "cleared", "area m²", "seen"):
        table.add_column(name, justify="right")
    table.add_column("rule")
    for result in results:
        table.add_row(Text(result.site.site_id), result.status, *_numbers(result), str(result.summary.get("rule", "")))
    people.print(table)
    for result in results:
        if result.status == "failed":
            say(f"failed  {result.site.site_id}: {result.reason}", style="red")
    say(f"polygons  {out / 'changes.geojson'}\npictures  {out / 'sites'}/<site>/before.png, after.png")


def _numbers(result: SiteResult) -> list[str]:
    told = result.summary
    if result.status != "ok":
        return [""] * 4
    counts = [str(told["n_construction"]), str(told["n_clearing"])]
    return [*counts, f"{told['area_m2']:,.0f}", f"{told['clear_fraction']:.0%}"]


def print_scenes(records: Iterable[dict[str, Any]]) -> None:
    """Print scenes as a table, on stdout: the answer to `search`."""
    table = Table(*_SCENE_COLUMNS)
    for record in records:
        cells = ["" if value is None else str(value) for value in record.values()]
        table.add_row(*map(Text, cells[: len(_SCENE_COLUMNS)]))
    Console().print(table)


def scene_record(site: Site, window: str, scene: Scene) -> dict[str, Any]:
    """A scene over a site, ready for JSON; the first six values are the table's columns."""
    return {
        "site_id": site.site_id,
        "window": window,
        "datetime": scene.datetime.isoformat(),
        "sensor": scene.sensor,
        "cloud_cover": scene.cloud_cover,
        "scene_id": scene.scene_id,
        "collection": scene.collection,
        "bands": list(scene.bands),
        "decisions": list(scene.notes),
    }
