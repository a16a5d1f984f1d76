"""Shade between the looks: what may be the ground laid open before tells nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_cases import ROOF, SOIL, day, sights, states

from changedetect.timeline import TimelineOptions, date_object, undecided
from changedetect.timeline.shading import in_shade_of, light_on

SKYLIGHT = np.array([0.45, 0.40, 0.36, 0.32])
"""Light of the sky alone, as a share of full light: blue, green, red, near infrared."""


def shaded(letters, **inside):
    looks = sights(letters)
    for name, spectrum in inside.items():
        number = int(name.removeprefix("_"))
        looks[number] = replace(looks[number], inside=np.array(spectrum))
    return looks


@given(st.lists(st.floats(0.2, 1), min_size=4, max_size=4), st.floats(0, 0.5))
def test_less_light_the_longer_the_waves_is_shade(light, darker):
    falling = np.sort(light)[::-1]
    assert in_shade_of(ROOF * falling, ROOF)
    assert in_shade_of(SOIL * falling * (1 - darker), SOIL)


def test_what_is_brighter_or_redder_is_not_in_shade():
    assert not in_shade_of(ROOF * 1.3, ROOF)
    assert not in_shade_of(ROOF * np.array([0.4, 0.5, 0.6, 0.8]), ROOF)


def test_light_is_a_share():
    assert light_on(0.6 * ROOF, ROOF, states()) == pytest.approx(0.6)
    assert light_on(1.4 * ROOF, ROOF, states()) == 1


def test_dim_looks_that_may_be_the_opened_ground_tell_nothing():
    looks = shaded("--o++++++", _3=SOIL * SKYLIGHT, _4=SOIL * SKYLIGHT)
    assert [one.shows for one in undecided(looks, states())][2:6] == ["other", "alike", "alike", "with"]
    assert date_object(looks, states(), "construction", TimelineOptions()).first_seen == day(5)


def test_without_opened_ground_they_show_it():
    looks = shaded("---++++++", _3=SOIL * SKYLIGHT)
    assert undecided(looks, states()) == looks


def test_what_shows_it_beyond_doubt_ends_the_doubt():
    looks = shaded("--o++++++", _4=SOIL * SKYLIGHT)
    assert undecided(looks, states()) == looks


def test_what_is_removed_leaves_ground_that_has_no_full_light():
    looks = shaded("--o++++++", _3=SOIL * SKYLIGHT)
    assert undecided(looks, replace(states(), backward=True)) == looks
