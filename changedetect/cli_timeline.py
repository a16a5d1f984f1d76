"""`changedetect timeline`: the looks by which a change was dated, from the outputs of a run alone."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from changedetect.errors import OutputError


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("timeline")(timeline)


def timeline(
    out: Annotated[Path, typer.Argument(help="Folder with the outputs of a run.")],
    change_id: Annotated[str, typer.Argument(help="Which change; `change_id` in changes.geojson.")],
    plot: Annotated[Path | None, typer.Option(help="Draw it to this file (PNG, SVG, PDF); needs matplotlib.")] = None,
) -> None:
    """Print the looks by which a change was dated as CSV, a row a look."""
    from changedetect.looks import looks_table, plot_looks

    record = _record(out, change_id)
    typer.echo(looks_table(record, change_id).to_csv(index=False), nl=False)
    if plot is not None:
        figure: Any = plot_looks(record, change_id).figure
        try:
            figure.savefig(plot)
        except (OSError, ValueError) as error:
            msg = f"{plot} can't be written: {error}; name a .png, .svg or .pdf in a folder that is there"
            raise OutputError(msg) from error


def _record(out: Path, change_id: str) -> dict[str, object]:
    """What the site that a change belongs to knows of its timeline."""
    homes = sorted(out.glob("sites/*/provenance.json"))
    for home in homes:
        try:
            told = json.loads(home.read_text(encoding="utf-8"))["provenance"].get("timeline") or {}
        except (OSError, ValueError, KeyError) as error:
            msg = f"{home} can't be read ({type(error).__name__}: {error}): run again"
            raise OutputError(msg) from error
        if change_id in told.get("changes", {}) or change_id in told.get("failed", {}):
            return dict(told)
    msg = f"no change {change_id!r} with a timeline among the {len(homes)} sites in {out}: see its changes.geojson"
    raise OutputError(msg)
