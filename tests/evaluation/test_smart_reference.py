"""IARPA SMART region and site models as references, written here by the programme's schema."""

import json

import pytest
import shapely
from evaluation_cases import bare, square

from changedetect import evaluate
from changedetect.evaluation import EvaluateOptions, EvaluationError
from changedetect.model import Window

STATUSES = (
    "positive_annotated", "positive_partial", "positive_pending", "positive_excluded",
    "negative", "ignore", "transient_positive", "transient_negative",
)  # fmt: skip


def feature(kind: str, polygon: shapely.Polygon, **properties: object) -> dict[str, object]:
    told = {"type": kind, "version": "2.0.1", "mgrs": "36UUB", "originator": "te", "model_content": "annotation"}
    return {"type": "Feature", "properties": told | properties, "geometry": shapely.geometry.mapping(polygon)}


@pytest.fixture
def region(tmp_path):
    """One site of every status, 300 m apart, the first from 2016 to 2017, the second not yet done."""
    dates = [("2016-01-01", "2017-01-01"), ("2018-05-01", None), *[("2017-01-01", "2021-01-01")] * 6]
    sites = [
        feature("site_summary", square(300 * i, 0), site_id=f"XX_R001_{i:04d}", status=status, start_date=a, end_date=b)
        for i, (status, (a, b)) in enumerate(zip(STATUSES, dates, strict=True))
    ]
    ground = feature("region", square(-500, -500, 5000), region_id="XX_R001", start_date="2015-01-01", end_date=None)
    path = tmp_path / "XX_R001.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [ground, *sites]}))
    return path


def everything():
    return bare(*[square(300 * i, 0) for i in range(len(STATUSES))])


def test_statuses_are_roles_and_the_region_is_the_extent(region):
    result = evaluate(everything(), region)
    assert (result.objects.reference, result.objects.found) == (4, 4)
    assert (result.objects.predicted, result.objects.right) == (6, 4)  # the ignored and the transient don't count
    assert (result.negatives, result.negatives_hit) == (2, 2)
    assert result.extent_km2 == pytest.approx(25, rel=1e-3)
    assert result.false_alarms_per_100km2.value == pytest.approx(8, rel=1e-3)


def test_transient_sites_are_positives_on_demand(region):
    result = evaluate(everything(), region, options=EvaluateOptions(transient=True))
    assert (result.objects.reference, result.objects.predicted, result.objects.right) == (5, 7, 5)


@pytest.mark.parametrize(("span", "positives"), [("2016-06/2018-01", 3), ("2018-01/2019-01", 3), ("2022/2023", None)])
def test_sites_without_activity_in_the_span_are_negatives(region, span, positives):
    if positives is None:
        span, positives = "2022-01/2023-01", 1  # the one that is not done
    result = evaluate(everything(), region, options=EvaluateOptions(between=Window.parse(span)))
    assert result.objects.reference == positives
    assert result.negatives == 2 + 4 - positives


def test_a_site_model_is_a_reference_too(tmp_path):
    site = feature("site", square(0, 0), site_id="XX_R001_0001", status="positive_annotated", start_date=None)
    look = {"type": "Feature", "properties": {"type": "observation"}, "geometry": site["geometry"]}
    (tmp_path / "site.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [site, look]}))
    result = evaluate(bare(square(0, 0)), tmp_path / "site.geojson")
    assert (result.objects.reference, result.objects.found, result.extent_km2) == (1, 1, None)


def test_a_strange_status_is_named(region):
    region.write_text(region.read_text().replace("positive_pending", "positively"))
    with pytest.raises(EvaluationError, match=r"XX_R001\.geojson, site XX_R001_0002 has status 'positively'"):
        evaluate(everything(), region)
