"""The command line: parse, print, exit codes; the work is done elsewhere.

People read stderr, programs read stdout. Exit codes: 0 done, 1 error, 2 usage, 3 some sites failed.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from changedetect import cli_evaluate, cli_export, cli_report, cli_timeline, cli_watch
from changedetect.cli_export import FormatOption
from changedetect.cli_watch import SOME_FAILED
from changedetect.errors import ChangeDetectError, ConfigError
from changedetect.redaction import TALKATIVE

if TYPE_CHECKING:
    from changedetect.catalog import Catalog
    from changedetect.config import RunConfig
    from changedetect.sites import SiteList

DONE, ERROR, USAGE = 0, 1, 2
INTERRUPTED = 130

app = typer.Typer(
    help="Find what was newly built at a list of places, between two dates, from free satellite imagery.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # panels would make --help wait for rich's Markdown
    context_settings={"help_option_names": ["-h", "--help"]},
)
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the outputs.", show_default=False)]
RunOut = Annotated[
    str | None,
    typer.Option("--out", "-o", help="Folder for the outputs, or an address: s3://bucket/prefix.", show_default=False),
]
RunFile = Annotated[Path | None, typer.Option("--config", help="Run file (TOML); see `changedetect config`.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one option; repeat.")]
Kinds = Annotated[
    str | None,
    typer.Option(
        help="Kinds to report, by comma: construction, clearing, removal, other.",
        show_default="construction,clearing",
    ),
]
MinConfidence = Annotated[float | None, typer.Option(help="Leave out changes of less confidence (0 to 1).")]
FalseAlarms = Annotated[
    float | None,
    typer.Option(
        "--max-false-alarms-per-100km2",
        metavar="N",
        help="Report the surest changes alone: as many as lets expect no more than N false ones on 100 km2.",
    ),
]
CatalogOption = Annotated[
    list[str] | None,
    typer.Option(
        "--catalog",
        metavar="NAME|URL|PATH",
        help="earth-search, planetary-computer, cdse, a STAC API's URL, a catalog.json, a file of STAC items, a folder"
        " of .SAFE or Landsat products; repeat it for others to fall back on.",
        show_default="earth-search",
    ),
]
Before = Annotated[str | None, typer.Option(metavar="A/B", help="Earlier window: 2023-05/2023-09, or days.")]
After = Annotated[str | None, typer.Option(metavar="A/B", help="Later window.")]
ListOfSites = typer.Argument(
    help="Sites: GeoJSON, GeoPackage, KML, or CSV with lat, lon, radius_m.", show_default=False
)


def main() -> None:
    """Run the command line; a user's mistake is one line and an exit code, only a bug shows a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    for library in TALKATIVE:  # what matters of theirs is said by us, once and in our words
        logging.getLogger(library).setLevel(logging.CRITICAL)
    interrupted, told = threading.Event(), "Interrupted: files that were written are whole."

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        app()
    except ChangeDetectError as error:
        typer.secho(f"Error: {error}", err=True, fg="red")
        raise SystemExit(USAGE if isinstance(error, ConfigError) else ERROR) from None
    except SystemExit as stop:  # an interrupt with words, where there is more to say
        told = stop.code if isinstance(stop.code, str) else told
        raise
    finally:
        if interrupted.is_set():
            typer.secho(told, err=True, fg="red")
            sys.stderr.flush()
            os._exit(INTERRUPTED)  # threads that wait for a network would keep the process
        signal.signal(signal.SIGINT, before)


@app.callback(invoke_without_command=True)
def _top(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("changedetect"))
        raise typer.Exit


def _options(run_file: Path | None, assignments: Iterable[str] | None, **given: object) -> "RunConfig":
    from changedetect.config import load_config

    return load_config(run_file, assignments or (), given)


def _sites(path: Path, options: "RunConfig") -> "SiteList":
    from changedetect import console
    from changedetect.sites import read_site_list

    listed = read_site_list(path, options.sites)
    for _, reason in listed.refused:
        console.say(f"Warning: {reason}", style="yellow")
    return listed


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@app.command()
def compare(  # noqa: PLR0913 - an option each
    before: Annotated[
        str,
        typer.Argument(help="The earlier date: a raster with named bands, a .SAFE or Landsat product, or a STAC item."),
    ],
    after: Annotated[str, typer.Argument(help="The later date, of the same sort.")],
    out: Out,
    config: RunFile = None,
    assignments: Assignments = None,
    kinds: Kinds = None,
    min_confidence: MinConfidence = None,
    false_alarms: FalseAlarms = None,
    formats: FormatOption = None,
) -> None:
    """Find what was newly built between two rasters or two scenes."""
    from changedetect import batch, console

    told = {
        "kinds": _listed(kinds),
        "min_confidence": min_confidence,
        "max_false_alarms_per_100km2": false_alarms,
        "formats": cli_export.listed(formats),
    }
    options = _options(config, assignments, **told)
    console.show_results([batch.compare(before, after, out=out, config=options)], out)


