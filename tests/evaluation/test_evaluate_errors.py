"""A mistake is one line that says what, where and what to do."""

import geopandas as gpd
import pytest
from evaluation_cases import bare, square, table
from shapely.geometry import Point

from changedetect import evaluate
from changedetect.errors import ChangeDetectError, ConfigError
from changedetect.evaluation import EvaluateOptions, EvaluationError

HALL = square(0, 0)


def test_the_error_is_one_of_ours():
    assert issubclass(EvaluationError, ChangeDetectError)


@pytest.mark.parametrize(
    ("said", "truth", "message"),
    [
        (bare(HALL), bare(square(90_000, 0)), r"predictions \(from .*\) and reference \(from .*\) lie apart: give"),
        (bare(HALL), bare(), r"reference holds no polygon: .*--extent"),
        (bare(HALL), bare(Point(30, 50)), r"reference holds no polygon in its 1 rows: give reference as polygons"),
        (bare(HALL), bare(HALL).set_crs(None, allow_override=True), r"reference has no coordinate system: set one"),
        (bare(HALL), gpd.GeoDataFrame({"class": ["construction"]}), r"reference has no geometry: give reference as"),
        (bare(HALL), table((HALL, "building")), r"reference, row 1 has class 'building': use construction, clearing"),
        (bare(HALL), table((HALL, "other"), (HALL, "")), r"reference, row 2 has no class: use construction"),
        (bare(HALL, confidence=[80.0]), bare(HALL), r"predictions, row 1 has confidence 80\.0: give a number from 0"),
        (bare(HALL, confidence=["high"]), bare(HALL), r"row 1 has confidence high"),
        (bare(square(0, 0).buffer(100)), bare(HALL), r"predictions, row 1 lies at .*, which is no lon/lat: set"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(said, truth, message):
    with pytest.raises(EvaluationError, match=message) as caught:
        evaluate(said, truth)
    assert "\n" not in str(caught.value)


def test_files_are_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"predictions .*nothing\.geojson is no file: check the path"):
        evaluate(tmp_path / "nothing.geojson", bare(HALL))
    (tmp_path / "text.geojson").write_text("no map")
    with pytest.raises(EvaluationError, match=r"reference .*text\.geojson can't be read .*: give GeoJSON") as caught:
        evaluate(bare(HALL), tmp_path / "text.geojson")
    assert "\n" not in str(caught.value)
    for layer in ("north", "south"):
        bare(HALL).to_file(tmp_path / "two.gpkg", layer=layer)
    with pytest.raises(EvaluationError, match=r"two\.gpkg has 2 layers \(north, south\): give a file with one"):
        evaluate(bare(HALL), tmp_path / "two.gpkg")


def test_an_extent_elsewhere_is_refused():
    with pytest.raises(EvaluationError, match="none of the 1 polygons of predictions lies near the extent"):
        evaluate(bare(HALL), bare(HALL), extent=square(0, 0, 1000, at=(10, 10)))
    with pytest.raises(EvaluationError, match="extent is empty: draw the ground"):
        evaluate(bare(HALL), bare(HALL), extent=bare())


def test_rows_without_an_area_are_left_out_with_a_warning(caplog):
    result = evaluate(bare(HALL), bare(HALL, None, Point(30, 50)))
    assert result.objects.reference == 1
    assert "reference: left out 2 of 3 rows, which have no area" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"found_share": 0}, {"right_share": 1.1}, {"min_area_m2": -1}, {"resamples": 10}, {"near_m": float("nan")}],
)
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        EvaluateOptions(**wrong)
