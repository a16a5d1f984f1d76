"""`changedetect compare` as a process sees it: exit codes, one-line mistakes, and the files of the output contract."""

import json
from dataclasses import replace
from importlib.metadata import version

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from command_line import run
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from changedetect import compare
from changedetect.changes import CHANGE_COLUMNS
from changedetect.geotiff import write_cog
from changedetect.testing import simulated_pair


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    """Two rasters with one hall built between them."""
    folder = tmp_path_factory.mktemp("rasters")
    pair, _ = simulated_pair(1, (96, 96), [(np.s_[30:40, 50:64], "white_roof")])
    for name, date in (("before", pair.before), ("after", pair.after)):
        write_cog(folder / f"{name}.tif", date.data, pair.geobox, band_names=pair.bands, nodata=float("nan"))
    return folder, pair


def complaint(capfd) -> str:
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("Error: ")
    return said.err


def test_compare_writes_the_output_contract(rasters, tmp_path):
    folder, _ = rasters
    assert run("compare", folder / "before.tif", folder / "after.tif", "-o", tmp_path / "out") == 0
    site = tmp_path / "out" / "sites" / "before-after"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "changes.geojson", "changes.parquet", "summary.csv", "run.json", "report.html", "sites",
    }  # fmt: skip
    assert {path.name for path in site.iterdir()} == {
        "changes.geojson", "change_map.tif", "decisions.tif", "preview.tif", "before.png", "after.png",
        "provenance.json",
    }  # fmt: skip
    changes = gpd.read_parquet(tmp_path / "out" / "changes.parquet")
    assert tuple(changes.columns) == CHANGE_COLUMNS
    assert (changes["kind"] == "construction").any()
    assert changes["confidence"].between(0, 1).all()
    valid, errors, _ = cog_validate(site / "change_map.tif", strict=True, quiet=True)
    assert valid, errors
    with rasterio.open(site / "change_map.tif") as painted:
        assert painted.descriptions == ("changed", "confidence", "kind")
        kinds = painted.read(3)
    assert kinds[30:40, 50:64].mean() == pytest.approx(1, abs=0.2)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["options"]["diff"]["detector"] == "ensemble"


def test_python_and_command_line_agree(rasters, tmp_path):
    folder, _ = rasters
    result = compare(folder / "before.tif", folder / "after.tif")
    run("compare", folder / "before.tif", folder / "after.tif", "-o", tmp_path)
    written = gpd.read_parquet(tmp_path / "changes.parquet")
    assert written["change_id"].tolist() == result.changes["change_id"].tolist()


def test_kinds_and_confidence_only_filter(rasters, tmp_path):
    folder, _ = rasters
    pair = folder / "before.tif", folder / "after.tif"
    run("compare", *pair, "-o", tmp_path / "some")
    run("compare", *pair, "-o", tmp_path / "all", "--kinds", "construction,clearing,removal,other")
    run("compare", *pair, "-o", tmp_path / "none", "--min-confidence", "1")
    some, every, none = (gpd.read_parquet(tmp_path / name / "changes.parquet") for name in ("some", "all", "none"))
    default = every[every["kind"].isin(["construction", "clearing"])]
    assert sorted(default["change_id"]) == sorted(some["change_id"])
    assert (none["confidence"] >= 1).all()


def test_a_missing_file(rasters, tmp_path, capfd):
    assert run("compare", tmp_path / "no.tif", rasters[0] / "after.tif", "-o", tmp_path / "out") == 1
    assert "no.tif" in complaint(capfd)
    assert not (tmp_path / "out").exists()


def test_rasters_that_do_not_overlap(rasters, tmp_path, capfd):
    folder, pair = rasters
    far = GeoBox(
        pair.geobox.shape,
        pair.geobox.affine.translation(700_000, 5_000_000) @ pair.geobox.affine.scale(10),
        pair.geobox.crs,
    )
    write_cog(tmp_path / "far.tif", pair.after.data, far, band_names=pair.bands)
    assert run("compare", folder / "before.tif", tmp_path / "far.tif", "-o", tmp_path / "out") == 1
    assert "do not overlap" in complaint(capfd)


def test_bands_that_no_one_knows(rasters, tmp_path, capfd):
    folder, pair = rasters
    write_cog(tmp_path / "odd.tif", pair.after.data, pair.geobox, band_names=[f"x{n}" for n in range(6)])
    assert run("compare", folder / "before.tif", tmp_path / "odd.tif", "-o", tmp_path / "out") == 1
    assert "x0" in complaint(capfd)


def test_too_little_in_common(rasters, tmp_path, capfd):
    folder, pair = rasters
    data = pair.after.data.copy()
    data[:, 10:] = np.nan
    small = replace(pair.after, data=data)
    write_cog(tmp_path / "few.tif", small.data[:, :, :20], pair.geobox[:, :20], band_names=pair.bands)
    assert run("compare", folder / "before.tif", tmp_path / "few.tif", "-o", tmp_path / "out") == 1
    assert "200 pixels" in complaint(capfd)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min_area = 5", "min_area"),
        ("[diff]\nobject_at = 'high'", "diff.object_at"),
        ("[diff]\ndetector = 'magic'", "whitened"),
        ("before = 'spring'", "spring"),
        ("kinds = ['houses']", "kinds"),
        ("= 3", "not TOML"),
    ],
)
def test_a_bad_run_file_is_a_usage_error(rasters, tmp_path, capfd, text, said):
    run_file = tmp_path / "run.toml"
    run_file.write_text(text)
    arguments = ("compare", rasters[0] / "before.tif", rasters[0] / "after.tif", "-o", tmp_path / "out")
    assert run(*arguments, "--config", run_file) == 2
    assert said in complaint(capfd)


def test_set_takes_precedence_over_the_run_file(rasters, tmp_path):
    run_file = tmp_path / "run.toml"
    run_file.write_text("[polygons]\nmin_area_m2 = 900.0\n")
    arguments = ("compare", rasters[0] / "before.tif", rasters[0] / "after.tif", "-o", tmp_path / "out")
    assert run(*arguments, "--config", run_file, "--set", "polygons.min_area_m2=90000") == 0
    assert len(gpd.read_parquet(tmp_path / "out" / "changes.parquet")) == 0


def test_usage_mistakes_exit_with_2(capfd):
    assert run("compare") == 2
    assert run("compare", "a.tif", "b.tif", "-o", "x", "--no-such-option") == 2
    assert run("conquer") == 2
    capfd.readouterr()


def test_config_prints_a_run_file_that_works(rasters, tmp_path, capfd):
    assert run("config") == 0
    printed = capfd.readouterr().out
    (tmp_path / "run.toml").write_text(printed)
    arguments = ("compare", rasters[0] / "before.tif", rasters[0] / "after.tif", "-o", tmp_path / "out")
    assert run(*arguments, "--config", tmp_path / "run.toml") == 0
    assert "min_area_m2 = 800.0" in printed


def test_an_output_folder_that_is_a_file(rasters, tmp_path, capfd):
    (tmp_path / "out").write_text("")
    arguments = ("compare", rasters[0] / "before.tif", rasters[0] / "after.tif", "-o", tmp_path / "out")
    assert run(*arguments) == 1
    assert "out" in complaint(capfd)


def test_help_and_version(capfd):
    assert run("--help") == 0
    assert run("--version") == 0
    said = capfd.readouterr().out
    assert "compare" in said
    assert said.splitlines()[-1] == version("changedetect")
