"""Looks that are recognised by others at the same object."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_cases import MEADOW, ROOF, SOIL, day, sights, states

from changedetect.timeline import TimelineOptions, date_object
from changedetect.timeline.recognising import recognised

PLOUGHED = np.array([0.08, 0.10, 0.12, 0.18])
"""A field that its surroundings don't tell: they are green."""


def seen(letters, **inside):
    """Looks by letter, those named by `_number` with what the object reflects in them."""
    looks = sights(letters)
    for name, spectrum in inside.items():
        number = int(name.removeprefix("_"))
        looks[number] = replace(looks[number], inside=np.array(spectrum), share=float("nan"))
    return looks


def dates(looks, kind="construction"):
    found = date_object(looks, states(), kind, TimelineOptions())
    return found.last_clear_without, found.first_seen


def test_a_field_that_was_ploughed_so_before_is_no_building_site():
    looks = seen("--o-o++++", _2=PLOUGHED, _4=PLOUGHED * 1.04)
    assert dates(looks) == (day(4), day(5))
    assert dates(seen("--o-o++++", _2=PLOUGHED, _4=SOIL)) == (day(3), day(5))


@pytest.mark.parametrize("letter", ["a", "b", "o", "."])
def test_a_look_like_those_that_show_it_shows_it(letter):
    assert dates(seen(f"---{letter}+++", _3=ROOF * 0.95)) == (day(2), day(3))


def test_a_look_of_which_clouds_leave_the_object_alone_shows_the_ground_as_before():
    assert dates(seen("--..+++", _2=MEADOW, _3=[np.nan] * 4)) == (day(2), day(4))
    assert dates(seen("--..+++", _2=[np.nan] * 4, _3=MEADOW)) == (day(3), day(4))


def test_a_thin_cloud_is_not_recognised():
    veiled = 0.85 * MEADOW + 0.15 * 0.8
    assert dates(seen("--.+++", _2=veiled)) == (day(1), day(3))


def test_order_goes_before_likeness():
    looks = seen("--.o.+++", _2=ROOF, _4=MEADOW)
    assert dates(looks) == (day(1), day(5))


def test_what_looks_alike_on_either_side_tells_nothing():
    assert dates(seen("--o.+++", _0=ROOF, _2=MEADOW * 0.5, _3=ROOF)) == (day(1), day(4))


def test_a_glimpse_of_ground_laid_open_counts_for_the_phase():
    looks = seen("---oo.+++", _3=SOIL, _4=SOIL, _5=SOIL)
    found = date_object(looks, states(), "construction", TimelineOptions())
    assert [phase.name for phase in found.phases] == ["Site Preparation", "Active Construction"]
    assert (found.last_clear_without, found.first_seen) == (day(5), day(6))
    assert found.sights[5].shows == "other"


def test_recognition_dates_but_confirms_nothing():
    found = date_object(seen("---.++", _3=ROOF), states(), "construction", TimelineOptions())
    assert found.first_seen == day(3)
    assert (found.status, found.n_clear_looks) == ("candidate", 2)


@given(st.lists(st.sampled_from([MEADOW, SOIL, ROOF, PLOUGHED, np.full(4, np.nan)]), min_size=3, max_size=3))
def test_the_step_never_widens(middle):
    looks = seen("--.o.++", _2=middle[0], _3=middle[1], _4=middle[2])
    out, low, high = recognised(looks, 1, 5)
    assert 1 <= low < high <= 5
    assert all(one.shows in {"without", "cloudy", "other"} for one in out[: low + 1])
    assert all(one.shows in {"with", "cloudy"} for one in out[high:])
    assert out[low].shows == "without"
    assert out[high].shows == "with"
