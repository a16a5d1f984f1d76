"""Tables of changes: every column, where it lies, and nothing that a spreadsheet would compute."""

import csv
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from format_cases import NASTY, across, publish, site

from changedetect.changes import CHANGE_COLUMNS
from changedetect.outputs.formats import export


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_change(tmp_path):
    out = publish([site("a", NASTY, ["construction", "removal"]), site("b", "=1+1"), across()], tmp_path)
    table = rows(export(out, ["csv"])[0])
    assert list(table[0]) == [*(name for name in CHANGE_COLUMNS if name != "geometry"), "lon", "lat"]
    assert [row["change_id"] for row in table] == ["a-0", "a-1", "b-0", "over-180-0"]
    assert table[0]["site_name"] == NASTY
    assert table[2]["site_name"] == "'=1+1"
    assert (table[0]["first_seen"], table[1]["first_seen"]) == ("2024-03-01", "")
    assert (float(table[0]["lon"]), float(table[0]["lat"])) == (129.0015, 41.9915)
    assert abs(float(table[3]["lon"])) == 180, "the middle of both halves, not of the way around the world"


def test_wkt_is_the_outline(tmp_path):
    out = publish([site(), across()], tmp_path)
    table = rows(export(out, ["csv-wkt"])[0])
    told = gpd.read_file(out / "changes.geojson").geometry
    for row, geometry in zip(table, told, strict=True):
        assert shapely.from_wkt(row["wkt"]).symmetric_difference(geometry).area == pytest.approx(0, abs=1e-12)


def test_without_changes_there_is_the_head(tmp_path):
    path = export(publish([], tmp_path), ["csv"])[0]
    assert path.read_text(encoding="utf-8").count("\n") == 1
