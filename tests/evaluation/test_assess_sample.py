"""Labelled samples read back: any table, in any order, and mistakes in it named."""

import json

import geopandas as gpd
import numpy as np
import pytest

from changedetect.evaluation import Design, EvaluationError, assess, read_design, read_labels

STRATA = ("construction", "none")


def labelled(*labels: str) -> gpd.GeoDataFrame:
    """Points p1, p2, ... with labels."""
    ids = [f"p{number}" for number in range(1, len(labels) + 1)]
    columns = {"point_id": ids, "reference": list(labels)}
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy([30.0] * len(ids), [50.0] * len(ids)), crs=4326)


DESIGN = Design(
    stratum={f"p{number}": STRATA[number > 4] for number in range(1, 13)},
    area_m2={"construction": 10_000.0, "none": 90_000.0},
)
LABELS = labelled("construction", "Construction ", "none", "cleared", *["none"] * 7, "construction")


def test_labels_are_weighed_by_area():
    result = assess(LABELS, DESIGN)
    assert (result.labels, result.counts) == (("construction", "none", "clearing"), ((2, 1, 1), (1, 7, 0)))
    assert result.overall.value == pytest.approx(0.1 * 0.5 + 0.9 * 7 / 8)
    areas = {one.name: one.area_m2.value for one in result.classes}
    assert areas == pytest.approx({"construction": 16_250, "none": 81_250, "clearing": 2500})
    assert (result.total_m2, result.unsure) == (100_000, 0)


def test_order_and_format_don_t_matter(tmp_path):
    plain = assess(LABELS, DESIGN)
    mixed = LABELS.sample(frac=1, random_state=1)
    mixed.to_file(tmp_path / "labels.gpkg")
    mixed.drop(columns="geometry").to_csv(tmp_path / "labels.csv", index=False)
    for name in ("labels.gpkg", "labels.csv"):
        assert assess(read_labels(tmp_path / name), DESIGN) == plain


def test_unsure_points_are_left_out_and_counted():
    result = assess(labelled("construction", "construction", "none", "unsure", *["none"] * 8), DESIGN)
    assert (result.unsure, sum(map(sum, result.counts))) == (1, 11)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (labelled(*["none"] * 11, ""), r"sample: 1 of 12 points have no reference \(p12 first\): label them, or say"),
        (labelled(*["none"] * 11), r"sample: point 'p12' is missing \(1 such\)"),
        (labelled(*["none"] * 14), r"sample: point 'p13' is not of this design \(2 such\)"),
        (labelled(*["none"] * 12).replace("p12", "p3"), r"sample: point 'p3' is there twice"),
        (labelled("none", *["unsure"] * 3, *["none"] * 8), r"stratum 'construction' has 1 labelled points: at least"),
        (LABELS.drop(columns="reference"), r"sample has no column 'reference'"),
    ],
)
def test_what_is_wrong_with_labels_is_named(labels, message):
    with pytest.raises(EvaluationError, match=message):
        assess(labels, DESIGN)


def test_a_design_is_read_or_refused(tmp_path):
    path = tmp_path / "s.design.json"
    with pytest.raises(EvaluationError, match=r"s\.design\.json can't be read .*: the design is written beside"):
        read_design(path)
    path.write_text(json.dumps({"stratum": dict(DESIGN.stratum), "area_m2": dict(DESIGN.area_m2)}))
    assert read_design(path) == DESIGN
    for wrong in ("[]", "{}", "no json", json.dumps({"stratum": {}, "area_m2": {"none": "much"}})):
        path.write_text(wrong)
        with pytest.raises(EvaluationError, match="is no design of a sample"):
            read_design(path)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(150):
        built = np.where(np.arange(200) < 100, rng.uniform(size=200) < 0.8, rng.uniform(size=200) < 0.05)
        design = Design(
            stratum={f"p{number}": STRATA[number > 100] for number in range(1, 201)}, area_m2=DESIGN.area_m2
        )
        area = assess(labelled(*np.where(built, *STRATA)), design).classes[0].area_m2
        held += area.low <= 0.8 * 10_000 + 0.05 * 90_000 <= area.high
    assert 0.88 < held / 150 <= 1
