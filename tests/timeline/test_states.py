"""What one look shows, from spectra that are known."""

import numpy as np
import pytest
from timeline_cases import MEADOW, ROOF, SOIL, START, measured

from changedetect.timeline import fit_states, sight_of, spread_of

SPREAD = np.diag([0.01, 0.01, 0.015, 0.05]) ** 2


def fitted(**more):
    return fit_states([measured(MEADOW, MEADOW)] * 3, [measured(ROOF, MEADOW)] * 3, SPREAD, **more)


def shown(inside, ring, states=None):
    return sight_of(measured(inside, ring), states or fitted(), START, "scene")


@pytest.mark.parametrize(
    ("inside", "ring", "says"),
    [
        (MEADOW, MEADOW, "without"),
        (ROOF, MEADOW, "with"),
        ((MEADOW + ROOF) / 2, MEADOW, "between"),
        (SOIL, SOIL, "without"),  # a season later: both are ploughed
        (ROOF, SOIL, "with"),
        (ROOF * 0.85, MEADOW * 0.85, "with"),  # low sun
        (ROOF * [0.5, 0.5, 0.9, 1.0], MEADOW, "other"),
        (ROOF, ROOF * 0.99, "alike"),
    ],
)
def test_a_look_says_what_it_shows(inside, ring, says):
    assert shown(inside, ring).shows == says


def test_a_look_that_is_not_usable_is_cloudy():
    sight = sight_of(measured(MEADOW, MEADOW, usable=False), fitted(), START, "scene")
    assert sight.shows == "cloudy"
    assert np.isnan(sight.share)


def test_what_the_object_always_differed_from_its_ring_is_no_change():
    odd = np.array([0.02, 0.02, 0.02, -0.05])
    states = fit_states([measured(MEADOW + odd, MEADOW)], [measured(ROOF, MEADOW)], SPREAD)
    assert shown(SOIL + odd, SOIL, states).share == pytest.approx(0.0, abs=1e-9)


def test_a_removal_is_read_with_the_states_exchanged():
    states = fit_states([measured(ROOF, MEADOW)], [measured(MEADOW, MEADOW)], SPREAD, backward=True)
    assert shown(ROOF, SOIL, states).shows == "without"
    assert shown(SOIL, SOIL, states).shows == "with"


def test_a_window_without_a_usable_look_gives_no_states():
    assert fit_states([measured(MEADOW, MEADOW, usable=False)], [measured(ROOF, MEADOW)], SPREAD) is None


def test_ground_that_varies_among_itself_counts_less():
    rng = np.random.default_rng(3)
    looks = np.broadcast_to(MEADOW[:, None, None], (6, 4, 10, 10)).copy()
    looks[:, 3] += rng.normal(0, 0.1, (6, 10, 10))
    spread = spread_of(looks.astype(np.float32), np.ones((10, 10), dtype=bool))
    assert spread[3, 3] == pytest.approx(0.1**2, rel=0.2)
    assert spread[0, 0] == pytest.approx(0.01**2, rel=0.01)
