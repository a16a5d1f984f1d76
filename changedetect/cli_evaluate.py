"""The commands that weigh results: `evaluate`, `draw-sample`, `assess-sample`. Parse and print; no logic."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from changedetect.errors import ConfigError

if TYPE_CHECKING:
    from changedetect.evaluation import Allocation, Sample

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]
Extent = Annotated[Path | None, typer.Option(help="Polygons of the ground that was looked at.", show_default=False)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]

_POLYGONS = frozenset({".geojson", ".json", ".gpkg", ".parquet", ".geoparquet", ".shp", ".kml", ".kmz", ".fgb"})
"""Endings of what is surely no change map."""


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(evaluate)
    app.command("draw-sample")(draw_sample)
    app.command("assess-sample")(assess_sample)


def evaluate(  # noqa: PLR0913 - an option each
    predicted: Annotated[Path, typer.Argument(help="Changes: changes.geojson, the folder of a run, any polygons.")],
    reference: Annotated[
        Path,
        typer.Argument(help="Polygons with `class` or `kind` (construction, cleared, removed, ...), or a SMART model."),
    ],
    extent: Extent = None,
    min_area: Annotated[float, typer.Option(help="Smaller objects are not counted, m2.")] = 1000.0,
    between: Annotated[
        str | None,
        typer.Option(metavar="A/B", help="SMART sites not active in this span are negatives.", show_default=False),
    ] = None,
    seed: Seed = 0,
    *,
    transient: Annotated[bool, typer.Option("--transient", help="SMART's transient sites are positives.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell how accurate changes are: object and area precision, recall and F1, with 95 % intervals."""
    from changedetect import console_evaluate, evaluation
    from changedetect.model import Window

    options = evaluation.EvaluateOptions(
        min_area_m2=min_area,
        transient=transient,
        between=None if between is None else Window.parse(between),
        seed=seed,
    )
    result = evaluation.evaluate(predicted, reference, extent=extent, options=options)
    if as_json:
        _print_json(result)
    else:
        console_evaluate.print_evaluation(result)


def draw_sample(  # noqa: PLR0913 - an option each
    source: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, or their change_map.tif; with --extent, one file of predicted polygons."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The points: .geojson or .gpkg.", show_default=False)],
    extent: Extent = None,
    points: Annotated[
        int | None, typer.Option(help="How many points.", show_default="as many as --target-se asks for")
    ] = None,
    target_se: Annotated[float, typer.Option(help="Standard error of the overall accuracy to reach.")] = 0.01,
    allocation: Annotated[str, typer.Option(help="minimum, equal or proportional to area.")] = "minimum",
    minimum: Annotated[int, typer.Option(help="Fewest points in a rare stratum.")] = 50,
    seed: Seed = 0,
) -> None:
    """Draw a stratified random sample of points, to be labelled without knowing what the map says."""
    from changedetect import console, evaluation

    if out.suffix.lower() not in {".geojson", ".gpkg"}:
        msg = f"--out {out} is neither .geojson nor .gpkg: choose one"
        raise ConfigError(msg)
    options = evaluation.SampleOptions(
        points=points,
        target_se=target_se,
        allocation=cast("Allocation", allocation),  # which it checks itself
        minimum=minimum,
        seed=seed,
    )
    if extent is not None and len(source) > 1:
        msg = f"--extent goes with one file of polygons, not {len(source)}: put them into one file"
        raise ConfigError(msg)
    if extent is None and (polygons := [path for path in source if path.suffix.lower() in _POLYGONS]):
        msg = f"{polygons[0]} holds polygons: give --extent, the ground that was looked at, or give change maps"
        raise ConfigError(msg)
    drawn = (
        evaluation.sample_maps(source, options)
        if extent is None
        else evaluation.sample_polygons(source[0], extent, options)
    )
    _write_sample(drawn, out)
    console.say(
        f"points  {out} ({len(drawn.points)})\ndesign  {_design_of(out)}\n"
        f"Fill `reference` of every point with one of {', '.join(drawn.area_m2)}, another word, or unsure; then\n"
        f"  changedetect assess-sample {out}"
    )


def assess_sample(
    labelled: Annotated[Path, typer.Argument(help="The labelled sample: GeoJSON, GeoPackage or CSV.")],
    design: Annotated[
        Path | None, typer.Option(help="How it was drawn.", show_default="<sample>.design.json beside it")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell a map's accuracy, and the area that truly changed, from a labelled sample."""
    from changedetect import console_evaluate, evaluation

    drawn = evaluation.read_design(design or _design_of(labelled))
    result = evaluation.assess(evaluation.read_labels(labelled), drawn, str(labelled))
    if as_json:
        _print_json(result)
    else:
        console_evaluate.print_assessment(result)


def _design_of(sample: Path) -> Path:
    return sample.with_suffix(".design.json")


def _write_sample(sample: "Sample", out: Path) -> None:
    from changedetect.outputs.files import whole, write_json

    with whole(out) as beside:
        if out.suffix.lower() == ".gpkg":
            sample.points.to_file(beside, driver="GPKG", layer=out.stem)
        else:
            sample.points.to_file(beside, driver="GeoJSON", layer=out.stem, RFC7946="YES")
    design = {"stratum": sample.stratum, "area_m2": sample.area_m2, "seed": sample.seed, "sources": sample.sources}
    write_json(_design_of(out), design)


def _print_json(result: object) -> None:
    from changedetect.outputs.files import plain

    typer.echo(json.dumps(plain(result), ensure_ascii=False, allow_nan=False))
