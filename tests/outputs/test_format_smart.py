"""SMART models: the rules of the published schema, in our words, and what our own reader makes of them."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from format_cases import CASES, LOOKS, NASTY, across, load, publish, site, undated

from changedetect.errors import OutputError
from changedetect.evaluation.options import EvaluateOptions
from changedetect.evaluation.sides import read_reference
from changedetect.outputs.formats import export
from changedetect.outputs.formats.smart import region_ids

REGION = r"[A-Z]{2}_([RST]\d{3}|C[0-7]\d{2})"
DAY = r"\d{4}-\d{2}-\d{2}"
SQUARE = r"(0[1-9]|[1-5]\d|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]"
PHASES = {"No Activity", "Site Preparation", "Active Construction", "Post Construction", "Unknown"}
SYSTEM = {"system_proposed", "system_confirmed", "system_rejected"}
TEAMS = {"acc", "ara", "ast", "bla", "iai", "kit", "str"}

COMMON = {"type", "version", "mgrs", "originator", "model_content", "start_date", "end_date"}
SITE = COMMON | {"status", "site_id", "score"}
ALLOWED = {
    "region": COMMON | {"region_id", "comments"},
    "site_summary": SITE | {"comments"},
    "site": SITE | {"region_id", "misc_info"},
    "observation": {"type", "observation_date", "source", "sensor_name", "current_phase", "is_occluded",
                    "is_site_boundary", "score", "misc_info"},
}  # fmt: skip
"""Properties that we write; the schema allows no others."""
OPTIONAL = {"comments", "score", "misc_info"}


def check(model: dict[str, Any], first: str, others: str) -> None:
    """A model is a FeatureCollection with one feature of the first type and any number of the other."""
    assert model["type"] == "FeatureCollection"
    kinds = [feature["properties"]["type"] for feature in model["features"]]
    assert kinds == [first, *[others] * (len(kinds) - 1)]
    assert len(kinds) > (first == "site"), "a site model has an observation"
    for feature in model["features"]:
        told = feature["properties"]
        allowed = ALLOWED[told["type"]]
        assert feature["type"] == "Feature"
        assert allowed - OPTIONAL <= set(told) <= allowed
        assert feature["geometry"]["type"] == "Polygon"
        for ring in feature["geometry"]["coordinates"]:
            assert len(ring) >= 4
            assert all(len(place) == 2 for place in ring)
        assert 0 <= told.get("score", 0) <= 1
        _check_observation(told) if told["type"] == "observation" else _check_model(told)


def _check_model(told: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert re.fullmatch(SQUARE, told["mgrs"])
    assert re.fullmatch(DAY, told["start_date"])
    assert told["model_content"] in ({"annotation"} if told["type"] == "region" else {"update"})
    assert told["originator"] not in TEAMS, "we are none of the programme's teams"
    if told["type"] == "region":
        assert re.fullmatch(REGION, told["region_id"])
        assert re.fullmatch(DAY, told["end_date"])
        return
    assert told["status"] in SYSTEM
    assert told["end_date"] is None or re.fullmatch(DAY, told["end_date"])
    assert re.fullmatch(REGION + r"_\d{4}", told["site_id"])


def _check_observation(told: dict[str, Any]) -> None:
    assert re.fullmatch(DAY, told["observation_date"])
    assert told["current_phase"] in PHASES
    assert told["is_occluded"] in {"True", "False", None}
    assert told["is_site_boundary"] == "True"
    assert told["sensor_name"] in {"Sentinel-2", "Landsat 8", None}


def models(out: Path) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Region models and site models by id."""
    folder = export(out, ["smart"])[0]
    regions, sites = (
        {path.stem: load(path) for path in sorted((folder / f"{name}_models").iterdir())} for name in ("region", "site")
    )
    return regions, sites


@pytest.mark.parametrize("case", CASES)
def test_models_keep_the_rules(case, tmp_path):
    regions, sites = models(publish(CASES[case], tmp_path))
    for name, model in regions.items():
        check(model, "region", "site_summary")
        assert model["features"][0]["properties"]["region_id"] == name
        mine = [feature["properties"]["site_id"] for feature in model["features"][1:]]
        assert mine == [one for one in sites if one.startswith(name)]
    for name, model in sites.items():
        check(model, "site", "observation")
        assert model["features"][0]["properties"]["site_id"] == name
    compared = [one for one in CASES[case] if one.status != "failed" and one.summary.get("before")]
    assert len(regions) == len(compared)


