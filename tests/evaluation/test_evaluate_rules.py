"""The rules of matching, each on squares that lie just inside and just outside of it."""

import geopandas as gpd
import numpy as np
import pytest
from evaluation_cases import bare, square, table

from changedetect import evaluate
from changedetect.evaluation import EvaluateOptions

NEAR_0 = EvaluateOptions(near_m=0.0)


def counts(result) -> tuple[int, int, int, int]:
    return result.objects.reference, result.objects.found, result.objects.predicted, result.objects.right


def test_a_table_against_itself_is_perfect():
    truth = table((square(0, 0), "construction"), (square(300, 0, 50), "cleared"))
    result = evaluate(truth, truth)
    assert counts(result) == (2, 2, 2, 2)
    assert result.objects.f1.value == result.area.f1.value == 1
    assert result.area.common_m2 == pytest.approx(100**2 + 50**2, rel=1e-5)
    assert (result.calibration, result.false_alarms_per_100km2) == (None, None)


@pytest.mark.parametrize(("width", "found"), [(24, 0), (26, 1)])
def test_a_quarter_of_a_reference_finds_it(width, found):
    bands = [square(step, y, width) for step in (0,) for y in range(0, 100, width)]
    covering = [band.intersection(square(0, 0)) for band in bands]
    assert evaluate(bare(*covering), bare(square(0, 0))).objects.found == found


@pytest.mark.parametrize(("off", "right"), [(65, 1), (68, 0)])
def test_a_third_of_a_prediction_makes_it_right(off, right):
    result = evaluate(bare(square(off, 0)), bare(square(0, 0)), options=NEAR_0)
    assert result.objects.right == right


@pytest.mark.parametrize(("gap", "right"), [(-25, 1), (-20, 0)])
def test_ten_metres_beside_a_reference_are_near_enough(gap, right):
    result = evaluate(bare(square(100 + gap, 0)), bare(square(0, 0)))
    assert result.objects.right == right  # 35 % and 30 % of it lie on the reference or within 10 m


def test_small_objects_are_not_counted_but_a_small_reference_excuses():
    truth = bare(square(0, 0, 25), square(500, 0))
    said = bare(square(0, 0, 40), square(500, 0, 20), square(900, 0, 30))
    result = evaluate(said, truth)
    # of the references the hall; of the predictions the one on the small reference
    assert counts(result) == (1, 0, 1, 1)
    assert counts(evaluate(said, truth, options=EvaluateOptions(min_area_m2=0))) == (2, 1, 3, 2)


def test_ignored_ground_is_left_out_of_objects_and_areas():
    truth = table((square(0, 0), "construction"), (square(500, 0), "unsure"), (square(900, 0), "resurfaced"))
    said = bare(square(0, 0), square(540, 0), square(955, 0))
    result = evaluate(said, truth)
    assert counts(result) == (1, 1, 2, 1)  # the second is 60 % on unsure ground, the third 45 % on resurfaced
    assert result.area.predicted_m2 == pytest.approx(10_000 + 4000 + 5500, rel=1e-5)
    assert result.area.precision.value == pytest.approx(10_000 / 19_500, rel=1e-5)


def test_positives_of_low_certainty_are_ignored():
    truth = table((square(0, 0), "construction"), (square(500, 0), "construction"), (square(900, 0), "other"))
    truth["certainty"] = ["high", "Low", "low"]
    result = evaluate(bare(square(0, 0), square(500, 0), square(900, 0)), truth)
    assert counts(result) == (1, 1, 2, 1)
    assert (result.negatives, result.negatives_hit) == (1, 1)


def test_only_construction_and_clearing_are_predictions():
    said = table((square(0, 0), "construction"), (square(300, 0), "removal"), (square(600, 0), "other"), column="kind")
    assert counts(evaluate(said, bare(square(0, 0)))) == (1, 1, 1, 1)


def test_overlapping_objects_share_their_ground():
    said = bare(square(0, 0), square(50, 0), square(0, 0))
    result = evaluate(said, bare(square(0, 0), square(20, 0)))
    assert result.area.predicted_m2 == pytest.approx(15_000, rel=1e-6)
    assert result.area.reference_m2 == pytest.approx(12_000, rel=1e-5)
    assert result.area.common_m2 == pytest.approx(12_000, rel=1e-5)
    assert result.area.precision.value == pytest.approx(0.8, rel=1e-6)


def test_sizes_and_kinds_have_rows_of_their_own():
    truth = table((square(0, 0, 39), "construction"), (square(300, 0, 41), "cleared"), (square(600, 0, 200), "cleared"))
    said = table((square(0, 0, 39), "clearing"), (square(600, 0, 200), "clearing"), column="kind")
    result = evaluate(said, truth)
    told = {name: (one.reference, one.found, one.predicted) for name, one in result.by_size.items()}
    assert list(told.values()) == [(1, 1, 1), (1, 0, 0), (0, 0, 0), (1, 1, 1)]
    kinds = {name: (one.reference, one.found, one.predicted, one.right) for name, one in result.by_kind.items()}
    assert kinds == {"clearing": (2, 1, 2, 2), "construction": (1, 1, 0, 0)}
    assert result.by_kind["construction"].precision is None


