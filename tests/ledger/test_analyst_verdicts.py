"""What an analyst says holds for every later week."""

import json
import shutil
from dataclasses import replace
from datetime import date

import geopandas as gpd
import pytest
from command_line import run
from ledger_cases import HALL, SITE, run_until
from shapely import box
from test_watching import alert_over

from changedetect.ledger import news, open_ledger
from changedetect.ledger.naming import named
from changedetect.ledger.rows import changes_of

EARLY = date(2023, 6, 1)


@pytest.fixture(scope="module")
def early(archive, watched, tmp_path_factory):
    """A ledger as of early summer; not to be changed."""
    out = tmp_path_factory.mktemp("early")
    shutil.copytree(watched / ".watch" / "scenes", out / ".watch" / "scenes")
    assert run_until(archive, out, EARLY) == 0
    return out


@pytest.fixture
def out(early, tmp_path):
    shutil.copytree(early, tmp_path / "out")
    return tmp_path / "out"


def test_dismissed_ground_stays_quiet(archive, out):
    hall, _ = alert_over(out, HALL)
    assert run("verdict", out, hall.change_id, "dismissed", "--note", "a car park") == 0
    assert hall.change_id not in set(gpd.read_file(out / "changes.geojson")["change_id"])
    assert hall.change_id not in (out / "feed.xml").read_text()
    assert run_until(archive, out) == 0
    after, history = alert_over(out, HALL)
    assert (after.change_id, after.state, after.note) == (hall.change_id, "dismissed", "a car park")
    assert history[-1] == "dismissed"
    assert after.geometry == hall.geometry
    with open_ledger(out) as ledger:
        assert len([one for one in ledger.alerts() if one.geometry.intersects(hall.geometry)]) == 1
        assert not [one for one in news(ledger, EARLY) if one["change_id"] == hall.change_id]


def test_confirmed_is_confirmed_and_a_verdict_can_be_changed(out):
    hall, _ = alert_over(out, HALL)
    assert run("verdict", out, hall.change_id, "dismissed", "--note", "no") == 0
    assert run("verdict", out, hall.change_id, "confirmed", "--note", "seen on the ground") == 0
    after, history = alert_over(out, HALL)
    assert (after.state, after.verdict) == ("confirmed", "confirmed")
    assert {"dismissed", "confirmed"} <= set(history)


def found_as(out, outline, kind):
    """What a change of a kind is called where the hall was dismissed as a clearing; metres from the hall's corner."""
    hall, _ = alert_over(out, HALL)
    dismissed = replace(hall, verdict="dismissed", kind="clearing", state="dismissed")
    change = changes_of([replace(hall, change_id="found", kind=kind, geometry=outline)])
    left, _, doubted = named(change, {hall.change_id: dismissed}, SITE)
    return list(left["change_id"]), doubted


def outline_m(*bounds):
    return gpd.GeoSeries([box(*bounds)], crs=32634).to_crs(4326).iloc[0]


def test_dismissed_ground_speaks_up_for_something_else(early):
    west, south, east, north = HALL.geometry.bounds
    assert found_as(early, outline_m(west, south, east, north), "clearing") == ([], set())
    assert found_as(early, outline_m(west, south, east, north), "construction") == (["found"], {"found"})
    assert found_as(early, outline_m(west, south, east + 150, north), "clearing") == (["found"], set())


def test_mistakes_are_one_line(out, tmp_path, capfd):
    assert run("verdict", out, "none", "dismissed", "--note", "x") == 2
    assert "no alert 'none' among" in capfd.readouterr().err
    assert run("verdict", tmp_path, "none", "dismissed", "--note", "x") == 2
    assert "begin a ledger with `changedetect watch" in capfd.readouterr().err
    (tmp_path / "run.json").write_text(json.dumps({}))
    assert run("verdict", tmp_path, "none", "dismissed", "--note", "x") == 2
    assert "output of a run" in capfd.readouterr().err
