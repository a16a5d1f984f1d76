"""The same thing found again is the same alert: grown, split, merged, or moved by a pixel."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, box
from shapely.affinity import translate

from changedetect.ledger.matching import Known, goes_beyond
from changedetect.ledger.matching import match as match_kinds

DAY = date(2023, 6, 4)
HALL = box(0, 0, 60, 50)


def known(name, ground, *, since=DAY, dismissed=False, kind="construction"):
    return Known(change_id=name, kind=kind, ground=ground, since=since, dismissed=dismissed)


def match(found, some):
    return match_kinds(found, ["construction"] * len(found), some)


@given(st.integers(-10, 10), st.integers(-10, 10))
def test_moved_by_a_pixel_it_is_the_same(right, up):
    small = box(0, 0, 30, 28)
    assert match([translate(small, right, up)], [known("a", small)]).owner == ("a",)


def test_grown_and_shrunk_it_is_the_same():
    assert match([box(-40, -40, 120, 120)], [known("a", HALL)]).owner == ("a",)
    assert match([box(20, 20, 40, 40)], [known("a", HALL)]).owner == ("a",)


def test_split_it_is_one_still():
    halves = [box(0, 0, 25, 50), box(35, 0, 60, 50)]
    matches = match(halves, [known("a", HALL)])
    assert matches.owner == ("a", "a")
    assert match([HALL], [known("a", MultiPolygon(halves))]).owner == ("a",)


def test_of_two_that_grow_together_the_longer_known_goes_on():
    matches = match([box(0, 0, 130, 50)], [known("a", HALL, since=date(2023, 7, 2)), known("b", box(70, 0, 130, 50))])
    assert matches.owner == ("b",)
    assert matches.merged == {"a": "b"}


def test_of_several_one_of_its_own_kind_goes_on():
    both = [known("gap", HALL, since=date(2022, 7, 2), kind="clearing"), known("road", box(70, 0, 130, 50))]
    matches = match([box(0, 0, 130, 50)], both)
    assert (matches.owner, matches.merged) == (("road",), {"gap": "road"})
    assert match([HALL], both).owner == ("gap",)


def test_what_keeps_a_piece_of_its_own_is_not_merged():
    matches = match([box(0, 0, 90, 50), box(100, 0, 130, 50)], [known("a", HALL), known("b", box(70, 0, 130, 50))])
    assert matches.owner == ("a", "b")
    assert not matches.merged


def test_neighbours_are_two():
    assert match([box(62, 0, 122, 50)], [known("a", HALL)]).owner == (None,)
    assert match([box(200, 0, 260, 50)], [known("a", HALL)]).owner == (None,)


@given(st.permutations(range(4)))
def test_order_does_not_matter(order):
    grounds = [box(80 * n, 0, 80 * n + 60, 50) for n in range(4)]
    found = [box(-5, 0, 150, 50), box(165, 5, 215, 45), box(240, 0, 300, 50)]
    some = [known(f"k{n}", grounds[n]) for n in range(4)]
    assert match(found, [some[n] for n in order]) == match(found, some)
    back = match(found[::-1], some)
    assert back.owner[::-1] == match(found, some).owner
    assert back.merged == match(found, some).merged == {"k1": "k0"}


def test_dismissed_ground_owns_nothing_while_something_else_is_known_there():
    both = [known("old", HALL, since=date(2022, 1, 2), dismissed=True), known("new", HALL)]
    assert match([HALL], both).owner == ("new",)
    alone = match([HALL], both[:1])
    assert (alone.owner, alone.dismissed) == ((None,), ("old",))


@pytest.mark.parametrize(
    ("outline", "beyond"),
    [(HALL, False), (box(-15, -15, 75, 65), False), (box(0, 0, 140, 50), True), (box(0, 0, 95, 50), False)],
)
def test_well_beyond_dismissed_ground_is_something_else(outline, beyond):
    assert goes_beyond(outline, HALL) is beyond
