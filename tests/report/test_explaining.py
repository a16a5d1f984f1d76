"""`explain`: the reasons it gives are those by which things were decided."""

import json
import shutil

import numpy as np
import pytest
from command_line import run as command
from report_cases import CLOUD
from shapely.geometry import Point, shape

from changedetect.lonlat import footprint
from changedetect.model import KIND_CODES
from changedetect.report import explain_change, explain_place
from changedetect.report.absence import why_not
from changedetect.report.checks import verdict
from changedetect.report.objects import Weighed
from changedetect.report.reading import read_site


def everything_weighed(site):
    for direction in ("forward", "backward"):
        told = site.provenance["objects"][direction]
        for at, kind in enumerate(told["kind"]):
            means = {name: values[at] for name, values in told["evidence"].items()}
            told_of = {name: told[name][at] for name in ("confidence", "area_m2", "stands")}
            yield Weighed(
                kind=kind, settled=told["settled"], backward=direction == "backward", means=means, trust=0, **told_of
            )


def lonlat(plain, row, col):
    grid = plain.change_map.geobox
    point = footprint(grid[row : row + 1, col : col + 1]).centroid
    return point.x, point.y


def test_the_tests_told_lead_to_the_kind_that_was_decided(run):
    out, _ = run
    weighed = list(everything_weighed(read_site(out, "plain")))
    assert len(weighed) >= 3
    assert [verdict(one) for one in weighed] == [one.kind for one in weighed]


def test_a_change_is_explained_by_the_tests_it_stood(run):
    out, _ = run
    told = explain_change(out, "plain-0")
    assert (told.answer, told.site_id, told.change_id) == ("flagged", "plain", "plain-0")
    assert told.checks
    assert all(check.passed and check.limit for check in told.checks)
    assert any("below 800 m²" in reason for reason in told.reasons)


def test_a_place_is_told_by_the_first_gate_it_failed(run):
    out, plain = run
    layers = plain.change_map
    quiet = np.argwhere((layers.changed == 0) & (layers.decisions[0] & 16 == 0))[0]
    assert layers.kind[34, 30] == KIND_CODES["construction"]
    cases = {
        "unchanged": tuple(quiet),
        "unknown": (CLOUD[0].start + 5, CLOUD[1].start + 10),
        "flagged": (34, 30),
    }
    for answer, (row, col) in cases.items():
        assert explain_place(out, *lonlat(plain, int(row), int(col))).answer == answer
    unknown = explain_place(out, *lonlat(plain, 5, 110))
    assert "After: no clear look." in unknown.reasons
    lon, lat = lonlat(plain, 34, 30)
    assert explain_place(out, lon + 1, lat).answer == "outside"
    assert "nearest site" in explain_place(out, lon + 1, lat).reasons[0]
    assert explain_place(out, lon + 3, lat).answer == "failed"


def test_what_its_looks_took_away_is_no_change_elsewhere(run, tmp_path):
    """An object of the run that is not among its changes, though another is, some way off."""
    out, plain = run
    shutil.copytree(out, tmp_path / "out")
    path = tmp_path / "out" / "sites" / "plain" / "changes.geojson"
    told = json.loads(path.read_text(encoding="utf-8"))
    there = Point(lonlat(plain, 34, 30))
    _, *told["features"] = sorted(told["features"], key=lambda one: shape(one["geometry"]).distance(there))
    assert told["features"]
    path.write_text(json.dumps(told), encoding="utf-8")
    found = why_not(read_site(tmp_path / "out", "plain"), there.x, there.y)
    assert found.answer == "confidence"
    assert "once each look at it was asked" in found.headline


def test_weak_and_green_changes_have_their_own_answers(run):
    out, plain = run
    bits, forward, backward = plain.change_map.decisions
    free = (forward == 0) & (backward == 0) & (plain.change_map.changed == 1)
    expected = {"weak": free & (bits & (4 | 16) == 0), "green_or_wet": free & (bits & (4 | 8 | 16) == 4)}
    for answer, where in expected.items():
        for row, col in np.argwhere(where)[:1]:
            assert explain_place(out, *lonlat(plain, int(row), int(col))).answer == answer
    assert any(where.any() for where in expected.values())


def test_the_commands_speak_to_people_and_to_programs(run, capfd):
    out, _ = run
    assert command("explain", out, "plain-0") == 0
    assert capfd.readouterr().out.startswith("plain-0 is construction of ")
    assert command("explain", out, "--at=-3.7,40.4", "--json") == 0
    assert json.loads(capfd.readouterr().out)["answer"] == "outside"
    assert command("report", out) == 0
    assert capfd.readouterr().out.strip() == str(out / "report.html")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain",), 2, "takes one of the two"),
        (("explain", "--at=200,3"), 2, "is no place"),
        (("explain", "nothing-1"), 1, "no change 'nothing-1' among the 4 sites"),
        (("report", "--zip"), 2, "give --pack CHANGE_ID"),
    ],
)
def test_mistakes_are_one_line(run, capfd, words, code, said):
    out, _ = run
    assert command(words[0], out, *words[1:]) == code
    told = capfd.readouterr().err
    assert said in told
    assert told.count("\n") == 1
