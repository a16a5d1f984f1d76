"""`changedetect report` and `changedetect explain`: from the outputs of a run alone."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from changedetect.errors import ConfigError

if TYPE_CHECKING:
    from changedetect.report import Explanation

OutFolder = Annotated[Path, typer.Argument(help="Folder with the outputs of a run.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("report")(report)
    app.command("explain")(explain)


def report(
    out: OutFolder,
    pack: Annotated[
        str | None, typer.Option(metavar="CHANGE_ID", help="Write the evidence of this change instead, with hashes.")
    ] = None,
    *,
    zipped: Annotated[bool, typer.Option("--zip", help="With --pack: a zip beside the folder, too.")] = False,
) -> None:
    """Rebuild report.html from the outputs alone, or pack the evidence of one change."""
    from changedetect.report import write_pack, write_report

    if zipped and pack is None:
        msg = "--zip is for an evidence pack: give --pack CHANGE_ID, too"
        raise ConfigError(msg)
    typer.echo(write_report(out) if pack is None else write_pack(out, pack, zipped=zipped))


def explain(
    out: OutFolder,
    change_id: Annotated[
        str | None, typer.Argument(help="Why was it flagged? `change_id` in changes.geojson.", show_default=False)
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="LON,LAT", help="Why was nothing flagged here? Degrees: --at=20.62,46.85")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Tell why a change was flagged, or why nothing was at a place."""
    from changedetect.report import explain_change, explain_place

    if (change_id is None) == (at is None):
        msg = "explain takes one of the two: CHANGE_ID, or --at LON,LAT"
        raise ConfigError(msg)
    told = explain_change(out, change_id) if change_id is not None else explain_place(out, *_degrees(at or ""))
    typer.echo(json.dumps(asdict(told), ensure_ascii=False) if as_json else _text(told))


def _degrees(text: str) -> tuple[float, float]:
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.\d+)?)\s*[, ]\s*([-+]?\d+(?:\.\d+)?)\s*", text)
    lon, lat = (float(match[1]), float(match[2])) if match else (999.0, 999.0)
    if abs(lon) > 180 or abs(lat) > 90:
        msg = f"--at {text!r} is no place: give LON,LAT in degrees, such as --at=20.62,46.85"
        raise ConfigError(msg)
    return lon, lat


def _text(told: "Explanation") -> str:
    lines = [told.headline, *(f"  {one}" for one in told.reasons)]
    if told.checks:
        lines.append("Tests:")
    for check in told.checks:
        lines.append(f"  {'✓' if check.passed else '✗'} {check.name}: {check.found}")
        lines.append(f"      against it: {check.limit}")
    return "\n".join(lines)
