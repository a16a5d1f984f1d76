"""`export` and `--format`: the same files either way; and the page about them says what there is."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer
from command_line import run
from format_cases import publish, site
from odc.geo.geobox import GeoBox

from changedetect.cli import app
from changedetect.config import load_config
from changedetect.geotiff import write_cog
from changedetect.outputs.formats import FORMATS

TEXT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
COMMANDS = [line for snippet in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL) for line in snippet.splitlines()]


def test_export_prints_what_it_wrote(tmp_path, capsys):
    publish([site()], tmp_path)
    assert run("export", tmp_path, "--format", "csv, stac", "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "changes.csv"), str(tmp_path / "stac")]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ((), 2, "no format: give --format, of gpkg"),
        (("--format", "shp"), 2, "no format 'shp': choose of gpkg, kml"),
        (("--format", "csv"), 1, "run.json can't be read"),
    ],
)
def test_mistakes_are_one_line(given, code, words, tmp_path, capfd):
    assert run("export", tmp_path, *given) == code
    said = capfd.readouterr()
    assert said.err.startswith("Error: ")
    assert words in said.err
    assert said.err.count("\n") == 1


def test_compare_writes_formats_and_keeps_those_there_fresh(tmp_path, capfd):
    rng = np.random.default_rng(5)
    grid = GeoBox.from_bbox((500_000, 4_649_360, 500_640, 4_650_000), "EPSG:32652", resolution=10)
    for name in ("before", "after"):
        data = rng.uniform(0.04, 0.06, (4, 64, 64)).astype(np.float32)
        write_cog(tmp_path / f"{name}.tif", data, grid, band_names=("blue", "green", "red", "nir"))
    rasters = (tmp_path / "before.tif", tmp_path / "after.tif")
    assert run("compare", *rasters, "-o", tmp_path / "out", "--format", "gpkg,csv") == 0, capfd.readouterr().err
    first = {one.name: one.stat().st_mtime_ns for one in (tmp_path / "out").iterdir()}
    assert {"changes.gpkg", "changes.csv"} <= set(first)
    assert run("compare", *rasters, "-o", tmp_path / "out", "--set", 'formats=["kml"]') == 0, capfd.readouterr().err
    again = {one.name: one.stat().st_mtime_ns for one in (tmp_path / "out").iterdir()}
    assert set(again) - set(first) == {"changes.kmz"}
    assert again["changes.csv"] > first["changes.csv"], "it would tell of the run before"


def test_an_unknown_format_is_told_before_anything_is_read(tmp_path, capfd):
    assert run("compare", "a.tif", "b.tif", "-o", tmp_path, "--format", "shp") == 2
    assert "shp" in capfd.readouterr().err


def test_a_run_file_can_ask_for_formats(tmp_path):
    (tmp_path / "run.toml").write_text('formats = ["kml", "csv-wkt"]\n', encoding="utf-8")
    assert load_config(tmp_path / "run.toml").formats == ("kml", "csv-wkt")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_understood(command):
    program, name, *arguments = shlex.split(command)
    assert program == "changedetect"
    given = typer.main.get_command(app).commands[name].make_context(name, arguments).params
    assert {one for text in given["formats"] for one in text.split(",")} <= set(FORMATS)


def test_the_page_lists_every_format():
    listed = dict(re.findall(r"^\| `([\w-]+)` \| `([\w./]+)` \|", TEXT, flags=re.MULTILINE))
    assert {name: path.rstrip("/") for name, path in listed.items()} == {
        name: one.path for name, one in FORMATS.items()
    }