def test_only_what_the_format_knows_is_written(tmp_path):
    _, sites = models(publish([site("a", NASTY, ["construction", "removal", "other", "clearing"])], tmp_path))
    told = [model["features"][0]["properties"] for model in sites.values()]
    assert [one["misc_info"]["change_id"] for one in told] == ["a-0", "a-3"]
    assert [one["status"] for one in told] == ["system_confirmed", "system_proposed"]
    # A clearing goes on; without a date the windows are the bracket.
    assert [(one["start_date"], one["end_date"]) for one in told] == [
        ("2023-05-03", "2024-03-01"),
        ("2023-05-01", None),
    ]
    assert told[0]["misc_info"]["site_name"] == NASTY


def test_a_look_is_an_observation_with_its_phase(tmp_path):
    _, sites = models(publish([site()], tmp_path))
    seen = [feature["properties"] for feature in sites["ZZ_R000_0000"]["features"][1:]]
    assert [one["observation_date"] for one in seen] == list(LOOKS)
    phases = ["No Activity", "Site Preparation", "Unknown", "Post Construction", "Post Construction"]
    assert [one["current_phase"] for one in seen] == phases
    assert [one["is_occluded"] for one in seen] == ["False", "False", "True", "False", "False"]
    assert [one["sensor_name"] for one in seen] == ["Sentinel-2", "Sentinel-2", "Landsat 8", None, "Sentinel-2"]
    assert [one["source"] for one in seen][:1] == ["S2A_1"]


def test_without_a_timeline_there_is_an_observation_a_window(tmp_path):
    result = site("a", kinds=["clearing"])
    _, sites = models(publish([replace(result, provenance={})], tmp_path))
    seen = [feature["properties"] for feature in sites["ZZ_R000_0000"]["features"][1:]]
    assert [(one["observation_date"], one["current_phase"]) for one in seen] == [
        ("2023-05-31", "No Activity"),
        ("2024-05-31", "Site Preparation"),
    ]


@pytest.mark.parametrize(
    ("status", "role"),
    [("candidate", "positive"), ("confirmed", "positive"), ("reverted", "negative"), (None, "positive")],
)
def test_our_reader_reads_what_we_write(status, role, tmp_path):
    result = site("a", kinds=["construction", "clearing"])
    result.changes["status"] = status
    models(publish([result], tmp_path))
    region = read_reference(tmp_path / "smart" / "region_models" / "ZZ_R000.geojson", EvaluateOptions())
    assert list(region.objects["role"]) == [role, role]
    assert region.extent is not None
    assert region.extent.equals_exact(result.site.geometry, 1e-7) or region.extent.equals(result.site.geometry)
    ours = result.changes.geometry
    for found, truth in zip(region.objects.geometry, ours, strict=True):
        assert found.symmetric_difference(truth).area == pytest.approx(0, abs=1e-12)
    one = read_reference(tmp_path / "smart" / "site_models" / "ZZ_R000_0001.geojson", EvaluateOptions())
    assert list(one.objects["role"]) == [role]


def test_across_the_antimeridian_a_site_is_one_polygon_and_read_back_as_two_halves(tmp_path):
    result = across()
    regions, sites = models(publish([result], tmp_path))
    (model,) = sites.values()
    drawn = shapely.geometry.shape(model["features"][0]["geometry"])
    assert drawn.bounds == pytest.approx((179.999, 0.042, 180.001, 0.044))
    (region,) = regions
    told = read_reference(tmp_path / "smart" / "region_models" / f"{region}.geojson", EvaluateOptions())
    assert told.objects.geometry[0].symmetric_difference(result.changes.geometry[0]).area == pytest.approx(0, abs=1e-12)


def test_rasters_without_dates_are_left_out_with_a_word(tmp_path, caplog):
    assert models(publish([undated()], tmp_path)) == ({}, {})
    assert "site rasters: no SMART model" in caplog.text


def test_region_ids():
    ids = region_ids(["KR_R002", *(f"site-{i}" for i in range(1500)), "ZZ_R001"])
    assert ids["KR_R002"] == "KR_R002"
    assert (ids["site-0"], ids["site-1"], ids["site-999"]) == ("ZZ_R000", "ZZ_R002", "XA_R000")
    assert len(set(ids.values())) == len(ids)
    assert all(re.fullmatch(REGION, one) for one in ids.values())
    with pytest.raises(OutputError, match="SMART has no ids for 50000 sites: export at most"):
        region_ids(map(str, range(50_000)))
