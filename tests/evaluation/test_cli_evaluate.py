"""The three commands as a process sees them: tables or JSON on stdout, one-line mistakes, exit codes."""

import json
import re
import shlex
from pathlib import Path

import geopandas as gpd
import pytest
import typer
from command_line import run
from evaluation_cases import square, table

from changedetect.cli import app

DOC = Path(__file__).parents[2] / "docs" / "evaluating.md"


@pytest.fixture
def files(tmp_path):
    truth = table((square(0, 0), "construction"), (square(300, 0), "cleared"), (square(600, 0), "removed"))
    said = table((square(10, 0), "construction"), (square(900, 0), "construction"), column="kind")
    said["confidence"] = [0.9, 0.3]
    truth.to_file(tmp_path / "truth.gpkg")
    said.to_file(tmp_path / "changes.geojson")
    gpd.GeoDataFrame(geometry=[square(-500, -500, 2000)], crs=4326).to_file(tmp_path / "extent.geojson")
    return tmp_path


def test_evaluate_prints_a_table(files, capfd):
    assert run("evaluate", files, files / "truth.gpkg", "--extent", files / "extent.geojson") == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert re.search(r"objects +│ +2 │ +1 │ +2 │ +1 │ 0\.500 \(0\.000-1\.000\)", said.out)
    assert "false alarms per 100 km²: 25.0 (" in said.out
    assert "negatives: 0 of 1" in said.out
    assert "expected calibration error: 0.100" in said.out  # one bin: 0.6 said, 0.5 right


def test_evaluate_prints_json_for_programs(files, capfd):
    assert run("evaluate", files / "changes.geojson", files / "truth.gpkg", "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["objects"]["found"], told["objects"]["precision"]["value"]) == (1, 0.5)
    assert told["area"]["recall"]["value"] == pytest.approx(0.45, rel=1e-4)
    assert (told["extent_km2"], told["by_kind"]["construction"]["reference"]) == (None, 1)
    assert told["calibration"]["bins"][0]["predicted"] == 2


def test_a_sample_is_drawn_labelled_and_assessed(files, capfd):
    points = files / "points.geojson"
    assert run(
        "draw-sample", files / "changes.geojson", "--extent", files / "extent.geojson", "-o", points, "--points", "120"
    ) == 0  # fmt: skip
    said = capfd.readouterr()
    assert (said.out, "points.design.json" in said.err) == ("", True)
    sample = gpd.read_file(points)
    stratum = json.loads((files / "points.design.json").read_text())["stratum"]
    assert (len(sample), sample["reference"].fillna("").unique().tolist()) == (120, [""])

    assert run("assess-sample", points) == 1
    assert "120 of 120 points have no reference" in capfd.readouterr().err

    sample["reference"] = sample["point_id"].map(stratum)
    sample.to_file(points)
    assert run("assess-sample", points) == 0
    assert "overall accuracy: 1.000 ± 0.000" in capfd.readouterr().out
    assert run("assess-sample", points, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["classes"][0]["area_m2"]["value"] == pytest.approx(20_000, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("evaluate", "changes.geojson", "nothing.geojson"), 1, "reference nothing.geojson is no file: check the path"),
        (("evaluate", "changes.geojson", "truth.gpkg", "--min-area", "-1"), 2, "min_area_m2 is -1.0"),
        (("evaluate", "changes.geojson", "truth.gpkg", "--between", "spring"), 2, "window 'spring' is not a date"),
        (("draw-sample", "changes.geojson", "-o", "p.geojson"), 2, "changes.geojson holds polygons: give --extent"),
        (("draw-sample", "map.tif", "-o", "p.csv"), 2, "--out p.csv is neither .geojson nor .gpkg"),
        (("draw-sample", "map.tif", "-o", "p.gpkg", "--allocation", "any"), 2, "allocation is 'any'"),
        (("draw-sample", "map.tif", "-o", "p.gpkg"), 1, "can't read map.tif"),
        (("assess-sample", "changes.geojson"), 1, "changes.design.json can't be read"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(files, capfd, monkeypatch, arguments, code, message):
    monkeypatch.chdir(files)
    assert run(*arguments) == code
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err


def commands() -> list[str]:
    snippets = re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for snippet in snippets for line in snippet.splitlines()]


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_is_understood(command):
    program, name, *arguments = shlex.split(command)
    assert program == "changedetect"
    assert typer.main.get_command(app).commands[name].make_context(name, arguments).params
