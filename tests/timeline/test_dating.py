"""Changes dated by a whole run: a simulated site under cloud, and the real Romanian road."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from shapely.geometry import box

from changedetect import RunConfig, Window, dating, open_catalog, read_sites, run
from changedetect.cli import main
from changedetect.errors import CatalogError, ConfigError
from changedetect.lonlat import footprint
from changedetect.model import Site
from changedetect.pipeline import run_site
from changedetect.testing import Acquisition, Feature, farmland, observe, write_catalog, write_scene
from changedetect.tiling import TilingOptions
from changedetect.timeline import TimelineOptions

SAMPLE = Path(__file__).parents[2] / "sample_tiles"
WEST, NORTH = 470_040, 5_190_000
BUILT, GONE = date(2022, 11, 20), date(2023, 8, 25)
CONFIG = RunConfig(before=Window.parse("2022-06/2022-09"), after=Window.parse("2023-06/2023-09"))
LAND = farmland("dated", west=WEST, north=NORTH, epsg=32634, size_m=(600, 600), seed=4)
HALL = Feature(
    feature_id="hall", geometry=box(WEST + 120, NORTH - 220, WEST + 190, NORTH - 160), cover="concrete", built=BUILT
)
DEPOT = Feature(
    feature_id="depot",
    geometry=box(WEST + 380, NORTH - 460, WEST + 450, NORTH - 400),
    cover="concrete",
    built=date(2023, 4, 5),
)
"""Gone again before the later window ends."""


def days():
    """Every tenth day; each third is overcast."""
    return [(number, date(2022, 6, 3) + timedelta(days=10 * number)) for number in range(48)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A catalog of the site, and the site."""
    folder = tmp_path_factory.mktemp("scenes")
    items = []
    for number, day in days():
        there = (HALL, DEPOT) if day < GONE else (HALL,)
        acquisition = Acquisition(
            sensor="sentinel-2-l2a",
            moment=datetime(day.year, day.month, day.day, 9, 36, tzinfo=UTC),
            seed=number,
            cloud_cover=0.97 if number % 3 == 2 else 0.05,
        )
        items.append(write_scene(observe(replace(LAND, features=there), acquisition), folder))
    site = Site(site_id="dated", name="dated", geometry=footprint(LAND.geobox))
    return open_catalog([str(write_catalog(items, folder))]), site


@pytest.fixture(scope="module")
def result(place):
    catalog, site = place
    return run_site(site, catalog, CONFIG)


def change_over(result, feature):
    """The row of the change that covers most of a thing."""
    changes = result.changes.to_crs(32634)
    shared = changes.intersection(feature.geometry).area
    assert shared.max() > 0.3 * feature.geometry.area
    return result.changes.loc[shared.idxmax()]


def painted(result, feature):
    """Confidence and kind on the map in the middle of a thing."""
    grid = result.change_map.geobox
    col, row = (int(value) for value in ~grid.affine @ feature.geometry.centroid.coords[0])
    return result.change_map.confidence[row, col], result.change_map.kind[row, col]


def test_the_map_tells_the_confidence_that_the_looks_left(result):
    assert painted(result, HALL)[0] == pytest.approx(change_over(result, HALL)["confidence"], abs=1e-6)


def test_what_no_look_speaks_for_is_left_out_of_polygons_map_and_counts(place, monkeypatch):
    catalog, site = place
    monkeypatch.setattr(dating.timeline, "believed", lambda *_: 0.05)
    emptied = run_site(site, catalog, CONFIG)
    assert not len(emptied.changes)
    assert emptied.summary["n_changes"] == emptied.summary["n_construction"] == emptied.summary["area_m2"] == 0
    assert painted(emptied, HALL) == (0, 0)
    assert emptied.provenance["timeline"]["changes"]  # the looks stay on record


def test_the_day_it_was_built_lies_in_the_bracket(result):
    hall = change_over(result, HALL)
    assert hall["status"] == "confirmed"
    assert date.fromisoformat(hall["last_clear_without"]) < BUILT <= date.fromisoformat(hall["first_seen"])
    width = date.fromisoformat(hall["first_seen"]) - date.fromisoformat(hall["last_clear_without"])
    assert width <= timedelta(days=40)
    assert hall["confirmed_on"] >= hall["first_seen"]
    assert hall["n_clear_looks"] >= 3


def test_what_is_gone_again_is_never_confirmed(result):
    depot = change_over(result, DEPOT)
    assert depot["status"] == "reverted"
    assert pd.isna(depot["confirmed_on"])
    assert result.provenance["timeline"]["changes"][depot["change_id"]]["gone_on"] >= GONE


def test_few_scenes_are_read(result):
    told = result.provenance["timeline"]
    assert told["scenes"] == 48
    assert told["scenes_read"] <= 32
    assert told["reads"] >= told["scenes_read"]


