"""`changedetect run` and `search` on the sample sites: the demo's promises, and bad input that costs only itself."""

import csv
import json
import shutil
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from command_line import run

SAMPLE = Path(__file__).parents[1] / "sample_tiles"
MONTHS = ("--before", "2016-01", "--after", "2017-01")


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "summary.csv").open(encoding="utf-8") as file:
        return {row["site_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's outputs."""
    out = tmp_path_factory.mktemp("demo")
    arguments = (SAMPLE / "sites.geojson", "--config", SAMPLE / "run.toml", "-o", out)
    assert run("run", *arguments) == 0
    return out


@pytest.mark.parametrize("site", ["sim-factory", "sim-crossing", "sim-factory-landsat"])
def test_every_construction_over_1600_m2_is_found(demo, site):
    truth = gpd.read_file(SAMPLE / "truth" / f"{site}.geojson").to_crs(32634)
    changes = gpd.read_file(demo / "sites" / site / "changes.geojson").to_crs(32634)
    built = changes[changes["kind"] == "construction"].union_all()
    wanted = truth[(truth["kind"] == "construction") & (truth["area_m2"] > 1600)]
    assert len(wanted) >= 3
    covered = shapely.area(wanted.geometry.intersection(built)) / wanted.area
    assert (covered >= 0.5).all(), covered.tolist()


def test_nothing_is_built_at_the_control_site(demo):
    changes = gpd.read_parquet(demo / "changes.parquet")
    here = changes[changes["site_id"] == "sim-control"]
    assert rows(demo)["sim-control"]["status"] == "ok"
    assert not (here["kind"] == "construction").any()


def test_the_romanian_road_is_found(demo):
    changes = gpd.read_file(demo / "sites" / "romania-road" / "changes.geojson")
    # The road crosses the square from its west to its east; felling gaps do not.
    longest = changes.to_crs(3035).bounds.eval("maxx - minx").max()
    assert longest > 300
    assert set(changes["kind"]) <= {"construction", "clearing"}


def test_tiles_of_scenes_merged_equal_the_whole(demo, tmp_path):
    arguments = (
        SAMPLE / "sites.geojson",
        "--config",
        SAMPLE / "run.toml",
        "-o",
        tmp_path,
        "--set",
        "tiling.tile_px=131",
    )
    assert run("run", *arguments) == 0
    for name in ("changes.geojson", "sites/sim-factory/change_map.tif"):
        assert (tmp_path / name).read_bytes() == (demo / name).read_bytes()


def test_provenance_says_how_each_offset_was_decided(demo):
    record = json.loads((demo / "sites" / "sim-factory" / "provenance.json").read_text())
    decisions = [scene["decisions"] for date in ("before", "after") for scene in record["provenance"][date]["scenes"]]
    assert len(decisions) == 7
    assert all("offset" in decision[0] for decision in decisions)


def test_search_lists_scenes_for_programs(capfd):
    assert run("search", SAMPLE / "sites.geojson", "--config", SAMPLE / "run.toml", "--json") == 0
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {scene["window"] for scene in found} == {"before", "after"}
    assert sum(scene["site_id"] == "sim-factory" for scene in found) == 7


def site_list(path: Path, *more: dict) -> Path:
    listed = json.loads((SAMPLE / "sites.geojson").read_text())
    good = [one for one in listed["features"] if one["properties"]["id"] == "romania-road"]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [*good, *more]}))
    return path


def feature(site_id: str, geometry: dict | None) -> dict:
    return {"type": "Feature", "properties": {"id": site_id, "name": site_id}, "geometry": geometry}


@pytest.mark.parametrize(
    ("bad", "failed", "reason"),
    [
        (feature("far", {"type": "Point", "coordinates": [100.0, 10.0]}), "far", "no scene over the site in 2016"),
        (feature("nowhere", None), "nowhere", "no geometry"),
        (feature("swapped", {"type": "Point", "coordinates": [46.9, 142.7]}), "swapped", "swapped"),
        (feature("romania-road", {"type": "Point", "coordinates": [22.0, 45.0]}), "romania-road-2", "same id"),
    ],
)
def test_a_bad_site_costs_only_itself(tmp_path, bad, failed, reason):
    sites = site_list(tmp_path / "sites.geojson", bad)
    assert run("run", sites, "--config", SAMPLE / "run.toml", "-o", tmp_path / "out") == 3
    told = rows(tmp_path / "out")
    assert told["romania-road"]["status"] == "ok"
    assert told[failed]["status"] == "failed"
    assert reason in told[failed]["reason"]
    assert (tmp_path / "out" / "sites" / "romania-road" / "change_map.tif").exists()
    assert not (tmp_path / "out" / "sites" / failed / "change_map.tif").exists()


def run_on_damaged_copy(tmp_path, victims):
    listed = json.loads((SAMPLE / "sites.geojson").read_text())
    (tmp_path / "sites.geojson").write_text(json.dumps({**listed, "features": listed["features"][:2]}))
    catalog = tmp_path / "catalog"
    shutil.copytree(SAMPLE, catalog)
    for victim in catalog.glob(victims):
        victim.write_bytes(b"<html>login</html>")
    arguments = ("--before", "2016-06/2016-10", "--after", "2017-06/2017-10", "-o", tmp_path / "out")
    code = run("run", tmp_path / "sites.geojson", "--catalog", catalog, *arguments)
    return code, rows(tmp_path / "out")


@pytest.mark.parametrize("victim", ["B4.tif", "SCL.tif"])
def test_a_dead_raster_costs_its_scene_and_is_told(tmp_path, victim):
    code, told = run_on_damaged_copy(tmp_path, f"sentinel-2-l2a/nrt-romania-2017-07-11/{victim}")
    assert code == 0
    assert told["romania-road"]["status"] == "ok"
    assert victim in told["romania-road"]["worked_around"]
    assert "nrt-romania-2017-07-11" in told["romania-road"]["worked_around"]
    assert told["sim-factory"]["worked_around"] == ""


def test_a_site_whose_scenes_are_all_dead_fails_with_the_path(tmp_path):
    code, told = run_on_damaged_copy(tmp_path, "sentinel-2-l2a/nrt-romania-2017-*/B4.tif")
    assert code == 3
    assert told["romania-road"]["status"] == "failed"
    assert "B4.tif" in told["romania-road"]["reason"]
    assert told["sim-factory"]["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "no.csv", "--config", SAMPLE / "run.toml", "-o", "out"), 1, "no.csv"),
        (("run", SAMPLE / "sites.geojson", "-o", "out"), 2, "--before"),
        (("run", SAMPLE / "sites.geojson", "-o", "out", "--before", "2016", "--after", "2017-01"), 2, "2016"),
        (("run", SAMPLE / "sites.geojson", "-o", "out", "--before", "2017-01", "--after", "2016-01"), 2, "2017-01-31"),
        (("run", SAMPLE / "sites.geojson", "-o", "out", "--set", "catalog=[]", *MONTHS), 2, "no catalog"),
        (("run", SAMPLE / "sites.geojson", "-o", "out", "--catalog", "earth-serch", *MONTHS), 1, "earth-search"),
        (("run", SAMPLE / "sites.geojson", "--config", "no.toml", "-o", "out"), 2, "no.toml"),
        (("search", SAMPLE / "sites.geojson", *MONTHS, "--catalog", "x"), 1, "x"),
    ],
)
def test_a_mistake_is_one_line(monkeypatch, tmp_path, capfd, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == code
    error = capfd.readouterr().err
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "out").exists()
