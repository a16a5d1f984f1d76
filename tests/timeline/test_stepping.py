"""The step of a series, and which looks are read to find it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_cases import LETTERS

from changedetect.timeline import fit_step, wanted

CONFIRM = (3, 30)


def shows(letters: str):
    return {number: LETTERS[letter] for number, letter in enumerate(letters) if letter != " "}


@pytest.mark.parametrize(
    ("letters", "low", "high", "gone"),
    [
        ("---+++", 2, 3, ()),
        ("--.b+++", 1, 4, ()),  # what shows nothing widens the bracket
        ("---- ++", 3, 5, ()),
        ("--+---+++", 5, 6, ()),  # one look alone may be a cloud
        ("---+++-+++", 2, 3, ()),
        ("--+-+++", 1, 4, ()),  # either may be: the bracket holds both
        ("--+++--", 1, 2, (5, 6)),
        ("----", 3, None, ()),
        ("++++", None, 0, ()),
        ("..a.", None, None, ()),
        ("", None, None, ()),
    ],
)
def test_the_step_is_where_fewest_looks_contradict_it(letters, low, high, gone):
    step = fit_step(shows(letters))
    assert (step.last_without, step.first_with, step.gone) == (low, high, gone)


def read_until_done(truth: str, start: set[int]):
    """Ask for looks, and give what the truth says of them, until none is wanted."""
    days, cloud = [5 * number for number in range(len(truth))], [0.0] * len(truth)
    known = {number: LETTERS[truth[number]] for number in start}
    while more := wanted(known, days, cloud, CONFIRM):
        assert not set(more) & set(known)
        known |= {number: LETTERS[truth[number]] for number in more}
    return known


@given(
    step=st.integers(5, 95),
    seed=st.integers(0, 1000),
    lost=st.floats(0, 0.8),
)
def test_reading_on_demand_finds_the_bracket_of_the_whole_series(step, seed, lost):
    """The law: where no look is wrong, what was not read would not have changed the bracket."""
    rng = np.random.default_rng(seed)
    truth = "".join("." if rng.random() < lost else "-+"[number >= step] for number in range(100))
    truth = "--" + truth[2:-2] + "++"
    known = read_until_done(truth, {0, 1, 98, 99})
    here, whole = fit_step(known), fit_step({number: LETTERS[letter] for number, letter in enumerate(truth)})
    assert (here.last_without, here.first_with) == (whole.last_without, whole.first_with)


def test_without_clouds_a_hundred_looks_need_about_a_dozen():
    assert len(read_until_done("-" * 37 + "+" * 63, {0, 1, 98, 99})) <= 18


def test_a_look_that_is_wrong_is_outvoted_by_its_neighbours():
    truth = "-" * 50 + "+" + "-" * 20 + "+" * 29
    step = fit_step(read_until_done(truth, {0, 1, 98, 99}))
    assert (step.last_without, step.first_with) == (70, 71)


def test_cloudy_scenes_are_tried_last():
    known = shows("-" + " " * 11 + "+")
    cloud = [95.0] * 13
    cloud[7] = 10.0
    assert wanted(known, list(range(13)), cloud, CONFIRM) == (7,)


def test_the_end_is_looked_at_for_what_is_gone():
    known = shows("--++++++" + " " * 6)
    more = wanted(known, [10 * number for number in range(14)], [0.0] * 14, CONFIRM)
    assert more == (12, 13)
