"""What the looks leave of the confidence of a change."""

from dataclasses import replace

import pytest
from timeline_cases import sights, states

from changedetect.timeline import TimelineOptions, believed, date_object
from changedetect.timeline.veils import Veil

OPTIONS = TimelineOptions()


def belief(letters: str, confidence: float = 0.5) -> float:
    return believed(confidence, date_object(sights(letters), states(), "construction", OPTIONS))


def test_the_more_looks_show_it_the_surer():
    assert belief("-----") < belief("---+") < belief("---++") < belief("---+++")
    assert belief("---++") == 0.5
    assert belief("---++++++") == belief("---+++")


@pytest.mark.parametrize(("letters", "like"), [("---++-", "---+"), ("---+++o", "---++"), ("---+o", "-----")])
def test_looks_that_show_something_else_take_away_those_that_show_it(letters, like):
    assert belief(letters) == belief(like)


def test_looks_that_lean_to_it_or_saw_the_reserve_alone_take_nothing_away():
    looks = sights("---b++b+o")
    looks[3], looks[6] = replace(looks[3], share=0.65), replace(looks[6], share=0.65)
    looks[8] = replace(looks[8], exact=False)
    dated = date_object(looks, states(), "construction", OPTIONS)
    assert dated.first_seen == looks[3].moment.date()
    assert believed(0.5, dated) == belief("---+++")


def belief_under(letters: str, **veils: Veil) -> float:
    """Belief where looks, by number, show it as a cloud would."""
    looks = sights(letters)
    for number, veil in veils.items():
        looks[int(number.removeprefix("look_"))] = replace(looks[int(number.removeprefix("look_"))], veil=veil)
    return believed(0.5, date_object(looks, states(), "construction", OPTIONS))


def test_what_one_look_alone_shows_as_a_cloud_would_is_hardly_believed():
    assert belief_under("---+", look_3=Veil(opacity=0.2, likely=True)) < belief("-----")
    assert belief_under("---+", look_3=Veil(opacity=0.2, likely=False)) == belief("---+")


def test_a_cloud_among_looks_that_show_it_takes_one_more_away():
    assert belief_under("---+++", look_4=Veil(opacity=0.2, likely=True)) == belief("---+")
    assert belief_under("--++.", look_2=Veil(opacity=0.1, likely=True), look_3=Veil(opacity=0.4, likely=True)) < belief(
        "-"
    )


def test_looks_that_ask_for_the_same_cloud_show_one_roof():
    thick, alike = Veil(opacity=0.55, likely=True), Veil(opacity=0.5)
    assert belief_under("---++", look_3=thick, look_4=alike) == belief("---++")


@pytest.mark.parametrize("letters", ["---++.", "--.++", "---+a+"])
def test_looks_that_show_nothing_count_for_nothing(letters):
    assert belief(letters) == 0.5


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_what_is_certain_stays_certain(confidence):
    assert belief("---+", confidence) == confidence