@app.command()
def run(  # noqa: PLR0913 - an option each
    sites: Annotated[Path | None, ListOfSites] = None,
    out: RunOut = None,
    before: Before = None,
    after: After = None,
    catalog: CatalogOption = None,
    config: RunFile = None,
    assignments: Assignments = None,
    kinds: Kinds = None,
    min_confidence: MinConfidence = None,
    false_alarms: FalseAlarms = None,
    formats: FormatOption = None,
    aoi: Annotated[
        Path | None, typer.Option(help="Instead of SITES: polygons of an area to cover wall to wall.")
    ] = None,
    grid: Annotated[str, typer.Option(help="Cells that --aoi is cut into.")] = "10km",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes at once, 2 GiB each.", show_default="one a core, as memory allows"),
    ] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="Run on this Dask cluster.")] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make every site anew, also what is complete.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be read, and stop.")] = False,
) -> None:
    """Find what was newly built at every site of a list between two windows.

    Sites that are complete in OUT, made with the same options and scenes, stay as they are: a run that was interrupted
    goes on where it was.
    """
    from changedetect import workers as processes

    if scheduler is None and not dry_run:
        processes.get_ready()
    from changedetect import cli_run
    from changedetect.catalog import open_catalog

    options = _options(
        config,
        assignments,
        before=before,
        after=after,
        catalog=catalog or None,
        kinds=_listed(kinds),
        min_confidence=min_confidence,
        max_false_alarms_per_100km2=false_alarms,
        formats=cli_export.listed(formats),
    )
    options.windows()
    if out is None and not dry_run:
        msg = "no folder for the outputs: give --out OUT"
        raise ConfigError(msg)
    execution = cli_run.execution(workers, scheduler, fresh=fresh)
    scenes = open_catalog(options.catalog)
    listed = cli_run.cells(sites, aoi, grid, options) or _sites(cli_run.given(sites), options)
    if dry_run or out is None:
        _print_plan(listed, scenes, options)
        return
    if cli_run.run(listed, options, out, execution):
        raise typer.Exit(SOME_FAILED)


@app.command()
def search(
    sites: Annotated[Path, ListOfSites],
    before: Before = None,
    after: After = None,
    catalog: CatalogOption = None,
    config: RunFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a scene, one a line.")] = False,
) -> None:
    """List the scenes over every site in both windows, and how clear they are there."""
    from changedetect import console
    from changedetect.catalog import open_catalog
    from changedetect.scouting import scout

    options = _options(config, None, before=before, after=after, catalog=catalog or None)
    options.windows()
    scenes = open_catalog(options.catalog)
    listed = _sites(sites, options)
    records, failed = [], bool(listed.refused)
    for scouted in scout(listed.sites, scenes, options):
        if scouted.reason:
            failed = True
            console.say(f"{scouted.site.site_id}: {scouted.reason}", style="yellow")
        for found in scouted.found:
            records.append(console.scene_record(found))
            if as_json:
                typer.echo(json.dumps(records[-1], ensure_ascii=False))
    if not as_json:
        console.print_scenes(records)
    if failed:
        raise typer.Exit(SOME_FAILED)


def _print_plan(listed: "SiteList", catalog: "Catalog", options: "RunConfig") -> None:
    from changedetect import console
    from changedetect.scouting import plan_run

    planned = list(plan_run(listed.sites, catalog, options))
    console.print_plan(planned)
    if listed.refused or any(one.plan is None for one in planned):
        raise typer.Exit(SOME_FAILED)


cli_evaluate.register(app)
cli_export.register(app)
cli_report.register(app)
cli_timeline.register(app)
cli_watch.register(app)


@app.command("config")
def print_config() -> None:
    """Print a run file with every option, its meaning and its default."""
    from changedetect.config import RunConfig
    from changedetect.config_io import commented_toml

    typer.echo(commented_toml(RunConfig()), nl=False)
