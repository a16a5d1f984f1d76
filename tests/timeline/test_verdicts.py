"""What a series adds up to."""

from dataclasses import replace

import numpy as np
import pytest
from timeline_cases import ROOF, SOIL, day, sights, states

from changedetect.errors import ConfigError
from changedetect.timeline import TimelineOptions, date_object

OPTIONS = TimelineOptions()


def dated(letters: str, step_d: int = 10, **more):
    return date_object(sights(letters, step_d, **more), states(), "construction", OPTIONS)


def test_three_looks_over_a_month_confirm():
    found = dated("---+++++")
    assert found.status == "confirmed"
    assert (found.last_clear_without, found.first_seen) == (day(2), day(3))
    assert found.confirmed_on == day(6)  # three looks by day 5, thirty days by day 6
    assert found.n_clear_looks == 5


@pytest.mark.parametrize(
    ("letters", "status", "said"),
    [
        ("---++", "candidate", "fewer than 3"),
        ("---+++", "candidate", "fewer than 3"),  # twenty days: a convoy
        ("---++++-", "candidate", "1 of the last looks"),
        ("---++++--", "reverted", "2 of the last looks"),
        ("...++++++", "candidate", "no clear look shows the ground without"),
        ("---+o+o+o+o", "candidate", "4 of 8"),
        ("-----", "candidate", "no clear look shows it clearly"),
        ("", "candidate", "no clear look"),
    ],
)
def test_what_is_not_sure_is_not_confirmed(letters, status, said):
    found = dated(letters)
    assert found.status == status
    assert said in found.reason
    assert found.confirmed_on is None


def test_what_looked_so_before_must_last_through_a_year():
    crop = dated("-aa--+++++", resembling=(1, 2))
    assert crop.status == "candidate"
    assert "a field may" in crop.reason
    assert dated("-aa--" + "+" * 33, resembling=(1, 2)).status == "confirmed"


def test_what_does_not_stay_the_same_is_a_field():
    looks = [replace(one, away=0.1 * (number % 4)) for number, one in enumerate(sights("---++++"))]
    found = date_object(looks, states(), "construction", OPTIONS)
    assert found.status == "candidate"
    assert "alike" in found.reason


def test_what_is_gone_has_a_day_of_that():
    assert dated("--++++---").gone_on == day(6)


def test_ground_laid_open_first_is_a_phase_of_its_own():
    found = dated("---ooo+++++")
    assert [(phase.name, phase.after, phase.by) for phase in found.phases] == [
        ("Site Preparation", day(2), day(3)),
        ("Active Construction", day(5), day(6)),
    ]
    assert (found.last_clear_without, found.first_seen) == (day(5), day(6))


@pytest.mark.parametrize(
    ("shares", "step"),
    [((0.4, 0.5, 0.65), (3, 4)), ((0.5, 0.5, 0.5), (4, 5)), ((0.65, 0.65, 0.65), (1, 2)), ((0.65, 0.5, 0.5), (1, 5))],
)
def test_looks_between_narrow_the_dates_where_they_lean_in_order(shares, step):
    looks = sights("--bbb++++")
    looks[2:5] = [replace(one, share=share) for one, share in zip(looks[2:5], shares, strict=True)]
    found = date_object(looks, states(), "construction", OPTIONS)
    assert found.status == "confirmed"
    assert (found.last_clear_without, found.first_seen) == (day(step[0]), day(step[1]))
    assert found.n_clear_looks == 4


def test_looks_at_the_reserve_alone_contradict_nothing():
    looks = sights("--++oo+oo++")
    assert date_object(looks, states(), "construction", OPTIONS).reason == "only 5 of 9 clear looks since show it"
    unsure = [replace(one, exact=one.shows != "other") for one in looks]
    assert date_object(unsure, states(), "construction", OPTIONS).status == "confirmed"


def test_one_odd_look_is_no_phase():
    found = dated("---o+++++")
    assert [phase.name for phase in found.phases] == ["Active Construction"]
    assert (found.last_clear_without, found.first_seen) == (day(2), day(4))


def test_a_clearing_is_site_preparation():
    found = date_object(sights("--++++++"), states(), "clearing", OPTIONS)
    assert [phase.name for phase in found.phases] == ["Site Preparation"]


def test_more_looks_can_be_asked_for():
    strict = replace(OPTIONS, confirm_looks=6)
    assert date_object(sights("--+++++"), states(), "construction", strict).status == "candidate"
    assert date_object(sights("--++++++"), states(), "construction", strict).status == "confirmed"


@pytest.mark.parametrize(("name", "value"), [("confirm_looks", 0), ("confirm_days", -1)])
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"timeline.{name} is {value}"):
        TimelineOptions(**{name: value})


def test_shade_is_no_ground_laid_open():
    looks = sights("---ooo+++++")
    for number, light in ((3, 0.5), (4, 0.45), (5, 0.5)):
        looks[number] = replace(looks[number], inside=ROOF * light)
    found = date_object(looks, states(), "construction", OPTIONS)
    assert [phase.name for phase in found.phases] == ["Active Construction"]
    assert found.last_clear_without == day(2)


def test_ground_laid_open_may_lie_in_shade():
    looks = sights("---oooo+++++")
    looks[5] = replace(looks[5], inside=SOIL * 0.7)
    found = date_object(looks, states(), "construction", OPTIONS)
    assert found.last_clear_without == day(6)


@pytest.mark.parametrize(("light", "low"), [(1.05, 4), (0.6, 2)])
def test_two_looks_are_a_phase_where_they_agree_in_every_band(light, low):
    looks = sights("---oo+++++")
    looks[4] = replace(looks[4], inside=SOIL * light)
    found = date_object(looks, states(), "construction", OPTIONS)
    assert found.last_clear_without == day(low)


def test_an_odd_look_among_them_hides_no_phase():
    looks = sights("---oooo+++++")
    looks[6] = replace(looks[6], inside=0.6 * SOIL + 0.4 * np.array([0.9, 0.5, 0.9, 0.5]))
    found = date_object(looks, states(), "construction", OPTIONS)
    assert found.last_clear_without == day(5)
