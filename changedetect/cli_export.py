"""`changedetect export`: a finished run in other formats, from its folder alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, get_args

import typer

from changedetect.errors import ConfigError
from changedetect.names import FormatName

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"Write these, too, repeated or by comma: {', '.join(get_args(FormatName))}.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export")(export)


def export(
    out: Annotated[Path, typer.Argument(help="Folder with the outputs of a run.", show_default=False)],
    formats: FormatOption = None,
) -> None:
    """Write a finished run in other formats; print the files and folders written, one a line."""
    from changedetect.outputs.formats import FORMATS
    from changedetect.outputs.formats import export as write

    names = listed(formats)
    if not names:
        told = "; ".join(f"{name} ({one.title})" for name, one in FORMATS.items())
        msg = f"no format: give --format, of {told}"
        raise ConfigError(msg)
    for path in write(out, names):
        typer.echo(path)


def listed(given: Iterable[str] | None) -> list[str] | None:
    """Names of repeated options, each one name or several by comma; None where the option was not given.

    >>> listed(["kml,gpkg", "csv"])
    ['kml', 'gpkg', 'csv']
    """
    return None if given is None else [name.strip() for one in given for name in one.split(",") if name.strip()]
