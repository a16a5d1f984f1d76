"""What the looks leave of the confidence of a change."""

import pytest
from timeline_cases import sights, states

from changedetect.timeline import TimelineOptions, believed, date_object

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


@pytest.mark.parametrize("letters", ["---++.", "--.++", "---+a+"])
def test_looks_that_show_nothing_count_for_nothing(letters):
    assert belief(letters) == 0.5


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_what_is_certain_stays_certain(confidence):
    assert belief("---+", confidence) == confidence