def test_nothing_depends_on_tiles_threads_or_the_order_of_scenes(place, result):
    catalog, site = place

    class Backward:
        def entries(self, geometry, window):
            return catalog.entries(geometry, window)

        def search(self, geometry, window):
            return catalog.search(geometry, window)[::-1]

    other = replace(CONFIG, tiling=TilingOptions(tile_px=29, threads=1))
    again = run_site(site, Backward(), other)
    pd.testing.assert_frame_equal(pd.DataFrame(again.changes), pd.DataFrame(result.changes))
    one, two = (some.provenance["timeline"]["changes"] for some in (result, again))
    assert one == two


def test_the_looks_are_a_tidy_table(result):
    hall = change_over(result, HALL)["change_id"]
    table = result.timeline(hall)
    assert table["datetime"].is_monotonic_increasing
    assert set(table["shows"]) <= {"without", "with", "between", "other", "alike", "cloudy"}
    assert table.loc[table["shows"] == "with", "share"].min() > 0.7
    assert {"change_id", "scene_id", "clear_fraction", "inside_nir", "ring_nir"} <= set(table.columns)
    with pytest.raises(ConfigError, match="nowhere"):
        result.timeline("nowhere")


def test_a_plot_shades_the_bracket(result):
    pytest.importorskip("matplotlib").use("Agg")
    hall = change_over(result, HALL)
    ax = result.plot_timeline(hall["change_id"])
    assert hall["change_id"] in ax.get_title()


def test_a_plot_without_matplotlib_says_so(result, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ConfigError, match=r"pip install changedetect\[plot\]"):
        result.plot_timeline(change_over(result, HALL)["change_id"])


def test_a_catalog_that_fails_costs_the_dates_alone(place, result):
    catalog, site = place

    class Failing:
        def entries(self, geometry, window):
            return catalog.entries(geometry, window)

        def search(self, geometry, window):
            if (window.end - window.start).days > 200:
                msg = "catalog is down"
                raise CatalogError(msg)
            return catalog.search(geometry, window)

    found = run_site(site, Failing(), CONFIG)
    assert found.status == "ok"
    assert len(found.changes) == len(result.changes)
    assert found.changes["status"].isna().all()
    assert "not dated: catalog is down" in found.summary["warnings"]
    with pytest.raises(ConfigError, match="catalog is down"):
        found.timeline(found.changes["change_id"].iloc[0])


def test_a_mistake_of_ours_costs_the_dates_alone(place, result, monkeypatch):
    catalog, site = place
    monkeypatch.setattr(dating, "date_group", lambda *_: 1 / 0)
    found = run_site(site, catalog, CONFIG)
    assert len(found.changes) == len(result.changes)
    assert "ZeroDivisionError" in found.provenance["timeline"]["reason"]


def test_dates_can_be_left_out(place):
    catalog, site = place
    found = run_site(site, catalog, replace(CONFIG, timeline=TimelineOptions(enabled=False)))
    assert found.changes["first_seen"].isna().all()
    assert "timeline" not in found.provenance


def test_until_may_not_cut_the_later_window():
    with pytest.raises(ConfigError, match="until is 2023-08-01"):
        replace(CONFIG, timeline=TimelineOptions(until=date(2023, 8, 1)))


@pytest.fixture(scope="module")
def romania(tmp_path_factory):
    out = tmp_path_factory.mktemp("romania")
    (site,) = [one for one in read_sites(SAMPLE / "sites.geojson") if one.site_id == "romania-road"]
    found = run([site], catalog=SAMPLE / "catalog.json", before="2016-06/2016-10", after="2017-06/2017-10", out=out)
    return out, found


def test_the_romanian_road_came_between_two_summers(romania):
    road = romania[1].changes.sort_values("area_m2").iloc[-1]
    assert road["last_clear_without"] >= "2016-10-14"
    assert road["first_seen"] <= "2017-06-06"
    assert road["last_clear_without"] < road["first_seen"]
    assert road["status"] == "confirmed"


def test_the_dates_are_in_the_files(romania):
    out, found = romania
    road = found.changes.iloc[0]
    written = json.loads((out / "changes.geojson").read_text())["features"][0]["properties"]
    assert written["first_seen"] == road["first_seen"]
    assert written["status"] == road["status"]
    pd.testing.assert_frame_equal(found.timeline(road["change_id"]), found.results[0].timeline(road["change_id"]))


def test_the_looks_can_be_printed(romania, monkeypatch, capfd):
    out, found = romania
    change = found.changes["change_id"].iloc[0]
    monkeypatch.setattr("sys.argv", ["changedetect", "timeline", str(out), change])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("change_id,datetime,scene_id,shows,share,clear_fraction,veil,inside_blue")
    assert len(lines) == 1 + len(found.timeline(change))
    monkeypatch.setattr("sys.argv", ["changedetect", "timeline", str(out), "none"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "none" in capfd.readouterr().err