def test_nothing_predicted_is_f1_of_zero():
    result = evaluate(bare(), bare(square(0, 0), square(300, 0)))
    assert (result.objects.precision, result.objects.f1.value, result.area.f1.value) == (None, 0, 0)


def test_the_result_knows_no_coordinate_system(tmp_path):
    truth = table((square(0, 0), "construction"), (square(300, 0), "construction"), (square(600, 0), "removed"))
    said = table((square(30, 0), "construction"), (square(900, 0), "clearing"), column="kind")
    said.to_crs(32636).to_file(tmp_path / "said.gpkg")
    truth.to_crs(3857).to_parquet(tmp_path / "truth.parquet")
    plain, other = evaluate(said, truth), evaluate(tmp_path / "said.gpkg", tmp_path / "truth.parquet")
    assert other.objects == plain.objects
    assert other.area.common_m2 == pytest.approx(plain.area.common_m2, rel=1e-6)


@pytest.mark.parametrize("at", [(179.9995, -16.5), (-0.0005, 0.0), (25.0, 78.0)])
def test_metres_are_metres_anywhere(at):
    halls = [square(x, 0, at=at) for x in (0, 300, 600)]
    result = evaluate(bare(*halls), bare(*[square(x + 20, 0, at=at) for x in (0, 300, 600)]))
    assert counts(result) == (3, 3, 3, 3)
    assert result.area.predicted_m2 == pytest.approx(30_000, rel=5e-5)  # the antimeridian cuts one
    assert result.area.f1.value == pytest.approx(0.8, rel=1e-4)


def test_far_apart_sites_are_measured_each_in_its_own_plane():
    places = [(30.0, 50.0), (-70.0, -50.0), (129.5, 42.4), (179.9999, 65.0)]
    truth = bare(*[square(0, 0, at=at) for at in places])
    said = bare(*[square(69, 0, at=at) for at in places])
    # Just under 40 % lie within 10 m: on one plane for all, 10 m would be 7 in one direction and 14 in another.
    assert counts(evaluate(said, truth, options=EvaluateOptions(right_share=0.4))) == (4, 4, 4, 4)
    assert counts(evaluate(said, truth, options=EvaluateOptions(right_share=0.42))) == (4, 4, 4, 0)


def test_the_extent_says_what_counts_and_how_much_ground_there_is():
    truth = bare(square(0, 0), square(20_000, 0))
    said = bare(square(0, 0), square(500, 500), square(20_000, 0))
    result = evaluate(said, truth, extent=square(-4000, -4000, 10_000))
    assert counts(result) == (1, 1, 2, 1)
    assert result.extent_km2 == pytest.approx(100, rel=1e-3)
    rate = result.false_alarms_per_100km2
    # One event: Garwood's exact limits are 0.0253 and 5.572.
    assert (rate.value, rate.low, rate.high) == pytest.approx((1, 0.0253, 5.572), rel=5e-3)
    assert result.remarks == ("outside the extent: 1 predictions and 1 references",)


def test_an_extent_makes_an_empty_reference_an_answer():
    nothing = gpd.GeoDataFrame({"class": []}, geometry=[], crs="EPSG:4326")
    result = evaluate(bare(square(0, 0)), nothing, extent=square(-500, -500, 1000))
    assert (result.objects.recall, result.objects.precision.value) == (None, 0)


def test_predictions_far_from_any_reference_are_remarked_upon():
    result = evaluate(bare(square(0, 0), square(50_000, 0)), bare(square(0, 0)))
    assert counts(result) == (1, 1, 2, 1)
    assert "1 predictions lie kilometres from any reference" in result.remarks[0]


def test_areas_agree_with_unions_taken_at_once():
    rng = np.random.default_rng(3)
    corners, sides = rng.uniform(0, 1500, (60, 2)), rng.uniform(20, 150, 60)
    polygons = [square(x, y, side) for (x, y), side in zip(corners, sides, strict=True)]
    words = rng.choice(["construction", "cleared", "unsure", "removed"], 30)
    truth, said = table(*zip(polygons[:30], words, strict=True)), bare(*polygons[30:])
    result = evaluate(said, truth)

    def union(frame):
        return frame.to_crs("+proj=laea +lon_0=30 +lat_0=50 +datum=WGS84").union_all()

    ignored = union(truth[truth["class"] == "unsure"])
    built = union(truth[truth["class"].isin(["construction", "cleared"])]) - ignored
    flagged = union(said) - ignored
    expected = (built.area, flagged.area, (built & flagged).area)
    assert (result.area.reference_m2, result.area.predicted_m2, result.area.common_m2) == pytest.approx(
        expected, rel=1e-4
    )
