"""The GeoPackage: the layers say what the GeoJSON says, and QGIS finds a style for each by its own rules."""

import re
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from format_cases import NASTY, across, failed, publish, site

from changedetect.model import KIND_CODES
from changedetect.outputs.chips import COLOURS
from changedetect.outputs.formats import export

# As QGIS's "Save style in database" writes it.
STYLE_COLUMNS = [
    "id",
    "f_table_catalog",
    "f_table_schema",
    "f_table_name",
    "f_geometry_column",
    "styleName",
    "styleQML",
    "styleSLD",
    "useAsDefault",
    "description",
    "owner",
    "ui",
    "update_time",
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    results = [site("a", NASTY, ["construction", "clearing", "removal", "other"]), across(), failed()]
    return export(publish(results, tmp_path), ["gpkg"])[0]


def ask(package: Path, query: str, *given: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(package)) as database:
        return database.execute(query, given).fetchall()


def test_changes_are_those_of_the_geojson(package):
    told = gpd.read_file(package.parent / "changes.geojson").set_index("change_id")
    found = pyogrio.read_dataframe(package, layer="changes").set_index("change_id")
    assert list(found.index) == list(told.index)
    assert found.geometry.geom_equals_exact(told.geometry, 1e-7).all() or (found.geom_equals(told.geometry)).all()
    assert list(found["site_name"][:4]) == [NASTY] * 4
    for column in ("confidence", "area_m2", "kind", "first_seen"):
        pd.testing.assert_series_equal(
            found[column].astype(str), told[column].astype(str).str.replace(" 00:00:00", ""), check_names=False
        )


def test_sites_say_how_they_ended(package):
    found = pyogrio.read_dataframe(package, layer="sites").set_index("site_id")
    assert dict(found["status"]) == {"a": "ok", "over-180": "ok", "f": "failed"}
    assert found.loc["f", "reason"] == "row 3: no <geometry>"
    assert list(found.geometry.isna()) == [False, True, False]
    assert found.loc["a", "n_changes"] == 4


def test_the_first_layer_is_the_changes_and_styles_are_no_features(package):
    assert [name for name, kind in pyogrio.list_layers(package) if kind] == ["changes", "sites"]
    contents = ask(package, "SELECT table_name, data_type, last_change FROM gpkg_contents ORDER BY table_name")
    assert [row[:2] for row in contents] == [
        ("changes", "features"),
        ("layer_styles", "attributes"),
        ("sites", "features"),
    ]
    assert {row[2] for row in contents} == {"2024-06-01T12:00:00.000Z"}
    assert ask(package, "PRAGMA application_id") == [(int.from_bytes(b"GPKG", "big"),)]
    assert ask(package, "PRAGMA integrity_check") == [("ok",)]


def test_styles_are_where_qgis_looks_for_them(package):
    assert [row[1] for row in ask(package, "PRAGMA table_info(layer_styles)")] == STYLE_COLUMNS
    # The query of QGIS's OGR provider, with its order.
    for layer in ("changes", "sites"):
        rows = ask(
            package,
            "SELECT styleName, styleQML, useAsDefault, update_time FROM layer_styles s JOIN gpkg_geometry_columns g"
            " ON g.table_name = s.f_table_name AND g.column_name = s.f_geometry_column"
            " WHERE f_table_schema = '' AND f_table_name = ? ORDER BY useAsDefault DESC, update_time DESC",
            layer,
        )
        assert [(row[0], row[2], row[3]) for row in rows] == [(layer, 1, "2024-06-01T12:00:00.000Z")]
        assert ET.fromstring(rows[0][1]).tag == "qgis"  # noqa: S314 - ours


def leaves(package: Path) -> list[tuple[str, float, float, dict[str, str]]]:
    """Kind, lowest confidence, limit and fill of every rule that draws."""
    ((text,),) = ask(package, "SELECT styleQML FROM layer_styles WHERE f_table_name = 'changes'")
    renderer = ET.fromstring(str(text)).find("renderer-v2")  # noqa: S314 - ours
    assert renderer is not None
    assert renderer.get("type") == "RuleRenderer"
    symbols = {
        symbol.get("name"): {one.get("name", ""): one.get("value", "") for one in symbol.findall("layer/Option/Option")}
        for symbol in renderer.findall("symbols/symbol")
    }
    found = []
    for kind in renderer.findall("rules/rule"):
        named = re.fullmatch(r"\"kind\" = '(\w+)'", kind.get("filter", ""))
        for rule in kind:
            limits = re.fullmatch(r'"confidence" >= (\S+) AND "confidence" < (\S+)', rule.get("filter", ""))
            assert named
            assert limits
            found.append((named[1], float(limits[1]), float(limits[2]), symbols[rule.get("symbol")]))
    assert len({rule.get("symbol") for rule in renderer.iter("rule") if rule.get("symbol")}) == len(found)
    return found


@pytest.mark.parametrize("kind", KIND_CODES)
@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.5, 0.799999, 0.8, 1.0])
def test_every_change_is_drawn_by_one_rule_in_the_colour_of_its_kind(package, kind, confidence):
    drawn = [fill for one, least, limit, fill in leaves(package) if one == kind and least <= confidence < limit]
    assert len(drawn) == 1
    *rgb, _ = map(int, drawn[0]["outline_color"].split(","))
    assert "#{:02X}{:02X}{:02X}".format(*rgb) == COLOURS[kind]


def test_the_surer_the_more_solid(package):
    mine = [(least, fill) for kind, least, _, fill in leaves(package) if kind == "construction"]
    opacity = [int(fill["color"].split(",")[3]) for _, fill in sorted(mine, key=lambda one: one[0])]
    assert opacity == sorted(set(opacity))
    assert [fill["outline_style"] for least, fill in mine if least == 0] == ["dash"]
