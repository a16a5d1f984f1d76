"""Every branch of the verdict on an object, and which direction of time a verdict stands in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.diff import Evidence, Found, Judgement, attributes, judge, stands
from changedetect.types import IntArray, Kind

ROOF_ON_GRASS = {
    "magnitude": 8.0,
    "angle": 0.4,
    "ndvi_before": 0.7,
    "ndvi_after": 0.1,
    "redness_before": 0.1,
    "redness_after": 0.05,
}
ROUGH_AND_BLUE = {"texture_before": 0.002, "texture_after": 0.01, "excess_gain": 1.0, "structure": 4.0}


def evidence(**means: float) -> Evidence:
    return Evidence(pixels=np.array([40]), means={name: np.array([value]) for name, value in means.items()})


def verdict(*, settled: bool, trust: float = 1.0, area_m2: float = 4000.0, **means: float) -> tuple[str, float]:
    judged = judge(evidence(**means), np.array([area_m2]), settled=settled, trust=trust)
    return judged.kinds[0], float(judged.confidence[0])


@pytest.mark.parametrize(
    ("differently", "kind"),
    [
        ({}, "construction"),
        ({"redness_after": 0.25}, "clearing"),
        ({"redness_after": 0.25, "ndvi_after": 0.65}, "construction"),
        ({"ndvi_before": 0.1, "angle": 0.1}, "other"),
        ({"ndvi_before": 0.1, "angle": 0.3}, "construction"),
        ({"ndvi_before": 0.1, "angle": 0.1, "redness_after": 0.21}, "clearing"),
        ({"ndvi_before": 0.1, "angle": 0.1, "redness_before": 0.2, "redness_after": 0.22}, "other"),
    ],
)
def test_kinds_on_settled_ground(differently: dict[str, float], kind: Kind) -> None:
    assert verdict(settled=True, **{**ROOF_ON_GRASS, **differently})[0] == kind


@pytest.mark.parametrize(
    ("differently", "kind"),
    [
        ({}, "construction"),
        ({"excess_gain": 0.0}, "other"),
        ({"excess_gain": -2.0}, "clearing"),
        ({"texture_before": 0.008}, "other"),
        ({"texture_before": 0.008, "excess_gain": -2.0}, "other"),
        ({"likeness": 0.79}, "construction"),
        ({"likeness": 0.81}, "other"),
    ],
)
def test_kinds_on_restless_ground(differently: dict[str, float], kind: Kind) -> None:
    assert verdict(settled=False, **{**ROUGH_AND_BLUE, **differently})[0] == kind


@pytest.mark.parametrize(
    ("ndvi", "kind"),
    [((0.46, 0.45), "other"), ((0.30, 0.45), "other"), ((0.60, 0.45), "construction"), ((0.40, 0.39), "construction")],
)
def test_what_stays_green_was_neither_built_nor_cleared(ndvi: tuple[float, float], kind: Kind) -> None:
    seen = {**ROUGH_AND_BLUE, "ndvi_before": ndvi[0], "ndvi_after": ndvi[1]}
    assert verdict(settled=False, **seen)[0] == kind


@pytest.mark.parametrize(("settled", "where"), [(True, ""), (False, "_new")])
@pytest.mark.parametrize(
    ("looks", "kind"),
    [
        ({"spread": 0.03, "change": 0.1, "once": 0.0}, "construction"),
        ({"spread": 0.04, "change": 0.1, "once": 0.0}, "other"),
        ({"spread": 0.04, "change": 0.1, "once": 0.8}, "construction"),
        ({"spread": 0.07, "change": 0.1, "once": 0.8}, "other"),
    ],
)
def test_looks_must_bear_the_change_out(*, settled: bool, where: str, looks: dict[str, float], kind: Kind) -> None:
    seen = ROOF_ON_GRASS if settled else ROUGH_AND_BLUE
    assert verdict(settled=settled, **seen, **{f"{name}{where}": value for name, value in looks.items()})[0] == kind


@pytest.mark.parametrize(
    ("differently", "kind"),
    [
        ({}, "construction"),
        ({"redness_after": 0.25}, "clearing"),
        ({"magnitude": 4.0}, "other"),
        ({"ndvi_after": 0.5}, "other"),
        ({"texture_before": 0.008}, "other"),
    ],
)
def test_a_road_through_a_wood_is_told_by_what_it_stripped(differently: dict[str, float], kind: Kind) -> None:
    road = {**ROOF_ON_GRASS, **ROUGH_AND_BLUE, "excess_gain": 0.0}
    assert verdict(settled=False, **{**road, **differently})[0] == kind


def test_what_was_seen_once_is_half_trusted() -> None:
    often, once = (verdict(settled=False, **ROUGH_AND_BLUE, once_new=share)[1] for share in (0.0, 1.0))
    assert once == pytest.approx(often / 2)


def test_on_half_restless_ground_an_object_without_structure_is_judged_by_its_change() -> None:
    moderate = {**ROOF_ON_GRASS, "magnitude": 4.0}
    assert verdict(settled=False, **moderate, structured=0.1)[0] == "construction"
    assert verdict(settled=False, **moderate, structured=0.5)[0] == "other"


def test_bands_that_are_missing_leave_a_verdict() -> None:
    assert verdict(settled=True, magnitude=5.0, angle=0.3)[0] == "construction"
    kind, confidence = verdict(settled=False, magnitude=5.0, angle=0.3)
    assert kind == "other"
    assert 0 < confidence < 1


def test_no_object_is_trusted_more_than_the_pair() -> None:
    sure = verdict(settled=True, **ROOF_ON_GRASS)[1]
    assert sure > 0.9
    assert verdict(settled=True, trust=0.3, **ROOF_ON_GRASS)[1] == pytest.approx(0.3)


@pytest.mark.parametrize("settled", [True, False])
@given(st.floats(900, 1e6), st.floats(1, 100), st.floats(0, 1.5), st.floats(-3, 3), st.floats(1, 20))
def test_confidence_is_a_share_and_grows_with_the_evidence(
    settled, area_m2: float, magnitude: float, angle: float, excess: float, structure: float
) -> None:
    def sure(factor: float) -> float:
        means = {**ROOF_ON_GRASS, **ROUGH_AND_BLUE, "magnitude": magnitude * factor, "angle": angle * factor}
        means |= {"excess_gain": excess + factor - 1, "structure": structure * factor}
        return verdict(settled=settled, area_m2=area_m2 * factor, **means)[1]

    assert 0 <= sure(1) <= sure(1.5) <= 1


def found(labels: IntArray, kinds: list[Kind], redness: list[tuple[float, float]] | None) -> Found:
    pixels = np.bincount(labels.ravel())[1:]
    means = {}
    if redness is not None:
        means = {f"redness_{date}": np.array([r[i] for r in redness]) for i, date in enumerate(("before", "after"))}
    return Found(
        labels=labels,
        areas_m2=100.0 * pixels,
        evidence=Evidence(pixels=pixels, means=means),
        judgement=Judgement(kinds=tuple(kinds), confidence=np.full(len(kinds), 0.8)),
    )


BLOCK = np.zeros((12, 12), dtype=np.int32)
BLOCK[2:8, 2:8] = 1


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_what_looks_built_both_ways_stands_the_way_redness_fell(first: float, second: float) -> None:
    forth = found(BLOCK, ["construction"], [(first, second)])
    back = found(BLOCK, ["construction"], [(second, first)])
    one, other = bool(stands(forth, back)[0]), bool(stands(back, forth)[0])
    assert one == (second <= first)
    assert other == (first <= second)
    if first != second:
        assert one != other


@pytest.mark.parametrize(
    ("labels", "kind", "opposite"),
    [
        (BLOCK, "construction", "clearing"),
        (BLOCK, "clearing", "construction"),
        (np.roll(BLOCK, 4, axis=0), "construction", "construction"),
    ],
    ids=["opposite-not-built", "itself-not-built", "covered-by-a-third"],
)
def test_without_a_contradiction_an_object_stands(labels: IntArray, kind: Kind, opposite: Kind) -> None:
    redder = found(BLOCK, [kind], [(0.0, 0.3)])
    assert stands(redder, found(labels, [opposite], [(0.3, 0.0)])).tolist() == [True]


def test_where_redness_cannot_be_told_both_readings_stand() -> None:
    unknown = found(BLOCK, ["construction"], None)
    assert stands(unknown, unknown).all()


def test_no_objects_at_all() -> None:
    nothing = found(np.zeros_like(BLOCK), [], [])
    assert stands(nothing, found(BLOCK, ["construction"], [(0.1, 0.0)])).shape == (0,)
    assert stands(found(BLOCK, ["construction"], [(0.0, 0.1)]), nothing).tolist() == [True]


def test_attributes_are_later_minus_earlier_in_both_directions() -> None:
    labels = np.zeros((4, 9), dtype=np.int32)
    labels[:, :3], labels[:, 6:] = 1, 2
    objects = found(labels, ["construction", "other"], None)
    means = {
        "ndvi_before": np.array([0.6, 0.1]),
        "ndvi_after": np.array([0.2, 0.3]),
        "magnitude": np.array([5.123, 4.0]),
    }
    objects = Found(
        labels=labels,
        areas_m2=objects.areas_m2,
        evidence=Evidence(pixels=objects.evidence.pixels, means=means),
        judgement=objects.judgement,
    )
    keep = np.array([True, False])
    forward, backward = attributes(objects, keep), attributes(objects, keep, backward=True)
    assert forward["delta_ndvi"] == [-0.4]
    assert backward["delta_ndvi"] == [0.4]
    assert (forward["area_m2"], forward["confidence"], forward["magnitude"]) == ([1200.0], [0.8], [5.12])
    assert np.isnan(forward["delta_bsi"]).all()
