"""What is found by watching: the truth, the same whenever it is run, and few scenes read again."""

import json
import shutil
from datetime import date, timedelta

import geopandas as gpd
import pandas as pd
import pytest
from command_line import run
from ledger_cases import BASELINE, DEPOT, GONE, HALL, LAST, SITE, arguments, rows, run_until

from changedetect import RunConfig, Window, open_catalog
from changedetect.ledger.kept import KeptScenes
from changedetect.ledger.store import open_ledger
from changedetect.ledger.weeks import weeks_between


def alert_over(out, feature):
    """The alert on the ground of a thing."""
    with open_ledger(out) as ledger:
        alerts = ledger.alerts()
        history = ledger.history()
    shapes = gpd.GeoSeries([one.geometry for one in alerts], crs=4326).to_crs(32634)
    shared = shapes.intersection(feature.geometry).area
    assert shared.max() > 0.3 * feature.geometry.area
    alert = alerts[int(shared.argmax())]
    return alert, [event.event for event in history if event.change_id == alert.change_id]


def test_what_was_built_is_confirmed_and_its_day_lies_in_the_bracket(watched):
    hall, history = alert_over(watched, HALL)
    assert hall.status == "confirmed"
    assert hall.state in {"confirmed", "growing"}
    assert date.fromisoformat(hall.last_clear_without) < HALL.built <= date.fromisoformat(hall.first_seen)
    assert history[:2] == ["new", "confirmed"]


def test_what_is_gone_again_is_reverted(watched):
    depot, history = alert_over(watched, DEPOT)
    assert depot.state == "reverted"
    assert history[-1] == "reverted"
    assert depot.event_on >= GONE.isoformat()


def test_there_is_nothing_else(watched):
    with open_ledger(watched) as ledger:
        assert len([one for one in ledger.alerts() if one.status == "confirmed"]) == 1


def test_many_runs_leave_the_ledger_of_one(archive, watched, tmp_path):
    shutil.copytree(watched / ".watch" / "scenes", tmp_path / ".watch" / "scenes")
    for day in ("2022-11-10", "2023-05-01", "2023-05-02", "2023-07-01", "2023-08-12"):
        assert run_until(archive, tmp_path, date.fromisoformat(day)) == 0
    assert run_until(archive, tmp_path) == 0
    assert rows(tmp_path) == rows(watched)


def test_the_ordinary_files_are_there(watched):
    changes = gpd.read_file(watched / "changes.geojson")
    assert set(changes["status"]) == {"confirmed", "reverted"}
    pd.testing.assert_frame_equal(
        pd.DataFrame(changes.drop(columns="geometry"))[["change_id", "kind"]],
        pd.DataFrame(gpd.read_parquet(watched / "changes.parquet"))[["change_id", "kind"]].astype(object),
        check_dtype=False,
    )
    site = json.loads((watched / "sites" / "watched" / "provenance.json").read_text())
    assert set(changes["change_id"]) == set(site["provenance"]["timeline"]["changes"])
    assert json.loads((watched / "run.json").read_text())["sites"]["watched"]["scenes_read"] > 10
    assert (watched / "summary.csv").read_text().splitlines()[1].startswith("watched,A watched place,ok,2")


def test_the_looks_of_an_alert_can_be_printed(watched, capfd):
    hall, _ = alert_over(watched, HALL)
    assert run("timeline", watched, hall.change_id) == 0
    assert capfd.readouterr().out.startswith("change_id,datetime,scene_id,shows")


def test_only_new_scenes_are_read(archive, watched, tmp_path, capfd):
    shutil.copytree(watched, tmp_path / "out")
    assert run_until(archive, tmp_path / "out", LAST + timedelta(days=40)) == 0
    done = json.loads((tmp_path / "out" / "run.json").read_text())["sites"]["watched"]
    assert (done["scenes_new"], done["scenes_read"]) == (2, 2)
    assert "2 new scenes, 2 read" in capfd.readouterr().err


def test_since_lists_what_is_new(archive, watched, tmp_path, capfd):
    shutil.copytree(watched, tmp_path / "out")
    assert run_until(archive, tmp_path / "out") == 0
    assert capfd.readouterr().out == ""
    assert run(*arguments(archive, tmp_path / "out"), "--since", "2023-06-30", "--json") == 0
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [one["event"] for one in told] == ["reverted"]
    depot, _ = alert_over(watched, DEPOT)
    assert told[0]["change_id"] == depot.change_id


def test_a_missing_scene_is_read_again(archive, watched, tmp_path):
    with open_ledger(watched):
        home = next(iter(sorted((watched / ".watch" / "scenes" / "watched").iterdir())))
    shutil.copytree(home, tmp_path / "watched" / home.name)
    scenes = KeptScenes(tmp_path, SITE)
    whole = scenes.all()
    lost = next(scene for scene, clear in whole if clear > 0.5)
    lost_at = tmp_path / "watched" / home.name
    next(path for path in lost_at.glob("*/red.tif") if lost.scene_id in path.parent.name).unlink()
    again = KeptScenes(tmp_path, SITE)
    assert len(again.all()) == len(whole) - 1
    span = Window(start=Window.parse(BASELINE).start, end=date(2023, 9, 17))
    fetched = again.fetch(open_catalog([str(archive)]), span, RunConfig())
    assert (fetched.found, fetched.read) == (1, 1)
    assert [one.scene_id for one, _ in again.all()] == [one.scene_id for one, _ in whole]


def test_another_baseline_is_refused(archive, watched, tmp_path, capfd):
    shutil.copytree(watched, tmp_path / "out")
    assert run("watch", archive.parent / "sites.geojson", "-o", tmp_path / "out", "--baseline", "2021") == 2
    command = ("watch", archive.parent / "sites.geojson", "-o", tmp_path / "out", "--baseline", "2021-05/2021-06")
    assert run(*command, "--catalog", archive) == 2
    assert "has baseline 2022-05-01/2022-09-30" in capfd.readouterr().err


def test_the_first_run_asks_for_a_baseline(archive, tmp_path, capfd):
    sites = archive.parent / "sites.geojson"
    assert run("watch", sites, "-o", tmp_path / "none", "--catalog", archive) == 2
    assert "the first `watch` needs a baseline" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_catalog_without_scenes_advances_nothing_else(archive, watched, tmp_path, capfd):
    shutil.copytree(watched, tmp_path / "out")
    command = arguments(archive, tmp_path / "out", LAST + timedelta(days=60))
    (tmp_path / "bad.json").write_text('{"type": "FeatureCollection", "features": [{"type": "Feature"}]}')
    command[command.index("--catalog") + 1] = str(tmp_path / "bad.json")
    before = rows(tmp_path / "out")
    assert run(*command) == 3
    assert "not looked at this time" in capfd.readouterr().err
    assert rows(tmp_path / "out")["alerts"] == before["alerts"]
    assert len(gpd.read_file(tmp_path / "out" / "changes.geojson")) == 2


@pytest.mark.parametrize("every", [1, 2, 4])
def test_weeks_end_on_sundays_whoever_asks(every):
    start, end, middle = date(2022, 9, 30), date(2023, 3, 1), date(2022, 12, 14)
    whole = list(weeks_between(start, end, every))
    assert all(day.weekday() == 6 for day in whole)
    assert [*weeks_between(start, middle, every), *weeks_between(middle, end, every)] == whole
